//! Paired comparison of two arms over blocks: the ratio, its exact interval, and how much it
//! scatters.

use crate::interval::ConfidenceInterval;
use crate::signed_rank::{
    critical_index, hodges_lehmann, nth_from_above, nth_from_below, walsh_averages,
};
use crate::summary::stdev;

/// What the blocks say about candidate ÷ baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedComparison {
    /// Number of blocks compared.
    pub blocks: usize,
    /// Candidate ÷ baseline: e to the Hodges–Lehmann estimate of the log ratios.
    pub ratio: f64,
    /// Lower end of the interval of the ratio; `None` with too few blocks for the confidence
    /// (below 6 at 95 %).
    pub low: Option<f64>,
    /// Upper end of the interval of the ratio; `None` together with `low`.
    pub high: Option<f64>,
    /// Two-sided confidence asked for, such as 0.95. The exact interval covers at least this.
    pub confidence: f64,
    /// Standard deviation of the log ratios (n − 1); `None` below two blocks.
    pub sigma: Option<f64>,
}

impl PairedComparison {
    /// Both ends of the interval of the ratio, if there is one.
    pub fn interval(&self) -> Option<ConfidenceInterval> {
        Some(ConfidenceInterval {
            low: self.low?,
            high: self.high?,
        })
    }
}

/// Compares two arms from ln(candidateᵢ ÷ baselineᵢ), one for each block.
///
/// `None` if there is no block or if any log ratio is not finite: a block that could not be
/// measured is left out by the caller, with a reason, never by the arithmetic.
pub fn compare(log_ratios: &[f64], confidence: f64) -> Option<PairedComparison> {
    if !log_ratios.iter().all(|value| value.is_finite()) {
        return None;
    }
    let walsh = walsh_averages(log_ratios);
    let centre = hodges_lehmann(&walsh)?;
    let index = critical_index(log_ratios.len(), (1.0 - confidence) / 2.0);
    Some(PairedComparison {
        blocks: log_ratios.len(),
        ratio: centre.exp(),
        low: index.and_then(|k| nth_from_below(&walsh, k)).map(f64::exp),
        high: index.and_then(|k| nth_from_above(&walsh, k)).map(f64::exp),
        confidence,
        sigma: stdev(log_ratios),
    })
}

/// Fewest blocks that give an interval of this confidence: 6 at 95 %, 8 at 99 %; `None` for a
/// confidence outside 0..1.
pub fn blocks_needed(confidence: f64) -> Option<usize> {
    if !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    // The widest interval of n blocks misses on one side with probability 2⁻ⁿ.
    let alpha = (1.0 - confidence) / 2.0;
    (1..).find(|blocks| 0.5_f64.powi(*blocks as i32) <= alpha)
}

/// ln(candidateᵢ ÷ baselineᵢ) for each block.
///
/// Always as long as the longer of the two. Where there is no ratio to take (a figure that is
/// zero, negative, not finite or missing) the value is NaN, so that [`compare`] refuses instead
/// of comparing fewer blocks than it was given.
pub fn log_ratios(baseline: &[f64], candidate: &[f64]) -> Vec<f64> {
    let blocks = baseline.len().max(candidate.len());
    (0..blocks)
        .map(|block| match (baseline.get(block), candidate.get(block)) {
            (Some(baseline), Some(candidate)) => log_ratio(*baseline, *candidate),
            _ => f64::NAN,
        })
        .collect()
}

fn log_ratio(baseline: f64, candidate: f64) -> f64 {
    let usable = |value: f64| value.is_finite() && value > 0.0;
    if usable(baseline) && usable(candidate) {
        candidate.ln() - baseline.ln()
    } else {
        f64::NAN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn six_blocks_are_the_fewest_with_an_interval() {
        let five = compare(&[0.1; 5], 0.95).unwrap();
        assert_eq!((five.low, five.high), (None, None));
        let six = compare(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 0.95).unwrap();
        assert_eq!(six.low, Some(0.1_f64.exp()));
        assert_eq!(six.high, Some(0.6_f64.exp()));
        assert_eq!(six.blocks, 6);
    }

    #[test]
    fn the_blocks_needed_are_the_fewest_with_an_interval() {
        assert_eq!(blocks_needed(0.95), Some(6));
        assert_eq!(blocks_needed(0.99), Some(8));
        for confidence in [0.8, 0.9, 0.95, 0.99, 0.999] {
            let needed = blocks_needed(confidence).unwrap();
            let has_interval = |blocks| {
                let comparison = compare(&vec![0.1; blocks], confidence).unwrap();
                comparison.interval().is_some()
            };
            assert!(has_interval(needed) && !has_interval(needed - 1));
        }
        for confidence in [0.0, 1.0, f64::NAN] {
            assert_eq!(blocks_needed(confidence), None);
        }
    }

    #[test]
    fn nothing_is_said_about_no_blocks_or_unusable_ones() {
        assert_eq!(compare(&[], 0.95), None);
        assert_eq!(compare(&[0.1, f64::NAN], 0.95), None);
        assert_eq!(compare(&[0.1, f64::INFINITY], 0.95), None);
        assert_eq!(compare(&[0.1], 0.95).unwrap().sigma, None);
    }

    #[test]
    fn figures_without_a_ratio_stay_visible() {
        let ratios = log_ratios(&[1.0, 0.0, 1.0, 1.0], &[1.0, 1.0, -1.0]);
        assert_eq!(ratios[0], 0.0);
        assert_eq!(ratios.len(), 4);
        assert!(ratios[1..].iter().all(|ratio| ratio.is_nan()));
    }

    /// Positive figures of two arms, one pair for each block.
    fn arms() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        prop::collection::vec((1e-3..1e6_f64, 1e-3..1e6_f64), 1..20)
            .prop_map(|pairs| pairs.into_iter().unzip())
    }

    fn assert_close(left: Option<f64>, right: Option<f64>) {
        match (left, right) {
            (Some(left), Some(right)) => {
                assert!((left / right - 1.0).abs() < 1e-9, "{left} is not {right}");
            }
            _ => assert_eq!(left, right),
        }
    }

    proptest! {
        #[test]
        fn swapping_the_arms_mirrors_the_answer((baseline, candidate) in arms()) {
            let there = compare(&log_ratios(&baseline, &candidate), 0.95).unwrap();
            let back = compare(&log_ratios(&candidate, &baseline), 0.95).unwrap();
            assert_close(Some(there.ratio), Some(1.0 / back.ratio));
            assert_close(there.low, back.high.map(f64::recip));
            assert_close(there.high, back.low.map(f64::recip));
            prop_assert_eq!(there.sigma, back.sigma);
        }

        #[test]
        fn the_unit_of_measure_does_not_matter((baseline, candidate) in arms(), unit in 1e-3..1e3_f64) {
            let scaled = |figures: &[f64]| figures.iter().map(|f| f * unit).collect::<Vec<_>>();
            let here = compare(&log_ratios(&baseline, &candidate), 0.95).unwrap();
            let there = compare(&log_ratios(&scaled(&baseline), &scaled(&candidate)), 0.95).unwrap();
            assert_close(Some(here.ratio), Some(there.ratio));
            assert_close(here.low, there.low);
            assert_close(here.high, there.high);
        }

        #[test]
        fn a_faster_candidate_scales_the_ratio((baseline, candidate) in arms(), factor in 0.1..10.0_f64) {
            let faster: Vec<_> = candidate.iter().map(|f| f * factor).collect();
            let here = compare(&log_ratios(&baseline, &candidate), 0.95).unwrap();
            let there = compare(&log_ratios(&baseline, &faster), 0.95).unwrap();
            assert_close(Some(there.ratio), Some(here.ratio * factor));
            assert_close(there.low, here.low.map(|low| low * factor));
        }

        #[test]
        fn the_order_of_the_blocks_does_not_matter(
            (ratios, shuffled) in prop::collection::vec(-1.0..1.0_f64, 1..20)
                .prop_flat_map(|ratios| (Just(ratios.clone()), Just(ratios).prop_shuffle()))
        ) {
            let here = compare(&ratios, 0.95).unwrap();
            let there = compare(&shuffled, 0.95).unwrap();
            prop_assert_eq!((here.ratio, here.low, here.high), (there.ratio, there.low, there.high));
        }

        #[test]
        fn the_estimate_lies_inside_a_wider_interval_around_a_narrower_one(
            ratios in prop::collection::vec(-1.0..1.0_f64, 8..20)
        ) {
            let wide = compare(&ratios, 0.99).unwrap();
            let narrow = compare(&ratios, 0.9).unwrap();
            prop_assert!(wide.low.unwrap() <= narrow.low.unwrap());
            prop_assert!(narrow.low.unwrap() <= narrow.ratio);
            prop_assert!(narrow.ratio <= narrow.high.unwrap());
            prop_assert!(narrow.high.unwrap() <= wide.high.unwrap());
        }
    }
}
