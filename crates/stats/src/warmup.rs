//! Whether a server was still getting faster (or slower) while it was measured.

use crate::paired::PairedComparison;

/// Drift within a block that is tolerated: 5 % up or down.
pub const TOLERATED_DRIFT: f64 = 0.05;

/// Whether the drift within the blocks is proven to be more than 5 %, given the comparison of each
/// block's last third (the candidate) with its first third (the baseline).
///
/// True if the whole interval lies above 1.05 or below 1/1.05; never without an interval.
pub fn is_still_warming_up(last_to_first_third: &PairedComparison) -> bool {
    last_to_first_third.interval().is_some_and(|drift| {
        drift.low > 1.0 + TOLERATED_DRIFT || drift.high < 1.0 / (1.0 + TOLERATED_DRIFT)
    })
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
}
