//! `websocket`: messages that come back, or that all others in a room get.

use std::time::Duration;

use anyhow::{Context as _, bail};
use contract::Workload;
use engine::Request;
use record::{DELIVERIES_LOST, Figure, Record};

use super::contrast::Contrast;
use super::{Observations, Scenario, figure, first_load_point, memory_per_connection, value};
use crate::plan::{Amount, LoadPoint, Plan};
use bench::loader::Loader;
use bench::server_under_test::ServerUnderTest;
use bench::websocket::{Endpoint, Pattern, WebSockets, slow_reader};
use bench::work::Work;

/// The close code of one who reads too slowly: try again later.
const TRY_AGAIN_LATER: f64 = 1013.0;

/// Sends messages instead of requests.
pub(super) struct Sockets {
    pattern: Pattern,
    path: String,
}

impl Sockets {
    /// Its mode says who gets a message.
    pub(super) fn new(workload: &Workload) -> Self {
        let path = workload
            .classes()
            .first()
            .map(|class| class.request.target.clone());
        Self {
            pattern: match workload.mode().name {
                "room" => Pattern::Room,
                _ => Pattern::Echo,
            },
            path: path.unwrap_or_default(),
        }
    }
}

impl Scenario for Sockets {
    fn fit(&self, plan: &mut Plan) -> anyhow::Result<()> {
        let name = plan.work.name();
        if matches!(plan.amount, Amount::Requests(_)) {
            bail!("the workload {name} is measured for a time: give --duration");
        }
        if plan
            .load_points
            .iter()
            .any(|point| matches!(point, LoadPoint::Rate(_)))
        {
            bail!("the workload {name} has no open loop: leave out --rate");
        }
        if plan.keep_alive != [true] {
            bail!("the workload {name} keeps its connections: leave out --keep-alive");
        }
        plan.load_points = vec![LoadPoint::Saturated];
        Ok(())
    }

    /// Connects as the load will, and lets a few messages go round.
    fn verify(&self, sut: &ServerUnderTest, _work: &Work, timeout: Duration) -> anyhow::Result<()> {
        bench::websocket::verify(self.pattern, &sut.base_url, &self.path, timeout)
            .with_context(|| format!("{} does not answer {} as it should", sut.label, self.path))
    }

    fn loader(&self, plan: &Plan) -> anyhow::Result<Option<Box<dyn Loader>>> {
        Ok(Some(Box::new(WebSockets::new(
            self.pattern,
            plan.threads,
            plan.timeout,
        ))))
    }

    /// Echo and room are different things, not two ways to do one.
    fn contrasts(&self, _plan: &Plan) -> Vec<Contrast> {
        Vec::new()
    }

    fn figures(&self, observations: &Observations<'_>) -> Vec<Figure> {
        let mut figures = vec![memory_per_connection(observations, 0)];
        if self.pattern == Pattern::Room {
            figures.push(figure(
                DELIVERIES_LOST,
                Some(observations.cell.errors.total as f64),
                "1",
                "deliveries lost",
            ));
            figures.extend(self.slow_reader(observations.sut));
        }
        figures
    }

    fn findings(&self, record: &Record) -> Vec<String> {
        first_load_point(record)
            .filter_map(|cell| {
                let memory = value(cell, "memory_per_connection").map_or_else(String::new, |kib| {
                    format!(
                        "; a connection took {} of memory",
                        format::with_unit(kib, "KiB")
                    )
                });
                if self.pattern == Pattern::Echo {
                    return Some(format!(
                        "{} sent back {} messages a second, {} on average{memory}.",
                        cell.server,
                        format::per_second(cell.throughput_rps),
                        format::duration_us(cell.latency_us.mean?),
                    ));
                }
                let lost = value(cell, DELIVERIES_LOST)?;
                let slow = match value(cell, "slow_reader_close_code") {
                    Some(TRY_AGAIN_LATER) => {
                        "; one who did not read was dropped with close code 1013".to_owned()
                    }
                    Some(code) => format!("; one who did not read was closed with code {code}"),
                    None => {
                        "; one who did not read was not told why it was dropped, or was not dropped"
                            .to_owned()
                    }
                };
                Some(format!(
                    "{} delivered {} messages a second to a room of {} and lost {}{slow}{memory}.",
                    cell.server,
                    format::per_second(cell.throughput_rps),
                    format::count(u64::from(cell.concurrency)),
                    format::number(lost),
                ))
            })
            .collect()
    }
}

impl Sockets {
    /// What becomes of one who does not read, and of the others meanwhile; no figures where that cannot be seen.
    fn slow_reader(&self, sut: &ServerUnderTest) -> Vec<Figure> {
        const TIMEOUT: Duration = Duration::from_secs(30);
        let counts = || {
            let answer = engine::fetch(&sut.base_url, &Request::get("/ws/rooms"), TIMEOUT).ok()?;
            serde_json::from_slice(&answer.body).ok()
        };
        let found = Endpoint::new(&sut.base_url, &self.path)
            .and_then(|endpoint| slow_reader::check(&endpoint, TIMEOUT, counts));
        let Ok(found) = found else {
            return Vec::new();
        };
        vec![
            figure(
                "slow_reader_dropped_after",
                found.dropped_after.map(|messages| messages as f64),
                "1",
                "messages until a slow reader was dropped",
            ),
            figure(
                "slow_reader_close_code",
                found.close_code.map(f64::from),
                "1",
                "close code it was dropped with",
            ),
            figure(
                "slow_reader_harm",
                Some(found.lost_by_others as f64),
                "1",
                "messages others lost meanwhile",
            ),
        ]
    }
}
