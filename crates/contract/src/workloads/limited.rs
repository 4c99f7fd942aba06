//! `GET /limited`: a resource of which there are twenty, such as the connections of a database
//! pool; whoever comes when all are taken waits, or is refused.

use std::time::Duration;

use serde::Serialize;

use crate::{
    Answer, Definition, Expectation, Scenario,
    definition::Mode,
    params::{Choice, ParamError, Query},
};

/// How many there are.
pub const PLACES: usize = 20;

/// How long each request holds one, in milliseconds.
const HELD_MS: u64 = 50;

/// How long each request holds one.
pub const HELD: Duration = Duration::from_millis(HELD_MS);

/// Requests that can be answered per second.
pub const CAPACITY_PER_S: f64 = PLACES as f64 * 1000.0 / HELD_MS as f64;

/// What happens when all are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenTaken {
    /// The request waits for one.
    Wait,
    /// The request is refused.
    Refuse,
}

impl Choice for WhenTaken {
    const ALL: &'static [(&'static str, Self)] = &[("wait", Self::Wait), ("refuse", Self::Refuse)];
}

/// Reads the query.
///
/// # Errors
///
/// [`ParamError`] for what can't be taken.
pub fn parse(query: &str) -> Result<WhenTaken, ParamError> {
    Query::new(query, &["mode"])?.choice("mode")
}

#[derive(Serialize)]
struct Held {
    held_ms: u64,
}

/// The answer after one was held.
pub fn answer() -> Answer {
    Answer::json(&Held { held_ms: HELD_MS })
}

/// 503 when all are taken.
pub fn refusal() -> Answer {
    Answer::error(503, &format!("all {PLACES} places are taken"))
        .with("retry-after", "1".to_owned())
}

fn expectation(query: &str) -> Result<Expectation, ParamError> {
    parse(query)?;
    Ok(Expectation::from(answer()))
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "limited",
    summary: "2.5 times the load that 20 places of 50 ms can take: queueing against refusing",
    modes: &[
        Mode {
            name: "wait",
            summary: "those who come too many wait",
            path: "/limited",
            query: "mode=wait",
        },
        Mode {
            name: "refuse",
            summary: "those who come too many get 503",
            path: "/limited",
            query: "mode=refuse",
        },
    ],
    scenario: Scenario::Overload {
        rate_per_s: 2.5 * CAPACITY_PER_S,
    },
    lacking: &[],
    classes: |mode, parameters| mode.get("limited", parameters, expectation),
};
