//! How much is measured, and how hard the servers are loaded.

use std::time::Duration;

use anyhow::ensure;

/// Share of the measured time that the same-rate load point gets.
pub(super) const SAME_RATE_SHARE: f64 = 0.25;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// Measured time per server.
    Time(Duration),
    /// Requests in total per server.
    Requests(u64),
}

/// How hard the servers are loaded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LoadPoint {
    /// As hard as the connections allow.
    Saturated,
    /// Open loop at this rate in requests per second.
    Rate(f64),
    /// Open loop at half the throughput of the slowest server at the saturated load point.
    SameRate,
}

/// Fails for a rate at which no request falls into the measured time.
///
/// # Errors
/// Then, with the time that one request takes.
pub fn check_rate(rate_rps: f64, measured: Duration) -> anyhow::Result<()> {
    ensure!(
        has_requests(rate_rps, measured),
        "at {} requests/s no request falls into the {} that are measured: measure for {} or longer, or at a higher rate",
        format::per_second(rate_rps),
        format::seconds(measured.as_secs_f64()),
        format::seconds((1.0 / rate_rps).ceil()),
    );
    Ok(())
}

/// Whether a request falls into the measured time at this rate.
pub fn has_requests(rate_rps: f64, measured: Duration) -> bool {
    rate_rps * measured.as_secs_f64() >= 1.0
}

/// Three digits: a rate is a setting, and reads like one.
pub fn round_rate(rate: f64) -> f64 {
    let step = 10_f64.powf((rate.log10().floor() - 2.0).max(-2.0));
    (rate / step).round() * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_three_digits() {
        for (rate, rounded) in [
            (61_234.0, 61_200.0),
            (833.3, 833.0),
            (1.238, 1.24),
            (0.016, 0.02),
        ] {
            assert!((round_rate(rate) - rounded).abs() < 1e-9, "{rate}");
        }
    }
}
