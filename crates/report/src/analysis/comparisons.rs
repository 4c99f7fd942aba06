//! Ratios between servers, paired by block, with exact intervals.

use stats::paired;

use super::cells::{LoadPoint, load_points};
use crate::format;
use crate::record::{Block, CellResult, Comparison, LoadKind, Record};

/// Confidence of every interval.
pub const CONFIDENCE: f64 = 0.95;

/// Fewest blocks that give an interval at [`CONFIDENCE`].
pub const BLOCKS_NEEDED: usize = 6;

/// From this send lag on, in microseconds, a block's latency tells of the client and is not compared.
pub const SEND_LAG_LIMIT_US: f64 = 1_000.0;

/// From this pause of the load generator on, in milliseconds, a block's latency tells of the client and is not
/// compared.
pub const PAUSE_LIMIT_MS: f64 = 100.0;

/// The pairs that answer the project's question, baseline first, and what each ratio says.
pub const STANDARD_PAIRS: [(&str, &str, &str); 3] = [
    ("sync", "async-bare", "what waiting costs"),
    ("async-bare", "async", "what the framework costs"),
    ("sync", "async", "what you get"),
];

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Requests per second: more is better.
    Throughput,
    /// Server CPU time per request: less is better.
    ServerCpuPerRequest,
    /// Median latency: less is better.
    P50,
}

impl Metric {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Metric; 3] = [Metric::Throughput, Metric::ServerCpuPerRequest, Metric::P50];

    /// Its name in a record.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Throughput => "throughput",
            Metric::ServerCpuPerRequest => "server_cpu_per_request",
            Metric::P50 => "p50",
        }
    }

    /// Its figure in one block; `None` where it was not measured or is not usable.
    fn of_block(self, block: &Block) -> Option<f64> {
        match self {
            Metric::Throughput => Some(block.throughput_rps),
            Metric::ServerCpuPerRequest => block.server_cpu_us_per_request,
            Metric::P50 => block.p50_us,
        }
        .filter(|value| value.is_finite() && *value > 0.0)
    }

    fn is_latency(self) -> bool {
        self == Metric::P50
    }
}

/// Every comparison of a record: each pair at each load point, by each metric.
pub fn compare_all(record: &Record) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for point in load_points(record) {
        for (baseline, candidate) in pairs(&point) {
            for metric in Metric::ALL {
                comparisons.push(compare(baseline, candidate, metric));
            }
        }
    }
    comparisons
}

/// The standard pairs of which both servers are there, then every server in none of them against the first.
fn pairs<'a>(point: &LoadPoint<'a>) -> Vec<(&'a CellResult, &'a CellResult)> {
    let mut pairs: Vec<_> = STANDARD_PAIRS
        .iter()
        .filter_map(|(baseline, candidate, _)| {
            Some((point.cell(baseline)?, point.cell(candidate)?))
        })
        .collect();
    let Some((&first, others)) = point.cells.split_first() else {
        return pairs;
    };
    for &other in others {
        let is_paired = pairs
            .iter()
            .any(|(a, b)| a.server == other.server || b.server == other.server);
        if !is_paired {
            pairs.push((first, other));
        }
    }
    pairs
}

/// Compares two servers at one load point, block by block.
pub(crate) fn compare(baseline: &CellResult, candidate: &CellResult, metric: Metric) -> Comparison {
    let blocks = Blocks::of(baseline, candidate, metric);
    let result = blocks.compare();
    Comparison {
        baseline: baseline.server.clone(),
        candidate: candidate.server.clone(),
        metric: metric.name().to_owned(),
        load: baseline.load,
        keep_alive: baseline.keep_alive,
        concurrency: baseline.concurrency,
        rate: baseline.rate,
        ratio: result.map(|result| result.ratio),
        low: blocks.interval_end(result.and_then(|result| result.low)),
        high: blocks.interval_end(result.and_then(|result| result.high)),
        confidence: CONFIDENCE,
        blocks: blocks.used() as u32,
        sigma: result.and_then(|result| result.sigma),
        reason: blocks.reason(metric),
    }
}

/// The blocks of two servers, paired by number, and what became of each pair.
#[derive(Default)]
struct Blocks {
    baseline: Vec<f64>,
    candidate: Vec<f64>,
    total: usize,
    dropped: usize,
    spoilt: usize,
    missing: usize,
}

impl Blocks {
    fn of(baseline: &CellResult, candidate: &CellResult, metric: Metric) -> Blocks {
        let mut blocks = Blocks::default();
        // In a closed loop nothing is sent late: what lies before sending is the time to connect.
        let may_lag = baseline.load == LoadKind::Open;
        let is_spoilt = |block: &Block| {
            metric.is_latency() && (client_paused(block) || may_lag && median_lags(block))
        };
        for first in &baseline.blocks {
            let second = candidate.blocks.iter().find(|b| b.index == first.index);
            blocks.add(first, second, metric, &is_spoilt);
        }
        blocks
    }

    fn add(
        &mut self,
        first: &Block,
        second: Option<&Block>,
        metric: Metric,
        is_spoilt: &dyn Fn(&Block) -> bool,
    ) {
        self.total += 1;
        let Some(second) = second else {
            self.missing += 1;
            return;
        };
        if first.dropped.is_some() || second.dropped.is_some() {
            self.dropped += 1;
        } else if is_spoilt(first) || is_spoilt(second) {
            self.spoilt += 1;
        } else if let (Some(a), Some(b)) = (metric.of_block(first), metric.of_block(second)) {
            self.baseline.push(a);
            self.candidate.push(b);
        } else {
            self.missing += 1;
        }
    }

    fn used(&self) -> usize {
        self.baseline.len()
    }

    /// No ratio is made where one server alone has no figure: leaving such blocks out would flatter it.
    fn compare(&self) -> Option<paired::PairedComparison> {
        if self.missing > 0 {
            return None;
        }
        paired::compare(
            &paired::log_ratios(&self.baseline, &self.candidate),
            CONFIDENCE,
        )
    }

    fn too_many_dropped(&self) -> bool {
        self.dropped * 4 > self.total
    }

    fn interval_end(&self, end: Option<f64>) -> Option<f64> {
        end.filter(|_| !self.too_many_dropped())
    }

    /// Why there is no ratio, or no interval.
    fn reason(&self, metric: Metric) -> Option<String> {
        let of_all =
            |part: usize| format!("{part} of {}", format::counted(self.total as u64, "block"));
        if self.total == 0 {
            Some("no block was measured".to_owned())
        } else if self.missing > 0 {
            Some(format!("{} in {}", absent(metric), of_all(self.missing)))
        } else if self.used() == 0 && self.spoilt > 0 {
            Some(format!("{SPOILT} in {}", of_all(self.spoilt)))
        } else if self.too_many_dropped() {
            Some(format!(
                "{} were dropped, over a quarter: inconclusive",
                of_all(self.dropped)
            ))
        } else if self.used() < BLOCKS_NEEDED {
            Some(format!(
                "{} used; a {} interval needs {BLOCKS_NEEDED}",
                format::counted(self.used() as u64, "block"),
                format::confidence(CONFIDENCE),
            ))
        } else {
            None
        }
    }
}

fn absent(metric: Metric) -> &'static str {
    match metric {
        Metric::Throughput => "no request was answered by one of them",
        Metric::ServerCpuPerRequest => "server CPU time is not available",
        Metric::P50 => "too few requests for a median",
    }
}

/// Why a latency tells of the client.
pub(crate) const SPOILT: &str = "the load generator sent late or stood still";

/// Whether the client stood still so long in a block that its latencies tell of the client.
pub(crate) fn client_paused(block: &Block) -> bool {
    block
        .client_pause_ms
        .is_some_and(|pause| pause >= PAUSE_LIMIT_MS)
}

/// Whether the client sent so late in a block that its median latency tells of the client.
///
/// A tail of late requests moves the tail and hardly the median: while nine requests in ten were sent in
/// time, the late ones shift it by five hundredths in rank at most.
pub(crate) fn median_lags(block: &Block) -> bool {
    let lag_us = block.send_lag_p90_us.or(block.send_lag_p99_us);
    lag_us.is_some_and(|lag| lag >= SEND_LAG_LIMIT_US)
}

/// Whether the client sent so late in a block that its 99th percentile of latency tells of the client.
pub(crate) fn tail_lags(block: &Block) -> bool {
    block
        .send_lag_p99_us
        .is_some_and(|lag| lag >= SEND_LAG_LIMIT_US)
}

/// What a pair of servers tells apart, where it is one of [`STANDARD_PAIRS`].
pub fn meaning(baseline: &str, candidate: &str) -> Option<&'static str> {
    STANDARD_PAIRS
        .iter()
        .find(|(a, b, _)| (*a, *b) == (baseline, candidate))
        .map(|(_, _, meaning)| *meaning)
}

/// Finds the comparison of two servers by one metric at the load point of `cell`.
pub fn find<'a>(
    record: &'a Record,
    (baseline, candidate): (&str, &str),
    metric: Metric,
    cell: &CellResult,
) -> Option<&'a Comparison> {
    record.comparisons.iter().find(|comparison| {
        comparison.baseline == baseline
            && comparison.candidate == candidate
            && comparison.metric == metric.name()
            && is_at_load_of(comparison, cell)
    })
}

/// Whether a comparison was made at the load point of `cell`.
pub fn is_at_load_of(comparison: &Comparison, cell: &CellResult) -> bool {
    comparison.load == cell.load
        && comparison.keep_alive == cell.keep_alive
        && comparison.concurrency == cell.concurrency
        && comparison.rate.map(f64::to_bits) == cell.rate.map(f64::to_bits)
}
