//! `limited`: an open loop beyond what the server can take. Those too many wait, or get 503.

use std::time::Duration;

use anyhow::bail;
use engine::Measurement;
use report::format;
use report::record::{Figure, Record};

use super::{Seen, Shape, figure, first_load_point, memory_per_connection, value};
use crate::plan::{Amount, LoadPoint, Plan};

/// Time a queue gets to grow in: slices last five of it.
const RESPONSE: Duration = Duration::from_millis(400);
const REFUSED: u16 = 503;

/// 503 is an answer here, though none that counts as a request.
pub struct Overload {
    /// Requests per second, unless `--rate` says otherwise.
    pub rate_per_s: f64,
}

impl Shape for Overload {
    fn fit(&self, plan: &mut Plan) -> anyhow::Result<()> {
        if matches!(plan.amount, Amount::Requests(_)) {
            bail!(
                "the workload {} is measured for a time: give --duration",
                plan.work.name()
            );
        }
        if !plan
            .load_points
            .iter()
            .any(|point| matches!(point, LoadPoint::Rate(_)))
        {
            plan.load_points = vec![LoadPoint::Rate(self.rate_per_s)];
        }
        Ok(())
    }

    fn response_time(&self) -> Duration {
        RESPONSE
    }

    fn watches(&self) -> bool {
        true
    }

    fn settle(&self, measurement: &mut Measurement) {
        let refused = refused(measurement);
        measurement.errors.status = measurement.errors.status.saturating_sub(refused);
    }

    fn figures(&self, seen: &Seen<'_>) -> Vec<Figure> {
        let refused = refused(seen.total) as f64;
        let asked = seen.total.requests as f64 + refused + seen.cell.errors.total as f64;
        let in_flight = seen.watched.map(|watched| watched.in_flight_peak as f64);
        vec![
            figure(
                "refused_percent",
                (asked > 0.0).then(|| 100.0 * refused / asked),
                "percent",
                "requests refused with 503",
            ),
            figure(
                "in_flight_peak",
                in_flight,
                "1",
                "most requests in the server at once",
            ),
            figure(
                "queue_growth_per_s",
                growth_per_s(seen, refused),
                "requests/s",
                "growth of the queue under load",
            ),
            memory_per_connection(seen, 0),
        ]
    }

    fn findings(&self, record: &Record) -> Vec<String> {
        first_load_point(record)
            .filter_map(|cell| {
                let p99 = cell.latency_us.p99.or(cell.latency_us.max)?;
                Some(format!(
                    "On {}, {} of the requests were refused, the queue grew by {} a second, and the accepted took up to {} (p99, or the slowest of few).",
                    cell.server,
                    format::percent(value(cell, "refused_percent")?),
                    format::number(value(cell, "queue_growth_per_s")?),
                    format::duration_us(p99),
                ))
            })
            .collect()
    }
}

fn refused(measurement: &Measurement) -> u64 {
    measurement.status_codes.get(&REFUSED).copied().unwrap_or(0)
}

/// What was offered less what was answered, ÷ time, from the first request of a slice to its last answer:
/// an overloaded server works at its capacity all that time.
fn growth_per_s(seen: &Seen<'_>, refused: f64) -> Option<f64> {
    let span = seen.span.as_secs_f64();
    let answered = seen.total.answers_total as f64 + refused;
    let rate = seen.cell.rate?;
    (span > 0.0).then(|| (rate - answered / span).max(0.0))
}
