//! `errors`: failures are data, the answer is 200. What do they cost? The same without any is measured too.

use super::contrast::{self, Contrast};
use super::{Scenario, first_load_point, value};
use crate::plan::Plan;
use bench::work::Work;
use record::{CellResult, Record};

/// Failures have to cost nothing: throughput with them ÷ without is at least this.
const LEAST_RATIO: f64 = 0.95;
const CONTRAST: &str = "without_failures";

/// Compared with itself without failures.
pub(super) struct Errors;

impl Scenario for Errors {
    fn contrasts(&self, plan: &Plan) -> Vec<Contrast> {
        let Work::Contract(workload) = &plan.work else {
            return Vec::new();
        };
        if !contrast::parameters(workload).is_empty() {
            return Vec::new(); // asked for without failures, or with them explicitly: that alone
        }
        let without = contrast::variant(workload, workload.mode().name, "fail=0".to_owned());
        let contrast = |without| Contrast {
            share: 1.0, // a few percent are to be seen
            ..Contrast::new(CONTRAST, "without failures", without)
        };
        without.map(contrast).into_iter().collect()
    }

    fn findings(&self, record: &Record) -> Vec<String> {
        let name = format!("throughput_over_{CONTRAST}");
        let ratio = |cell: &CellResult| value(cell, &name);
        let slow: Vec<&str> = first_load_point(record)
            .filter(|cell| ratio(cell).is_some_and(|ratio| ratio < LEAST_RATIO))
            .map(|cell| cell.server.as_str())
            .collect();
        if !first_load_point(record).any(|cell| ratio(cell).is_some()) {
            return Vec::new();
        }
        let least = format::ratio(LEAST_RATIO);
        vec![match slow[..] {
            [] => format!(
                "With failures as data, every server kept at least {least} of the QPS without any."
            ),
            _ => format!(
                "With failures as data, {} kept less than {least} of the QPS without any.",
                format::list(&slow)
            ),
        }]
    }
}
