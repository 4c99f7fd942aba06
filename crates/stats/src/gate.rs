//! The performance gate: is the candidate slower than the baseline by more than is tolerated?
//!
//! Looks at the blocks are fixed in advance, so that stopping early costs no honesty. Summed over
//! the looks, a gate calls an arm of exactly the tolerated slowdown "regressed" at most once in
//! 100 and "passed" at most once in 20. Noise makes it inconclusive, not wrong. Before them lies a look that needs no
//! statistics: after four blocks, each of which shows a slowdown beyond a factor of two, nothing is left to measure.

use crate::interval::ConfidenceInterval;
use crate::signed_rank::{critical_index, nth_from_above, nth_from_below, walsh_averages};

/// Numbers of blocks after which the gate looks at intervals, fixed in advance.
pub const LOOKS: [usize; 3] = [8, 16, 24];

/// Number of blocks after which a gate says "regressed" of a metric that is slower by more than [`CLEAR_FACTOR`]
/// in every one of them. It says nothing else then.
pub const CLEAR_LOOK: usize = 4;

/// What the slowdown of every block must exceed at [`CLEAR_LOOK`]. Blocks of equals that scatter by 30 % do that four times
/// in a row less than once in 1000 gates, even with heavy tails and several metrics.
pub const CLEAR_FACTOR: f64 = 2.0;

/// All numbers of blocks after which a gate may end.
pub const ALL_LOOKS: [usize; 4] = [CLEAR_LOOK, LOOKS[0], LOOKS[1], LOOKS[2]];

/// False "regressed" verdicts tolerated over all looks and metrics together.
const REGRESSED_ERROR: f64 = 0.01;

/// What the gate says about a metric, or about all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Any slowdown is smaller than tolerated.
    Passed,
    /// The slowdown is larger than tolerated.
    Regressed,
    /// The blocks do not tell.
    Inconclusive,
}

/// Which way a metric is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// CPU time, latency.
    Lower,
    /// Throughput.
    Higher,
}

/// One metric of a gate, as measured so far.
#[derive(Debug, Clone, Copy)]
pub struct Metric<'a> {
    /// ln(candidateᵢ ÷ baselineᵢ) for each block, in the order measured.
    pub log_ratios: &'a [f64],
    /// Which way the metric is good.
    pub better: Better,
    /// Slowdown that is tolerated, such as 0.05 for 5 %.
    pub tolerated_slowdown: f64,
}

/// The decision about one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricJudgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The look (number of blocks) that decided, or the last one taken; `None` before the first.
    pub look: Option<usize>,
    /// Candidate ÷ baseline that this look leaves possible: the verdict follows from where these
    /// ends lie. An end is infinite or zero where the look may not decide in that direction.
    pub bounds: Option<ConfidenceInterval>,
}

/// The decision about a whole gate.
#[derive(Debug, Clone, PartialEq)]
pub struct GateJudgement {
    /// Regressed if any metric is, passed if all are, otherwise inconclusive.
    pub verdict: Verdict,
    /// One judgement for each metric, in the order given.
    pub metrics: Vec<MetricJudgement>,
}

/// The first look that needs more than `blocks` blocks; `None` after the last.
pub fn next_look(blocks: usize) -> Option<usize> {
    ALL_LOOKS.into_iter().find(|look| *look > blocks)
}

/// Whether more than a quarter of the blocks was dropped, which makes any gate inconclusive.
pub fn too_many_dropped(dropped: usize, measured: usize) -> bool {
    4 * dropped > measured
}

/// Judges all metrics of a gate on the blocks measured so far.
///
/// The looks are taken in order on the first 4, 8, 16 and 24 blocks of each metric, and a metric
/// keeps the verdict of the first look that decides it. A metric that misses blocks takes its looks
/// later. `None` if there is no metric, a log ratio is not finite or a tolerated slowdown is
/// negative or not finite.
pub fn judge(metrics: &[Metric]) -> Option<GateJudgement> {
    let usable = |metric: &Metric| {
        metric.tolerated_slowdown.is_finite()
            && metric.tolerated_slowdown >= 0.0
            && metric.log_ratios.iter().all(|ratio| ratio.is_finite())
    };
    if metrics.is_empty() || !metrics.iter().all(usable) {
        return None;
    }
    let metrics: Vec<_> = metrics
        .iter()
        .map(|metric| judge_metric(metric, metrics.len()))
        .collect();
    Some(GateJudgement {
        verdict: combine(&metrics),
        metrics,
    })
}

fn combine(metrics: &[MetricJudgement]) -> Verdict {
    let is = |verdict| move |metric: &MetricJudgement| metric.verdict == verdict;
    if metrics.iter().any(is(Verdict::Regressed)) {
        Verdict::Regressed
    } else if metrics.iter().all(is(Verdict::Passed)) {
        Verdict::Passed
    } else {
        Verdict::Inconclusive
    }
}

/// Log slowdowns of the candidate, block by block, positive = slower.
fn slowdowns(metric: &Metric) -> Vec<f64> {
    match metric.better {
        Better::Lower => metric.log_ratios.to_vec(),
        Better::Higher => metric.log_ratios.iter().map(|ratio| -ratio).collect(),
    }
}

/// Whether the candidate is slower in every block by more than [`CLEAR_FACTOR`] and by more than is tolerated.
pub fn is_clearly_slower(metric: &Metric) -> bool {
    let least = CLEAR_FACTOR.ln().max(metric.tolerated_slowdown.ln_1p());
    slowdowns(metric).into_iter().all(|slower| slower > least)
}

fn judge_metric(metric: &Metric, metrics_in_gate: usize) -> MetricJudgement {
    let slower = slowdowns(metric);
    let tolerated = metric.tolerated_slowdown.ln_1p();
    if let Some(judgement) = clear_judgement(metric, &slower) {
        return judgement;
    }
    let mut judgement = MetricJudgement {
        verdict: Verdict::Inconclusive,
        look: None,
        bounds: None,
    };
    for look in LOOKS.into_iter().filter(|look| *look <= slower.len()) {
        let slowdown = slowdown_at(&slower[..look], metrics_in_gate);
        judgement = MetricJudgement {
            verdict: verdict_of(slowdown, tolerated),
            look: Some(look),
            bounds: Some(ratio_bounds(slowdown, metric.better)),
        };
        if judgement.verdict != Verdict::Inconclusive {
            break;
        }
    }
    judgement
}

/// The judgement of [`CLEAR_LOOK`], where it decides.
fn clear_judgement(metric: &Metric, slower: &[f64]) -> Option<MetricJudgement> {
    let first = Metric {
        log_ratios: metric.log_ratios.get(..CLEAR_LOOK)?,
        ..*metric
    };
    let slowdown = ConfidenceInterval {
        low: slower[..CLEAR_LOOK]
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min),
        high: f64::INFINITY,
    };
    is_clearly_slower(&first).then(|| MetricJudgement {
        verdict: Verdict::Regressed,
        look: Some(CLEAR_LOOK),
        bounds: Some(ratio_bounds(slowdown, metric.better)),
    })
}

/// Ends of the log slowdown at a look, positive = slower.
fn slowdown_at(slower: &[f64], metrics_in_gate: usize) -> ConfidenceInterval {
    let look = slower.len();
    let walsh = walsh_averages(slower);
    ConfidenceInterval {
        low: regressed_index(look, metrics_in_gate)
            .and_then(|k| nth_from_below(&walsh, k))
            .unwrap_or(f64::NEG_INFINITY),
        high: passed_index(look)
            .and_then(|k| nth_from_above(&walsh, k))
            .unwrap_or(f64::INFINITY),
    }
}

fn verdict_of(slowdown: ConfidenceInterval, tolerated: f64) -> Verdict {
    if slowdown.low > tolerated {
        Verdict::Regressed
    } else if slowdown.high < tolerated {
        Verdict::Passed
    } else {
        Verdict::Inconclusive
    }
}

fn ratio_bounds(slowdown: ConfidenceInterval, better: Better) -> ConfidenceInterval {
    let factor = ConfidenceInterval {
        low: slowdown.low.exp(),
        high: slowdown.high.exp(),
    };
    match better {
        Better::Lower => factor,
        Better::Higher => factor.recip(),
    }
}

/// Which Walsh average, from below, must exceed the tolerated slowdown for "regressed".
///
/// Several metrics share the error, and spend it on the two later looks, where it buys more.
/// `None` where the look may not say "regressed".
pub fn regressed_index(look: usize, metrics_in_gate: usize) -> Option<usize> {
    match (metrics_in_gate, look) {
        (1, 8) => Some(1),
        (1, 16) => Some(17),
        (1, 24) => Some(57),
        (2.., 16 | 24) => critical_index(look, REGRESSED_ERROR / (2 * metrics_in_gate) as f64),
        _ => None,
    }
}

/// Which Walsh average, from above, must stay below the tolerated slowdown for "passed".
pub fn passed_index(look: usize) -> Option<usize> {
    match look {
        8 => Some(4),
        16 => Some(27),
        24 => Some(75),
        _ => None,
    }
}

/// The smallest slowdown that the gate calls "regressed" with 80 % power after 24 blocks:
/// (1 + m)·e^(0.8σ) − 1, with m tolerated and σ the standard deviation of the log ratios.
pub fn smallest_detectable_slowdown(tolerated_slowdown: f64, sigma: f64) -> f64 {
    (1.0 + tolerated_slowdown) * (0.8 * sigma).exp() - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signed_rank::one_sided_error;
    use proptest::prelude::*;

    fn metric(log_ratios: &[f64], better: Better) -> Metric<'_> {
        Metric {
            log_ratios,
            better,
            tolerated_slowdown: 0.05,
        }
    }

    fn verdict(log_ratios: &[f64], better: Better) -> Verdict {
        judge(&[metric(log_ratios, better)]).unwrap().verdict
    }

    #[test]
    fn the_looks_spend_the_published_errors() {
        let published = [
            (8, 0.0039, 0.0195),
            (16, 0.0026, 0.0145),
            (24, 0.0030, 0.0146),
        ];
        let (mut regressed, mut passed) = (0.0, 0.0);
        for (look, for_regressed, for_passed) in published {
            let spent = one_sided_error(look, regressed_index(look, 1).unwrap());
            assert!((spent - for_regressed).abs() < 6e-5, "{look}: {spent}");
            regressed += spent;
            let spent = one_sided_error(look, passed_index(look).unwrap());
            assert!((spent - for_passed).abs() < 6e-5, "{look}: {spent}");
            passed += spent;
        }
        assert!(regressed <= 0.01, "{regressed}");
        assert!(passed <= 0.05, "{passed}");
    }

    #[test]
    fn several_metrics_use_the_published_indices() {
        for (metrics, at_16, at_24) in [(2, 16, 55), (3, 14, 51), (4, 13, 48), (8, 10, 43)] {
            assert_eq!(regressed_index(8, metrics), None);
            assert_eq!(regressed_index(16, metrics), Some(at_16), "q = {metrics}");
            assert_eq!(regressed_index(24, metrics), Some(at_24), "q = {metrics}");
        }
    }

    #[test]
    fn eight_clear_blocks_decide() {
        assert_eq!(verdict(&[0.2; 8], Better::Lower), Verdict::Regressed);
        assert_eq!(verdict(&[0.2; 8], Better::Higher), Verdict::Passed);
        assert_eq!(verdict(&[-0.2; 8], Better::Higher), Verdict::Regressed);
        assert_eq!(verdict(&[0.0; 8], Better::Lower), Verdict::Passed);
    }

    #[test]
    fn four_blocks_beyond_two_times_decide_and_only_for_regressed() {
        let factor = |factor: f64| [factor.ln(); 4];
        for (blocks, better, expected) in [
            (factor(2.1), Better::Lower, Verdict::Regressed),
            (factor(0.4), Better::Higher, Verdict::Regressed),
            (factor(1.9), Better::Lower, Verdict::Inconclusive),
            (factor(0.4), Better::Lower, Verdict::Inconclusive),
            (factor(1.0), Better::Lower, Verdict::Inconclusive),
        ] {
            assert_eq!(verdict(&blocks, better), expected, "{blocks:?}");
        }
        assert_eq!(verdict(&[1.0; 3], Better::Lower), Verdict::Inconclusive);
        let mut all_but_one = [1.0; 7];
        all_but_one[2] = 0.6;
        assert_eq!(verdict(&all_but_one, Better::Lower), Verdict::Inconclusive);
        let judgement = judge(&[
            metric(&[0.9; 5], Better::Higher),
            metric(&[0.0; 5], Better::Lower),
        ]);
        assert_eq!(judgement.unwrap().verdict, Verdict::Inconclusive, "faster");
        let clear = judge(&[
            metric(&[0.0; 5], Better::Lower),
            metric(&[0.9; 5], Better::Lower),
        ])
        .unwrap();
        assert_eq!(clear.verdict, Verdict::Regressed, "one of several metrics");
        assert_eq!(clear.metrics[1].look, Some(CLEAR_LOOK));
        let bounds = clear.metrics[1].bounds.unwrap();
        assert!((bounds.low / 0.9_f64.exp() - 1.0).abs() < 1e-12);
        assert!(bounds.high.is_infinite());
    }

    #[test]
    fn more_than_two_times_may_be_tolerated() {
        let blocks = [2.5_f64.ln(); 4];
        let tolerant = Metric {
            tolerated_slowdown: 2.0,
            ..metric(&blocks, Better::Lower)
        };
        assert_eq!(judge(&[tolerant]).unwrap().verdict, Verdict::Inconclusive);
    }

    #[test]
    fn nothing_is_decided_between_the_looks() {
        assert_eq!(verdict(&[0.2; 7], Better::Lower), Verdict::Inconclusive);
        let judgement = judge(&[metric(&[0.2; 7], Better::Lower)]).unwrap();
        assert_eq!(
            (judgement.metrics[0].look, judgement.metrics[0].bounds),
            (None, None)
        );
        // Undecided after 8; blocks 9 to 15 are not looked at before the 16th.
        let mut blocks = vec![0.2, -0.2, 0.2, -0.2, 0.2, -0.2, 0.2, 0.0];
        blocks.extend([0.9; 7]);
        assert_eq!(verdict(&blocks, Better::Lower), Verdict::Inconclusive);
        assert_eq!(next_look(blocks.len()), Some(16));
        assert_eq!(
            (next_look(0), next_look(4), next_look(24)),
            (Some(4), Some(8), None)
        );
    }

    #[test]
    fn a_metric_keeps_its_first_verdict() {
        let mut blocks = vec![0.0; 8];
        blocks.extend([0.9; 16]);
        let judgement = judge(&[metric(&blocks, Better::Lower)]).unwrap().metrics[0];
        assert_eq!(
            (judgement.verdict, judgement.look),
            (Verdict::Passed, Some(8))
        );
    }

    #[test]
    fn the_verdict_can_be_read_off_the_bounds() {
        for better in [Better::Lower, Better::Higher] {
            let judgement = judge(&[metric(&[0.2; 8], better)]).unwrap().metrics[0];
            let bounds = judgement.bounds.unwrap();
            assert!((bounds.low / 0.2_f64.exp() - 1.0).abs() < 1e-12);
            assert!((bounds.high / 0.2_f64.exp() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn one_metric_regresses_the_gate_and_all_must_pass_it() {
        let (bad, good, noisy) = ([0.2; 16], [0.0; 16], [0.5, -0.5].repeat(8));
        let lower = |blocks| metric(blocks, Better::Lower);
        let verdict = |metrics: &[Metric]| judge(metrics).unwrap().verdict;
        assert_eq!(verdict(&[lower(&good), lower(&bad)]), Verdict::Regressed);
        assert_eq!(verdict(&[lower(&good), lower(&good)]), Verdict::Passed);
        assert_eq!(
            verdict(&[lower(&good), lower(&noisy)]),
            Verdict::Inconclusive
        );
        // With several metrics, the first look may pass but not fail.
        let early = judge(&[lower(&bad[..8]), lower(&good[..8])]).unwrap();
        assert_eq!(early.metrics[0].verdict, Verdict::Inconclusive);
        assert_eq!(early.metrics[0].bounds.unwrap().low, 0.0);
        assert_eq!(early.metrics[1].verdict, Verdict::Passed);
    }

    #[test]
    fn a_quarter_of_the_blocks_may_be_dropped() {
        assert!(!too_many_dropped(2, 8));
        assert!(too_many_dropped(3, 8));
        assert!(!too_many_dropped(0, 0));
    }

    #[test]
    fn unusable_input_has_no_judgement() {
        assert_eq!(judge(&[]), None);
        assert_eq!(judge(&[metric(&[f64::NAN; 8], Better::Lower)]), None);
        for tolerated_slowdown in [-0.01, f64::NAN, f64::INFINITY] {
            let metric = Metric {
                tolerated_slowdown,
                ..metric(&[0.0; 8], Better::Lower)
            };
            assert_eq!(judge(&[metric]), None);
        }
    }

    #[test]
    fn less_noise_sees_smaller_slowdowns() {
        assert!((smallest_detectable_slowdown(0.05, 0.0) - 0.05).abs() < 1e-12);
        assert!((smallest_detectable_slowdown(0.05, 0.02) - 0.066_935).abs() < 1e-6);
        assert!((smallest_detectable_slowdown(0.05, 0.11) - 0.146_588).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn turning_metric_and_blocks_round_changes_nothing(
            blocks in prop::collection::vec(-0.3..0.3_f64, 0..26)
        ) {
            let turned: Vec<_> = blocks.iter().map(|ratio| -ratio).collect();
            let here = judge(&[metric(&blocks, Better::Lower)]).unwrap();
            let there = judge(&[metric(&turned, Better::Higher)]).unwrap();
            prop_assert_eq!(here.verdict, there.verdict);
            prop_assert_eq!(here.metrics[0].look, there.metrics[0].look);
        }

        #[test]
        fn the_order_within_the_first_look_does_not_matter(
            (blocks, shuffled) in prop::collection::vec(-0.1..0.2_f64, 8)
                .prop_flat_map(|blocks| (Just(blocks.clone()), Just(blocks).prop_shuffle()))
        ) {
            prop_assert_eq!(
                judge(&[metric(&blocks, Better::Lower)]),
                judge(&[metric(&shuffled, Better::Lower)])
            );
        }

        #[test]
        fn a_regression_never_passes_with_more_of_it(
            blocks in prop::collection::vec(-0.1..0.2_f64, 24), more in 0.0..0.2_f64
        ) {
            let slower: Vec<_> = blocks.iter().map(|ratio| ratio + more).collect();
            if verdict(&blocks[..8], Better::Lower) != Verdict::Passed {
                prop_assert_ne!(verdict(&slower[..8], Better::Lower), Verdict::Passed);
            }
        }
    }
}
