//! A block: slices of all arms in mirrored order, one arm loaded at a time.
//!
//! A request belongs to the block in which it was sent. What is under way when the block ends is awaited while the
//! next one is measured; [`add_late`] adds what became of it.

use std::time::Duration;

use engine::{Load, Measurement, Slice, SliceEnd, Target, TargetId};
use stats::schedule::window_lengths;

use report::record::BlockCpu;

use crate::arm::{Arm, Beside, ServerCounters};
use crate::cpu::{Processes, Usage};
use crate::loader::Loader;
use crate::{counters, interrupt};

/// What shall happen in a block.
pub struct BlockPlan<'a> {
    /// Arms in the order in which they are loaded.
    pub order: &'a [usize],
    /// How they are loaded.
    pub load: Load,
    /// When a slice ends; a time is that of an average slice.
    pub slice_end: SliceEnd,
    /// Seed of the lengths of windows.
    pub seed: u64,
    /// Connections made anew for each slice, where not all arms can stay connected.
    pub connect_each: Option<&'a dyn Fn(&Arm) -> Target>,
}

/// What one arm did in a block.
#[derive(Default)]
pub struct ArmBlock {
    /// The arm.
    pub arm: usize,
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
    /// The arms that were loaded, in the order of their numbers.
    pub arms: Vec<ArmBlock>,
    /// What happened around them.
    pub around: Surroundings,
}

/// What happened to all arms of a block alike.
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

/// Totals of an arm over its slices so far.
#[derive(Clone, Default)]
struct Tally {
    loaded: bool,
    client_pause: Duration,
    span: Duration,
    server_cpu: Option<Duration>,
    client_cpu: Duration,
    usage: Usage,
    client_switches: Option<u64>,
    client_run_queue_wait: Option<Duration>,
    throttled_periods: Option<u64>,
    /// Requests per second of each slice.
    slices_rps: Vec<f64>,
    /// Connections made anew: what was collected before each was closed.
    collected: Option<Measurement>,
}

/// Runs a block.
///
/// # Errors
/// When an arm cannot be connected, or its process has ended.
pub fn run(
    loader: &mut dyn Loader,
    arms: &mut [Arm],
    plan: &BlockPlan<'_>,
) -> anyhow::Result<BlockOutcome> {
    let spin = counters::spin();
    let machine = counters::machine_cpu();
    let pids: Vec<_> = arms.iter().map(|arm| arm.pids().now()).collect();
    let processes = Processes::of(arms, &pids, plan.order);
    let before: Vec<_> = arms
        .iter()
        .zip(&pids)
        .enumerate()
        .map(|(arm, (it, pids))| plan.order.contains(&arm).then(|| it.counters(pids)))
        .collect();
    let mut tallies = vec![Tally::default(); arms.len()];
    let ends = slice_ends(plan, arms.len());
    let mut interrupted = false;
    for (&arm, end) in plan.order.iter().zip(ends) {
        let (it, tally) = (&mut arms[arm], &mut tallies[arm]);
        tally.usage.begin(&processes, arm);
        interrupted = turn(loader, it, &pids[arm], (plan, end), tally)?;
        tally.usage.end(&processes, arm);
        if interrupted {
            break;
        }
    }
    let steal_percent =
        machine.and_then(|machine| counters::machine_cpu()?.steal_percent_since(machine));
    let loaded = (0..arms.len())
        .filter(|&arm| tallies[arm].loaded && arms[arm].is_in())
        .collect::<Vec<_>>();
    let arms = loaded
        .into_iter()
        .map(|arm| {
            finish(
                loader,
                arm,
                &arms[arm],
                (&pids[arm], before[arm].unwrap_or_default()),
                std::mem::take(&mut tallies[arm]),
                &processes,
            )
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(BlockOutcome {
        arms,
        around: Surroundings {
            steal_percent,
            spin,
            interrupted,
        },
    })
}

/// When each slice of the order ends: the windows of each arm are drawn for themselves.
fn slice_ends(plan: &BlockPlan<'_>, arms: usize) -> Vec<SliceEnd> {
    let SliceEnd::After(slice) = plan.slice_end else {
        return vec![plan.slice_end; plan.order.len()];
    };
    let slices_of = |arm: usize| plan.order.iter().filter(|other| **other == arm).count();
    let mut lengths: Vec<_> = (0..arms)
        .map(|arm| {
            let seed = plan.seed.wrapping_add(arm as u64);
            window_lengths(slice, slices_of(arm), seed).into_iter()
        })
        .collect();
    let next = |arm: &usize| SliceEnd::After(lengths[*arm].next().unwrap_or(slice));
    plan.order.iter().map(next).collect()
}

/// One turn of an arm that takes part, still; true when it was cut short. An arm that does not stand it is out,
/// where the run goes on without it, and what this block saw of it counts nowhere.
fn turn(
    loader: &mut dyn Loader,
    arm: &mut Arm,
    pids: &[u32],
    (plan, end): (&BlockPlan<'_>, SliceEnd),
    tally: &mut Tally,
) -> anyhow::Result<bool> {
    if !arm.is_in() {
        return Ok(false);
    }
    let interrupted = slice(loader, arm, pids, (plan, end), tally);
    if matches!(interrupted, Ok(true)) {
        return Ok(true);
    }
    if let Err(failure) = interrupted.and_then(|_| arm.check_alive()) {
        arm.fail(failure, loader)?;
    }
    Ok(false)
}

/// Loads one arm for one slice; true when it was cut short.
fn slice(
    loader: &mut dyn Loader,
    arm: &mut Arm,
    pids: &[u32],
    (plan, end): (&BlockPlan<'_>, SliceEnd),
    tally: &mut Tally,
) -> anyhow::Result<bool> {
    let target = match (arm.connections, plan.connect_each) {
        (Some(target), _) => target,
        (None, Some(target_of)) => {
            let target = target_of(arm);
            arm.connect(loader, target)?
        }
        (None, None) => anyhow::bail!("{} is not connected", arm.label),
    };
    let server_cpu = Arm::cpu(pids);
    let client_cpu = counters::own_cpu();
    let client_switches = own_switches();
    let run_queue_wait = counters::run_queue_wait();
    let throttled = counters::throttled_periods();
    let outcome = loader.run_slice(&Slice {
        loads: std::iter::once((target, plan.load))
            .chain(arm.beside.as_ref().and_then(Beside::load))
            .collect(),
        lead_in: lead_in(arm, plan),
        end,
    })?;
    arm.slices += 1;
    tally.loaded = true;
    tally.span += outcome.span;
    tally.client_pause = tally.client_pause.max(outcome.longest_pause);
    tally.server_cpu = grown(tally.server_cpu, server_cpu, Arm::cpu(pids));
    tally.client_cpu += counters::own_cpu().saturating_sub(client_cpu);
    tally.client_switches = add_difference(tally.client_switches, client_switches, own_switches());
    tally.client_run_queue_wait = grown(
        tally.client_run_queue_wait,
        run_queue_wait,
        counters::run_queue_wait(),
    );
    let throttled_now = counters::throttled_periods();
    tally.throttled_periods = add_difference(tally.throttled_periods, throttled, throttled_now);
    let requests = outcome.loads.first().map_or(0, |load| load.requests);
    tally
        .slices_rps
        .push(requests as f64 / outcome.measured.as_secs_f64());
    if let Some(load) = outcome.loads.first() {
        arm.mean_response = load.mean_latency.or(arm.mean_response);
        arm.longest_silence = arm.longest_silence.max(load.longest_silence);
    }
    if plan.connect_each.is_some() {
        let measurement = loader.collect(target)?;
        arm.disconnect(loader);
        match &mut tally.collected {
            Some(collected) => collected.append(measurement),
            None => tally.collected = Some(measurement),
        }
    }
    Ok(outcome.interrupted)
}

/// The first response of a slice does not count. A closed loop spreads its first requests over one
/// response time, so that slow answers do not come in step; the one after that is steady.
fn lead_in(arm: &Arm, plan: &BlockPlan<'_>) -> Duration {
    /// Fresh connections: their threads, buffers and congestion windows are fresh too.
    const FRESH: Duration = Duration::from_millis(200);
    let fresh = if plan.connect_each.is_some() {
        FRESH
    } else {
        Duration::ZERO
    };
    let responses = if matches!(plan.load, Load::ClosedLoop) {
        2.0 + phase(arm.slices)
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
    let mean_response = arm.mean_response.unwrap_or(Duration::from_millis(1));
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
    blocks: impl Iterator<Item = &'a mut ArmBlock>,
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
            let of_book = |block: &&mut &mut ArmBlock| {
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
    arm: &Arm,
    (pids, before): (&[u32], ServerCounters),
    tally: Tally,
    processes: &Processes,
) -> anyhow::Result<ArmBlock> {
    // What a process used that came or went meanwhile is not known: less than all of it would be a lie.
    let pids_now = arm.pids().now();
    let is_same = pids_now == pids;
    let after = arm.counters(&pids_now);
    let measurement = match (tally.collected, arm.connections) {
        (Some(measurement), _) => measurement,
        (None, Some(target)) => loader.close_book(target)?,
        (None, None) => Measurement::default(),
    };
    Ok(ArmBlock {
        arm: number,
        target: arm.connections,
        measurement,
        client_pause: tally.client_pause,
        span: tally.span,
        slices: u32::try_from(tally.slices_rps.len()).unwrap_or(u32::MAX),
        // Where there are no CPU clocks of other processes, the server's own word for the whole block.
        server_cpu: tally
            .server_cpu
            .or_else(|| grown(None, before.cpu, after.cpu))
            .filter(|_| is_same),
        client_cpu: tally.client_cpu,
        cpu: tally.usage.finish(processes, number, is_same),
        server_switches: add_difference(None, before.context_switches, after.context_switches)
            .filter(|_| is_same),
        client_switches: tally.client_switches,
        client_run_queue_wait: tally.client_run_queue_wait,
        throttled_periods: tally.throttled_periods,
        last_third_over_first: last_third_over_first(&tally.slices_rps),
    })
}

/// Slices are all of one length, so their throughputs can be averaged.
fn last_third_over_first(slices_rps: &[f64]) -> Option<f64> {
    let third = slices_rps.len() / 3;
    let sum = |slices: &[f64]| slices.iter().sum::<f64>();
    let (first, last) = (
        sum(&slices_rps[..third]),
        sum(&slices_rps[slices_rps.len() - third..]),
    );
    (first > 0.0 && last > 0.0).then(|| last / first)
}

/// Context switches of this process so far.
fn own_switches() -> Option<u64> {
    use nix::sys::resource::{UsageWho, getrusage};
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    u64::try_from(usage.voluntary_context_switches() + usage.involuntary_context_switches()).ok()
}

fn grown(
    sum: Option<Duration>,
    before: Option<Duration>,
    after: Option<Duration>,
) -> Option<Duration> {
    Some(sum.unwrap_or_default() + after?.saturating_sub(before?))
}

fn add_difference(sum: Option<u64>, before: Option<u64>, after: Option<u64>) -> Option<u64> {
    Some(sum.unwrap_or_default() + after?.saturating_sub(before?))
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
