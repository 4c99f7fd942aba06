//! From blocks to the record: one cell is one server at one load point with one keep-alive.

use std::time::{Duration, Instant};

use analysis::ceiling::ceiling_rps;
use engine::{ConnectionCounts, Measurement, Service};
use record::{
    Block, CellResult, ClassResult, ClosedConnections, Connections, ErrorCounts, LatencySummary,
    LoadKind, SeriesPoint,
};
use stats::thresholds::{PAUSE_LIMIT_MS, STEAL_DROPS_PERCENT};

use crate::block::{Surroundings, SutBlock};
use crate::counters::with;
use crate::sampler::Sample;
use crate::stragglers::{Whole, made_in};

mod used;
mod wrk;

use used::{Used, cores, micros, per_answer};

pub use used::cpu_us_per_request;

/// What names a cell.
#[derive(Debug, Clone)]
pub struct CellName {
    /// Server.
    pub server: String,
    /// Workload.
    pub workload: String,
    /// Closed or open loop.
    pub load: LoadKind,
    /// Rate of an open loop.
    pub rate: Option<f64>,
    /// Keep-alive.
    pub keep_alive: bool,
    /// Connections.
    pub concurrency: usize,
    /// How long an answer takes at least.
    pub wait: Duration,
    /// Worker threads of the load generator.
    pub client_threads: usize,
    /// After which a request counts as unanswered.
    pub timeout: Duration,
}

/// What was asked of a server, as far as its figures depend on it.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Closed or open loop.
    pub load: LoadKind,
    /// Connections.
    pub concurrency: usize,
    /// After which a request counts as unanswered.
    pub timeout: Duration,
}

impl CellName {
    fn asked(&self) -> Asked {
        Asked {
            load: self.load,
            concurrency: self.concurrency,
            timeout: self.timeout,
        }
    }
}

/// A cell while it is measured.
pub struct Cell {
    name: CellName,
    total: Measurement,
    blocks: Vec<Block>,
    used: Used,
}

impl Cell {
    /// An empty cell.
    pub fn new(name: CellName) -> Self {
        Self {
            name,
            total: Measurement::default(),
            blocks: Vec::new(),
            used: Used::default(),
        }
    }

    /// Adds one server's part of a block, or what warming it up left behind: connections, and errors.
    pub fn add(&mut self, part: Whole) {
        let Whole { block, mut sut } = part;
        let Some((index, around)) = block else {
            self.total.errors += sut.measurement.errors;
            self.total.append(made_in(&sut.measurement));
            return;
        };
        self.blocks
            .push(self::block(index, around, &sut, &self.name.asked()));
        let used = &mut self.used;
        used.span += sut.span;
        used.slices += sut.slices;
        // A sum that lacks a block would pass for the whole.
        let is_first = self.blocks.len() == 1;
        used.server_cpu = with(used.server_cpu, sut.server_cpu, is_first);
        used.client_cpu += sut.client_cpu;
        used.server_switches = with(used.server_switches, sut.server_switches, is_first);
        used.client_switches = with(used.client_switches, sut.client_switches, is_first);
        used.client_run_queue_wait = with(
            used.client_run_queue_wait,
            sut.client_run_queue_wait,
            is_first,
        );
        if stood_still(&sut) {
            forget_latencies(&mut sut.measurement);
        }
        self.total.append(sut.measurement);
    }

    /// Requests per second so far; `None` before anything was measured.
    pub fn throughput_rps(&self) -> Option<f64> {
        let seconds = self.total.measured.as_secs_f64();
        (seconds > 0.0).then(|| self.total.requests as f64 / seconds)
    }

    /// What the load generator saw so far.
    pub fn total(&self) -> &Measurement {
        &self.total
    }

    /// Time from the first request of each slice to its last answer, added up.
    pub fn span(&self) -> Duration {
        self.used.span
    }

    /// How many slices that were.
    pub fn slices(&self) -> u32 {
        self.used.slices
    }

    /// The server's name.
    pub fn server(&self) -> &str {
        &self.name.server
    }

    /// Its connections.
    pub fn concurrency(&self) -> u64 {
        self.name.concurrency as u64
    }

    /// Its blocks so far.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Errors so far, by kind.
    pub fn errors(&self) -> ErrorCounts {
        errors(&self.total)
    }

    /// Whether there is anything to tell of it.
    pub fn was_loaded(&self) -> bool {
        !self.blocks.is_empty()
    }

    /// Makes the record's entry. `samples` are those of this cell's server (`Some(sut)`) and of the client
    /// (`None`) while the load point was measured; `epoch` is when the engine's series begins.
    pub fn into_result(self, sut: usize, samples: &[Sample], epoch: Instant) -> CellResult {
        let Self {
            name,
            total,
            mut blocks,
            used,
        } = self;
        blocks.sort_by_key(|block| block.index);
        let seconds = total.measured.as_secs_f64();
        let per_second = |amount: u64| {
            if seconds > 0.0 {
                amount as f64 / seconds
            } else {
                0.0
            }
        };
        let slower = total.unanswered;
        let summary =
            |histogram, slower| LatencySummary::from_histogram(histogram, slower, name.timeout);
        CellResult {
            requests: total.requests,
            duration_s: seconds,
            throughput_rps: per_second(total.requests),
            ceiling_rps: ceiling_rps(name.concurrency, name.wait)
                .filter(|_| name.load == LoadKind::Closed),
            transfer_bytes_per_s: per_second(total.bytes_received),
            latency_us: summary(&total.latency, slower),
            service_time_us: summary(&total.service_time, slower),
            send_lag_us: summary(&total.send_lag, 0),
            connect_us: summary(&total.connect, 0),
            errors: errors(&total),
            status_codes: total.status_codes.clone(),
            in_flight_at_deadline: total.in_flight_at_deadline,
            connections: connections(&total, name.keep_alive),
            server_resources: used.server(&total, samples, sut),
            client_resources: used.client(&total, samples, name.client_threads),
            time_series: series(&total, samples, sut, epoch),
            closed_connections: Some(closed_connections(&total)),
            answers_in_two_parts: Some(total.answers_in_two_parts),
            histogram: record::summary::encode_histogram(&total.latency).unwrap_or_default(),
            wrk_compatible: wrk::compatible(&name, &total),
            classes: classes(&total, name.timeout),
            figures: Vec::new(),
            server: name.server,
            workload: name.workload,
            load: name.load,
            keep_alive: name.keep_alive,
            concurrency: u32::try_from(name.concurrency).unwrap_or(u32::MAX),
            rate: name.rate,
            blocks,
        }
    }
}

/// Whether the load generator itself stood still so long that the latencies of this block tell of it.
fn stood_still(sut: &SutBlock) -> bool {
    sut.client_pause.as_secs_f64() * 1e3 >= PAUSE_LIMIT_MS
}

/// Leaves out all times that the load generator's own pause is a part of. Requests are counted all the same.
fn forget_latencies(measurement: &mut Measurement) {
    let Measurement {
        latency,
        service_time,
        send_lag,
        connect,
        first_byte,
        chunk_gaps,
        classes,
        ..
    } = measurement;
    let always = [latency, service_time, send_lag, connect].into_iter();
    let of_classes = classes.iter_mut().map(|class| &mut class.latency);
    let all = always.chain(first_byte).chain(chunk_gaps).chain(of_classes);
    all.for_each(hdrhistogram::Histogram::reset);
    measurement.unanswered = 0; // they have no place among latencies that are not there
}

/// One server's part of a block as it stands in a record.
pub fn block(index: u32, around: Surroundings, sut: &SutBlock, asked: &Asked) -> Block {
    let it = &sut.measurement;
    let lasting = |histogram, slower| {
        let summary = LatencySummary::from_histogram(histogram, slower, asked.timeout);
        if stood_still(sut) {
            LatencySummary::default()
        } else {
            summary
        }
    };
    let latency = lasting(&it.latency, it.unanswered);
    let send_lag = lasting(&it.send_lag, 0);
    let seconds = it.measured.as_secs_f64();
    Block {
        index,
        requests: it.requests,
        duration_s: seconds,
        throughput_rps: if seconds > 0.0 {
            it.requests as f64 / seconds
        } else {
            0.0
        },
        errors: it.errors.total(),
        p50_us: latency.p50,
        p99_us: latency.p99,
        mean_us: latency.mean,
        waited_s: Some(it.waited.as_secs_f64()),
        by_latency_rps: by_latency_rps(it, asked),
        client_pause_ms: Some(micros(sut.client_pause) / 1e3),
        answered_in_window: Some(it.answers_in_window),
        slices: Some(sut.slices),
        send_lag_p90_us: send_lag.p90,
        send_lag_p99_us: send_lag.p99,
        server_cpu_us_per_request: cpu_us_per_request(sut.server_cpu, it),
        client_cpu_us_per_request: cpu_us_per_request(Some(sut.client_cpu), it),
        context_switches_per_request: per_answer(
            sut.server_switches.map(|switches| switches as f64),
            it,
        ),
        cpu: sut.cpu,
        steal_percent: around.steal_percent,
        spin_us: Some(micros(around.spin)),
        last_third_over_first: sut.last_third_over_first,
        throttled_periods: sut.throttled_periods,
        dropped: dropped(around, sut),
        never_served: Some(never_served(&it.connections)),
    }
}

/// Throughput by Little's law: every connection of a closed loop always waits for an answer, so that requests come as
/// often as their time goes into that of all connections.
fn by_latency_rps(it: &Measurement, asked: &Asked) -> Option<f64> {
    let waited_s = it.waited.as_secs_f64();
    let is_known = asked.load == LoadKind::Closed && waited_s > 0.0;
    is_known.then(|| asked.concurrency as f64 * it.requests as f64 / waited_s)
}

/// Why a block is left out: only for what happened to the machine or the load generator, never for what a server did.
fn dropped(around: Surroundings, sut: &SutBlock) -> Option<String> {
    if around.interrupted {
        return Some("interrupted".to_owned());
    }
    if stood_still(sut) {
        let pause = format::duration_us(micros(sut.client_pause));
        return Some(format!("the load generator stood still for {pause}"));
    }
    let steal = around
        .steal_percent
        .filter(|&percent| percent > STEAL_DROPS_PERCENT)?;
    Some(format!("{steal:.1} % of the CPU time was stolen"))
}

fn errors(total: &Measurement) -> ErrorCounts {
    let engine::ErrorCounts {
        connect,
        connect_timeout,
        ports,
        send,
        receive,
        closed,
        stale,
        timeout,
        unsent,
        status,
        protocol,
        body,
    } = total.errors;
    ErrorCounts {
        total: total.errors.total(),
        connect,
        connect_timeout,
        ports,
        send,
        receive,
        closed,
        stale,
        timeout,
        unsent,
        status,
        protocol,
        body,
    }
}

fn closed_connections(total: &Measurement) -> ClosedConnections {
    let counts = &total.connections;
    ClosedConnections {
        announced: counts.closed.announced.clone(),
        unannounced: counts.closed.unannounced.clone(),
        left_open: counts.left_open,
        closed_by_client: counts.closed_by_client,
    }
}

fn connections(total: &Measurement, keep_alive: bool) -> Connections {
    let counts = &total.connections;
    let of_each = &counts.requests_per_connection;
    let unanswered = of_each.iter().filter(|&&requests| requests == 0).count() as u64;
    // Where the server closes them, each place has had many connections, and says nothing of one.
    let closed = counts
        .closed
        .announced
        .values()
        .chain(counts.closed.unannounced.values());
    let is_kept = keep_alive && closed.sum::<u64>() < of_each.len() as u64;
    let spread = stats::fairness::fairness(of_each).filter(|_| is_kept);
    Connections {
        established: counts.established,
        failed: counts.failed,
        unanswered: if keep_alive { unanswered } else { 0 },
        never_served: keep_alive.then(|| never_served(counts)),
        requests_min: spread.as_ref().map(|spread| spread.min),
        requests_median: spread.as_ref().map(|spread| spread.median),
        requests_max: spread.as_ref().map(|spread| spread.max),
        jain_index: spread.and_then(|spread| spread.jain),
    }
}

fn never_served(counts: &ConnectionCounts) -> u64 {
    let each = counts.service.iter();
    each.filter(|it| **it == Service::Unanswered).count() as u64
}

fn classes(total: &Measurement, timeout: Duration) -> Vec<ClassResult> {
    let of_class = |class: &engine::ClassMeasurement| ClassResult {
        name: class.name.clone(),
        requests: class.requests,
        latency_us: LatencySummary::from_histogram(&class.latency, 0, timeout),
    };
    total.classes.iter().map(of_class).collect()
}

/// The engine's seconds, with what the samples of the same second say about the server.
fn series(total: &Measurement, samples: &[Sample], sut: usize, epoch: Instant) -> Vec<SeriesPoint> {
    let of_server: Vec<&Sample> = samples
        .iter()
        .filter(|sample| sample.sut == Some(sut))
        .collect();
    total
        .series
        .iter()
        .map(|point| {
            let from = epoch + Duration::from_secs(point.second);
            let within: Vec<_> = of_server
                .iter()
                .filter(|sample| (from..from + Duration::from_secs(1)).contains(&sample.at))
                .collect();
            let ends = within.first().zip(within.last());
            let same = ends.filter(|(first, last)| first.set == last.set);
            let cores = same.and_then(|(first, last)| {
                let cpu = last.cpu?.checked_sub(first.cpu?)?;
                cores(Some(cpu), last.at - first.at)
            });
            SeriesPoint {
                second: point.second as f64,
                measured_s: point.measured.as_secs_f64(),
                requests: point.requests,
                errors: point.errors,
                wrong_answers: point.wrong_answers,
                p50_us: point.p50_ns.map(|ns| ns as f64 / 1e3),
                p99_us: point.p99_ns.map(|ns| ns as f64 / 1e3),
                server_cores_used: cores,
                server_rss_bytes: within
                    .iter()
                    .filter_map(|sample| sample.memory.rss_bytes)
                    .max(),
                server_threads: within
                    .iter()
                    .filter_map(|sample| sample.memory.threads)
                    .max(),
            }
        })
        .collect()
}
