//! Whether a server was still getting faster (or slower) while it was measured.

use crate::paired::PairedComparison;
use crate::thresholds::WARMUP_DRIFT;

/// Whether the drift within the blocks is proven to be more than 5 %, given the comparison of each
/// block's last third (the candidate) with its first third (the baseline).
///
/// True if the whole interval lies above 1.05 or below 1/1.05; never without an interval.
pub fn is_still_warming_up(last_to_first_third: &PairedComparison) -> bool {
    last_to_first_third.interval().is_some_and(|drift| {
        drift.low > 1.0 + WARMUP_DRIFT || drift.high < 1.0 / (1.0 + WARMUP_DRIFT)
    })
}

/// Steps that are averaged, twice, to see whether throughput has settled.
const STEPS_AVERAGED: usize = 3;

/// Whether a throughput has settled: the mean of its last three steps, all equally long, differs by at most
/// 5 % from that of the three before. Never with fewer than six.
pub fn has_settled(throughputs: &[f64]) -> bool {
    let Some(start) = throughputs.len().checked_sub(2 * STEPS_AVERAGED) else {
        return false;
    };
    let (before, now) = throughputs[start..].split_at(STEPS_AVERAGED);
    let (before, now) = (before.iter().sum::<f64>(), now.iter().sum::<f64>());
    let low = 1.0 / (1.0 + WARMUP_DRIFT);
    before > 0.0 && (low..=1.0 + WARMUP_DRIFT).contains(&(now / before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paired::{compare, log_ratios};

    fn still_warming_up(first: &[f64], last: &[f64]) -> bool {
        is_still_warming_up(&compare(&log_ratios(first, last), 0.95).unwrap())
    }

    #[test]
    fn a_proven_drift_either_way_counts() {
        assert!(still_warming_up(&[100.0; 8], &[120.0; 8]));
        assert!(still_warming_up(&[120.0; 8], &[100.0; 8]));
    }

    #[test]
    fn a_small_or_doubtful_drift_does_not() {
        assert!(!still_warming_up(&[100.0; 8], &[104.0; 8]));
        let noisy = [90.0, 130.0, 95.0, 140.0, 99.0, 150.0, 101.0, 120.0];
        assert!(!still_warming_up(&[100.0; 8], &noisy));
        assert!(!still_warming_up(&[100.0; 5], &[150.0; 5]));
    }

    #[test]
    fn throughput_settles_when_three_steps_are_like_the_three_before() {
        assert!(has_settled(&[1.0, 100.0, 98.0, 103.0, 104.0, 100.0, 99.0]));
        assert!(!has_settled(&[50.0, 60.0, 70.0, 80.0, 90.0, 100.0]));
        assert!(!has_settled(&[100.0, 90.0, 80.0, 70.0, 60.0, 50.0]));
        assert!(!has_settled(&[100.0; 5]));
        assert!(!has_settled(&[0.0; 6]));
    }
}
