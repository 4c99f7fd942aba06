//! How far a sweep is, on standard error: a bar on a terminal, a line for each visit elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use report::format;
use report::sweep::record::SweepCell;

use super::plan::SweepPlan;
use crate::progress::{minutes, say, time_bar};

/// What shows how far the sweep is.
pub struct Progress {
    began: Instant,
    total: Duration,
    shown: Shown,
}

enum Shown {
    Nothing,
    Lines,
    Bar(ProgressBar),
}

impl Progress {
    /// Says what will be measured and how long that takes.
    pub fn new(plan: &SweepPlan, total: Duration) -> Self {
        let shown = match (plan.output.quiet, std::io::stderr().is_terminal()) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Bar(time_bar(total)),
            (false, false) => Shown::Lines,
        };
        let progress = Self {
            began: Instant::now(),
            total,
            shown,
        };
        progress.say(&opening(plan, total));
        progress
    }

    /// A visit begins.
    pub fn visiting(&self, cell: &SweepCell, number: usize, of: usize) {
        if let Shown::Bar(bar) = &self.shown {
            let spot = cell.spot;
            bar.set_position(self.began.elapsed().as_secs());
            bar.set_message(format!(
                "cell {number} of {of}, visit {}: wait {} ms, {}",
                cell.visits.len() + 1,
                spot.wait_ms,
                format::counted(u64::from(spot.concurrency), "connection"),
            ));
        }
    }

    /// A visit is over.
    pub fn visited(&self, cell: &SweepCell, number: usize, of: usize) {
        let elapsed = self.began.elapsed();
        let left = self.total.saturating_sub(elapsed);
        self.say(&format!(
            "{} of about {}: cell {number} of {of}, visit {}: {}",
            minutes(elapsed),
            minutes(elapsed + left),
            cell.visits.len(),
            figures(cell)
        ));
        if let Shown::Bar(bar) = &self.shown {
            bar.set_position(elapsed.as_secs());
        }
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
            (Some(_), _) => format!("{} does not work", server.name),
            (None, Some(result)) => format!(
                "{} {}/s",
                server.name,
                format::per_second(result.throughput_rps)
            ),
            (None, None) => format!("{} {}", server.name, format::NOT_AVAILABLE),
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
