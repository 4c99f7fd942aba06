//! How far a suite is: what is said of its rows.

use std::time::Duration;

use analysis::findings;
use record::suite::SuiteRow;

use super::plan::SuitePlan;
use experiments::progress::minutes;
use experiments::steps::Steps;

/// What shows how far the suite is.
pub struct Progress {
    /// Estimated times of the rows that are still to be measured, in order.
    left: Vec<Duration>,
    rows: usize,
    steps: Steps,
}

impl Progress {
    /// Says what will be measured and how long that takes.
    pub fn new(plan: &SuitePlan, estimates: Vec<Duration>) -> Self {
        let total: Duration = estimates.iter().sum();
        let rows = estimates.len();
        let steps = Steps::new(plan.output.quiet, total);
        steps.say(&opening(plan, rows, total));
        Self {
            left: estimates,
            rows,
            steps,
        }
    }

    /// A row begins.
    pub fn measuring(&self, row: &SuiteRow) {
        self.steps
            .begins(format!("{}: {}", self.place(), row.workload));
    }

    /// A row is over.
    pub fn measured(&mut self, row: &SuiteRow) {
        let what = format!("{}: {}: {}", self.place(), row.workload, figures(row));
        if !self.left.is_empty() {
            self.left.remove(0);
        }
        self.steps.ended(self.left.iter().sum(), &what);
    }

    /// `row 3 of 36`.
    fn place(&self) -> String {
        format!("row {} of {}", self.rows - self.left.len() + 1, self.rows)
    }
}

fn opening(plan: &SuitePlan, rows: usize, total: Duration) -> String {
    let names: Vec<&str> = plan
        .servers
        .iter()
        .map(|server| server.label.as_str())
        .collect();
    let how = match plan.config.quick {
        true => "one short block each, no intervals",
        false => "in blocks, with intervals",
    };
    format!(
        "{} on {}: about {}; {how}",
        format::counted(rows as u64, "row"),
        format::list(&names),
        minutes(total)
    )
}

/// `sync 61,234/s, async 70,123/s`.
fn figures(row: &SuiteRow) -> String {
    let cells = row.run.as_ref().map_or_else(Vec::new, findings::cells);
    let mut said: Vec<String> = cells
        .iter()
        .map(|cell| {
            format!(
                "{} {}/s",
                cell.server,
                format::per_second(cell.throughput_rps)
            )
        })
        .collect();
    if let Some(reason) = &row.failed {
        said.insert(
            0,
            format!("failed: {}", reason.lines().next().unwrap_or_default()),
        );
    } else if said.is_empty() {
        said.push("no server here has it".to_owned());
    }
    said.join(", ")
}
