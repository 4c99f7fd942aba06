//! `GET /scenarios`: what the article claims of four uses, and which workload measures each.

use serde::Serialize;

use crate::{
    Answer, Definition, Expectation, Scenario as Kind,
    definition::Mode,
    params::{self, ParamError},
};

#[derive(Serialize)]
struct Scenarios {
    scenarios: [Scenario; 4],
}

#[derive(Serialize)]
struct Scenario {
    name: &'static str,
    claimed_gain: &'static str,
    workload: &'static str,
}

const SCENARIOS: Scenarios = Scenarios {
    scenarios: [
        Scenario {
            name: "Data aggregation service",
            claimed_gain: "60% reduction in response time",
            workload: "aggregate",
        },
        Scenario {
            name: "File upload processing",
            claimed_gain: "200% increase in throughput",
            workload: "upload",
        },
        Scenario {
            name: "Real-time communication",
            claimed_gain: "100k concurrent WebSocket connections",
            workload: "websocket",
        },
        Scenario {
            name: "Batch data processing",
            claimed_gain: "150% increase in processing speed",
            workload: "batch",
        },
    ],
};

/// The answer.
///
/// # Errors
///
/// [`ParamError`] for any parameter.
pub fn answer(query: &str) -> Result<Answer, ParamError> {
    params::none(query)?;
    Ok(Answer::json(&SCENARIOS))
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "scenarios",
    summary: "the article's four claims, as a server would list them: a longer constant answer",
    modes: &[Mode::only("/scenarios")],
    scenario: Kind::Plain,
    lacking: &[],
    classes: |mode, parameters| {
        mode.get("scenarios", parameters, |query| {
            Ok(Expectation::from(answer(query)?))
        })
    },
};
