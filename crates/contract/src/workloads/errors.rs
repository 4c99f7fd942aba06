//! `GET /errors`: operations of which some fail. The failures are data; the answer is a success.

use std::time::Duration;

use serde::Serialize;

use super::Composition;
use crate::{
    Answer, Definition, Expectation, Scenario,
    definition::Mode,
    params::{ParamError, Query},
};

/// How many operations.
pub const OPERATIONS: u64 = 10;

/// How long each takes.
pub const OPERATION_TIME: Duration = Duration::from_millis(10);

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// How the operations are composed.
    pub mode: Composition,
    /// Whether some fail.
    pub fail: bool,
}

/// A failure, made for the purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Simulated error")]
pub struct Simulated;

impl Params {
    /// Reads the query.
    ///
    /// # Errors
    ///
    /// [`ParamError`] for what can't be taken.
    pub fn parse(query: &str) -> Result<Self, ParamError> {
        let query = Query::new(query, &["mode", "fail"])?;
        Ok(Self {
            mode: query.choice("mode")?,
            fail: query.number("fail", 1, 0..=1)? == 1,
        })
    }

    /// What operation `id` comes to, after [`OPERATION_TIME`].
    ///
    /// # Errors
    ///
    /// [`Simulated`] for 0, 3, 6 and 9, if some are to fail.
    pub fn outcome(self, id: u64) -> Result<(), Simulated> {
        if self.fail && id.is_multiple_of(3) {
            return Err(Simulated);
        }
        Ok(())
    }
}

#[derive(Serialize, Default)]
struct Summary {
    total_operations: usize,
    successful_operations: usize,
    failed_operations: usize,
    error_types: Vec<String>,
}

/// The answer after all operations.
pub fn answer(outcomes: &[Result<(), Simulated>]) -> Answer {
    let mut summary = Summary::default();
    for outcome in outcomes {
        summary.total_operations += 1;
        match outcome {
            Ok(()) => summary.successful_operations += 1,
            Err(error) => {
                summary.failed_operations += 1;
                let kind = error.to_string();
                if !summary.error_types.contains(&kind) {
                    summary.error_types.push(kind);
                }
            }
        }
    }
    Answer::json(&summary)
}

fn expectation(query: &str) -> Result<Expectation, ParamError> {
    let params = Params::parse(query)?;
    let outcomes: Vec<_> = (0..OPERATIONS).map(|id| params.outcome(id)).collect();
    let one_after_another = match params.mode {
        Composition::Sequential => outcomes.len() as u32,
        Composition::Concurrent => 1,
    };
    Ok(Expectation::from(answer(&outcomes)).after(OPERATION_TIME * one_after_another))
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "errors",
    summary: "ten operations, four of which fail: what handling failures costs (compare ?fail=0)",
    modes: &[
        Mode {
            name: "sequential",
            summary: "one after another, 100 ms",
            path: "/errors",
            query: "mode=sequential",
        },
        Mode {
            name: "concurrent",
            summary: "all at once, 10 ms",
            path: "/errors",
            query: "mode=concurrent",
        },
    ],
    scenario: Scenario::Plain,
    lacking: &[],
    classes: |mode, parameters| mode.get("errors", parameters, expectation),
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
        assert_eq!(
            String::from_utf8_lossy(&body("")),
            r#"{"total_operations":10,"successful_operations":6,"failed_operations":4,"error_types":["Simulated error"]}"#
        );
        assert_eq!(
            String::from_utf8_lossy(&body("fail=0&mode=concurrent")),
            r#"{"total_operations":10,"successful_operations":10,"failed_operations":0,"error_types":[]}"#
        );
        assert!(expectation("fail=2").is_err());
    }
}
