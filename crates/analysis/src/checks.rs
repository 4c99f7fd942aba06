//! Looks through a record for reasons to distrust its numbers.

use record::summary::PERCENTILES;
use record::{Block, CellResult, Config, LoadKind, Record, TcpCounters};
use stats::thresholds::{
    CLIENT_BUSY_PERCENT, CLOCK_SPREAD_PERCENT, CONFIDENCE, STEAL_WARN_PERCENT, SYN_RETRY_US,
};
use stats::{paired, warmup};

use crate::caveat::{Caveat, Connects, cell_name};
use crate::cells::{LoadPoint, load_points};
use crate::closings::Closings;
use crate::comparisons::{client_paused, is_contended, median_lags, tail_lags};
use crate::rate::{self, Outcome, Planned};
use crate::{down, little, usage};

/// Every reason that can be seen in the record itself.
pub fn reasons(record: &Record) -> Vec<Caveat> {
    let mut reasons = Vec::new();
    if !record.environment.optimised {
        reasons.push(Caveat::UnoptimisedBuild {
            profile: record.environment.build_profile.clone(),
        });
    }
    if record.interrupted {
        reasons.push(Caveat::Interrupted);
    }
    let points = load_points(record);
    reasons.extend(of_machine(&points));
    reasons.extend(other_programs(&points));
    reasons.extend(others_unknown(&points));
    reasons.extend(throttled(record));
    reasons.extend(of_network(record));
    for cell in points.iter().flat_map(|point| &point.cells) {
        let found = [
            errors(cell),
            server_down(cell),
            unanswered(cell),
            server_closes(cell),
            left_open(cell),
            held_back(cell),
            rate_not_kept(cell),
            send_lag(cell),
            littles_law(cell, &record.config),
            not_warmed_up(cell),
            client_busy(cell, record.config.threads),
            paused(cell),
            too_few_requests(cell),
        ];
        reasons.extend(found.into_iter().flatten());
    }
    reasons
}

/// What happened to the whole machine. Blocks are counted once, not once for each server.
fn of_machine(points: &[LoadPoint<'_>]) -> Vec<Caveat> {
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
        reasons.push(Caveat::Steal {
            worst_percent: steal.iter().copied().fold(0.0, f64::max),
            blocks: stolen,
            of,
        });
    }
    if let Some(why) = dropped.first() {
        reasons.push(Caveat::BlocksDropped {
            blocks: dropped.len(),
            of,
            why: (*why).clone(),
        });
    }
    if fastest_us > 0.0 && slowest_us > fastest_us * (1.0 + CLOCK_SPREAD_PERCENT / 100.0) {
        reasons.push(Caveat::ClockSpread {
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

fn other_programs(points: &[LoadPoint<'_>]) -> Option<Caveat> {
    let cells = points.iter().flat_map(|point| &point.cells);
    let blocks = cells.flat_map(|cell| &cell.blocks);
    let known = blocks.filter(|block| block.cpu.is_some_and(|cpu| cpu.others_s.is_some()));
    let known: Vec<&Block> = known.collect();
    let percent = usage::others_percent(known.iter().copied())?;
    let each = known
        .iter()
        .filter_map(|block| usage::others_percent([*block]));
    is_contended(Some(percent)).then_some(Caveat::OtherPrograms {
        percent,
        worst_percent: each.fold(0.0, f64::max),
    })
}

/// The machine's CPU is known, and not what of it was the server's.
fn others_unknown(points: &[LoadPoint<'_>]) -> Option<Caveat> {
    let is_unknown = |block: &Block| block.cpu.is_some_and(|cpu| cpu.others_s.is_none());
    let mut servers: Vec<String> = Vec::new();
    for cell in points.iter().flat_map(|point| &point.cells) {
        if cell.blocks.iter().any(is_unknown) && !servers.contains(&cell.server) {
            servers.push(cell.server.clone());
        }
    }
    (!servers.is_empty()).then_some(Caveat::OthersUnknown { servers })
}

fn throttled(record: &Record) -> Option<Caveat> {
    let blocks = record.results.iter().flat_map(|cell| &cell.blocks);
    let periods: u64 = blocks.filter_map(|block| block.throttled_periods).sum();
    (periods > 0).then_some(Caveat::Throttled { periods })
}

/// The kernel counts for the whole machine: what others cause says nothing about this run. A lost SYN costs its connection a
/// second, so that a run none of whose connects took that long or failed has lost none.
fn of_network(record: &Record) -> Vec<Caveat> {
    let before_us = record.tcp.slowest_connect_us.unwrap_or(0) as f64;
    let measured_us = record.results.iter().filter_map(|it| it.connect_us.max);
    let slowest_us = measured_us.fold(before_us, f64::max);
    let measured: u64 = record.results.iter().map(|it| it.connections.failed).sum();
    let failed = measured + record.tcp.failed_connects.unwrap_or(0);
    if slowest_us < SYN_RETRY_US && failed == 0 {
        return Vec::new();
    }
    let TcpCounters {
        listen_overflows,
        syn_retransmits,
        ..
    } = record.tcp;
    let connects = Connects { slowest_us, failed };
    let some = |count: Option<u64>| count.filter(|count| *count > 0);
    let lost = some(syn_retransmits).map(|count| Caveat::SynRetransmits { count, connects });
    let full = some(listen_overflows).map(|count| Caveat::ListenOverflows { count, connects });
    lost.into_iter().chain(full).collect()
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

fn errors(cell: &CellResult) -> Option<Caveat> {
    (cell.errors.total > 0).then(|| Caveat::Errors {
        cell: cell_name(cell),
        errors: cell.errors,
        requests: cell.requests,
        descriptors: descriptors(cell),
    })
}

/// Of a server that refused connections or did not serve them: perhaps it had none left to take them.
fn descriptors(cell: &CellResult) -> Option<(u64, u64)> {
    let unserved = cell.connections.never_served.unwrap_or(0);
    let refused = cell.errors.connect + cell.errors.connect_timeout + unserved > 0;
    let used = cell.server_resources;
    used.fds_peak.zip(used.fds_limit).filter(|_| refused)
}

fn server_down(cell: &CellResult) -> Option<Caveat> {
    let down_s = down::time_s(&cell.time_series);
    (down_s > 0.0).then(|| Caveat::ServerDown {
        cell: cell_name(cell),
        down_s,
        duration_s: cell.duration_s,
    })
}

/// In a closed loop every connection asks all the time; in an open loop one that is never needed is idle.
fn unanswered(cell: &CellResult) -> Option<Caveat> {
    let unanswered = cell.connections.unanswered;
    (cell.load == LoadKind::Closed && unanswered > 0).then(|| Caveat::Unanswered {
        cell: cell_name(cell),
        unanswered,
        connections: u64::from(cell.concurrency),
    })
}

fn server_closes(cell: &CellResult) -> Option<Caveat> {
    Closings::of(cell).map(|closings| Caveat::ServerCloses {
        cell: cell_name(cell),
        closings,
    })
}

fn left_open(cell: &CellResult) -> Option<Caveat> {
    let closed = cell.closed_connections.as_ref()?;
    (closed.left_open > 0).then(|| Caveat::LeftOpen {
        cell: cell_name(cell),
        connections: closed.left_open,
        of: cell.connections.established,
    })
}

/// Where it is so of most answers: a busy machine delays the second part of one now and then, too.
fn held_back(cell: &CellResult) -> Option<Caveat> {
    let answers = cell.answers_in_two_parts?;
    (answers > 0 && 2 * answers >= cell.requests).then(|| Caveat::HeldBack {
        cell: cell_name(cell),
        answers,
        of: cell.requests,
    })
}

fn rate_not_kept(cell: &CellResult) -> Option<Caveat> {
    let (planned, name) = (Planned::of_cell(cell)?, cell_name(cell));
    match rate::outcome(cell)? {
        // Requests were late because nobody sent them, which is told for itself.
        Outcome::BeyondCapacity if cell.blocks.iter().any(client_paused) => None,
        Outcome::BeyondCapacity => Some(Caveat::RateNotKept {
            cell: name,
            planned: planned.total(),
            in_time: planned.in_time(),
        }),
        // What a workload refuses on purpose is no error, and its own findings tell of it.
        Outcome::LostToErrors if cell.errors.total > 0 => Some(Caveat::RateLostToErrors {
            cell: name,
            planned: planned.total(),
            in_time: planned.in_time(),
            errors: cell.errors,
        }),
        Outcome::LostToErrors | Outcome::AnyRecord => None,
    }
}

/// In a closed loop nothing is sent late: what lies before sending is the time to connect.
fn send_lag(cell: &CellResult) -> Option<Caveat> {
    if cell.load == LoadKind::Closed {
        return None;
    }
    let late: Vec<&Block> = cell.blocks.iter().filter(|it| tail_lags(it)).collect();
    Some(Caveat::SendLag {
        cell: cell_name(cell),
        worst_us: worst(&late, |block| block.send_lag_p99_us)?,
        blocks: late.len(),
        median_blocks: late.iter().filter(|block| median_lags(block)).count(),
        of: cell.blocks.len(),
    })
}

/// A run of a number of requests has a start and a tail in which not all connections wait.
fn littles_law(cell: &CellResult, config: &Config) -> Option<Caveat> {
    if config.requests.is_some() {
        return None;
    }
    Some(Caveat::LittlesLaw {
        cell: cell_name(cell),
        concurrency: cell.concurrency,
        deviation: little::unexplained(cell, config.timeout_s)?,
    })
}

fn not_warmed_up(cell: &CellResult) -> Option<Caveat> {
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
    Some(Caveat::NotWarmedUp {
        cell: cell_name(cell),
        low: drift.low,
        high: drift.high,
    })
}

fn client_busy(cell: &CellResult, threads: u32) -> Option<Caveat> {
    let client = &cell.client_resources;
    let cores_used = client
        .cores_used
        .filter(|_| cell.load == LoadKind::Open && threads > 0)?;
    let on_cpu = cores_used / f64::from(threads) * 100.0;
    let busy_percent = (on_cpu + client.run_queue_wait_percent.unwrap_or(0.0)).min(100.0);
    (busy_percent > CLIENT_BUSY_PERCENT).then(|| Caveat::ClientBusy {
        cell: cell_name(cell),
        busy_percent,
    })
}

fn paused(cell: &CellResult) -> Option<Caveat> {
    let paused: Vec<&Block> = cell.blocks.iter().filter(|it| client_paused(it)).collect();
    Some(Caveat::ClientPaused {
        cell: cell_name(cell),
        worst_ms: worst(&paused, |block| block.client_pause_ms)?,
        blocks: paused.len(),
        of: cell.blocks.len(),
    })
}

fn too_few_requests(cell: &CellResult) -> Option<Caveat> {
    // Up to p99.9, which is what tables show; every record of a short run lacks p99.99.
    let missing: Vec<&'static str> = PERCENTILES
        .iter()
        .map(|percentile| percentile.name)
        .filter(|name| *name != "p99_99" && cell.latency_us.percentile(name).is_none())
        .collect();
    (!missing.is_empty()).then(|| Caveat::TooFewRequests {
        cell: cell_name(cell),
        requests: cell.requests,
        known: cell.latency_us.count,
        percentiles: missing,
    })
}
