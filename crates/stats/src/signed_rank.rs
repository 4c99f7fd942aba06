//! The Wilcoxon signed-rank test turned into an interval: Walsh averages and the exact null
//! distribution that says which of them are its ends.
//!
//! The only assumption is that the differences are symmetric about the value looked for; a fair
//! coin for the order within each block makes them so, whatever the machine drifts.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Number of Walsh averages of `n` differences: n(n+1)/2.
pub fn walsh_count(n: usize) -> usize {
    n * (n + 1) / 2
}

/// All averages (dᵢ + dⱼ)/2 with i ≤ j, in ascending order.
///
/// Takes n² log n time and n²/2 space: meant for blocks, of which there are tens.
pub fn walsh_averages(differences: &[f64]) -> Vec<f64> {
    let mut averages = Vec::with_capacity(walsh_count(differences.len()));
    for (i, first) in differences.iter().enumerate() {
        averages.extend(
            differences[i..]
                .iter()
                .map(|second| f64::midpoint(*first, *second)),
        );
    }
    averages.sort_unstable_by(f64::total_cmp);
    averages
}

/// The Hodges–Lehmann estimate: the median of ascending Walsh averages; `None` if there are none.
pub fn hodges_lehmann(ascending_walsh: &[f64]) -> Option<f64> {
    let upper = ascending_walsh.get(ascending_walsh.len() / 2)?;
    let lower = ascending_walsh[(ascending_walsh.len() - 1) / 2];
    Some(f64::midpoint(lower, *upper))
}

/// Probabilities P(W⁺ = w) for w = 0..=n(n+1)/2 when every sign is a fair coin.
///
/// Dynamic programming over the ranks: rank k is added with probability one half. Only the lower half is
/// computed; the distribution is symmetric.
pub fn null_distribution(n: usize) -> Vec<f64> {
    let total = walsh_count(n);
    let lower_half = total / 2 + 1;
    let mut probability = vec![0.0; total + 1];
    probability[0] = 1.0;
    let mut before = vec![0.0; lower_half];
    for rank in 1..=n {
        let reached = lower_half.min(walsh_count(rank) + 1);
        before[..reached].copy_from_slice(&probability[..reached]);
        probability[..reached.min(rank)]
            .iter_mut()
            .for_each(|it| *it *= 0.5);
        for w in rank..reached {
            probability[w] = 0.5 * (before[w] + before[w - rank]);
        }
    }
    for w in lower_half..=total {
        probability[w] = probability[total - w];
    }
    probability
}

/// Which Walsh average, counted from 1 at the smallest, bounds the centre from below with
/// one-sided error of at most `alpha`; `None` if `n` is too small for that.
///
/// By symmetry the upper bound is the one with the same number counted from the largest. This is
/// M − c + 1 with M Walsh averages and c the smallest w with P(W⁺ ≥ w) ≤ α.
///
/// The distribution takes n³ time, a tenth of a second at 800, and a report of many blocks asks for
/// the same index again and again: each answer is remembered.
pub fn critical_index(n: usize, alpha: f64) -> Option<usize> {
    static KNOWN: Mutex<BTreeMap<(usize, u64), Option<usize>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    *known
        .entry((n, alpha.to_bits()))
        .or_insert_with(|| find_critical_index(n, alpha))
}

fn find_critical_index(n: usize, alpha: f64) -> Option<usize> {
    let mut cumulative = 0.0;
    let index = null_distribution(n)
        .iter()
        .take_while(|probability| {
            cumulative += **probability;
            cumulative <= alpha
        })
        .count();
    (1..=walsh_count(n)).contains(&index).then_some(index)
}

/// One-sided error of the bound that is Walsh average number `index` (from 1): P(W⁺ ≤ index − 1).
pub fn one_sided_error(n: usize, index: usize) -> f64 {
    null_distribution(n).iter().take(index).sum()
}

/// Walsh average number `index` from below, counted from 1.
pub fn nth_from_below(ascending_walsh: &[f64], index: usize) -> Option<f64> {
    ascending_walsh.get(index.checked_sub(1)?).copied()
}

/// Walsh average number `index` from above, counted from 1: the mirror of [`nth_from_below`].
pub fn nth_from_above(ascending_walsh: &[f64], index: usize) -> Option<f64> {
    let from_below = (ascending_walsh.len() + 1).checked_sub(index)?;
    nth_from_below(ascending_walsh, from_below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_95_percent_interval_is_the_published_one() {
        let published = [
            (6, 1),
            (7, 3),
            (8, 4),
            (12, 14),
            (16, 30),
            (20, 53),
            (24, 82),
            (30, 138),
        ];
        for (n, index) in published {
            assert_eq!(critical_index(n, 0.025), Some(index), "n = {n}");
        }
    }

    #[test]
    fn fewer_than_six_differences_bound_nothing_at_95_percent() {
        for n in 0..6 {
            assert_eq!(critical_index(n, 0.025), None, "n = {n}");
        }
    }

    #[test]
    fn the_index_is_the_one_the_upper_tail_defines() {
        for n in 6..20 {
            let probability = null_distribution(n);
            let total = walsh_count(n);
            let c = (0..=total)
                .find(|w| probability[*w..].iter().sum::<f64>() <= 0.025)
                .unwrap();
            assert_eq!(critical_index(n, 0.025), Some(total - c + 1), "n = {n}");
        }
    }

    #[test]
    fn the_null_distribution_of_three_ranks_counts_subsets() {
        let eighths = [1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0];
        assert_eq!(null_distribution(3), eighths.map(|count| count / 8.0));
    }

    #[test]
    fn the_null_distribution_sums_to_one() {
        for n in [0, 1, 8, 24, 60] {
            let sum: f64 = null_distribution(n).iter().sum();
            assert!((sum - 1.0).abs() < 1e-12, "n = {n}: {sum}");
        }
    }

    #[test]
    fn walsh_averages_come_in_order_and_are_counted_from_both_ends() {
        let walsh = walsh_averages(&[3.0, 1.0, 2.0]);
        assert_eq!(walsh, [1.0, 1.5, 2.0, 2.0, 2.5, 3.0]);
        assert_eq!(hodges_lehmann(&walsh), Some(2.0));
        assert_eq!(nth_from_below(&walsh, 2), Some(1.5));
        assert_eq!(nth_from_above(&walsh, 2), Some(2.5));
        assert_eq!(nth_from_above(&walsh, 6), Some(1.0));
        for index in [0, 7] {
            assert_eq!(nth_from_below(&walsh, index), None);
            assert_eq!(nth_from_above(&walsh, index), None);
        }
        assert_eq!(hodges_lehmann(&[]), None);
    }
}
