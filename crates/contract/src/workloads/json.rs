//! `GET /json`: a small value, serialised for every request.

use serde::Serialize;

use crate::{
    Answer, Definition, Expectation, Scenario,
    definition::Mode,
    params::{self, ParamError},
};

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

/// The answer.
///
/// # Errors
///
/// [`ParamError`] for any parameter.
pub fn answer(query: &str) -> Result<Answer, ParamError> {
    params::none(query)?;
    Ok(Answer::json(&Message {
        message: "Hello, World!",
    }))
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "json",
    summary: "a small value serialised per request: what little work adds to waiting",
    modes: &[Mode::only("/json")],
    scenario: Scenario::Plain,
    lacking: &[],
    classes: |mode, parameters| {
        mode.get("json", parameters, |query| {
            Ok(Expectation::from(answer(query)?))
        })
    },
};
