//! `GET /` beside many connections on which nothing happens: what a connection costs by being there.

use super::hello;
use crate::{Definition, Expectation, Scenario, definition::Mode};

pub(crate) const DEFINITION: Definition = Definition {
    name: "idle",
    summary: "thousands of idle connections beside the load: what each costs in memory and speed",
    modes: &[Mode::only("/")],
    scenario: Scenario::BesideIdle,
    lacking: &[],
    classes: |mode, parameters| {
        mode.get("hello", parameters, |query| {
            Ok(Expectation::from(hello::answer(query)?))
        })
    },
};
