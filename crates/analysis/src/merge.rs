//! Several records: runs of the same thing on the same machine become one record, others stay apart.

use std::time::Duration;

use record::counting::{self, MixedRules};
use record::summary::{HistogramError, decode_histogram};
use record::{CellResult, Record, machine, totals};

use crate::analyse;

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
    machine::is_same(&a.environment, &b.environment)
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
    let timeout = Duration::try_from_secs_f64(merged.config.timeout_s).unwrap_or(Duration::MAX);
    let mut offsets = Offsets::default();
    for record in &group {
        for cell in &record.results {
            add(&mut merged.results, offsets.apply(cell.clone()), timeout)
                .map_err(|source| unreadable(record, cell, source))?;
        }
        offsets.advance(record);
    }
    analyse(&mut merged);
    Ok(merged)
}

/// Adds a cell to the one of the same server under the same load, if it is there.
fn add(
    results: &mut Vec<CellResult>,
    cell: CellResult,
    timeout: Duration,
) -> Result<(), HistogramError> {
    decode_histogram(&cell.histogram)?;
    match results.iter_mut().find(|total| is_same_cell(total, &cell)) {
        Some(total) => totals::add(total, cell, timeout),
        None => {
            results.push(cell);
            Ok(())
        }
    }
}

fn unreadable(record: &Record, cell: &CellResult, source: HistogramError) -> MergeError {
    MergeError::Histogram {
        started_at: record.started_at.clone(),
        server: cell.server.clone(),
        source,
    }
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
