//! `idle`: connections held open beside the load. What does each cost, and do they all still answer?

use record::{Figure, Record};

use super::contrast::Contrast;
use super::{
    BesidePlan, Observations, Scenario, figure, first_load_point, memory_per_connection, value,
};
use crate::plan::Plan;

/// Holds connections open, and asks once on each at the end.
pub(super) struct BesideIdle;

impl Scenario for BesideIdle {
    /// The servers must not close the connections for being idle.
    fn start(&mut self, _plan: &Plan) -> anyhow::Result<Vec<(&'static str, String)>> {
        const DAY_MS: u64 = 24 * 3600 * 1000;
        Ok(vec![("--idle-timeout-ms", DAY_MS.to_string())])
    }

    fn beside(&self, plan: &Plan) -> Option<BesidePlan> {
        Some(BesidePlan {
            requests: plan.requests(&plan.work),
            connections: plan.idle_connections,
            load: None,
        })
    }

    fn contrasts(&self, plan: &Plan) -> Vec<Contrast> {
        vec![Contrast::new(
            "without_idle",
            "without idle connections",
            plan.work.clone(),
        )]
    }

    fn figures(&self, observations: &Observations<'_>) -> Vec<Figure> {
        let Some(beside) = &observations.sut.beside else {
            return Vec::new();
        };
        let held = beside.target.connections as u64;
        vec![
            figure(
                "idle_connections",
                Some(held as f64),
                "1",
                "idle connections held open",
            ),
            figure(
                "idle_answered",
                Some(beside.answered as f64),
                "1",
                "of them answered at the end",
            ),
            memory_per_connection(observations, held),
        ]
    }

    fn findings(&self, record: &Record) -> Vec<String> {
        first_load_point(record)
            .filter_map(|cell| {
                let (held, answered) = (
                    value(cell, "idle_connections")?,
                    value(cell, "idle_answered")?,
                );
                let all = if answered >= held {
                    "all of them answered at the end".to_owned()
                } else {
                    format!(
                        "{} of them did not answer at the end",
                        format::number(held - answered)
                    )
                };
                let memory = value(cell, "memory_per_connection").map_or_else(String::new, |kib| {
                    format!(
                        "; a connection took {} of memory",
                        format::with_unit(kib, "KiB")
                    )
                });
                Some(format!(
                    "{} held {} beside the load, and {all}{memory}.",
                    cell.server,
                    format::counted(held as u64, "idle connection"),
                ))
            })
            .collect()
    }
}
