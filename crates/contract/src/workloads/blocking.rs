//! `GET /block`: a call that blocks its thread, where it should and where it should not.

use std::time::Duration;

use serde::Serialize;

use super::hello;
use crate::{
    Answer, Class, Definition, Expectation, Scenario,
    definition::{Mode, Request},
    params::{Choice, ParamError, Query},
};

/// Where the thread is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the handler.
    Wrong,
    /// On a thread that may be blocked. For a blocking server that is every thread.
    Right,
}

impl Choice for Place {
    const ALL: &'static [(&'static str, Self)] = &[("wrong", Self::Wrong), ("right", Self::Right)];
}

/// How long, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// How long, in milliseconds.
    pub ms: u64,
    /// Where.
    pub mode: Place,
}

impl Params {
    /// Reads the query.
    ///
    /// # Errors
    ///
    /// [`ParamError`] for what can't be taken.
    pub fn parse(query: &str) -> Result<Self, ParamError> {
        let query = Query::new(query, &["ms", "mode"])?;
        Ok(Self {
            ms: query.number("ms", 200, 0..=60_000)?,
            mode: query.choice("mode")?,
        })
    }

    /// How long.
    pub fn time(self) -> Duration {
        Duration::from_millis(self.ms)
    }

    /// The answer afterwards.
    pub fn answer(self) -> Answer {
        Answer::json(&Blocked {
            blocked_ms: self.ms,
        })
    }
}

#[derive(Serialize)]
struct Blocked {
    blocked_ms: u64,
}

/// What is measured is the probe; the blocking call is what runs beside it.
fn classes(mode: &Mode, parameters: &str) -> Result<Vec<Class>, ParamError> {
    let blocking = mode.get("block", parameters, |query| {
        Ok(Expectation::from(Params::parse(query)?.answer()))
    })?;
    let probe = Class {
        name: "probe",
        share_percent: 100,
        request: Request::get("/", ""),
        expectation: Expectation::from(hello::answer("")?),
    };
    let background = blocking.into_iter().map(|class| Class {
        share_percent: 0,
        ..class
    });
    Ok(std::iter::once(probe).chain(background).collect())
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "blocking",
    summary: "probes of / while a few connections block their thread: how one call stalls all",
    modes: &[
        Mode {
            name: "wrong",
            summary: "blocks the thread it runs on",
            path: "/block",
            query: "mode=wrong",
        },
        Mode {
            name: "right",
            summary: "blocks a thread kept for it",
            path: "/block",
            query: "mode=right",
        },
    ],
    scenario: Scenario::Probed,
    lacking: &[],
    classes,
};
