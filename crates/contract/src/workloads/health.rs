//! `GET /health`: whether the server answers at all.

use crate::{
    Answer, Definition, Expectation, Scenario,
    answer::JSON,
    definition::Mode,
    params::{self, ParamError},
};

/// The answer.
///
/// # Errors
///
/// [`ParamError`] for any parameter.
pub fn answer(query: &str) -> Result<Answer, ParamError> {
    params::none(query)?;
    Ok(Answer::ok(JSON, &br#"{"status":"ok"}"#[..]))
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "health",
    summary: "a constant answer in JSON, as a supervisor asks for it",
    modes: &[Mode::only("/health")],
    scenario: Scenario::Plain,
    lacking: &[],
    classes: |mode, parameters| {
        mode.get("health", parameters, |query| {
            Ok(Expectation::from(answer(query)?))
        })
    },
};
