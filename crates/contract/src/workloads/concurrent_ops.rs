//! `GET /concurrent-ops`: a hundred small pieces of work at once; what it costs to make and to join
//! that many threads or tasks.

use std::time::Duration;

use serde::Serialize;

use crate::{
    Answer, Definition, Expectation, Scenario,
    definition::Mode,
    expectation::LONGEST_MS,
    params::{Choice, ParamError, Query},
};

/// How many pieces of work.
pub const TASKS: usize = 100;

/// Each adds the numbers below this one, and yields whenever it has added [`STEP`] of them.
const NUMBERS: u32 = 10_000;

/// Numbers added between two yields.
pub const STEP: u32 = 1_000;

/// What each must get.
const SUM: u32 = 49_995_000;

/// What the pieces run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// A thread or a task each.
    Spawn,
    /// A fixed number of threads, or of tasks at a time.
    Pool,
}

impl Choice for On {
    const ALL: &'static [(&'static str, Self)] = &[("spawn", Self::Spawn), ("pool", Self::Pool)];
}

/// Reads the query.
///
/// # Errors
///
/// [`ParamError`] for what can't be taken.
pub fn parse(query: &str) -> Result<On, ParamError> {
    Query::new(query, &["mode"])?.choice("mode")
}

/// A piece of work, in steps between which the caller yields.
#[derive(Debug, Default)]
pub struct Piece {
    next: u32,
    sum: u32,
}

impl Piece {
    /// Adds [`STEP`] numbers. Returns whether there are more.
    pub fn step(&mut self) -> bool {
        let end = NUMBERS.min(self.next + STEP);
        for number in self.next..end {
            self.sum = std::hint::black_box(self.sum.wrapping_add(number));
        }
        self.next = end;
        end < NUMBERS
    }

    /// Whether the result is right, when all is added.
    pub fn succeeded(&self) -> bool {
        self.sum == SUM
    }
}

#[derive(Serialize)]
struct Report {
    tasks_created: usize,
    successful_tasks: usize,
    total_time_ms: u64,
    average_time_per_task_ms: f64,
    /// The article's word for the share of tasks that succeeded, in percent. It measures no
    /// efficiency.
    concurrency_efficiency: f64,
}

/// The answer when `successful` pieces of work were right, after `elapsed`.
pub fn answer(successful: usize, elapsed: Duration) -> Answer {
    let total_time_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    Answer::json(&Report {
        tasks_created: TASKS,
        successful_tasks: successful,
        total_time_ms,
        average_time_per_task_ms: total_time_ms as f64 / TASKS as f64,
        concurrency_efficiency: successful as f64 * 100.0 / TASKS as f64,
    })
}

fn expectation(query: &str) -> Result<Expectation, ParamError> {
    parse(query)?;
    Ok(Expectation::from(answer(TASKS, Duration::ZERO))
        .with_time("total_time_ms", 0.0..=LONGEST_MS)
        .with_time("average_time_per_task_ms", 0.0..=LONGEST_MS / TASKS as f64))
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "concurrent-ops",
    summary: "100 small pieces of work: what making and joining threads and tasks costs",
    modes: &[
        Mode {
            name: "spawn",
            summary: "a thread, a task each",
            path: "/concurrent-ops",
            query: "mode=spawn",
        },
        Mode {
            name: "pool",
            summary: "a fixed pool, a bounded set",
            path: "/concurrent-ops",
            query: "mode=pool",
        },
    ],
    scenario: Scenario::Plain,
    lacking: &[],
    classes: |mode, parameters| mode.get("concurrent-ops", parameters, expectation),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_takes_ten_steps() {
        let mut piece = Piece::default();
        let mut yields = 0;
        while piece.step() {
            yields += 1;
        }
        assert_eq!(yields, 9);
        assert!(piece.succeeded());
    }

    #[test]
    fn answers_as_the_contract_says() {
        let answer = answer(TASKS, Duration::from_millis(57));
        assert_eq!(
            String::from_utf8_lossy(&answer.body),
            r#"{"tasks_created":100,"successful_tasks":100,"total_time_ms":57,"average_time_per_task_ms":0.57,"concurrency_efficiency":100.0}"#
        );
        let expectation = expectation("mode=pool").unwrap();
        assert_eq!(
            expectation.check(200, Some("application/json"), &answer.body),
            Ok(())
        );
    }
}
