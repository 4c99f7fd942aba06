//! `GET /`: the least a server can do.

use crate::{
    Answer, Definition, Expectation, Scenario,
    answer::TEXT,
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
    Ok(Answer::ok(TEXT, &b"Hello World"[..]))
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "hello",
    summary: "the bare cost of a request: nothing but waiting for it and answering",
    modes: &[Mode::only("/")],
    scenario: Scenario::Plain,
    lacking: &[],
    classes: |mode, parameters| {
        mode.get("hello", parameters, |query| {
            Ok(Expectation::from(answer(query)?))
        })
    },
};
