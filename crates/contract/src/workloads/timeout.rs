//! `GET /timeout`: work that takes longer than one is willing to wait. The answer comes at the
//! limit; whether the work stops then is what `/stats` shows.

use std::time::Duration;

use serde::Serialize;

use crate::{
    Answer, Definition, Expectation, Scenario,
    definition::Mode,
    params::{ParamError, Query},
};

/// How long to work and to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// How long to wait for the work.
    pub limit: Duration,
    /// How long the work takes.
    pub work: Duration,
}

#[derive(Serialize)]
struct Outcome {
    timeout_demo: &'static str,
}

impl Params {
    /// Reads the query.
    ///
    /// # Errors
    ///
    /// [`ParamError`] for what can't be taken; nor can two times of which one can't say which is
    /// over first.
    pub fn parse(query: &str) -> Result<Self, ParamError> {
        let query = Query::new(query, &["limit_ms", "work_ms"])?;
        let limit_ms = query.number("limit_ms", 100, 1..=60_000)?;
        let work_ms = query.number("work_ms", 200, 0..=60_000)?;
        if limit_ms == work_ms {
            return Err(ParamError::Invalid {
                name: "work_ms",
                value: work_ms.to_string(),
                allowed: "another time than limit_ms".to_owned(),
            });
        }
        Ok(Self {
            limit: Duration::from_millis(limit_ms),
            work: Duration::from_millis(work_ms),
        })
    }
}

/// The answer, when the work was done within the limit or was not.
pub fn answer(done: bool) -> Answer {
    Answer::json(&Outcome {
        timeout_demo: if done {
            "Operation completed"
        } else {
            "Operation timed out"
        },
    })
}

fn expectation(query: &str) -> Result<Expectation, ParamError> {
    let params = Params::parse(query)?;
    let wait = params.work.min(params.limit);
    Ok(Expectation::from(answer(params.work < params.limit)).after(wait))
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "timeout",
    summary: "work given up at 100 ms: a dropped future stops, a blocked thread works on",
    modes: &[Mode::only("/timeout")],
    scenario: Scenario::Plain,
    lacking: &[],
    classes: |mode, parameters| mode.get("timeout", parameters, expectation),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_as_the_contract_says() {
        let body = |query| {
            expectation(query)
                .unwrap()
                .constant_body()
                .unwrap()
                .to_vec()
        };
        assert_eq!(body(""), br#"{"timeout_demo":"Operation timed out"}"#);
        assert_eq!(
            body("limit_ms=300"),
            br#"{"timeout_demo":"Operation completed"}"#
        );
        assert!(Params::parse("limit_ms=200").is_err());
        assert!(Params::parse("limit_ms=0").is_err());
    }
}
