//! Several records: runs of the same thing on the same machine become one record, others stay apart.
//!
//! Counts and histograms are added. A percentile is never averaged: where a record kept no histogram
//! (send lag, connecting, classes), the merged record has none.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::analysis::analyse;
use crate::counting::{self, MixedRules};
use crate::record::{
    CellResult, ClassResult, Connections, ErrorCounts, LatencySummary, Record, Resources,
};
use crate::summary::{HistogramError, decode_histogram, encode_histogram};

/// Why records could not be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A histogram is damaged.
    #[error("the record of {started_at} cannot be merged: {server}: {source}")]
    Histogram {
        /// When the run of that record began.
        started_at: String,
        /// The server whose histogram is at fault.
        server: String,
        /// What is wrong with it.
        source: HistogramError,
    },
    /// Not even side by side do their figures mean the same.
    #[error(
        "the records of {one} and {other} cannot be shown together: {source}; report each alone, or measure the older one again"
    )]
    Rules {
        /// When the run of the oldest record began.
        one: String,
        /// When that of the first one began that counts differently.
        other: String,
        /// What differs.
        source: MixedRules,
    },
}

/// Merges what can be merged: one record for each machine, build and question asked, oldest first.
///
/// # Errors
/// When a histogram cannot be read, or the records count requests by different rules.
pub fn merge(mut records: Vec<Record>) -> Result<Vec<Record>, MergeError> {
    records.sort_by(|a, b| a.started_at.cmp(&b.started_at));
    for record in &records {
        check_rules(&records[0], record)?;
    }
    let mut groups: Vec<Vec<Record>> = Vec::new();
    for record in records {
        match groups.iter_mut().find(|group| is_same(&group[0], &record)) {
            Some(group) => group.push(record),
            None => groups.push(vec![record]),
        }
    }
    groups.into_iter().map(merge_group).collect()
}

fn check_rules(a: &Record, b: &Record) -> Result<(), MergeError> {
    let same = counting::check_same(&a.config.counting_rule, &b.config.counting_rule);
    same.map_err(|source| MergeError::Rules {
        one: a.started_at.clone(),
        other: b.started_at.clone(),
        source,
    })
}

/// Whether two records are of the same machine: another kernel is another machine.
pub fn is_same_machine(a: &Record, b: &Record) -> bool {
    let (a, b) = (&a.environment, &b.environment);
    (&a.cpu, a.cores, &a.os, &a.arch, &a.kernel) == (&b.cpu, b.cores, &b.os, &b.arch, &b.kernel)
        && a.memory_bytes == b.memory_bytes
}

/// Whether two records asked the same of the same build on the same machine.
fn is_same(a: &Record, b: &Record) -> bool {
    let build = |record: &Record| {
        let environment = &record.environment;
        (
            record.program_version.clone(),
            environment.build_profile.clone(),
            environment.optimised,
            environment.toolchain.clone(),
            environment.git_revision.clone(),
            environment.git_dirty,
        )
    };
    let asked = |record: &Record| {
        let config = &record.config;
        let servers: Vec<_> = config
            .servers
            .iter()
            .map(|server| (server.name.clone(), server.settings.clone()))
            .collect();
        (
            config.workload.clone(),
            config.concurrency,
            config.client.clone(),
            config.threads,
            config.timeout_s.to_bits(),
            config.interleave,
            config.arrivals.clone(),
            (config.server_cpus.clone(), config.client_cpus.clone()),
            servers,
        )
    };
    is_same_machine(a, b)
        && build(a) == build(b)
        && asked(a) == asked(b)
        && a.config.request == b.config.request
}

fn merge_group(mut group: Vec<Record>) -> Result<Record, MergeError> {
    if group.len() == 1 {
        return Ok(group.remove(0));
    }
    let mut merged = group[0].clone();
    merged.merged_from = group.iter().flat_map(origins).collect();
    merged.results.clear();
    merged.findings.clear();
    merged.config.blocks = group.iter().map(|record| record.config.blocks).sum();
    merged.config.duration_s = group.iter().map(|record| record.config.duration_s).sum();
    merged.config.requests = group.iter().map(|record| record.config.requests).sum();
    merged.interrupted = group.iter().any(|record| record.interrupted);
    merged.tcp.listen_overflows = group.iter().map(|record| record.tcp.listen_overflows).sum();
    merged.tcp.syn_retransmits = group.iter().map(|record| record.tcp.syn_retransmits).sum();
    merged.tcp.failed_connects = group.iter().map(|record| record.tcp.failed_connects).sum();
    let slowest = group.iter().map(|record| record.tcp.slowest_connect_us);
    merged.tcp.slowest_connect_us = slowest.max().flatten();
    for warning in group.iter().flat_map(|record| &record.warnings) {
        if !merged.warnings.contains(warning) {
            merged.warnings.push(warning.clone());
        }
    }
    let mut sums: Vec<Sum> = Vec::new();
    let mut offsets = Offsets::default();
    for record in &group {
        for cell in &record.results {
            let cell = offsets.apply(cell.clone());
            match sums.iter_mut().find(|sum| is_same_cell(&sum.cell, &cell)) {
                Some(sum) => sum.add(cell).map_err(|error| error.of(record))?,
                None => sums.push(Sum::of(cell).map_err(|error| error.of(record))?),
            }
        }
        offsets.advance(record);
    }
    let timeout = Duration::try_from_secs_f64(merged.config.timeout_s).unwrap_or(Duration::MAX);
    for sum in sums {
        merged
            .results
            .push(sum.finish(timeout).map_err(|error| error.of(&merged))?);
    }
    analyse(&mut merged);
    Ok(merged)
}

fn origins(record: &Record) -> Vec<String> {
    if record.merged_from.is_empty() {
        vec![record.started_at.clone()]
    } else {
        record.merged_from.clone()
    }
}

/// Blocks and seconds of a later record follow those of the earlier ones, so that its pairs stay pairs.
#[derive(Default)]
struct Offsets {
    block: u32,
    second: f64,
}

impl Offsets {
    fn apply(&self, mut cell: CellResult) -> CellResult {
        for block in &mut cell.blocks {
            block.index += self.block;
        }
        for sample in &mut cell.time_series {
            sample.second += self.second;
        }
        cell
    }

    fn advance(&mut self, record: &Record) {
        let blocks = record.results.iter().flat_map(|cell| &cell.blocks);
        self.block += blocks.map(|block| block.index + 1).max().unwrap_or(0);
        let samples = record.results.iter().flat_map(|cell| &cell.time_series);
        self.second += samples
            .map(|sample| sample.second + 1.0)
            .fold(0.0, f64::max);
    }
}

fn is_same_cell(a: &CellResult, b: &CellResult) -> bool {
    (&a.server, &a.workload, a.load, a.keep_alive, a.concurrency)
        == (&b.server, &b.workload, b.load, b.keep_alive, b.concurrency)
        && a.rate.map(f64::to_bits) == b.rate.map(f64::to_bits)
}

/// What is wrong with the histogram of a server.
struct Unreadable {
    server: String,
    source: HistogramError,
}

impl Unreadable {
    fn of(self, record: &Record) -> MergeError {
        MergeError::Histogram {
            started_at: record.started_at.clone(),
            server: self.server,
            source: self.source,
        }
    }
}

/// A cell to which those of other runs are added.
struct Sum {
    cell: CellResult,
    histogram: Histogram<u64>,
}

impl Sum {
    fn of(cell: CellResult) -> Result<Sum, Unreadable> {
        let histogram = decode(&cell)?;
        Ok(Sum { cell, histogram })
    }

    fn add(&mut self, from: CellResult) -> Result<(), Unreadable> {
        let added = self.histogram.add(&decode(&from)?);
        added.map_err(|error| unreadable(&from, HistogramError::Format(format!("{error:?}"))))?;
        add_figures(&mut self.cell, from);
        Ok(())
    }

    fn finish(self, timeout: Duration) -> Result<CellResult, Unreadable> {
        let Sum {
            mut cell,
            histogram,
        } = self;
        let lost = cell.errors.timeout + cell.errors.unsent;
        cell.latency_us = LatencySummary::from_histogram(&histogram, lost, timeout);
        cell.histogram =
            encode_histogram(&histogram).map_err(|source| unreadable(&cell, source))?;
        Ok(cell)
    }
}

fn decode(cell: &CellResult) -> Result<Histogram<u64>, Unreadable> {
    decode_histogram(&cell.histogram).map_err(|source| unreadable(cell, source))
}

fn unreadable(cell: &CellResult, source: HistogramError) -> Unreadable {
    Unreadable {
        server: cell.server.clone(),
        source,
    }
}

/// Adds everything but the histogram and what is made from it.
fn add_figures(into: &mut CellResult, from: CellResult) {
    let requests = (into.requests as f64, from.requests as f64);
    let seconds = (into.duration_s, from.duration_s);
    into.transfer_bytes_per_s = weighted(
        (into.transfer_bytes_per_s, from.transfer_bytes_per_s),
        seconds,
    );
    into.requests += from.requests;
    into.duration_s += from.duration_s;
    into.throughput_rps = if into.duration_s > 0.0 {
        into.requests as f64 / into.duration_s
    } else {
        0.0
    };
    into.errors = errors(into.errors, from.errors);
    for (known, other) in [
        (&mut into.service_time_us, &from.service_time_us),
        (&mut into.send_lag_us, &from.send_lag_us),
        (&mut into.connect_us, &from.connect_us),
    ] {
        *known = without_percentiles(known, other);
    }
    for (status, count) in from.status_codes {
        *into.status_codes.entry(status).or_default() += count;
    }
    into.in_flight_at_deadline += from.in_flight_at_deadline;
    into.connections = connections(into.connections, from.connections);
    into.server_resources = resources(
        into.server_resources,
        from.server_resources,
        requests,
        seconds,
    );
    into.client_resources = resources(
        into.client_resources,
        from.client_resources,
        requests,
        seconds,
    );
    into.blocks.extend(from.blocks);
    into.time_series.extend(from.time_series);
    into.wrk_compatible = None;
    into.classes = classes(&into.classes, &from.classes);
    for figure in &mut into.figures {
        figure.value = None;
    }
}

fn weighted((a, b): (f64, f64), (weight_a, weight_b): (f64, f64)) -> f64 {
    let total = weight_a + weight_b;
    if total > 0.0 {
        (a * weight_a + b * weight_b) / total
    } else {
        0.0
    }
}

fn weighted_optional(values: (Option<f64>, Option<f64>), weights: (f64, f64)) -> Option<f64> {
    Some(weighted((values.0?, values.1?), weights))
}

fn resources(a: Resources, b: Resources, requests: (f64, f64), seconds: (f64, f64)) -> Resources {
    Resources {
        cpu_us_per_request: weighted_optional(
            (a.cpu_us_per_request, b.cpu_us_per_request),
            requests,
        ),
        cores_used: weighted_optional((a.cores_used, b.cores_used), seconds),
        rss_peak_bytes: a.rss_peak_bytes.max(b.rss_peak_bytes),
        threads_peak: a.threads_peak.max(b.threads_peak),
        fds_peak: a.fds_peak.max(b.fds_peak),
        context_switches_per_request: weighted_optional(
            (
                a.context_switches_per_request,
                b.context_switches_per_request,
            ),
            requests,
        ),
        run_queue_wait_percent: weighted_optional(
            (a.run_queue_wait_percent, b.run_queue_wait_percent),
            seconds,
        ),
    }
}

fn connections(a: Connections, b: Connections) -> Connections {
    Connections {
        established: a.established + b.established,
        failed: a.failed + b.failed,
        unanswered: a.unanswered + b.unanswered,
        never_served: Some(a.never_served() + b.never_served()),
        requests_min: a.requests_min.zip(b.requests_min).map(|(a, b)| a.min(b)),
        requests_median: None,
        requests_max: a.requests_max.max(b.requests_max),
        jain_index: None,
    }
}

fn errors(a: ErrorCounts, b: ErrorCounts) -> ErrorCounts {
    ErrorCounts {
        total: a.total + b.total,
        connect: a.connect + b.connect,
        connect_timeout: a.connect_timeout + b.connect_timeout,
        ports: a.ports + b.ports,
        send: a.send + b.send,
        receive: a.receive + b.receive,
        closed: a.closed + b.closed,
        timeout: a.timeout + b.timeout,
        unsent: a.unsent + b.unsent,
        status: a.status + b.status,
        protocol: a.protocol + b.protocol,
        body: a.body + b.body,
    }
}

/// What two summaries say together without their histograms: count, ends and mean.
fn without_percentiles(a: &LatencySummary, b: &LatencySummary) -> LatencySummary {
    if a.count == 0 || b.count == 0 {
        return if a.count == 0 { b.clone() } else { a.clone() };
    }
    let smallest = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a.min(b));
    let largest = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a.max(b));
    LatencySummary {
        count: a.count + b.count,
        min: smallest(a.min, b.min),
        mean: weighted_optional((a.mean, b.mean), (a.count as f64, b.count as f64)),
        max: largest(a.max, b.max),
        ..LatencySummary::default()
    }
}

fn classes(a: &[ClassResult], b: &[ClassResult]) -> Vec<ClassResult> {
    let mut merged: BTreeMap<&str, ClassResult> = BTreeMap::new();
    for class in a.iter().chain(b) {
        let known = merged.get(class.name.as_str()).cloned();
        let sum = known.map_or_else(
            || class.clone(),
            |known| ClassResult {
                name: known.name,
                requests: known.requests + class.requests,
                latency_us: without_percentiles(&known.latency_us, &class.latency_us),
            },
        );
        merged.insert(&class.name, sum);
    }
    merged.into_values().collect()
}
