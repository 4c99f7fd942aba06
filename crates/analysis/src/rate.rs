//! Whether a fixed rate was kept. The one place that says so, for every command.
//!
//! What was answered is held against what was *planned in the windows*, not against rate × time: at a low rate it is
//! chance how many requests fall into a window. Beyond its capacity is a server only where requests were
//! late or unsent; what failed in another way is the failure's doing.

use record::{Block, CellResult, ErrorCounts, LoadKind};
use stats::thresholds::RATE_KEPT;

use crate::down;

/// What became of the requests that an open loop planned in its windows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Planned {
    /// Right answers, however late they came.
    pub answered: u64,
    /// Right answers that came inside the windows, whenever they were due; `None` where nobody counted them.
    pub answered_in_window: Option<u64>,
    /// Given up: never sent, or without an answer after the timeout.
    pub given_up: u64,
    /// Failed or refused in another way.
    pub failed: u64,
    /// The windows added up, in seconds.
    pub duration_s: f64,
    /// Mean response time in seconds.
    pub mean_response_s: f64,
    /// How many windows there were.
    pub windows: u32,
}

/// What became of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was kept.
    AnyRecord,
    /// Errors explain what is missing.
    LostToErrors,
    /// Requests were late or given up: it is beyond what the server can take.
    BeyondCapacity,
}

impl Planned {
    /// Of a cell; `None` in a closed loop, which plans nothing.
    pub fn of_cell(cell: &CellResult) -> Option<Planned> {
        if cell.load != LoadKind::Open {
            return None;
        }
        let given_up = given_up(&cell.errors);
        // What a workload refuses on purpose is no error, but an answer with another status.
        let with_status: u64 = cell.status_codes.values().sum();
        let wrong = cell.errors.status + cell.errors.body;
        let refused = with_status.saturating_sub(cell.requests + wrong);
        let in_window = cell.blocks.iter().map(|block| block.answered_in_window);
        Some(Planned {
            answered: cell.requests,
            answered_in_window: in_window
                .sum::<Option<u64>>()
                .filter(|_| !cell.blocks.is_empty()),
            given_up,
            failed: cell.errors.total.saturating_sub(given_up) + refused,
            duration_s: cell.duration_s,
            mean_response_s: cell.latency_us.mean.unwrap_or(0.0) / 1e6,
            windows: cell.blocks.iter().map(windows).sum(),
        })
    }

    /// Of a block under an open loop. It does not tell one error from another: all count as given up.
    pub fn of_block(block: &Block) -> Planned {
        Planned {
            answered: block.requests,
            answered_in_window: block.answered_in_window,
            given_up: block.errors,
            failed: 0,
            duration_s: block.duration_s,
            mean_response_s: block.mean_us.unwrap_or(0.0) / 1e6,
            windows: windows(block),
        }
    }

    /// Requests that were planned.
    pub fn total(&self) -> u64 {
        self.answered + self.given_up + self.failed
    }

    /// Requests answered inside the windows, as far as that is no chance.
    ///
    /// The answers of a window and the requests due in it are random numbers of stretches that lie a response time
    /// apart. By Little's law rate × response time requests are under way at each end; three standard
    /// deviations of the difference are forgiven, or slow answers would fail by chance.
    pub fn in_time(&self) -> u64 {
        let Some(in_window) = self.answered_in_window.filter(|_| self.duration_s > 0.0) else {
            return self.answered;
        };
        let under_way = self.answered as f64 / self.duration_s * self.mean_response_s;
        let forgiven = 3.0 * (2.0 * under_way * f64::from(self.windows.max(1))).sqrt();
        self.answered.min(in_window + forgiven.ceil() as u64)
    }

    /// What became of the rate, as far as the requests themselves tell.
    pub fn outcome(&self) -> Outcome {
        let asked = self.total() - self.failed;
        if (self.in_time() as f64) < RATE_KEPT * asked as f64 {
            Outcome::BeyondCapacity
        } else if (self.answered as f64) < RATE_KEPT * self.total() as f64 {
            Outcome::LostToErrors
        } else {
            Outcome::AnyRecord
        }
    }
}

/// What became of a cell's rate; `None` in a closed loop.
///
/// Connections that fail rest before they are made again, and what is due meanwhile waits or is never sent: where the
/// server was not there, or where connections failed, late requests say nothing about its capacity.
pub fn outcome(cell: &CellResult) -> Option<Outcome> {
    let planned = Planned::of_cell(cell)?;
    let lost = 1.0 - RATE_KEPT;
    let was_down = down::time_s(&cell.time_series) > lost * cell.duration_s;
    let broken = broken_connections(&cell.errors) as f64 > lost * planned.total() as f64;
    Some(match planned.outcome() {
        Outcome::BeyondCapacity if was_down || broken => Outcome::LostToErrors,
        outcome => outcome,
    })
}

/// Whether a cell's rate was kept; `true` in a closed loop, which has none.
pub fn is_kept(cell: &CellResult) -> bool {
    outcome(cell).is_none_or(|outcome| outcome == Outcome::AnyRecord)
}

fn given_up(errors: &ErrorCounts) -> u64 {
    errors.timeout + errors.unsent
}

fn broken_connections(errors: &ErrorCounts) -> u64 {
    errors.connect
        + errors.connect_timeout
        + errors.ports
        + errors.send
        + errors.receive
        + errors.closed
        + errors.stale
}

fn windows(block: &Block) -> u32 {
    block.slices.unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(answered: u64, in_window: u64, given_up: u64, failed: u64) -> Planned {
        Planned {
            answered,
            answered_in_window: Some(in_window),
            given_up,
            failed,
            duration_s: 5.0,
            mean_response_s: 0.001,
            windows: 1,
        }
    }

    #[test]
    fn a_healthy_server_keeps_any_rate_however_few_requests_fall_into_the_window() {
        for requests in [0, 1, 2, 3, 1_000_000] {
            let planned = planned(requests, requests, 0, 0);
            assert_eq!(planned.outcome(), Outcome::AnyRecord, "{requests}");
        }
    }

    #[test]
    fn late_and_given_up_requests_are_beyond_capacity_and_failed_ones_are_not() {
        assert_eq!(planned(1_000, 700, 0, 0).outcome(), Outcome::BeyondCapacity);
        assert_eq!(planned(700, 700, 300, 0).outcome(), Outcome::BeyondCapacity);
        assert_eq!(planned(700, 700, 0, 300).outcome(), Outcome::LostToErrors);
        assert_eq!(planned(995, 995, 0, 5).outcome(), Outcome::AnyRecord);
    }

    #[test]
    fn answers_under_way_at_the_ends_of_windows_are_no_lateness() {
        // 200/s over 100 windows of 50 ms; answers take 30 ms: six are under way at each end.
        let slow = Planned {
            mean_response_s: 0.03,
            windows: 100,
            ..planned(1_000, 950, 0, 0)
        };
        assert_eq!(slow.outcome(), Outcome::AnyRecord);
        let once = Planned { windows: 1, ..slow };
        assert_eq!(once.outcome(), Outcome::BeyondCapacity);
    }

    #[test]
    fn a_record_without_the_figure_tells_by_what_was_given_up() {
        let old = Planned {
            answered_in_window: None,
            ..planned(1_000, 0, 0, 0)
        };
        assert_eq!(old.outcome(), Outcome::AnyRecord);
        assert_eq!(old.in_time(), 1_000);
    }
}
