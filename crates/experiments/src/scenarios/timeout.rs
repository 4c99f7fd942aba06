//! `timeout`: the answer comes at the limit. Does the work that was given up still run?

use record::{Figure, Record};

use super::{Observations, Scenario, figure, first_load_point, value};

/// Reads from `/stats` what goes on although nobody waits for it.
pub(super) struct Timeout;

impl Scenario for Timeout {
    fn watches(&self) -> bool {
        true
    }

    fn figures(&self, observations: &Observations<'_>) -> Vec<Figure> {
        let answers = observations.total.answers_total;
        let abandoned = observations
            .peaks
            .filter(|_| answers > 0)
            .map(|peaks| peaks.work_abandoned as f64 / answers as f64);
        let running = observations
            .peaks
            .map(|peaks| peaks.work_running_peak as f64);
        vec![
            figure(
                "work_abandoned_per_request",
                abandoned,
                "1",
                "work given up that ran on, per request",
            ),
            figure(
                "work_running_peak",
                running,
                "1",
                "most pieces of work running at once",
            ),
        ]
    }

    fn findings(&self, record: &Record) -> Vec<String> {
        first_load_point(record)
            .filter_map(|cell| {
                let answered = format::duration_us(cell.latency_us.mean?);
                let abandoned = value(cell, "work_abandoned_per_request")?;
                let running = value(cell, "work_running_peak")?;
                let fate = if abandoned > 0.0 {
                    format!(
                        "the work that was given up ran on ({} per request): a blocked thread cannot be stopped",
                        format::number(abandoned)
                    )
                } else {
                    "no work ran on after it was given up".to_owned()
                };
                Some(format!(
                    "On {}, answers came after {answered} on average, and {fate}; at most {} ran at once for {}.",
                    cell.server,
                    format::counted(running as u64, "piece"),
                    format::counted(u64::from(cell.concurrency), "connection"),
                ))
            })
            .collect()
    }
}
