//! How far a suite is, on standard error: a bar on a terminal, a line for each row elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use report::format;
use report::suite::findings;
use report::suite::record::SuiteRow;

use super::plan::SuitePlan;
use crate::progress::{minutes, say, time_bar};

/// What shows how far the suite is.
pub struct Progress {
    began: Instant,
    /// Estimated times of the rows that are still to be measured, in order.
    left: Vec<Duration>,
    rows: usize,
    shown: Shown,
}

enum Shown {
    Nothing,
    Lines,
    Bar(ProgressBar),
}

impl Progress {
    /// Says what will be measured and how long that takes.
    pub fn new(plan: &SuitePlan, estimates: Vec<Duration>) -> Self {
        let total: Duration = estimates.iter().sum();
        let shown = match (plan.output.quiet, std::io::stderr().is_terminal()) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Bar(time_bar(total)),
            (false, false) => Shown::Lines,
        };
        let rows = estimates.len();
        let progress = Self {
            began: Instant::now(),
            left: estimates,
            rows,
            shown,
        };
        progress.say(&opening(plan, rows, total));
        progress
    }

    /// A row begins.
    pub fn measuring(&self, row: &SuiteRow) {
        if let Shown::Bar(bar) = &self.shown {
            bar.set_position(self.began.elapsed().as_secs());
            bar.set_message(format!("{}: {}", self.place(), row.workload));
        }
    }

    /// A row is over.
    pub fn measured(&mut self, row: &SuiteRow) {
        let place = self.place();
        if !self.left.is_empty() {
            self.left.remove(0);
        }
        let elapsed = self.began.elapsed();
        let total = elapsed + self.left.iter().sum();
        self.say(&format!(
            "{} of about {}: {place}: {}: {}",
            minutes(elapsed),
            minutes(total),
            row.workload,
            figures(row)
        ));
        if let Shown::Bar(bar) = &self.shown {
            bar.set_length(total.as_secs().max(1));
            bar.set_position(elapsed.as_secs());
        }
    }

    /// `row 3 of 36`.
    fn place(&self) -> String {
        format!("row {} of {}", self.rows - self.left.len() + 1, self.rows)
    }

    fn say(&self, line: &str) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Lines => say(line),
            Shown::Bar(bar) => bar.println(line),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
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
