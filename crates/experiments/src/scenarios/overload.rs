//! `limited`: an open loop beyond what the server can take. Those too many wait, or get 503.

use std::time::Duration;

use contract::Workload;
use engine::Measurement;
use record::{CellResult, Figure, Record};

use super::{
    Observations, Scenario, contrast, figure, first_load_point, fit_open_loop,
    memory_per_connection, value,
};
use crate::plan::Plan;

/// Time a queue gets to grow in: slices last five of it.
const RESPONSE: Duration = Duration::from_millis(400);
const REFUSED: u16 = 503;

/// 503 is an answer here, though none that counts as a request.
pub(super) struct Overload {
    rate_per_s: f64,
    own_mode: &'static str,
    other_mode: Option<&'static str>,
}

impl Overload {
    /// At so many requests per second, unless `--rate` says otherwise.
    pub(super) fn of(workload: &Workload, rate_per_s: f64) -> Self {
        let own_mode = workload.mode().name;
        let modes = workload.definition().mode_names();
        Self {
            rate_per_s,
            own_mode,
            other_mode: modes.into_iter().find(|&mode| mode != own_mode),
        }
    }

    fn finding(&self, cell: &CellResult) -> Option<String> {
        let p99 = cell.latency_us.p99.map(|us| ("p99", us));
        let slowest = p99.or(cell.latency_us.max.map(|us| ("slowest", us)))?;
        let own = says(self.own_mode, slowest, |figure| value(cell, figure))?;
        let other = self.other_mode.and_then(|mode| {
            let prefix = contrast::figure_prefix(mode);
            let of = |figure: &str| value(cell, &format!("{prefix}_{figure}"));
            let p99 = of("p99").map(|us| ("p99", us));
            says(mode, p99.or(of("max").map(|us| ("slowest", us)))?, of)
        });
        let offered = cell.rate.map(format::per_second)?;
        Some(format!(
            "On {}, {offered} requests/s offered: {own}{}.",
            cell.server,
            other.map_or_else(String::new, |other| format!("; {other}"))
        ))
    }
}

/// What became of those too many in one mode.
fn says(mode: &str, slowest: (&str, f64), of: impl Fn(&str) -> Option<f64>) -> Option<String> {
    let memory = of("memory_per_connection").map_or_else(String::new, |kib| {
        format!(
            ", {} of memory per connection",
            format::with_unit(kib, "KiB")
        )
    });
    Some(format!(
        "in mode {mode} {} were refused, the queue grew by {} a second, up to {} were in the server at once, the accepted took up to {} ({}){memory}",
        format::percent(of("refused_percent")?),
        format::number(of("queue_growth_per_s")?),
        format::number(of("in_flight_peak")?),
        format::duration_us(slowest.1),
        slowest.0,
    ))
}

impl Scenario for Overload {
    fn fit(&self, plan: &mut Plan) -> anyhow::Result<()> {
        fit_open_loop(plan, self.rate_per_s)
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

    fn figures(&self, observations: &Observations<'_>) -> Vec<Figure> {
        let refused = refused(observations.total) as f64;
        let asked =
            observations.total.requests as f64 + refused + observations.cell.errors.total as f64;
        let in_flight = observations.peaks.map(|peaks| peaks.in_flight_peak as f64);
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
                growth_per_s(observations, refused),
                "requests/s",
                "growth of the queue under load",
            ),
            memory_per_connection(observations, 0),
        ]
    }

    fn contrast_figures(&self, observations: &Observations<'_>) -> Vec<Figure> {
        self.figures(observations)
    }

    fn findings(&self, record: &Record) -> Vec<String> {
        first_load_point(record)
            .filter_map(|cell| self.finding(cell))
            .collect()
    }
}

fn refused(measurement: &Measurement) -> u64 {
    measurement.status_codes.get(&REFUSED).copied().unwrap_or(0)
}

/// What was offered less what was answered, ÷ time, from the first request of a slice to its last answer: an
/// overloaded server works at its capacity all that time. The last request of a slice takes its time without any
/// queue, too. Refusals before the window are not counted by the engine; there were as many for each answer.
fn growth_per_s(observations: &Observations<'_>, refused: f64) -> Option<f64> {
    let alone = Duration::from_nanos(observations.total.latency.min()) * observations.slices;
    let span = observations.span.saturating_sub(alone).as_secs_f64();
    let requests = observations.total.requests as f64;
    let answered = observations.total.answers_total as f64 * (1.0 + refused / requests);
    let rate = observations.cell.rate?;
    (span > 0.0 && requests > 0.0).then(|| (rate - answered / span).max(0.0))
}
