//! A block: slices of all servers in mirrored order, one server loaded at a time.
//!
//! A request belongs to the block in which it was sent. What is under way when the block ends is awaited while the
//! next one is measured; [`add_late`] adds what became of it.

use std::time::Duration;

use engine::{Load, Measurement, Slice, SliceEnd, Target, TargetId};
use stats::schedule::window_lengths;

use record::BlockCpu;

use crate::cpu::{Processes, Reading, Usage};
use crate::loader::Loader;
use crate::server_under_test::{Beside, ServerCounters, ServerUnderTest};
use crate::{counters, interrupt};

/// What shall happen in a block.
pub struct BlockPlan<'a> {
    /// Servers in the order in which they are loaded.
    pub order: &'a [usize],
    /// How they are loaded.
    pub load: Load,
    /// When a slice ends; a time is that of an average slice.
    pub slice_end: SliceEnd,
    /// Seed of the lengths of windows.
    pub seed: u64,
    /// Connections made anew for each slice, where not all servers can stay connected.
    pub connect_each: Option<&'a dyn Fn(&ServerUnderTest) -> Target>,
}

/// What one server did in a block.
#[derive(Default)]
pub struct SutBlock {
    /// The server.
    pub sut: usize,
    /// Its connections, if they outlast the block.
    pub target: Option<TargetId>,
    /// What the engine saw.
    pub measurement: Measurement,
    /// Longest time in which the load generator itself stood still in its slices.
    pub client_pause: Duration,
    /// Wall time of its slices, from the first request until the run moved on: what CPU time is divided by.
    pub span: Duration,
    /// How many slices those were.
    pub slices: u32,
    /// CPU time of the server over that span; `None` where processes of it came or went.
    pub server_cpu: Option<Duration>,
    /// CPU time of the client over that span.
    pub client_cpu: Duration,
    /// Who used the machine's CPU over that span; `None` where the system does not tell.
    pub cpu: Option<BlockCpu>,
    /// Context switches of the server over the block.
    pub server_switches: Option<u64>,
    /// Context switches of the client over that span.
    pub client_switches: Option<u64>,
    /// Time in which the client's threads were ready but had no CPU, over that span.
    pub client_run_queue_wait: Option<Duration>,
    /// Periods in which a control group's CPU limit held server or client back, over that span.
    pub throttled_periods: Option<u64>,
    /// Throughput of the last third of its slices ÷ that of the first; `None` with fewer than three.
    pub last_third_over_first: Option<f64>,
}

/// What a block saw.
pub struct BlockOutcome {
    /// The servers that were loaded, in the order of their numbers.
    pub suts: Vec<SutBlock>,
    /// What happened around them.
    pub around: Surroundings,
}

/// What happened to all servers of a block alike.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// CPU time stolen during the block, in percent.
    pub steal_percent: Option<f64>,
    /// Time of the fixed spin before it.
    pub spin: Duration,
    /// Whether it was cut short.
    pub interrupted: bool,
}

impl BlockOutcome {
    /// Fails when it was cut short though nobody asked for that.
    ///
    /// # Errors
    /// Then.
    pub fn check_whole(&self) -> anyhow::Result<()> {
        if self.around.interrupted && !interrupt::requested() {
            anyhow::bail!("the load engine ended a slice early");
        }
        Ok(())
    }
}

/// Totals of a server over its slices so far.
#[derive(Clone, Default)]
struct Totals {
    loaded: bool,
    client_pause: Duration,
    span: Duration,
    usage: Usage,
    /// Requests per second of each slice.
    slices_rps: Vec<f64>,
    /// Connections made anew: what was collected before each was closed.
    collected: Option<Measurement>,
}

/// Runs a block.
///
/// # Errors
/// When a server cannot be connected, or its process has ended.
pub fn run(
    loader: &mut dyn Loader,
    suts: &mut [ServerUnderTest],
    plan: &BlockPlan<'_>,
) -> anyhow::Result<BlockOutcome> {
    let spin = counters::spin();
    let machine = counters::machine_cpu();
    let pids: Vec<_> = suts.iter().map(|sut| sut.pids().now()).collect();
    let processes = Processes::of(suts, &pids, plan.order);
    let before: Vec<_> = suts
        .iter()
        .zip(&pids)
        .enumerate()
        .map(|(sut, (it, pids))| plan.order.contains(&sut).then(|| it.counters(pids)))
        .collect();
    let mut all_totals = vec![Totals::default(); suts.len()];
    let ends = slice_ends(plan, suts.len());
    let mut interrupted = false;
    for (&sut, end) in plan.order.iter().zip(ends) {
        let (it, totals) = (&mut suts[sut], &mut all_totals[sut]);
        interrupted = turn(loader, it, (&processes, sut), (plan, end), totals)?;
        if interrupted {
            break;
        }
    }
    let steal_percent =
        machine.and_then(|machine| counters::machine_cpu()?.steal_percent_since(machine));
    let loaded = (0..suts.len())
        .filter(|&sut| all_totals[sut].loaded && suts[sut].is_in())
        .collect::<Vec<_>>();
    let suts = loaded
        .into_iter()
        .map(|sut| {
            finish(
                loader,
                sut,
                &suts[sut],
                (&pids[sut], before[sut].unwrap_or_default()),
                std::mem::take(&mut all_totals[sut]),
                &processes,
            )
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(BlockOutcome {
        suts,
        around: Surroundings {
            steal_percent,
            spin,
            interrupted,
        },
    })
}

/// When each slice of the order ends: the windows of each server are drawn for themselves.
fn slice_ends(plan: &BlockPlan<'_>, suts: usize) -> Vec<SliceEnd> {
    let SliceEnd::After(slice) = plan.slice_end else {
        return vec![plan.slice_end; plan.order.len()];
    };
    let slices_of = |sut: usize| plan.order.iter().filter(|other| **other == sut).count();
    let mut lengths: Vec<_> = (0..suts)
        .map(|sut| {
            let seed = plan.seed.wrapping_add(sut as u64);
            window_lengths(slice, slices_of(sut), seed).into_iter()
        })
        .collect();
    let next = |sut: &usize| SliceEnd::After(lengths[*sut].next().unwrap_or(slice));
    plan.order.iter().map(next).collect()
}

/// One turn of a server that takes part, still; true when it was cut short. A server that does not stand it is out,
/// where the run goes on without it, and what this block saw of it counts nowhere.
fn turn(
    loader: &mut dyn Loader,
    sut: &mut ServerUnderTest,
    processes: (&Processes, usize),
    (plan, end): (&BlockPlan<'_>, SliceEnd),
    totals: &mut Totals,
) -> anyhow::Result<bool> {
    if !sut.is_in() {
        return Ok(false);
    }
    let interrupted = slice(loader, sut, processes, (plan, end), totals);
    if matches!(interrupted, Ok(true)) {
        return Ok(true);
    }
    if let Err(failure) = interrupted.and_then(|_| sut.check_alive()) {
        sut.fail(failure, loader)?;
    }
    Ok(false)
}

/// Loads one server for one slice; true when it was cut short.
fn slice(
    loader: &mut dyn Loader,
    sut: &mut ServerUnderTest,
    (processes, number): (&Processes, usize),
    (plan, end): (&BlockPlan<'_>, SliceEnd),
    totals: &mut Totals,
) -> anyhow::Result<bool> {
    let target = match (sut.connections, plan.connect_each) {
        (Some(target), _) => target,
        (None, Some(target_of)) => {
            let target = target_of(sut);
            sut.connect(loader, target)?
        }
        (None, None) => anyhow::bail!("{} is not connected", sut.label),
    };
    let before = Reading::take(processes, number);
    let outcome = loader.run_slice(&Slice {
        loads: std::iter::once((target, plan.load))
            .chain(sut.beside.as_ref().and_then(Beside::load))
            .collect(),
        lead_in: lead_in(sut, plan),
        end,
    })?;
    totals.usage.add(&before, &Reading::take(processes, number));
    sut.slices += 1;
    totals.loaded = true;
    totals.span += outcome.span;
    totals.client_pause = totals.client_pause.max(outcome.longest_pause);
    let requests = outcome.loads.first().map_or(0, |load| load.requests);
    totals
        .slices_rps
        .push(requests as f64 / outcome.measured.as_secs_f64());
    if let Some(load) = outcome.loads.first() {
        sut.mean_response = load.mean_latency.or(sut.mean_response);
        sut.longest_silence = sut.longest_silence.max(load.longest_silence);
    }
    if plan.connect_each.is_some() {
        let measurement = loader.collect(target)?;
        sut.disconnect(loader);
        match &mut totals.collected {
            Some(collected) => collected.append(measurement),
            None => totals.collected = Some(measurement),
        }
    }
    Ok(outcome.interrupted)
}

/// The first response of a slice does not count. A closed loop spreads its first requests over one
/// response time, so that slow answers do not come in step; the one after that is steady.
fn lead_in(sut: &ServerUnderTest, plan: &BlockPlan<'_>) -> Duration {
    /// Fresh connections: their threads, buffers and congestion windows are fresh too.
    const FRESH: Duration = Duration::from_millis(200);
    let fresh = if plan.connect_each.is_some() {
        FRESH
    } else {
        Duration::ZERO
    };
    let responses = if matches!(plan.load, Load::ClosedLoop) {
        2.0 + phase(sut.slices)
    } else {
        1.0
    };
    if matches!(plan.slice_end, SliceEnd::Requests(_)) {
        return Duration::ZERO; // exactly the requests asked for are sent, and all count
    }
    // At a fixed rate the tail of answers must be under way, too, when the window begins, or as many as are left at its
    // end would seem to be missing.
    let tail = match plan.load {
        Load::OpenLoop { .. } => Duration::from_millis(5),
        Load::ClosedLoop | Load::OnceEach => Duration::ZERO,
    };
    let mean_response = sut.mean_response.unwrap_or(Duration::from_millis(1));
    fresh + tail + mean_response.mul_f64(responses)
}

/// Where in a response the window of a server's slice number `slice` begins, 0 to 1.
///
/// A few connections with slow answers come in step with the slice. A window of five response times that
/// always began just before an answer would count six, a fifth too many, and one that began just after it
/// five; a hair's breadth between two servers would look like a fifth. The multiples of the golden
/// ratio spread evenly over the response, however many slices there are.
fn phase(slice: u32) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    (0.5 + f64::from(slice) * GOLDEN).fract()
}

/// Adds what became meanwhile of requests that were under way when their blocks ended. With `settle`, that of all
/// of them is awaited first, one timeout at most for each server.
///
/// # Errors
/// When the load generator fails.
pub fn add_late<'a>(
    loader: &mut dyn Loader,
    blocks: impl Iterator<Item = &'a mut SutBlock>,
    settle: bool,
) -> anyhow::Result<()> {
    let mut waiting: Vec<_> = blocks
        .filter(|block| block.measurement.under_way > 0)
        .collect();
    let mut targets: Vec<TargetId> = waiting.iter().filter_map(|block| block.target).collect();
    targets.sort_unstable();
    targets.dedup();
    for target in targets {
        if settle {
            loader.settle(target)?;
        }
        for late in loader.late(target)? {
            let of_book = |block: &&mut &mut SutBlock| {
                block.target == Some(target) && block.measurement.book == late.book
            };
            // What warming up left behind has no block.
            if let Some(block) = waiting.iter_mut().find(of_book) {
                block.measurement.add_late(late);
            }
        }
    }
    Ok(())
}

fn finish(
    loader: &mut dyn Loader,
    number: usize,
    sut: &ServerUnderTest,
    (pids, before): (&[u32], ServerCounters),
    totals: Totals,
    processes: &Processes,
) -> anyhow::Result<SutBlock> {
    // What a process used that came or went meanwhile is not known: less than all of it would be a lie.
    let pids_now = sut.pids().now();
    let is_same = pids_now == pids;
    let after = sut.counters(&pids_now);
    let measurement = match (totals.collected, sut.connections) {
        (Some(measurement), _) => measurement,
        (None, Some(target)) => loader.close_book(target)?,
        (None, None) => Measurement::default(),
    };
    let switches = || {
        let (before, after) = (before.context_switches?, after.context_switches?);
        Some(after.saturating_sub(before))
    };
    Ok(SutBlock {
        sut: number,
        target: sut.connections,
        measurement,
        client_pause: totals.client_pause,
        span: totals.span,
        slices: u32::try_from(totals.slices_rps.len()).unwrap_or(u32::MAX),
        // Where there are no CPU clocks of other processes, the server's own word for the whole block.
        server_cpu: totals
            .usage
            .server
            .or_else(|| Some(after.cpu?.saturating_sub(before.cpu?)))
            .filter(|_| is_same),
        client_cpu: totals.usage.client,
        cpu: totals.usage.finish(processes, number, is_same),
        server_switches: switches().filter(|_| is_same),
        client_switches: totals.usage.client_switches,
        client_run_queue_wait: totals.usage.client_wait,
        throttled_periods: totals.usage.throttled_periods,
        last_third_over_first: last_third_over_first(&totals.slices_rps),
    })
}

/// A third holds slices of several lengths, drawn alike in both, so their throughputs are averaged as they are.
fn last_third_over_first(slices_rps: &[f64]) -> Option<f64> {
    let third = slices_rps.len() / 3;
    let sum = |slices: &[f64]| slices.iter().sum::<f64>();
    let (first, last) = (
        sum(&slices_rps[..third]),
        sum(&slices_rps[slices_rps.len() - third..]),
    );
    (first > 0.0 && last > 0.0).then(|| last / first)
}

#[cfg(test)]
mod tests {
    use super::phase;

    #[test]
    fn answers_in_step_with_slices_are_counted_fairly() {
        // One connection, an answer every 100 ms; windows of 540 ms see 5.4 of them on average.
        let (response_ms, window_ms) = (100.0, 540.0);
        let answers_by = |at_ms: f64| (at_ms / response_ms).floor();
        for slices in [8, 20, 100] {
            let counted: f64 = (0..slices)
                .map(|slice| (2.0 + phase(slice)) * response_ms)
                .map(|begin_ms| answers_by(begin_ms + window_ms) - answers_by(begin_ms))
                .sum();
            let mean = counted / f64::from(slices);
            assert!((mean - 5.4).abs() <= 0.15, "{slices} slices: {mean}");
        }
    }
}
