//! How measured time is cut into blocks and slices.

use std::time::Duration;

/// A slice lasts at least this long.
const SHORTEST_SLICE: Duration = Duration::from_millis(50);
/// Where a block has room for two of them, slices are so long: in shorter turns servers do less than under load that goes
/// on, and not all lose the same (`scripts/check-slices --only steady` measures it).
const USUAL_SLICE: Duration = Duration::from_millis(500);
/// And at least so many mean response times.
pub const RESPONSES_PER_SLICE: u32 = 5;
/// With one slice of each server per block, for answers that are slow, at least so many.
pub const RESPONSES_PER_ONLY_SLICE: u32 = 2;
/// And at least so many of the longest silences seen in any server: where a pause comes by the clock, each slice then
/// holds its share of it, and no slice is made of it.
const SILENCES_PER_SLICE: u32 = 5;
/// Blocks that would measure less than this, over all servers, are made longer and fewer.
const SHORTEST_BLOCK: Duration = Duration::from_secs(1);

/// The cut: `blocks` × `slices_per_block` slices of `slice`, for each server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Blocks.
    pub blocks: u32,
    /// Slices of each server within a block: even when servers take several turns, so that they can be mirrored.
    pub slices_per_block: u32,
    /// Length of a slice.
    pub slice: Duration,
}

/// What is to be cut.
#[derive(Debug, Clone, Copy)]
pub struct ToCut {
    /// Measured time per server.
    pub per_server: Duration,
    /// Servers.
    pub servers: usize,
    /// Blocks asked for.
    pub blocks: u32,
    /// Whether servers take turns within a block.
    pub turns: Turns,
    /// Longest mean response time of the servers.
    pub mean_response: Duration,
    /// Longest silence of the servers so far. It lengthens slices, to a quarter of a block of two servers at most.
    pub longest_silence: Duration,
}

/// How often servers take turns within a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turns {
    /// Not at all: one slice.
    None,
    /// As often as slices may be short.
    Short,
    /// Twice, because connections are made anew for each.
    Long,
    /// Once, in an order drawn for each block, because slices of slow answers are long.
    Once,
}

impl Turns {
    /// Mean response times that a slice lasts at least.
    fn responses_per_slice(self) -> u32 {
        match self {
            Turns::None | Turns::Short | Turns::Long => RESPONSES_PER_SLICE,
            Turns::Once => RESPONSES_PER_ONLY_SLICE,
        }
    }

    /// Slices of each server within a block, at least.
    fn least_slices(self) -> u32 {
        match self {
            Turns::None | Turns::Once => 1,
            Turns::Short | Turns::Long => 2,
        }
    }
}

/// Cuts the time evenly: every server is measured exactly as long as was asked for.
pub fn cut(to_cut: ToCut) -> Cut {
    let ToCut {
        per_server,
        servers,
        blocks,
        turns,
        mean_response,
        longest_silence,
    } = to_cut;
    let shortest = SHORTEST_SLICE.max(mean_response * turns.responses_per_slice());
    let all_servers = per_server.mul_f64(servers as f64);
    let blocks = blocks
        .min(times(all_servers, SHORTEST_BLOCK))
        .min(times(per_server, shortest * turns.least_slices()))
        .max(1);
    let per_block = per_server / blocks;
    let slices_per_block = match turns {
        Turns::None | Turns::Once => 1,
        Turns::Long => 2,
        Turns::Short => {
            let usual = USUAL_SLICE
                .max(shortest)
                .max(longest_silence * SILENCES_PER_SLICE);
            2 * times(per_block, usual * 2).max(1)
        }
    };
    Cut {
        blocks,
        slices_per_block,
        slice: per_block / slices_per_block,
    }
}

/// What a slice takes beside its window, in mean response times: lead-in, the load behind the window, and what is awaited.
const RESPONSES_BESIDE_WINDOW: f64 = 5.5;

/// How long it takes about to measure all servers, whole turns counted, at most: answers that are not missing end a turn
/// sooner.
pub fn whole_time(to_cut: ToCut) -> Duration {
    let cut = cut(to_cut);
    let turn = cut.slice + to_cut.mean_response.mul_f64(RESPONSES_BESIDE_WINDOW);
    turn * cut.slices_per_block * cut.blocks * u32::try_from(to_cut.servers).unwrap_or(u32::MAX)
}

/// How many whole `part`s fit into `whole`.
fn times(whole: Duration, part: Duration) -> u32 {
    (whole.as_secs_f64() / part.as_secs_f64() + 1e-9).min(f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn to_cut(per_server: Duration, turns: Turns) -> ToCut {
        ToCut {
            per_server,
            servers: 3,
            blocks: 8,
            turns,
            mean_response: ms(2),
            longest_silence: Duration::ZERO,
        }
    }

    #[test]
    fn a_minute_makes_eight_blocks_of_usual_slices() {
        let cut = cut(to_cut(ms(60_000), Turns::Short));
        assert_eq!(
            cut,
            Cut {
                blocks: 8,
                slices_per_block: 14,
                slice: ms(60_000) / (8 * 14)
            }
        );
    }

    #[test]
    fn the_default_five_seconds_still_give_an_interval() {
        assert_eq!(cut(to_cut(ms(5_000), Turns::Short)).blocks, 8);
    }

    #[test]
    fn short_runs_make_fewer_blocks() {
        assert_eq!(cut(to_cut(ms(1_000), Turns::Short)).blocks, 3);
        assert_eq!(
            cut(to_cut(ms(10), Turns::Short)),
            Cut {
                blocks: 1,
                slices_per_block: 2,
                slice: ms(5)
            }
        );
    }

    #[test]
    fn slow_answers_make_longer_slices() {
        let slow = ToCut {
            mean_response: ms(600),
            ..to_cut(ms(60_000), Turns::Short)
        };
        assert_eq!(
            cut(slow),
            Cut {
                blocks: 8,
                slices_per_block: 2,
                slice: ms(3_750)
            }
        );
        let slower = ToCut {
            mean_response: ms(3_000),
            ..slow
        };
        assert_eq!(
            cut(slower),
            Cut {
                blocks: 2,
                slices_per_block: 2,
                slice: ms(15_000)
            }
        );
    }

    #[test]
    fn slow_answers_get_one_slice_per_block_of_two_responses() {
        let slow = ToCut {
            mean_response: ms(600),
            blocks: 6,
            ..to_cut(ms(9_000), Turns::Once)
        };
        assert_eq!(
            cut(slow),
            Cut {
                blocks: 6,
                slices_per_block: 1,
                slice: ms(1_500)
            }
        );
    }

    #[test]
    fn without_turns_a_block_is_one_stretch() {
        assert_eq!(
            cut(to_cut(ms(8_000), Turns::None)),
            Cut {
                blocks: 8,
                slices_per_block: 1,
                slice: ms(1_000)
            }
        );
    }

    #[test]
    fn silences_make_longer_slices_up_to_half_a_server_s_block() {
        let slices = |silence_ms| {
            let silent = ToCut {
                longest_silence: ms(silence_ms),
                ..to_cut(ms(32_000), Turns::Short)
            };
            let cut = cut(silent);
            (cut.blocks, cut.slices_per_block, cut.slice)
        };
        assert_eq!(slices(99), (8, 8, ms(500)));
        assert_eq!(slices(200), (8, 4, ms(1_000)));
        assert_eq!(slices(3_000), (8, 2, ms(2_000)));
    }

    proptest::proptest! {
        #[test]
        fn every_server_is_measured_as_long_as_asked(
            total in 1_u64..300_000, servers in 1_usize..8, blocks in 1_u32..40, response in 0_u64..5_000, silence in 0_u64..5_000,
            turns in 0..4
        ) {
            let turns = [Turns::None, Turns::Short, Turns::Long, Turns::Once][turns as usize];
            let cut = cut(ToCut {
                per_server: ms(total), servers, blocks, turns,
                mean_response: ms(response), longest_silence: ms(silence),
            });
            let measured = cut.slice * cut.slices_per_block * cut.blocks;
            let missing = ms(total).abs_diff(measured);
            // Each slice is rounded to a nanosecond.
            let rounded = Duration::from_nanos(1) * cut.slices_per_block * cut.blocks;
            proptest::prop_assert!(missing <= rounded, "{cut:?} misses {missing:?}");
            proptest::prop_assert!((1..=blocks).contains(&cut.blocks));
        }
    }
}
