//! Ratios between servers, paired by block, with exact intervals.

use record::metric::Metric;
use record::{Block, CellResult, Comparison, LoadKind, Record};
use stats::gate::Better;
use stats::paired;
use stats::thresholds::{
    BLOCKS_NEEDED, CONFIDENCE, CONTENDED_PERCENT, PAUSE_LIMIT_MS, SEND_LAG_LIMIT_US,
};

use crate::ceiling;
use crate::cells::{LoadPoint, load_points};
use crate::usage;

/// The pairs that answer the project's question, baseline first, and what each ratio says.
pub const STANDARD_PAIRS: [(&str, &str, &str); 3] = [
    ("sync", "async-bare", "what waiting costs"),
    ("async-bare", "async", "what the framework costs"),
    ("sync", "async", "what you get"),
];

/// Every comparison of a record: each pair at each load point, by each metric.
pub fn compare_all(record: &Record) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for point in load_points(record) {
        for (baseline, candidate) in pairs(&point) {
            for metric in Metric::COMPARED {
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
    // Over all blocks: what others used is known also where none can be compared.
    let others_percent = usage::others_percent(baseline.blocks.iter().chain(&candidate.blocks));
    let (credited_low, credited_high) = blocks.credited_ends(metric);
    let mut comparison = Comparison {
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
        others_percent,
        credited_low,
        credited_high,
        at_ceiling: ceiling::is_reached(&[baseline, candidate]),
        winner: None,
    };
    comparison.winner = winner(&comparison).map(str::to_owned);
    comparison
}

/// Who is better beyond doubt. The one rule by which any server is said to be better than another: the whole interval
/// lies on its side, and still does when the other server is credited with the CPU that other programs took. CPU time
/// per request has no such credit, so where others used much of the machine nobody is named by it. Where both reach what
/// the waits allow, throughput and latency name nobody.
pub fn winner(comparison: &Comparison) -> Option<&str> {
    let metric = Metric::named(&comparison.metric)?;
    let plain = comparison.low.zip(comparison.high)?;
    let credited = comparison.credited_low.zip(comparison.credited_high);
    let (low, high) = match metric {
        Metric::Throughput | Metric::P50 | Metric::P99 if comparison.at_ceiling => return None,
        Metric::ServerCpuPerRequest if is_contended(comparison.others_percent) => return None,
        Metric::ServerCpuPerRequest => plain,
        Metric::Throughput | Metric::P50 | Metric::P99 => credited.unwrap_or(plain),
    };
    let above = match metric.better() {
        Better::Higher => [&comparison.candidate, &comparison.baseline],
        Better::Lower => [&comparison.baseline, &comparison.candidate],
    };
    match (low > 1.0, high < 1.0) {
        (true, _) => Some(above[0]),
        (_, true) => Some(above[1]),
        _ => None,
    }
}

/// Whether other programs used so much of the machine that it has to be said.
pub fn is_contended(others_percent: Option<f64>) -> bool {
    others_percent.is_some_and(|percent| percent >= CONTENDED_PERCENT)
}

/// What may be said about two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// One of them is better beyond doubt.
    Winner,
    /// Both reach what the waits allow.
    Wait,
    /// No winner is named, because of what other programs took.
    Withheld,
    /// The interval includes one.
    NoDifference,
    /// There is a ratio at most, and nothing is known of its precision.
    NoInterval,
}

/// What may be said about the two servers of a comparison.
pub fn standing(comparison: &Comparison) -> Standing {
    let includes_one = |(low, high): (f64, f64)| low <= 1.0 && 1.0 <= high;
    let credited = comparison.credited_low.zip(comparison.credited_high);
    let plain = comparison.low.zip(comparison.high);
    if winner(comparison).is_some() {
        return Standing::Winner;
    }
    let is_cpu = Metric::named(&comparison.metric) == Some(Metric::ServerCpuPerRequest);
    if comparison.at_ceiling && !is_cpu {
        return Standing::Wait;
    }
    if is_contended(comparison.others_percent) {
        return Standing::Withheld;
    }
    match plain {
        Some(ends) if includes_one(ends) => Standing::NoDifference,
        Some(_) => Standing::Withheld,
        // Ends that fall together are the ratio itself: nobody took anything.
        None if credited.is_some_and(|(low, high)| low < high && includes_one((low, high))) => {
            Standing::Withheld
        }
        None => Standing::NoInterval,
    }
}

/// The blocks of two servers, paired by number, and what became of each pair.
#[derive(Default)]
struct Blocks<'a> {
    /// Those that are compared, the baseline's first.
    pairs: Vec<[&'a Block; 2]>,
    baseline: Vec<f64>,
    candidate: Vec<f64>,
    total: usize,
    dropped: usize,
    spoilt: usize,
    missing: usize,
}

impl<'a> Blocks<'a> {
    fn of(baseline: &'a CellResult, candidate: &'a CellResult, metric: Metric) -> Blocks<'a> {
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
        first: &'a Block,
        second: Option<&'a Block>,
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
            self.pairs.push([first, second]);
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

    /// The ends of the interval (without one, the ratio) when one server is credited with the CPU that others took,
    /// and when the other is.
    fn credited_ends(&self, metric: Metric) -> (Option<f64>, Option<f64>) {
        if self.missing > 0 || metric == Metric::ServerCpuPerRequest {
            return (None, None);
        }
        let credited = |figures: &[f64], arm: usize| -> Vec<f64> {
            let of_pair =
                |(figure, pair): (&f64, &[&Block; 2])| figure * usage::credited(metric, pair[arm]);
            figures.iter().zip(&self.pairs).map(of_pair).collect()
        };
        let compare = |below: &[f64], above: &[f64]| {
            paired::compare(&paired::log_ratios(below, above), CONFIDENCE)
        };
        let below = compare(&credited(&self.baseline, 0), &self.candidate);
        let above = compare(&self.baseline, &credited(&self.candidate, 1));
        // Credit moves a throughput up and a latency down.
        let (smallest, largest) = match metric.better() {
            Better::Higher => (below, above),
            Better::Lower => (above, below),
        };
        let end = |found: Option<paired::PairedComparison>,
                   of: fn(&paired::PairedComparison) -> Option<f64>| {
            found.map(|it| self.interval_end(of(&it)).unwrap_or(it.ratio))
        };
        (end(smallest, |it| it.low), end(largest, |it| it.high))
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
        Metric::P99 => "too few requests for p99",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::cells::result;
    use proptest::prelude::*;
    use record::BlockCpu;

    /// Eight blocks of about so many requests per second in which others took so many of two seconds of CPU.
    fn cell(server: &str, rps: f64, others_s: f64) -> CellResult {
        let blocks: Vec<f64> = (0..8)
            .map(|at| rps * (1.0 + 0.001 * f64::from(at)))
            .collect();
        let mut cell = result(server, &blocks);
        for block in &mut cell.blocks {
            block.p50_us = Some(1e9 / block.throughput_rps);
            block.server_cpu_us_per_request = Some(1e6 / block.throughput_rps);
            block.cpu = Some(BlockCpu {
                machine_s: 2.0,
                server_s: Some((2.0 - others_s) / 2.0),
                client_s: (2.0 - others_s) / 2.0,
                helpers_s: Some(0.0),
                others_s: Some(others_s),
                ..BlockCpu::default()
            });
        }
        cell
    }

    fn compared(below: (f64, f64), above: (f64, f64), metric: Metric) -> Comparison {
        compare(
            &cell("sync", below.0, below.1),
            &cell("async", above.0, above.1),
            metric,
        )
    }

    #[test]
    fn where_both_reach_what_the_wait_allows_nobody_is_better() {
        let at = |server: &str, rps: f64| CellResult {
            ceiling_rps: Some(102.0),
            ..cell(server, rps, 0.0)
        };
        let compared = |above: f64, metric| compare(&at("sync", 97.0), &at("async", above), metric);
        for metric in [Metric::Throughput, Metric::P50] {
            assert_eq!(standing(&compared(101.0, metric)), Standing::Wait);
            assert_eq!(standing(&compared(90.0, metric)), Standing::Winner);
        }
        let cpu = compared(101.0, Metric::ServerCpuPerRequest);
        assert_eq!(standing(&cpu), Standing::Winner);
    }

    #[test]
    fn a_winner_has_to_win_against_what_others_took_from_the_other_one_too() {
        for metric in [Metric::Throughput, Metric::P50] {
            let winner_of = |below, above| compared(below, above, metric).winner;
            // Others took half of the baseline's CPU: it could have done twice as much.
            assert_eq!(winner_of((100.0, 1.0), (150.0, 1.0)), None);
            assert_eq!(winner_of((150.0, 1.0), (100.0, 1.0)), None);
            assert_eq!(
                winner_of((100.0, 1.0), (210.0, 1.0)).as_deref(),
                Some("async")
            );
            assert_eq!(
                winner_of((210.0, 1.0), (100.0, 1.0)).as_deref(),
                Some("sync")
            );
            // What was taken from the winner is no doubt about it.
            assert_eq!(
                winner_of((100.0, 0.0), (150.0, 1.0)).as_deref(),
                Some("async")
            );
        }
    }

    #[test]
    fn cpu_per_request_names_nobody_beside_other_programs() {
        let winner_of = |others| {
            compared(
                (100.0, others),
                (150.0, others),
                Metric::ServerCpuPerRequest,
            )
            .winner
        };
        assert_eq!(winner_of(0.0).as_deref(), Some("async"));
        assert_eq!(
            winner_of(0.05).as_deref(),
            Some("async"),
            "2.5 % of the machine"
        );
        assert_eq!(winner_of(0.2), None);
    }

    #[test]
    fn what_is_said_tells_doubt_by_others_from_no_difference() {
        let of = |below, above| standing(&compared(below, above, Metric::Throughput));
        assert_eq!(of((100.0, 0.0), (150.0, 0.0)), Standing::Winner);
        assert_eq!(of((100.0, 0.0), (100.0, 0.0)), Standing::NoDifference);
        assert_eq!(of((100.0, 0.06), (102.0, 0.06)), Standing::Withheld);
        assert_eq!(of((100.0, 1.0), (100.0, 1.0)), Standing::Withheld);
        let few = |others| {
            let mut below = cell("sync", 100.0, others);
            below.blocks.truncate(3);
            let mut above = cell("async", 120.0, others);
            above.blocks.truncate(3);
            standing(&compare(&below, &above, Metric::Throughput))
        };
        assert_eq!(
            (few(0.0), few(0.02), few(1.0)),
            (
                Standing::NoInterval,
                Standing::NoInterval,
                Standing::Withheld
            )
        );
    }

    #[test]
    fn records_without_figures_of_others_are_judged_by_their_intervals() {
        let mut old = compared((100.0, 0.0), (150.0, 0.0), Metric::Throughput);
        (old.winner, old.others_percent) = (None, None);
        (old.credited_low, old.credited_high) = (None, None);
        assert_eq!(
            (winner(&old), standing(&old)),
            (Some("async"), Standing::Winner)
        );
    }

    proptest! {
        #[test]
        fn the_credited_interval_holds_the_plain_one_and_grows_with_what_others_took(
            ratio in 0.3..3.0_f64, some in 0.0..0.9_f64, more in 0.0..0.9_f64
        ) {
            for metric in [Metric::Throughput, Metric::P50] {
                let ends = |others: f64| {
                    let it = compared((100.0, others), (100.0 * ratio, others), metric);
                    [it.credited_low, it.low, it.high, it.credited_high].map(Option::unwrap)
                };
                let (few, many) = (ends(some), ends(some + more));
                prop_assert!(few.is_sorted(), "{few:?}");
                prop_assert!(many[0] <= few[0] && few[3] <= many[3], "{few:?} {many:?}");
            }
        }

        #[test]
        fn swapping_the_servers_keeps_the_winner(ratio in 0.3..3.0_f64, a in 0.0..1.0_f64, b in 0.0..1.0_f64) {
            for metric in Metric::COMPARED {
                let (below, above) = (cell("sync", 100.0, a), cell("async", 100.0 * ratio, b));
                let there = compare(&below, &above, metric);
                let back = compare(&above, &below, metric);
                prop_assert_eq!(there.winner, back.winner);
            }
        }
    }
}
