//! `batch`: bad records are told by their lines, good ones kept; and what looking them up takes, one after
//! another or in a window.

use contract::Workload;
use contract::workloads::batch::WINDOW;
use record::{CellResult, Figure, Record};
use serde::Deserialize;

use super::contrast::{self, Contrast};
use super::{Observations, Scenario, figure, first_load_point, on_each, value};
use crate::plan::Plan;
use bench::work::Work;

const SEQUENTIAL: &str = "sequential";
const CONCURRENT: &str = "concurrent";
/// Names of the contrasts with look-ups begin so.
const LOOKED_UP: &str = "looked_up";
/// What looking up one record takes in those.
const LOOKUP: &str = "lookup_ms=1";

/// What the answer to every batch says.
#[derive(Deserialize)]
struct Expected {
    records: u64,
    valid: u64,
    invalid: Vec<Invalid>,
}

#[derive(Deserialize)]
struct Invalid {
    line: u64,
}

/// Knows the answer that every request was compared with.
pub(super) struct Batch {
    expected: Option<Expected>,
    looks_up: bool,
}

impl Batch {
    /// All its requests have the same answer.
    pub(super) fn of(workload: &Workload) -> Self {
        let body = workload.classes().first();
        let body = body.and_then(|class| class.expected_body());
        Self {
            expected: body.and_then(|body| serde_json::from_slice(body).ok()),
            looks_up: !contrast::parameters(workload).is_empty(),
        }
    }

    /// One after another ÷ in a window, mean latency on a server.
    fn gain(&self, cell: &CellResult) -> Option<f64> {
        if self.looks_up {
            let concurrent = value(cell, "latency_over_concurrent");
            return concurrent.or(value(cell, "latency_over_sequential").map(|ratio| 1.0 / ratio));
        }
        let mean = |mode| value(cell, &format!("{LOOKED_UP}_{mode}_mean"));
        let (sequential, concurrent) = (mean(SEQUENTIAL)?, mean(CONCURRENT)?);
        (concurrent > 0.0).then(|| sequential / concurrent)
    }

    /// Told from the answer that every counted one was equal to.
    fn kept(&self, record: &Record) -> Option<String> {
        let expected = self.expected.as_ref()?;
        let answers: u64 = first_load_point(record).map(|cell| cell.requests).sum();
        let lines: Vec<String> = expected
            .invalid
            .iter()
            .map(|invalid| format::count(invalid.line))
            .collect();
        (answers > 0).then(|| {
            format!(
                "Each of {} reported {} by line ({}) and kept the {} good ones of {}.",
                format::counted(answers, "answer"),
                format::counted(lines.len() as u64, "bad record"),
                format::list(&lines),
                format::count(expected.valid),
                format::count(expected.records),
            )
        })
    }
}

impl Scenario for Batch {
    /// Without look-ups the modes do not differ: then both are measured with them besides.
    fn contrasts(&self, plan: &Plan) -> Vec<Contrast> {
        if self.looks_up {
            return contrast::other_modes(plan);
        }
        let Work::Contract(workload) = &plan.work else {
            return Vec::new();
        };
        let with_lookups = |mode| {
            let work = contrast::variant(workload, mode, LOOKUP.to_owned())?;
            let label = format!("with a look-up of 1 ms for each record, {mode}");
            Some(Contrast::new(&format!("{LOOKED_UP}_{mode}"), &label, work))
        };
        [SEQUENTIAL, CONCURRENT]
            .into_iter()
            .filter_map(with_lookups)
            .collect()
    }

    fn figures(&self, observations: &Observations<'_>) -> Vec<Figure> {
        let records = self.expected.as_ref().map(|expected| expected.records);
        vec![figure(
            "records_per_s",
            records.map(|records| records as f64 * observations.cell.throughput_rps),
            "records/s",
            "records taken per second",
        )]
    }

    fn findings(&self, record: &Record) -> Vec<String> {
        let gains = on_each(first_load_point(record), |cell| {
            self.gain(cell).map(format::ratio)
        });
        let window = gains.map(|gains| {
            format!(
                "Looked up one after another ÷ {WINDOW} at a time, mean latency is {gains}; the window could give {WINDOW}."
            )
        });
        self.kept(record).into_iter().chain(window).collect()
    }
}
