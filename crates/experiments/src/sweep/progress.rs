//! How far a sweep is: what is said of its visits.

use std::time::Duration;

use record::sweep::SweepCell;

use super::plan::SweepPlan;
use crate::progress::minutes;
use crate::steps::Steps;

/// What shows how far the sweep is.
pub(super) struct Progress {
    total: Duration,
    steps: Steps,
}

impl Progress {
    /// Says what will be measured and how long that takes.
    pub(super) fn new(plan: &SweepPlan, total: Duration) -> Self {
        let steps = Steps::new(plan.quiet, total);
        steps.say(&opening(plan, total));
        Self { total, steps }
    }

    /// A visit begins.
    pub(super) fn visiting(&self, cell: &SweepCell, number: usize, of: usize) {
        let spot = cell.spot;
        self.steps.begins(format!(
            "cell {number} of {of}, visit {}: wait {} ms, {}",
            cell.visits.len() + 1,
            spot.wait_ms,
            format::counted(u64::from(spot.concurrency), "connection"),
        ));
    }

    /// A visit is over.
    pub(super) fn visited(&self, cell: &SweepCell, number: usize, of: usize) {
        let left = self.total.saturating_sub(self.steps.elapsed());
        let visit = cell.visits.len();
        let what = format!("cell {number} of {of}, visit {visit}: {}", figures(cell));
        self.steps.ended(left, &what);
    }
}

fn opening(plan: &SweepPlan, total: Duration) -> String {
    let config = &plan.config;
    let names: Vec<&str> = config
        .servers
        .iter()
        .map(|server| server.name.as_str())
        .collect();
    let rest = match config.quick {
        true => "one short block each, no intervals".to_owned(),
        false => format!(
            "few blocks everywhere, then more where the answer is close to flipping, at most {}",
            minutes(plan.time.max(total))
        ),
    };
    format!(
        "{} of {}: about {}; {rest}",
        format::counted(config.spots().len() as u64, "cell"),
        format::list(&names),
        minutes(total)
    )
}

/// `wait 10 ms, 100 connections: sync 9,870/s, async 9,866/s`.
fn figures(cell: &SweepCell) -> String {
    let servers: Vec<String> = cell
        .servers
        .iter()
        .map(|server| match (&server.stopped, &server.result) {
            (Some(stopped), _) if stopped.inferred => format!("{} not tried", server.name),
            (Some(_), _) => format!("{} does not work", server.name),
            (None, Some(result)) => format!(
                "{} {}/s",
                server.name,
                format::per_second(result.throughput_rps)
            ),
            (None, None) => format!("{} not measured", server.name),
        })
        .collect();
    let spot = cell.spot;
    format!(
        "wait {} ms, {}: {}",
        spot.wait_ms,
        format::counted(u64::from(spot.concurrency), "connection"),
        servers.join(", ")
    )
}
