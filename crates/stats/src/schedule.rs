//! The order in which the servers of a block are loaded, and for how long each time.

use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

/// By how much a window is longer or shorter than planned, at most.
const SPREAD: f64 = 0.3;

/// Numbers of the servers (0..`servers`) in the order of their slices: each round is a random
/// permutation followed by its mirror image.
///
/// For two servers each round is ABBA or BAAB by an independent coin. The mirror cancels a steady
/// drift within the round; the coin, never balanced by hand, makes what is left symmetric, which
/// is all that the signed-rank test asks for. The same seed gives the same order on every
/// platform. The answer has 2 · `servers` · `rounds` slices.
pub fn mirrored_order(servers: usize, rounds: usize, seed: u64) -> Vec<usize> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut order = Vec::with_capacity(2 * servers * rounds);
    let mut round: Vec<usize> = (0..servers).collect();
    for _ in 0..rounds {
        round.shuffle(&mut random);
        order.extend(&round);
        order.extend(round.iter().rev());
    }
    order
}

/// How long the windows of one server's `slices` in a block are: up to 30 % longer or shorter than `slice`, drawn from
/// the seed.
///
/// A server whose pauses, or whose every n-th request, come in step with windows of one length would be met in the
/// same state again and again. Two windows after each other are together as long as planned, so that every server is
/// measured exactly as long as was asked for; of an odd number the last is not drawn.
pub fn window_lengths(slice: Duration, slices: usize, seed: u64) -> Vec<Duration> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut lengths = Vec::with_capacity(slices);
    while lengths.len() + 1 < slices {
        let by = slice.mul_f64(random.random_range(0.0..SPREAD));
        let mut pair = [slice + by, slice - by];
        pair.shuffle(&mut random);
        lengths.extend(pair);
    }
    lengths.resize(slices, slice);
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn windows_differ_but_add_up(slice in 1_u64..5_000_000, slices in 0_usize..40, seed: u64) {
            let slice = Duration::from_nanos(slice);
            let lengths = window_lengths(slice, slices, seed);
            prop_assert_eq!(lengths.len(), slices);
            let sum: Duration = lengths.iter().sum();
            prop_assert_eq!(sum, slice * u32::try_from(slices).unwrap());
            for length in lengths {
                let off = length.abs_diff(slice).as_secs_f64();
                prop_assert!(off <= slice.as_secs_f64() * SPREAD + 1e-9);
            }
        }
    }

    #[test]
    fn a_seed_is_a_promise() {
        // Recorded seeds must give the same order with every version and on every platform.
        let order = mirrored_order(2, 8, 42);
        let coins: Vec<_> = order.chunks(4).map(|round| round[0]).collect();
        assert_eq!(coins, [0, 1, 0, 0, 1, 0, 1, 1]);
    }

    #[test]
    fn the_coin_is_fair_and_forgets() {
        let order = mirrored_order(2, 10_000, 7);
        let firsts: Vec<_> = order.chunks(4).map(|round| round[0]).collect();
        let heads: usize = firsts.iter().sum();
        let changes = firsts.windows(2).filter(|pair| pair[0] != pair[1]).count();
        // Five standard deviations of 10,000 fair coins.
        assert!(heads.abs_diff(5_000) < 250, "{heads} of 10,000");
        assert!(changes.abs_diff(5_000) < 250, "{changes} of 10,000");
    }

    #[test]
    fn no_server_or_no_round_is_no_slice() {
        assert!(mirrored_order(0, 3, 1).is_empty());
        assert!(mirrored_order(3, 0, 1).is_empty());
    }

    proptest! {
        #[test]
        fn every_round_is_a_permutation_and_its_mirror(
            servers in 1..9_usize, rounds in 1..20_usize, seed: u64
        ) {
            let order = mirrored_order(servers, rounds, seed);
            prop_assert_eq!(order.len(), 2 * servers * rounds);
            for round in order.chunks(2 * servers) {
                let mut seen = round[..servers].to_vec();
                seen.sort_unstable();
                prop_assert_eq!(seen, (0..servers).collect::<Vec<_>>());
                prop_assert!(round.iter().eq(round.iter().rev()));
            }
        }
    }
}
