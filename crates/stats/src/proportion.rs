//! Shares of a count: exact bounds for false-alarm and detection rates.

use crate::interval::ConfidenceInterval;

/// Clopper–Pearson interval of a probability, seen `successes` times in `trials`; `None` without
/// trials, with more successes than trials or for a confidence outside 0..1.
///
/// Takes time in proportion to `trials`: meant for thousands of them.
pub fn clopper_pearson(successes: u64, trials: u64, confidence: f64) -> Option<ConfidenceInterval> {
    if trials == 0 || successes > trials || !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    let tail = (1.0 - confidence) / 2.0;
    Some(ConfidenceInterval {
        low: 1.0 - upper_bound(trials - successes, trials, tail),
        high: upper_bound(successes, trials, tail),
    })
}

/// The probability at which `successes` or fewer of `trials` are seen with probability `tail`.
fn upper_bound(successes: u64, trials: u64, tail: f64) -> f64 {
    if successes == trials {
        return 1.0;
    }
    let (mut low, mut high) = (successes as f64 / trials as f64, 1.0);
    // Halving 60 times is finer than an f64 near 1.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if at_most(successes, trials, middle) > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// P(X ≤ `successes`) for a binomial X, with a probability of 0..1.
fn at_most(successes: u64, trials: u64, probability: f64) -> f64 {
    if probability <= 0.0 {
        return 1.0;
    }
    let ln_odds = probability.ln() - (-probability).ln_1p();
    let mut ln_term = trials as f64 * (-probability).ln_1p();
    let mut sum = ln_term.exp();
    for k in 1..=successes {
        ln_term += ((trials - k + 1) as f64 / k as f64).ln() + ln_odds;
        sum += ln_term.exp();
    }
    sum.min(1.0)
}

/// The largest count that is still credible: seeing more of `trials` has a probability of at most
/// `error` if each happens with `probability`.
///
/// A 95 % interval may miss in at most 7 of 60 windows: more has a probability below 1 %.
/// `None` for a probability outside 0..1.
pub fn credible_count(trials: u64, probability: f64, error: f64) -> Option<u64> {
    if !(0.0..1.0).contains(&probability) {
        return None;
    }
    let credible = |count: &u64| 1.0 - at_most(*count, trials, probability) <= error;
    Some((0..trials).find(credible).unwrap_or(trials))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assert_interval(successes: u64, trials: u64, low: f64, high: f64) {
        let interval = clopper_pearson(successes, trials, 0.95).unwrap();
        assert!((interval.low - low).abs() < 5e-5, "{interval:?}");
        assert!((interval.high - high).abs() < 5e-5, "{interval:?}");
    }

    #[test]
    fn intervals_agree_with_published_ones() {
        assert_interval(0, 10, 0.0, 0.3085);
        assert_interval(10, 10, 0.6915, 1.0);
        assert_interval(5, 10, 0.1871, 0.8129);
        assert_interval(19, 20, 0.7513, 0.9987);
        assert_interval(0, 60, 0.0, 0.0596);
    }

    #[test]
    fn nothing_is_said_without_trials() {
        assert_eq!(clopper_pearson(0, 0, 0.95), None);
        assert_eq!(clopper_pearson(2, 1, 0.95), None);
        assert_eq!(clopper_pearson(1, 2, 1.0), None);
    }

    #[test]
    fn a_95_percent_interval_may_miss_seven_times_in_sixty() {
        assert_eq!(credible_count(60, 0.05, 0.01), Some(7));
        assert_eq!(credible_count(60, 0.0, 0.01), Some(0));
        assert_eq!(credible_count(60, 1.0, 0.01), None);
        assert_eq!(credible_count(0, 0.05, 0.01), Some(0));
        assert_eq!(credible_count(60, f64::NAN, 0.01), None);
    }

    proptest! {
        #[test]
        fn success_and_failure_mirror_each_other(trials in 1..300_u64, share in 0.0..1.0_f64) {
            let successes = (trials as f64 * share) as u64;
            let seen = clopper_pearson(successes, trials, 0.95).unwrap();
            let other = clopper_pearson(trials - successes, trials, 0.95).unwrap();
            prop_assert!((seen.low - (1.0 - other.high)).abs() < 1e-12);
            prop_assert!(seen.contains(successes as f64 / trials as f64));
        }
    }
}
