//! What the waits of a workload allow: in a closed loop no server answers more than its connections ÷ the wait.

use std::time::Duration;

use record::CellResult;
use stats::thresholds::CEILING_REACHED;

/// Requests per second that so many connections of a closed loop can have answered when each answer takes at least the
/// wait, by Little's law; none where nothing is waited for.
pub fn ceiling_rps(concurrency: usize, wait: Duration) -> Option<f64> {
    (!wait.is_zero()).then(|| concurrency as f64 / wait.as_secs_f64())
}

/// Throughput ÷ what the waits allow; none where nothing is waited for.
pub fn share(cell: &CellResult) -> Option<f64> {
    Some(cell.throughput_rps / cell.ceiling_rps?)
}

/// Whether all of some servers reach what their waits allow, as good as: then nobody ranks above the others.
pub fn is_reached(cells: &[&CellResult]) -> bool {
    let is_reached = |cell: &&CellResult| share(cell).is_some_and(|share| share >= CEILING_REACHED);
    cells.iter().all(is_reached)
}

/// What a cell says of the wait: `w: the wait is the answer: both reach 95 % of connections ÷ wait`.
pub const LEGEND: &str = "the wait is the answer: both reach 95 % of connections ÷ wait";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::cells::result;

    #[test]
    fn the_ceiling_is_connections_by_wait() {
        let ceiling_rps = ceiling_rps(32, Duration::from_millis(10));
        assert_eq!(ceiling_rps, Some(3_200.0));
        assert_eq!(super::ceiling_rps(32, Duration::ZERO), None);
        let cell = |throughput_rps: f64, ceiling_rps| CellResult {
            ceiling_rps,
            ..result("sync", &[throughput_rps])
        };
        assert!(is_reached(&[
            &cell(3_040.0, ceiling_rps),
            &cell(3_200.0, ceiling_rps)
        ]));
        assert!(!is_reached(&[
            &cell(3_039.0, ceiling_rps),
            &cell(3_200.0, ceiling_rps)
        ]));
        assert!(!is_reached(&[&cell(1e9, None)]));
    }
}
