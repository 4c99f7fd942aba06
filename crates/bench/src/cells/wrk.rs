//! What wrk would have printed of the same answers.

use engine::Measurement;
use record::{LoadKind, WrkCompatible};

use super::CellName;

/// wrk has no open loop; there its filling has no meaning.
pub(super) fn compatible(name: &CellName, total: &Measurement) -> Option<WrkCompatible> {
    if name.load == LoadKind::Open || total.latency.is_empty() {
        return None;
    }
    let seconds = total.measured.as_secs_f64();
    let answers = total.requests + total.errors.status + total.errors.body;
    let filled = engine::wrk_compatible(&total.latency, expected_interval_ns(name, total));
    let us = |nanoseconds: f64| nanoseconds / 1e3;
    let at = |quantile: f64| us(filled.value_at_quantile(quantile) as f64);
    Some(WrkCompatible {
        requests_per_s: answers as f64 / seconds,
        latency_mean_us: us(filled.mean()),
        latency_stdev_us: us(filled.stdev()),
        latency_max_us: us(total.latency.max() as f64),
        within_stdev_percent: within_stdev_percent(&filled),
        p50_us: at(0.5),
        p75_us: at(0.75),
        p90_us: at(0.9),
        p99_us: at(0.99),
    })
}

/// As wrk computes it: measured time ÷ requests of one connection, rounded down.
fn expected_interval_ns(name: &CellName, total: &Measurement) -> u64 {
    let per_connection = total.requests / name.concurrency.max(1) as u64;
    u64::try_from(total.measured.as_nanos())
        .unwrap_or(u64::MAX)
        .checked_div(per_connection)
        .unwrap_or(0)
}

fn within_stdev_percent(histogram: &hdrhistogram::Histogram<u64>) -> f64 {
    let (mean, stdev) = (histogram.mean(), histogram.stdev());
    let low = (mean - stdev).max(0.0) as u64;
    100.0 * histogram.count_between(low, (mean + stdev) as u64) as f64 / histogram.len() as f64
}
