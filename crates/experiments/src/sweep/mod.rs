//! A sweep: where does the answer flip?
//!
//! # Layout
//!
//! - `plan`: what shall be measured.
//! - `schedule`: which cell is visited next. `visit`: a visit. `stop`: why a server does not work.
//! - `journal`: the record while it grows. `progress`: how far it is.

mod journal;
mod plan;
mod progress;
mod schedule;
mod stop;
mod visit;

use std::time::{Duration, Instant};

use analysis::sweep::distance_from_flip;
use anyhow::Context as _;
use engine::{ClientKind, Engine, EngineConfig};
use record::sweep::{StopCause, Stopped, SweepCell};

use bench::descriptors::{self, Room};
use bench::waiting::Waiting;
use bench::{cpu, environment, interrupt, limits};
pub use journal::{Journal, read};
pub use plan::{Requested, SweepPlan};
use progress::Progress;
use schedule::{CellState, Estimate};
use visit::VisitPlan;

/// Measures a plan without keeping or showing anything.
///
/// # Errors
/// When it cannot be measured to its end.
pub fn measure(plan: SweepPlan) -> anyhow::Result<record::sweep::SweepRecord> {
    let waiting = waiting(&plan)?;
    let plan = plan.waiting(&waiting);
    let mut journal = begin(&plan)?;
    sweep(&plan, &mut journal)?;
    journal.finish()?;
    Ok(journal.record)
}

/// What its servers wait for; it has to outlive them.
///
/// # Errors
/// When it does not start.
pub fn waiting(plan: &SweepPlan) -> anyhow::Result<Waiting> {
    let cpus = plan.config.client_cpus.as_deref().unwrap_or_default();
    Waiting::start(plan.wait()?, plan.servers.len(), cpus)
}

/// An empty record of it; kept under `results/` if the plan says so.
///
/// # Errors
/// When there is no place to keep it.
pub fn begin(plan: &SweepPlan) -> anyhow::Result<Journal> {
    let started_at = bench::journal::started_at();
    let mut journal = Journal::begin(&plan.config, started_at, environment::look(), plan.save)?;
    journal.record.ceilings = limits::ceilings(&plan.servers);
    journal.visits_wanted = journal.visits_wanted.min(plan.most_visits);
    Ok(journal)
}

/// Visits cells until the schedule says that it is enough, or an interrupt does.
///
/// # Errors
/// When a visit cannot be made; what was found until then stands in the journal.
pub fn sweep(plan: &SweepPlan, journal: &mut Journal) -> anyhow::Result<()> {
    let limit = engine::limits::raise_descriptor_limit()
        .context("cannot read the limit on open files")?
        .soft;
    let mut engine = bench::loader::engine(EngineConfig {
        threads: plan.config.threads as usize,
        client: ClientKind::Raw,
        timeout: plan.timeout(),
        seed: plan.config.seed,
        cpus: plan.config.client_cpus.clone().unwrap_or_default(),
    })?;
    cpu::say_if_busy(plan.quiet);
    let before = Duration::from_secs_f64(journal.record.elapsed_s);
    let began = Instant::now();
    let begun = states(plan, journal, limit);
    let progress = Progress::new(plan, schedule::rest(&begun, plan.most_visits, plan.time));
    let of = begun.len();
    while !interrupt::requested() {
        let left = plan.time.saturating_sub(began.elapsed());
        let Some(cell) = schedule::next(&states(plan, journal, limit), plan.most_visits, left)
        else {
            break;
        };
        progress.visiting(&journal.record.cells[cell], cell + 1, of);
        if !visit_cell(
            &mut engine,
            plan,
            journal,
            cell,
            limit,
            before + began.elapsed(),
        )? {
            break;
        }
        progress.visited(&journal.record.cells[cell], cell + 1, of);
    }
    Ok(())
}

/// Visits a cell with the servers that are worth trying; false when that was interrupted.
fn visit_cell(
    engine: &mut Engine,
    plan: &SweepPlan,
    journal: &mut Journal,
    cell: usize,
    limit: u64,
    elapsed: Duration,
) -> anyhow::Result<bool> {
    let spot = journal.record.cells[cell].spot;
    for server in 0..plan.servers.len() {
        let known = &journal.record.cells[cell].servers[server];
        if known.stopped.is_some() || known.result.is_some() {
            continue; // what was found stays
        }
        let known = journal
            .known_to_stop(spot, server)
            .or_else(|| beyond(plan, journal, server, spot.concurrency, limit));
        if let Some(stopped) = known {
            journal.not_tried(cell, server, stopped);
        }
    }
    let works = |server: &usize| {
        journal.record.cells[cell].servers[*server]
            .stopped
            .is_none()
    };
    let servers: Vec<usize> = (0..plan.servers.len()).filter(works).collect();
    let room = descriptors::room(u64::from(spot.concurrency), servers.len() as u64, limit)
        .unwrap_or(Room::InTurns);
    let first_block = journal.first_block(cell);
    let outcome = visit::visit(
        engine,
        &VisitPlan {
            sweep: plan,
            spot,
            servers,
            room,
            first_block,
        },
    )?;
    let Some(outcome) = outcome else {
        return Ok(false);
    };
    let elapsed = elapsed + outcome.took;
    journal.add(cell, outcome, room == Room::InTurns, elapsed)?;
    Ok(true)
}

/// What this machine allows is known before a cell is tried: beyond it, trying would at best fail and at
/// worst take the machine down.
fn beyond(
    plan: &SweepPlan,
    journal: &Journal,
    server: usize,
    concurrency: u32,
    limit: u64,
) -> Option<Stopped> {
    let concurrency = u64::from(concurrency);
    if descriptors::room(concurrency, 1, limit).is_none() {
        return Some(Stopped {
            cause: StopCause::Descriptors,
            reason: format!(
                "not tried: {concurrency} connections do not fit under the limit of {limit} open files"
            ),
            inferred: true,
        });
    }
    let name = &plan.servers[server].label;
    let ceiling = journal
        .record
        .ceilings
        .iter()
        .find(|ceiling| ceiling.server == *name)?;
    (concurrency > ceiling.connections).then(|| Stopped {
        cause: limits::cause(&ceiling.by),
        reason: format!(
            "not tried: this machine allows it about {} connections: {}",
            ceiling.connections, ceiling.reason
        ),
        inferred: true,
    })
}

/// What is known of each cell.
fn states(plan: &SweepPlan, journal: &Journal, limit: u64) -> Vec<CellState> {
    journal
        .record
        .cells
        .iter()
        .map(|cell| state(plan, cell, limit))
        .collect()
}

fn state(plan: &SweepPlan, cell: &SweepCell, limit: u64) -> CellState {
    let took = cell
        .visits
        .last()
        .map(|visit| Duration::from_secs_f64(visit.took_s));
    CellState {
        visits: cell.visits.len(),
        cost: took.unwrap_or_else(|| estimate(plan, cell, limit)),
        works: cell.servers.iter().any(|server| server.stopped.is_none()),
        distance: distance_from_flip(cell),
    }
}

fn estimate(plan: &SweepPlan, cell: &SweepCell, limit: u64) -> Duration {
    let servers = plan.servers.len();
    let spot = cell.spot;
    let room = descriptors::room(u64::from(spot.concurrency), servers as u64, limit);
    let estimate = Estimate {
        servers: u32::try_from(servers).unwrap_or(u32::MAX),
        concurrency: spot.concurrency,
        wait: Duration::from_millis(spot.wait_ms),
        compute: Duration::from_micros(spot.cpu_units),
        cores: u32::try_from(bench::counters::available_cores()).unwrap_or(1),
        blocks: plan.config.blocks_per_visit,
        warmup: plan.warmup(),
        in_turns: room == Some(Room::InTurns),
    };
    estimate.visit()
}
