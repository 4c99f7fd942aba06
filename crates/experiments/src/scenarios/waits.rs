//! `waits`: what composing gives (the other mode is measured too), and what waiting without threads gives.

use record::metric::Metric;
use record::{CellResult, Figure, Record};

use super::versus;
use super::{Observations, Scenario, figure, first_load_point, on_each, value};

const OVER_ALL: &str = "connections_over_throughput";

/// Keeps apart what the article does not: how operations are composed, and how waiting is done.
pub(super) struct Waits;

impl Scenario for Waits {
    /// By Little's law: what a request takes when those that are never served count too.
    fn figures(&self, observations: &Observations<'_>) -> Vec<Figure> {
        let rps = observations.cell.throughput_rps;
        let all = (rps > 0.0).then(|| f64::from(observations.cell.concurrency) / rps * 1e6);
        vec![figure(
            OVER_ALL,
            all,
            "us",
            "connections ÷ QPS: response time over all of them",
        )]
    }

    fn findings(&self, record: &Record) -> Vec<String> {
        let mut findings: Vec<String> = composition(record).into_iter().collect();
        findings.extend(waiting(record));
        findings.extend(first_load_point(record).filter_map(starved));
        findings
    }
}

/// One after another ÷ all at once, on each server by itself.
fn composition(record: &Record) -> Option<String> {
    /// From this gain on, composing did it.
    const GAIN: f64 = 1.5;
    let gain = |cell: &CellResult| {
        let sequential = value(cell, "latency_over_concurrent");
        sequential.or(value(cell, "latency_over_sequential").map(|ratio| 1.0 / ratio))
    };
    let gains = on_each(first_load_point(record), |cell| {
        gain(cell).map(format::ratio)
    })?;
    let mut blocking = first_load_point(record).filter(|cell| cell.server == "sync");
    let without_async = match blocking.find_map(gain) {
        Some(gain) if gain >= GAIN => " The blocking server has it too: it takes no async.",
        _ => "",
    };
    Some(format!(
        "What composing gave: mean latency one after another ÷ all at once is {gains}.{without_async}"
    ))
}

/// Async ÷ blocking at the same composition: latency, threads, memory, context switches.
fn waiting(record: &Record) -> Option<String> {
    let versus = versus::pairs(record).find(|versus| versus.candidate.server == "async")?;
    let (blocking, asynchronous) = (versus.baseline, versus.candidate);
    let median = versus.compared(Metric::P50).map(|ratio| ("median", ratio));
    let (which, latency) = match median {
        Some(median) => median,
        None => {
            let mean = versus::ratio(asynchronous.latency_us.mean?, blocking.latency_us.mean?);
            ("mean", mean?)
        }
    };
    let threads = |cell: &CellResult| cell.server_resources.threads_peak.map(format::count);
    let memory = |cell: &CellResult| {
        let bytes = cell.server_resources.rss_peak_bytes;
        bytes.map(|bytes| format::mebibytes(bytes as f64))
    };
    let switches = |cell: &CellResult| {
        let switches = cell.server_resources.context_switches_per_request;
        switches.map(format::number)
    };
    let pair = |what: &str, of: &dyn Fn(&CellResult) -> Option<String>| {
        Some(format!(
            "{} instead of {} {what}",
            of(asynchronous)?,
            of(blocking)?
        ))
    };
    let others: Vec<String> = [
        pair("threads", &threads),
        pair("of memory", &memory),
        pair("context switches per request", &switches),
    ]
    .into_iter()
    .flatten()
    .collect();
    let others = match others.is_empty() {
        true => String::new(),
        false => format!(", with {}", format::list(&others)),
    };
    Some(format!(
        "What async gave, in the same mode: {which} latency async ÷ sync is {}{others}.",
        latency.text
    ))
}

/// A pool of threads leaves connections waiting for one while its CPU idles.
fn starved(cell: &CellResult) -> Option<String> {
    let never_served = cell.connections.never_served();
    if never_served == 0 || cell.requests == 0 {
        return None;
    }
    let share = 100.0 * never_served as f64 / f64::from(cell.concurrency);
    let cores = cell
        .server_resources
        .cores_used
        .map_or_else(String::new, |cores| {
            format!(", while it used {} cores", format::number(cores))
        });
    let over_all = value(cell, OVER_ALL).map_or_else(String::new, |us| {
        format!(
            " Over all connections a request took {}.",
            format::duration_us(us)
        )
    });
    Some(format!(
        "{} left {} of its connections without any answer{cores}: they wait for a thread.{over_all}",
        cell.server,
        format::percent(share)
    ))
}
