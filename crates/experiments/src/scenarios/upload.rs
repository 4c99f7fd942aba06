//! `upload`: how fast bodies come in, and whether memory grows with them.

use contract::Workload;
use record::{Figure, Record};

use super::contrast::{self, Contrast};
use super::{Observations, Scenario, figure, first_load_point, value};
use crate::plan::Plan;
use bench::work::Work;

/// Sets memory beside the bytes that are under way.
pub(super) struct Upload {
    body_bytes: u64,
}

impl Upload {
    /// All its requests carry the same body.
    pub(super) fn of(workload: &Workload) -> Self {
        let bodies = workload
            .classes()
            .iter()
            .map(|class| class.request.body.len());
        Self {
            body_bytes: bodies.max().unwrap_or_default() as u64,
        }
    }
}

impl Scenario for Upload {
    /// The other way to treat bodies of the same length, unless holding all of them would fill the memory.
    fn contrasts(&self, plan: &Plan) -> Vec<Contrast> {
        const MOST_HELD_BYTES: u64 = 256 * 1024 * 1024;
        let Work::Contract(workload) = &plan.work else {
            return Vec::new();
        };
        if self.body_bytes * plan.concurrency as u64 > MOST_HELD_BYTES {
            return Vec::new();
        }
        let own = workload.mode().name;
        let other = match own.strip_prefix("whole") {
            Some(size) => format!("stream{size}"),
            None => own.replacen("stream", "whole", 1),
        };
        let work = contrast::variant(workload, &other, contrast::parameters(workload));
        work.map(|work| Contrast::new(&other, &format!("in mode {other}"), work))
            .into_iter()
            .collect()
    }

    fn figures(&self, observations: &Observations<'_>) -> Vec<Figure> {
        let body = self.body_bytes as f64;
        let resources = &observations.cell.server_resources;
        let grown = resources
            .rss_peak_bytes
            .zip(observations.sut.rss_before_bytes)
            .map(|(peak, before)| peak.saturating_sub(before) as f64);
        let bodies = body * f64::from(observations.cell.concurrency);
        vec![
            figure(
                "upload_mib_per_s",
                Some(observations.cell.throughput_rps * body / (1024.0 * 1024.0)),
                "MiB/s",
                "bodies received per second",
            ),
            figure("memory_growth", grown, "bytes", "server memory grown by"),
            figure(
                "memory_growth_per_body",
                grown.map(|grown| grown / bodies),
                "1",
                "server memory grown by ÷ bytes of bodies under way",
            ),
        ]
    }

    fn findings(&self, record: &Record) -> Vec<String> {
        /// Less than this share of the bodies in memory: they are not held there.
        const HELD: f64 = 0.5;
        first_load_point(record)
            .filter_map(|cell| {
                let share = value(cell, "memory_growth_per_body")?;
                let grown = value(cell, "memory_growth")?;
                let says = if share < HELD {
                    "does not hold the bodies in memory"
                } else {
                    "holds the bodies in memory"
                };
                Some(format!(
                    "{} {says}: it grew by {} while {} of {} came in at once.",
                    cell.server,
                    format::mebibytes(grown),
                    format::counted(u64::from(cell.concurrency), "upload"),
                    format::mebibytes(self.body_bytes as f64),
                ))
            })
            .collect()
    }
}
