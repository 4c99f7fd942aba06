//! Looks through a record for reasons to distrust its numbers.

use stats::{little, paired, warmup};

use super::cells::{LoadPoint, load_points};
use super::comparisons::{CONFIDENCE, is_contended, median_lags, tail_lags};
use super::distrust::{Distrust, STEAL_WARN_PERCENT, cell_name};
use super::usage;
use crate::record::{Block, CellResult, DELIVERIES_LOST, Figure, LoadKind, Record, TcpCounters};
use crate::summary::PERCENTILES;

const CLOCK_SPREAD_PERCENT: f64 = 5.0;
const RATE_KEPT_PERCENT: f64 = 99.0;
/// A load generator busier than this cannot be trusted to keep a rate, in percent.
pub(crate) const CLIENT_BUSY_PERCENT: f64 = 80.0;

/// Every reason that can be seen in the record itself.
pub fn reasons(record: &Record) -> Vec<Distrust> {
    let mut reasons = Vec::new();
    if !record.environment.optimised {
        reasons.push(Distrust::UnoptimisedBuild {
            profile: record.environment.build_profile.clone(),
        });
    }
    if record.interrupted {
        reasons.push(Distrust::Interrupted);
    }
    let points = load_points(record);
    reasons.extend(of_machine(&points));
    reasons.extend(other_programs(&points));
    reasons.extend(others_unknown(&points));
    reasons.extend(throttled(record));
    reasons.extend(of_network(&record.tcp));
    for cell in points.iter().flat_map(|point| &point.cells) {
        let found = [
            errors(cell),
            unanswered(cell),
            rate_not_kept(cell),
            send_lag(cell),
            littles_law(cell),
            not_warmed_up(cell),
            client_busy(cell, record.config.threads),
            too_few_requests(cell),
        ];
        reasons.extend(found.into_iter().flatten());
    }
    reasons
}

/// What happened to the whole machine. Blocks are counted once, not once for each server.
fn of_machine(points: &[LoadPoint<'_>]) -> Vec<Distrust> {
    let blocks: Vec<Vec<&Block>> = points.iter().flat_map(blocks_by_number).collect();
    let of = blocks.len();
    let steal: Vec<f64> = blocks
        .iter()
        .filter_map(|b| worst(b, |b| b.steal_percent))
        .collect();
    let stolen = steal
        .iter()
        .filter(|percent| **percent > STEAL_WARN_PERCENT)
        .count();
    let dropped: Vec<&String> = blocks
        .iter()
        .filter_map(|block| block.iter().find_map(|b| b.dropped.as_ref()))
        .collect();
    // A thread beside another on one core is slower at the same clock.
    let alone = blocks.iter().filter(|block| !others_ran(block));
    let spins: Vec<f64> = alone.flatten().filter_map(|b| b.spin_us).collect();
    let fastest_us = spins.iter().copied().fold(f64::INFINITY, f64::min);
    let slowest_us = spins.iter().copied().fold(0.0, f64::max);

    let mut reasons = Vec::new();
    if stolen > 0 {
        reasons.push(Distrust::Steal {
            worst_percent: steal.iter().copied().fold(0.0, f64::max),
            blocks: stolen,
            of,
        });
    }
    if let Some(why) = dropped.first() {
        reasons.push(Distrust::BlocksDropped {
            blocks: dropped.len(),
            of,
            why: (*why).clone(),
        });
    }
    if fastest_us > 0.0 && slowest_us > fastest_us * (1.0 + CLOCK_SPREAD_PERCENT / 100.0) {
        reasons.push(Distrust::ClockSpread {
            fastest_us,
            slowest_us,
        });
    }
    reasons
}

/// Whether other programs used much of the machine in a block of any server.
fn others_ran(blocks: &[&Block]) -> bool {
    blocks
        .iter()
        .any(|block| is_contended(usage::others_percent([*block])))
}

fn other_programs(points: &[LoadPoint<'_>]) -> Option<Distrust> {
    let cells = points.iter().flat_map(|point| &point.cells);
    let blocks = cells.flat_map(|cell| &cell.blocks);
    let known = blocks.filter(|block| block.cpu.is_some_and(|cpu| cpu.others_s.is_some()));
    let known: Vec<&Block> = known.collect();
    let percent = usage::others_percent(known.iter().copied())?;
    let each = known
        .iter()
        .filter_map(|block| usage::others_percent([*block]));
    is_contended(Some(percent)).then_some(Distrust::OtherPrograms {
        percent,
        worst_percent: each.fold(0.0, f64::max),
    })
}

/// The machine's CPU is known, and not what of it was the server's.
fn others_unknown(points: &[LoadPoint<'_>]) -> Option<Distrust> {
    let is_unknown = |block: &Block| block.cpu.is_some_and(|cpu| cpu.others_s.is_none());
    let mut servers: Vec<String> = Vec::new();
    for cell in points.iter().flat_map(|point| &point.cells) {
        if cell.blocks.iter().any(is_unknown) && !servers.contains(&cell.server) {
            servers.push(cell.server.clone());
        }
    }
    (!servers.is_empty()).then_some(Distrust::OthersUnknown { servers })
}

fn throttled(record: &Record) -> Option<Distrust> {
    let blocks = record.results.iter().flat_map(|cell| &cell.blocks);
    let periods: u64 = blocks.filter_map(|block| block.throttled_periods).sum();
    (periods > 0).then_some(Distrust::Throttled { periods })
}

fn of_network(tcp: &TcpCounters) -> Vec<Distrust> {
    let lost = tcp.syn_retransmits.filter(|count| *count > 0);
    let refused = tcp.listen_overflows.filter(|count| *count > 0);
    let lost = lost.map(|count| Distrust::SynRetransmits { count });
    let refused = refused.map(|count| Distrust::ListenOverflows { count });
    lost.into_iter().chain(refused).collect()
}

fn blocks_by_number<'a>(point: &LoadPoint<'a>) -> Vec<Vec<&'a Block>> {
    let mut numbers: Vec<u32> = point
        .cells
        .iter()
        .flat_map(|cell| &cell.blocks)
        .map(|b| b.index)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let with_number = |number| {
        let blocks = point.cells.iter().flat_map(|cell| &cell.blocks);
        blocks.filter(|block| block.index == number).collect()
    };
    numbers.into_iter().map(with_number).collect()
}

fn worst(blocks: &[&Block], figure: impl Fn(&Block) -> Option<f64>) -> Option<f64> {
    blocks
        .iter()
        .filter_map(|block| figure(block))
        .reduce(f64::max)
}

fn errors(cell: &CellResult) -> Option<Distrust> {
    (cell.errors.total > 0).then(|| Distrust::Errors {
        cell: cell_name(cell),
        errors: cell.errors,
        requests: cell.requests,
    })
}

/// In a closed loop every connection asks all the time; in an open loop one that is never needed is idle.
fn unanswered(cell: &CellResult) -> Option<Distrust> {
    let unanswered = cell.connections.unanswered;
    (cell.load == LoadKind::Closed && unanswered > 0).then(|| Distrust::Unanswered {
        cell: cell_name(cell),
        unanswered,
        connections: u64::from(cell.concurrency),
    })
}

fn rate_not_kept(cell: &CellResult) -> Option<Distrust> {
    let asked_rps = cell.rate?;
    (cell.throughput_rps < asked_rps * RATE_KEPT_PERCENT / 100.0).then(|| Distrust::RateNotKept {
        cell: cell_name(cell),
        asked_rps,
        answered_rps: cell.throughput_rps,
    })
}

/// In a closed loop nothing is sent late: what lies before sending is the time to connect.
fn send_lag(cell: &CellResult) -> Option<Distrust> {
    if cell.load == LoadKind::Closed {
        return None;
    }
    let late: Vec<&Block> = cell.blocks.iter().filter(|it| tail_lags(it)).collect();
    Some(Distrust::SendLag {
        cell: cell_name(cell),
        worst_us: worst(&late, |block| block.send_lag_p99_us)?,
        blocks: late.len(),
        median_blocks: late.iter().filter(|block| median_lags(block)).count(),
        of: cell.blocks.len(),
    })
}

/// Whether throughput × latency does not give the connections, so that something was not measured.
pub(crate) fn breaks_littles_law(cell: &CellResult) -> bool {
    littles_law(cell).is_some()
}

/// In a closed loop every connection is always waiting for an answer or being established.
fn littles_law(cell: &CellResult) -> Option<Distrust> {
    let is_broadcast = |figure: &Figure| figure.name == DELIVERIES_LOST;
    let closed = cell.load == LoadKind::Closed && !cell.figures.iter().any(is_broadcast);
    let mean_us = cell.latency_us.mean.filter(|_| closed)?;
    let connect_us = if cell.keep_alive {
        0.0
    } else {
        cell.connect_us.mean.unwrap_or(0.0)
    };
    let concurrency = f64::from(cell.concurrency);
    let in_flight_for = |stay_us: f64| cell.throughput_rps * stay_us / 1e6;
    let deviates = |stay_us: f64| {
        little::deviation(concurrency, cell.throughput_rps, stay_us / 1e6)
            .is_some_and(|deviation| deviation > little::TOLERATED_DEVIATION)
    };
    // Whether response time includes connecting or not, one of the two must explain the connections.
    let unexplained = deviates(mean_us) && deviates(mean_us + connect_us);
    unexplained.then(|| Distrust::LittlesLaw {
        cell: cell_name(cell),
        concurrency: cell.concurrency,
        in_flight: in_flight_for(mean_us + connect_us),
    })
}

fn not_warmed_up(cell: &CellResult) -> Option<Distrust> {
    let ratios: Vec<f64> = cell
        .blocks
        .iter()
        .filter(|block| block.dropped.is_none())
        .filter_map(|block| block.last_third_over_first)
        .filter(|ratio| ratio.is_finite() && *ratio > 0.0)
        .map(f64::ln)
        .collect();
    let result = paired::compare(&ratios, CONFIDENCE)?;
    let drift = result
        .interval()
        .filter(|_| warmup::is_still_warming_up(&result))?;
    Some(Distrust::NotWarmedUp {
        cell: cell_name(cell),
        low: drift.low,
        high: drift.high,
    })
}

fn client_busy(cell: &CellResult, threads: u32) -> Option<Distrust> {
    let client = &cell.client_resources;
    let cores_used = client
        .cores_used
        .filter(|_| cell.load == LoadKind::Open && threads > 0)?;
    let on_cpu = cores_used / f64::from(threads) * 100.0;
    let busy_percent = (on_cpu + client.run_queue_wait_percent.unwrap_or(0.0)).min(100.0);
    (busy_percent > CLIENT_BUSY_PERCENT).then(|| Distrust::ClientBusy {
        cell: cell_name(cell),
        busy_percent,
    })
}

fn too_few_requests(cell: &CellResult) -> Option<Distrust> {
    // Up to p99.9, which is what tables show; every record of a short run lacks p99.99.
    let missing: Vec<&'static str> = PERCENTILES
        .iter()
        .map(|percentile| percentile.name)
        .filter(|name| *name != "p99_99" && cell.latency_us.percentile(name).is_none())
        .collect();
    (!missing.is_empty()).then(|| Distrust::TooFewRequests {
        cell: cell_name(cell),
        requests: cell.requests,
        percentiles: missing,
    })
}
