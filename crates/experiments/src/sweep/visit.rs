//! A visit to a cell: fresh server processes, fresh connections, some blocks.

use std::time::{Duration, Instant};

use engine::{Engine, Load, Slice, SliceEnd, Target};
use record::sweep::{Spot, Stopped};
use record::{CellResult, LoadKind, ServerConfig};

use super::plan::SweepPlan;
use super::schedule::{BlockShape, shape};
use super::stop::{self, Probed};
use crate::document;
use bench::block::BlockPlan;
use bench::cells::{Cell, CellName};
use bench::descriptors::Room;
use bench::schedule::order;
use bench::server_under_test::ServerUnderTest;
use bench::session::{Servers, Session};
use bench::stragglers::Whole;
use bench::warmup::WarmUp;
use bench::work::Work;
use bench::{interrupt, limits, verify};

/// What is visited.
pub(super) struct VisitPlan<'a> {
    /// The sweep.
    pub sweep: &'a SweepPlan,
    /// The cell.
    pub spot: Spot,
    /// Numbers of the servers that are worth trying.
    pub servers: Vec<usize>,
    /// Whether all of them can be connected at a time.
    pub room: Room,
    /// Number of the first block.
    pub first_block: u32,
}

/// What a visit found.
#[derive(Default)]
pub struct VisitOutcome {
    /// By number of server, what was measured.
    pub results: Vec<(usize, CellResult)>,
    /// By number of server, why it does not work here.
    pub stopped: Vec<(usize, Stopped)>,
    /// By number of server, how it was started.
    pub started: Vec<(usize, ServerConfig)>,
    /// Blocks finished.
    pub blocks: u32,
    /// Length of a slice.
    pub slice: Duration,
    /// How long it took in all.
    pub took: Duration,
}

/// Visits a cell. `None` when the visit was interrupted: what it saw then is not used.
///
/// # Errors
/// When a server does not start or answers wrongly before there is any load, or the engine fails.
/// A server that does not answer in time is out of this cell, and nothing worse.
pub(super) fn visit(
    engine: &mut Engine,
    plan: &VisitPlan<'_>,
) -> anyhow::Result<Option<VisitOutcome>> {
    let begun = Instant::now();
    let work = plan.sweep.work(plan.spot)?;
    let started = Visit::start(engine, plan, &work).and_then(Visit::verified);
    let mut visit = match started {
        Err(_) if interrupt::requested() => return Ok(None),
        started => started?,
    };
    for number in visit.working() {
        if !interrupt::requested() {
            visit.warm_up(number)?;
        }
    }
    if interrupt::requested() {
        return Ok(None);
    }
    let finished = visit.measure()?;
    let mut outcome = visit.finish();
    outcome.took = begun.elapsed();
    Ok(finished.then_some(outcome))
}

/// A visit under way.
struct Visit<'a> {
    engine: &'a mut Engine,
    plan: &'a VisitPlan<'a>,
    work: &'a Work,
    session: Session,
    cells: Vec<Cell>,
    epoch: Instant,
    outcome: VisitOutcome,
    /// Servers that a block failed with once already.
    doubted: Vec<usize>,
}

impl<'a> Visit<'a> {
    fn start(
        engine: &'a mut Engine,
        plan: &'a VisitPlan<'a>,
        work: &'a Work,
    ) -> anyhow::Result<Self> {
        let cpus = plan.sweep.config.server_cpus.clone().unwrap_or_default();
        let specs = plan
            .servers
            .iter()
            .map(|&number| &plan.sweep.servers[number]);
        let suts = Servers::start(specs, &cpus, false)?.suts;
        let started = plan
            .servers
            .iter()
            .copied()
            .zip(suts.iter().map(document::server))
            .collect();
        let cells = suts
            .iter()
            .map(|sut| Cell::new(cell_name(plan, work, sut)))
            .collect();
        let mut session = Session::new(suts, plan.room);
        session.begin_sampling();
        Ok(Self {
            engine,
            plan,
            work,
            cells,
            epoch: Instant::now(),
            session,
            outcome: VisitOutcome {
                started,
                ..VisitOutcome::default()
            },
            doubted: Vec::new(),
        })
    }

    /// Asks every server once, before any load. One that twice does not answer in time is out of this cell.
    fn verified(mut self) -> anyhow::Result<Self> {
        for number in 0..self.session.suts.len() {
            let ask = || {
                let timeout = self.plan.sweep.timeout();
                verify::verify(&self.session.suts[number], self.work, timeout)
            };
            let in_vain = |error: &anyhow::Error| stop::of_unanswered(error).is_some();
            let answer = match ask() {
                Err(error) if in_vain(&error) && !interrupt::requested() => ask(),
                answer => answer,
            };
            if let Err(error) = answer {
                match stop::of_unanswered(&error) {
                    Some(stopped) => self.stop(number, stopped),
                    None => return Err(self.session.suts[number].explained(error)),
                }
            }
        }
        Ok(self)
    }

    /// Connects a server, asks once on every connection, and loads it for a while. A server that twice does
    /// not stand that is out of this cell: one connection without an answer may be chance.
    fn warm_up(&mut self, number: usize) -> anyhow::Result<()> {
        let mut tried = self.try_out(number)?;
        let again = tried.is_err() && !interrupt::requested();
        if again && stop::is_worth_another_look(&mut self.session.suts[number]) {
            self.session.suts[number].disconnect(self.engine);
            tried = self.try_out(number)?;
        }
        match tried {
            _ if interrupt::requested() => Ok(()),
            Ok(()) => self.load_for_a_while(number),
            Err(stopped) => {
                self.stop(number, stopped);
                Ok(())
            }
        }
    }

    /// Connects a server and asks once on every connection; why it does not stand that, if so.
    fn try_out(&mut self, number: usize) -> anyhow::Result<Result<(), Stopped>> {
        let spot = self.plan.spot;
        let sut = &mut self.session.suts[number];
        let id = match sut.connect(self.engine, target(spot, self.work, sut)) {
            Ok(id) => id,
            Err(error) => return Ok(Err(stop::of_error(sut, &error))),
        };
        self.engine.run_slice(&Slice {
            loads: vec![(id, Load::OnceEach)],
            lead_in: Duration::ZERO,
            end: SliceEnd::After(self.plan.sweep.timeout()),
        })?;
        let probe = self.engine.collect(id)?;
        let probed = Probed {
            connections: u64::from(spot.concurrency),
            keep_alive: spot.keep_alive,
            threads: limits::threads(&self.plan.sweep.servers[self.plan.servers[number]]),
        };
        Ok(match stop::of_probe(sut, &probe, probed) {
            Some(stopped) => Err(stopped),
            None => {
                self.session.connected_by(number, id, &probe);
                Ok(())
            }
        })
    }

    /// One that ends meanwhile is out of this cell.
    fn load_for_a_while(&mut self, number: usize) -> anyhow::Result<()> {
        let time = self.plan.sweep.warmup().max(Duration::from_millis(1));
        let how = WarmUp::fixed(time);
        let warm = self
            .session
            .warm_up(self.engine, number, Load::ClosedLoop, &how);
        let Err(error) = warm else {
            return Ok(());
        };
        let sut = &mut self.session.suts[number];
        if !stop::is_to_blame(sut, &error) {
            return Err(error);
        }
        let stopped = stop::of_error(sut, &error);
        self.stop(number, stopped);
        Ok(())
    }

    /// Takes a server out of this cell: its process ends, what it did here is not used.
    fn stop(&mut self, number: usize, stopped: Stopped) {
        self.session.suts[number].disconnect(self.engine);
        self.session.suts[number].process = None;
        self.outcome.stopped.push((number, stopped));
    }

    fn working(&self) -> Vec<usize> {
        let stopped = |number: &usize| {
            self.outcome
                .stopped
                .iter()
                .any(|(other, _)| other == number)
        };
        (0..self.session.suts.len())
            .filter(|number| !stopped(number))
            .collect()
    }

    /// All blocks; false when they were interrupted.
    fn measure(&mut self) -> anyhow::Result<bool> {
        self.session.samples();
        let slowest = self.session.slowest_response();
        let in_turns = self.plan.room == Room::InTurns;
        while self.outcome.blocks < self.plan.sweep.config.blocks_per_visit {
            let working = self.working();
            if working.is_empty() {
                break;
            }
            let silence = self.session.longest_silence();
            let shape = shape(slowest, silence, working.len(), in_turns);
            self.outcome.slice = shape.slice;
            if interrupt::requested() || !self.block(&working, shape)? {
                return Ok(false);
            }
        }
        let last = self.session.settle(self.engine)?;
        self.keep(last);
        Ok(!interrupt::requested())
    }

    /// One block; false when it was interrupted. A server that ends in it, or cannot be connected for the
    /// second time, is out, and the block is made again without it.
    fn block(&mut self, working: &[usize], shape: BlockShape) -> anyhow::Result<bool> {
        let index = self.plan.first_block + self.outcome.blocks;
        let order = order(working, shape.slices_per_server, self.seed(index));
        let (spot, work) = (self.plan.spot, self.work);
        let target_of = |sut: &ServerUnderTest| target(spot, work, sut);
        let connect_each: Option<&dyn Fn(&ServerUnderTest) -> Target> = match self.session.room {
            Room::ForAll => None,
            Room::InTurns => Some(&target_of),
        };
        let plan = BlockPlan {
            order: &order,
            load: Load::ClosedLoop,
            slice_end: SliceEnd::After(shape.slice),
            seed: self.seed(index),
            connect_each,
        };
        let whole = match self.session.block(self.engine, index, &plan) {
            Ok((outcome, _)) if outcome.around.interrupted => return Ok(false),
            Ok((_, whole)) => whole,
            Err(_) if interrupt::requested() => return Ok(false),
            Err(error) => return self.out_of_block(working, error).map(|()| true),
        };
        self.keep(whole);
        self.outcome.blocks += 1;
        Ok(true)
    }

    fn keep(&mut self, whole: Vec<Whole>) {
        for part in whole {
            self.cells[part.sut.sut].add(part);
        }
    }

    /// Who is to blame for a block that could not be made; an error when nobody is.
    fn out_of_block(&mut self, working: &[usize], error: anyhow::Error) -> anyhow::Result<()> {
        let blamed = working.iter().copied().find(|&number| {
            let sut = &mut self.session.suts[number];
            stop::is_to_blame(sut, &error)
        });
        let Some(number) = blamed else {
            return Err(error);
        };
        let sut = &mut self.session.suts[number];
        if self.doubted.contains(&number) || !stop::is_worth_another_look(sut) {
            let stopped = stop::of_error(sut, &error);
            self.stop(number, stopped);
        } else {
            self.doubted.push(number);
        }
        for number in self.working() {
            if let Some(id) = self.session.suts[number].connections {
                self.engine.close_book(id)?; // of the block that is made again
            }
        }
        Ok(())
    }

    /// The same for the same cell and block, whatever happened in between.
    fn seed(&self, block: u32) -> u64 {
        let Spot {
            wait_ms,
            cpu_units,
            keep_alive,
            concurrency,
        } = self.plan.spot;
        let parts = [
            wait_ms,
            cpu_units,
            u64::from(keep_alive),
            u64::from(concurrency),
            u64::from(block),
        ];
        parts
            .iter()
            .fold(self.plan.sweep.config.seed, |seed, part| {
                (seed ^ part)
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    .rotate_left(23)
            })
    }

    /// Closes everything and makes the figures.
    fn finish(mut self) -> VisitOutcome {
        self.session.disconnect(self.engine);
        let samples = self.session.samples();
        let working = self.working();
        for (number, cell) in self.cells.into_iter().enumerate() {
            if !working.contains(&number) || !cell.was_loaded() {
                continue;
            }
            let mut result = cell.into_result(number, &samples, self.epoch);
            if let Some(stopped) = stop::of_result(&result) {
                self.outcome.stopped.push((number, stopped));
                continue;
            }
            result.time_series.clear(); // cut into turns, a second says nothing
            result.wrk_compatible = None;
            self.outcome.results.push((number, result));
        }
        // From here on by the number in the plan, not by that of the servers under test.
        let server_of = |number: usize| self.plan.servers[number];
        for (number, _) in &mut self.outcome.results {
            *number = server_of(*number);
        }
        for (number, _) in &mut self.outcome.stopped {
            *number = server_of(*number);
        }
        self.outcome
    }
}

/// How a server is connected, and what it is asked.
fn target(spot: Spot, work: &Work, sut: &ServerUnderTest) -> Target {
    sut.target(work.classes(), spot.concurrency as usize, spot.keep_alive)
}

fn cell_name(plan: &VisitPlan<'_>, work: &Work, sut: &ServerUnderTest) -> CellName {
    CellName {
        server: sut.label.clone(),
        workload: work.name(),
        load: LoadKind::Closed,
        rate: None,
        keep_alive: plan.spot.keep_alive,
        concurrency: plan.spot.concurrency as usize,
        wait: work.wait(),
        client_threads: plan.sweep.config.threads as usize,
        timeout: plan.sweep.timeout(),
    }
}
