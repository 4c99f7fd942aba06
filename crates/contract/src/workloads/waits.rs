//! `GET /sync-data` and `/async-data`: three waits, one after another and at once. Both servers do
//! both, because composing operations and waiting for them are different things.

use std::time::Duration;

use serde::Serialize;

use super::Composition;
use crate::{
    Answer, Definition, Expectation, Scenario,
    definition::Mode,
    expectation::LONGEST_MS,
    params::{self, ParamError},
    waits::{API, DATABASE, FILE},
};

#[derive(Serialize)]
struct Data {
    database_data: &'static str,
    api_data: &'static str,
    file_data: &'static str,
    total_time_ms: u128,
    execution_mode: &'static str,
}

/// The answer after [`DATABASE`], [`API`] and [`FILE`] were awaited, which took `elapsed`.
pub fn answer(composition: Composition, elapsed: Duration) -> Answer {
    let total_time_ms = elapsed.as_millis();
    Answer::json(&Data {
        database_data: DATABASE.result,
        api_data: API.result,
        file_data: FILE.result,
        total_time_ms,
        execution_mode: composition.name(),
    })
    .with("x-execution-time", format!("{total_time_ms}ms"))
}

fn expectation(composition: Composition, query: &str) -> Result<Expectation, ParamError> {
    params::none(query)?;
    let least_ms = match composition {
        Composition::Sequential => DATABASE.ms + API.ms + FILE.ms,
        Composition::Concurrent => DATABASE.ms.max(API.ms).max(FILE.ms),
    };
    let answer = Expectation::from(answer(composition, Duration::ZERO));
    let answer = answer.after(Duration::from_millis(least_ms));
    Ok(answer.with_time("total_time_ms", least_ms as f64..=LONGEST_MS))
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "waits",
    summary: "three waits: what composing them gives, and what waiting without threads gives",
    modes: &[
        Mode {
            name: "sequential",
            summary: "one after another, 600 ms",
            path: "/sync-data",
            query: "",
        },
        Mode {
            name: "concurrent",
            summary: "all at once, 300 ms",
            path: "/async-data",
            query: "",
        },
    ],
    scenario: Scenario::Plain,
    lacking: &[],
    classes: |mode, parameters| {
        mode.get(
            "waits",
            parameters,
            match mode.name {
                "sequential" => |query| expectation(Composition::Sequential, query),
                _ => |query| expectation(Composition::Concurrent, query),
            },
        )
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_as_the_contract_says() {
        let answer = answer(Composition::Sequential, Duration::from_micros(601_900));
        assert_eq!(
            String::from_utf8_lossy(&answer.body),
            r#"{"database_data":"Database result","api_data":"API result","file_data":"File content","total_time_ms":601,"execution_mode":"sequential"}"#
        );
        assert_eq!(answer.fields, [("x-execution-time", "601ms".to_owned())]);
        let checked = expectation(Composition::Sequential, "").unwrap();
        assert_eq!(
            checked.check(200, Some("application/json"), &answer.body),
            Ok(())
        );
        let other = expectation(Composition::Concurrent, "").unwrap();
        assert!(
            other
                .check(200, Some("application/json"), &answer.body)
                .is_err()
        );
    }
}
