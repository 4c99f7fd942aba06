//! What each kind of workload needs beyond the common run, and the figures it adds.
//!
//! # Layout
//!
//! One small file per scenario, all behind the trait [`Scenario`]; the run itself stays the same for all.
//!
//! - `plain`: requests over and over. `waits`, `errors`, `timeout`, `concurrent_ops`, `mixed`,
//!   `upload`, `batch`, `cpu`, `file`: the same, with figures and findings of their own.
//! - `probed`: probes beside connections that block. `overload`: more than the server can take.
//! - `beside_idle`: thousands of idle connections. `streamed`: answers in chunks.
//! - `backends`: servers behind the servers. `sockets`: messages over WebSocket.
//! - [`fitted`]: the plan of a run, fitted to its kind of work.
//! - [`contrast`]: what is measured besides, for comparison. `versus`: servers beside each other. [`watch`]: `/stats`
//!   under load.

mod backends;
mod batch;
mod beside_idle;
mod concurrent_ops;
pub mod contrast;
mod cpu;
mod errors;
mod file;
pub mod fitted;
mod mixed;
mod overload;
mod plain;
mod probed;
mod sockets;
mod streamed;
mod timeout;
mod upload;
mod versus;
mod waits;
pub mod watch;

use std::time::Duration;

use anyhow::bail;
use contract::Workload;
use engine::{Load, Measurement, RequestClass, Target};
use record::{CellResult, Figure, LoadKind, Record};

use crate::plan::{Amount, LoadPoint, Plan};
use bench::loader::Loader;
use bench::server_under_test::ServerUnderTest;
use bench::verify;
use bench::work::Work;
use contrast::Contrast;
use watch::Peaks;

/// A kind of load. Everything has a default: the plain run.
pub trait Scenario {
    /// Fits the plan: its load points, where they do not go without saying.
    ///
    /// # Errors
    /// When the plan asks for what makes no sense here.
    fn fit(&self, _plan: &mut Plan) -> anyhow::Result<()> {
        Ok(())
    }

    /// Starts what the servers need; further flags, with values, for the built-in ones. It ends with the scenario.
    ///
    /// # Errors
    /// When it does not start.
    fn start(&mut self, _plan: &Plan) -> anyhow::Result<Vec<(&'static str, String)>> {
        Ok(Vec::new())
    }

    /// Asks once and compares the whole answer, before anything is measured.
    ///
    /// # Errors
    /// When the answer is another than the contract's.
    fn verify(&self, sut: &ServerUnderTest, work: &Work, timeout: Duration) -> anyhow::Result<()> {
        verify::verify(sut, work, timeout)
    }

    /// Who sends the load, where it is not the engine.
    ///
    /// # Errors
    /// When it cannot be set up.
    fn loader(&self, _plan: &Plan) -> anyhow::Result<Option<Box<dyn Loader>>> {
        Ok(None)
    }

    /// The response time to reckon with where a server's own is shorter: slices last five of it.
    fn response_time(&self) -> Duration {
        Duration::ZERO
    }

    /// What the engine shall record.
    fn target(&self, _target: &mut Target) {}

    /// What is connected beside the connections that are measured.
    fn beside(&self, _plan: &Plan) -> Option<BesidePlan> {
        None
    }

    /// Whether `/stats` is read under load.
    fn watches(&self) -> bool {
        false
    }

    /// Sorts out what is an answer here although it looks like an error.
    fn settle(&self, _measurement: &mut Measurement) {}

    /// What is measured besides, for comparison.
    fn contrasts(&self, plan: &Plan) -> Vec<Contrast> {
        contrast::other_modes(plan)
    }

    /// Figures beyond throughput and latency.
    fn figures(&self, _observations: &Observations<'_>) -> Vec<Figure> {
        Vec::new()
    }

    /// Figures of a contrast beyond throughput and latency; their names and labels get the contrast's.
    fn contrast_figures(&self, _observations: &Observations<'_>) -> Vec<Figure> {
        Vec::new()
    }

    /// What the figures of a record say beyond the contrasts, in sentences.
    fn findings(&self, _record: &Record) -> Vec<String> {
        Vec::new()
    }
}

/// Connections beside those that are measured.
#[derive(Debug, Clone)]
pub struct BesidePlan {
    /// What they ask for.
    pub requests: Vec<RequestClass>,
    /// How many.
    pub connections: usize,
    /// How they are loaded; `None`: held open, and asked once at the end.
    pub load: Option<Load>,
}

/// One cell, with all that figures can be made of.
pub struct Observations<'a> {
    /// As it stands in the record.
    pub cell: &'a CellResult,
    /// What the load generator saw.
    pub total: &'a Measurement,
    /// The server.
    pub sut: &'a ServerUnderTest,
    /// What `/stats` told, where it was peaks.
    pub peaks: Option<&'a Peaks>,
    /// Time from the first request sent to the last answer, over all slices.
    pub span: Duration,
    /// How many slices those were.
    pub slices: u32,
}

/// The scenario of what the servers are asked for.
pub fn of(work: &Work) -> Box<dyn Scenario> {
    match work {
        Work::Contract(workload) => of_workload(workload),
        Work::Own(_) => Box::new(plain::Plain),
    }
}

fn of_workload(workload: &Workload) -> Box<dyn Scenario> {
    use contract::Scenario as Kind;
    match (workload.definition().scenario, workload.name()) {
        (Kind::Plain, "batch") => Box::new(batch::Batch::of(workload)),
        (Kind::Plain, "concurrent-ops") => Box::new(concurrent_ops::ConcurrentOps::of(workload)),
        (Kind::Plain, "cpu") => Box::new(cpu::Cpu::of(workload)),
        (Kind::Plain, "errors") => Box::new(errors::Errors),
        (Kind::Plain, "file") => Box::new(file::File::of(workload)),
        (Kind::Plain, "mixed") => Box::new(mixed::Mixed::of(workload)),
        (Kind::Plain, "timeout") => Box::new(timeout::Timeout),
        (Kind::Plain, "upload") => Box::new(upload::Upload::of(workload)),
        (Kind::Plain, "waits") => Box::new(waits::Waits),
        (Kind::Plain, _) => Box::new(plain::Plain),
        (Kind::Probed, _) => Box::new(probed::Probed),
        (Kind::Overload { rate_per_s }, _) => {
            Box::new(overload::Overload::of(workload, rate_per_s))
        }
        (Kind::BesideIdle, _) => Box::new(beside_idle::BesideIdle),
        (Kind::Streamed, _) => Box::new(streamed::Streamed),
        (Kind::Backends, _) => Box::new(backends::Backends::default()),
        (Kind::WebSocket, _) => Box::new(sockets::Sockets::new(workload)),
    }
}

/// Makes a plan one of an open loop: at the rate asked for, or at this one.
///
/// # Errors
/// When a number of requests is asked for instead of a time.
fn fit_open_loop(plan: &mut Plan, rate_per_s: f64) -> anyhow::Result<()> {
    if matches!(plan.amount, Amount::Requests(_)) {
        bail!(
            "the workload {} is measured for a time: give --duration",
            plan.work.name()
        );
    }
    let has_rate = |point: &LoadPoint| matches!(point, LoadPoint::Rate(_));
    if !plan.load_points.iter().any(has_rate) {
        plan.load_points = vec![LoadPoint::Rate(rate_per_s)];
    }
    Ok(())
}

/// A figure of a workload.
pub fn figure(name: &str, value: Option<f64>, unit: &str, label: &str) -> Figure {
    Figure {
        name: name.to_owned(),
        value: value.filter(|value| value.is_finite()),
        unit: unit.to_owned(),
        label: label.to_owned(),
    }
}

/// The value of a cell's figure.
pub fn value(cell: &CellResult, name: &str) -> Option<f64> {
    cell.figures
        .iter()
        .find(|figure| figure.name == name)
        .and_then(|figure| figure.value)
}

/// Memory that the server grew by, ÷ connections: peak resident memory less what there was before the first.
pub fn memory_per_connection(observations: &Observations<'_>, beside: u64) -> Figure {
    let connections = u64::from(observations.cell.concurrency) + beside;
    let grown = observations
        .cell
        .server_resources
        .rss_peak_bytes
        .zip(observations.sut.rss_before_bytes)
        .map(|(peak, before)| peak.saturating_sub(before) as f64 / connections as f64);
    figure(
        "memory_per_connection",
        grown.map(|bytes| bytes / 1024.0),
        "KiB",
        "server memory per connection",
    )
}

/// The cells of the first load point, each once: those that figures of contrasts belong to.
pub fn first_load_point(record: &Record) -> impl Iterator<Item = &CellResult> {
    let same = |a: (LoadKind, Option<u64>, bool), b: &CellResult| {
        a == (b.load, b.rate.map(f64::to_bits), b.keep_alive)
    };
    let first = record
        .results
        .first()
        .map(|cell| (cell.load, cell.rate.map(f64::to_bits), cell.keep_alive));
    record
        .results
        .iter()
        .filter(move |cell| first.is_some_and(|first| same(first, cell)))
}

/// `x on sync, y on async`: a figure of each server that has it.
pub fn on_each<'a>(
    cells: impl Iterator<Item = &'a CellResult>,
    text: impl Fn(&CellResult) -> Option<String>,
) -> Option<String> {
    let parts: Vec<String> = cells
        .filter_map(|cell| Some(format!("{} on {}", text(cell)?, cell.server)))
        .collect();
    (!parts.is_empty()).then(|| format::list(&parts))
}
