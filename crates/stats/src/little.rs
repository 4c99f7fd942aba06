//! Little's law: what is under way equals what arrives per second times how long it stays.

/// |concurrency − throughput × mean latency| ÷ concurrency, from requests per second and seconds.
///
/// `None` unless the concurrency is positive and all three are finite.
pub fn deviation(concurrency: f64, throughput_rps: f64, mean_latency_s: f64) -> Option<f64> {
    let under_way = throughput_rps * mean_latency_s;
    (concurrency > 0.0 && concurrency.is_finite() && under_way.is_finite())
        .then(|| (concurrency - under_way).abs() / concurrency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_account_does_not_deviate() {
        assert_eq!(deviation(360.0, 36_000.0, 0.010), Some(0.0));
    }

    #[test]
    fn too_much_and_too_little_both_deviate() {
        assert!((deviation(100.0, 900.0, 0.1).unwrap() - 0.1).abs() < 1e-12);
        assert!((deviation(100.0, 1_100.0, 0.1).unwrap() - 0.1).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_said_without_concurrency() {
        assert_eq!(deviation(0.0, 1.0, 1.0), None);
        assert_eq!(deviation(1.0, f64::NAN, 1.0), None);
        assert_eq!(deviation(f64::INFINITY, 1.0, 1.0), None);
    }
}
