//! One load point: all servers warmed up and measured in their turns, a cell for each.

use std::time::Duration;

use anyhow::{Context as _, bail};
use engine::{Load, Measurement, Target};
use record::{CellResult, LoadKind};

use super::Run;
use crate::plan::{Amount, LoadPoint, Plan};
use crate::scenarios::Scenario;
use crate::scenarios::watch::{Peaks, Watch};
use bench::block::{BlockOutcome, BlockPlan};
use bench::cells::{Cell, CellName};
use bench::descriptors::Room;
use bench::interrupt;
use bench::loader::Loader;
use bench::schedule::Schedule;
use bench::server_under_test::ServerUnderTest;
use bench::session::Session;
use bench::slices::{self, ToCut, Turns};
use bench::stragglers::Whole;
use bench::warmup::{self, WarmUp};
use bench::work::Work;

/// One load point of a run.
#[derive(Clone, Copy)]
pub(super) struct Point<'a> {
    pub(super) which: LoadPoint,
    pub(super) work: &'a Work,
    pub(super) load: Load,
    pub(super) keep_alive: bool,
    /// Share of the time that is measured at this load point.
    pub(super) share: f64,
}

/// One cell at the end of its load point, with all that its figures are made of.
pub(super) struct Measured {
    pub(super) sut: usize,
    pub(super) result: CellResult,
    pub(super) total: Measurement,
    pub(super) span: Duration,
    pub(super) slices: u32,
    pub(super) peaks: Option<Peaks>,
}

impl Run<'_> {
    /// Measures all servers at one load point; the throughput of the slowest.
    pub(super) fn load_point(
        &mut self,
        loader: &mut dyn Loader,
        point: Point<'_>,
        measured: &mut Vec<Measured>,
    ) -> anyhow::Result<Option<f64>> {
        let mut cells: Vec<Cell> = self
            .session
            .suts
            .iter()
            .map(|sut| Cell::new(self.cell_name(sut, point)))
            .collect();
        let mut peaks = Vec::new();
        let outcome = self.warm_up(loader, point).and_then(|()| {
            let watch = self
                .scenario
                .watches()
                .then(|| Watch::start(&self.session.suts));
            let outcome = self.blocks(loader, point, &mut cells);
            peaks = watch.map_or_else(Vec::new, |watch| watch.end(&self.session.suts));
            outcome
        });
        let samples = self.session.samples();
        let slowest = cells
            .iter()
            .map(Cell::throughput_rps)
            .collect::<Option<Vec<_>>>()
            .map(smallest);
        for (sut, cell) in cells
            .into_iter()
            .enumerate()
            .filter(|(_, cell)| cell.was_loaded())
        {
            let (total, span, slices) = (cell.total().clone(), cell.span(), cell.slices());
            let mut result = cell.into_result(sut, &samples, self.epoch);
            result
                .figures
                .extend(warmup::figure(&self.session.suts[sut]));
            measured.push(Measured {
                sut,
                total,
                span,
                slices,
                peaks: peaks.get(sut).copied().flatten(),
                result,
            });
        }
        outcome?;
        Ok(slowest)
    }

    fn warm_up(&mut self, loader: &mut dyn Loader, point: Point<'_>) -> anyhow::Result<()> {
        for number in self.session.taking_part() {
            if let Err(failure) = self.warm_up_one(loader, number, point) {
                self.session.suts[number].fail(failure, loader)?;
            }
            if interrupt::requested() {
                break;
            }
        }
        self.session.samples();
        Ok(())
    }

    fn warm_up_one(
        &mut self,
        loader: &mut dyn Loader,
        number: usize,
        point: Point<'_>,
    ) -> anyhow::Result<()> {
        let sut = &mut self.session.suts[number];
        self.progress.warming_up(&sut.label);
        if sut.connections.is_none() {
            let target = target(self.plan, self.scenario, point.work, sut, point.keep_alive);
            sut.connect(loader, target)?;
        }
        let how = WarmUp {
            longest: self.plan.warmup,
            until_settled: self.plan.warmup_until_settled,
            must_answer_within: Some(self.plan.timeout),
        };
        self.session.warm_up(loader, number, point.load, &how)
    }

    /// All blocks, and then the last answers to their requests.
    fn blocks(
        &mut self,
        loader: &mut dyn Loader,
        point: Point<'_>,
        cells: &mut [Cell],
    ) -> anyhow::Result<()> {
        check_any_is_in(&self.session)?;
        let outcome = self.each_block(loader, point, cells);
        let last = self.session.settle(loader)?;
        self.keep(last, cells);
        outcome
    }

    fn each_block(
        &mut self,
        loader: &mut dyn Loader,
        point: Point<'_>,
        cells: &mut [Cell],
    ) -> anyhow::Result<()> {
        let schedule = self.schedule(point);
        let (plan, scenario) = (self.plan, self.scenario);
        let target_of =
            |sut: &ServerUnderTest| target(plan, scenario, point.work, sut, point.keep_alive);
        let connect_each: Option<&dyn Fn(&ServerUnderTest) -> Target> = match self.session.room {
            Room::ForAll => None,
            Room::InTurns => Some(&target_of),
        };
        self.progress.measuring(point.which, &schedule);
        for block in &schedule.blocks {
            if interrupt::requested() {
                break;
            }
            let (order, slice_end) = schedule.turns_of(block, &self.session.suts);
            let plan = BlockPlan {
                order: &order,
                load: point.load,
                slice_end,
                seed: schedule.seed_of(block),
                connect_each,
            };
            let (outcome, whole) = self.session.block(loader, block.index, &plan)?;
            self.keep(whole, cells);
            self.progress.block_done(block.index, cells);
            end_when_dead(loader, &mut self.session, &outcome)?;
        }
        Ok(())
    }

    fn keep(&self, whole: Vec<Whole>, cells: &mut [Cell]) {
        for mut part in whole {
            self.scenario.settle(&mut part.sut.measurement);
            cells[part.sut.sut].add(part);
        }
    }

    /// Which servers are loaded when.
    fn schedule(&mut self, point: Point<'_>) -> Schedule {
        let all = self.session.taking_part();
        let whole = self.plan.measured_time(point.which);
        let Some(per_server) = whole.map(|time| time.mul_f64(point.share)) else {
            let Amount::Requests(requests) = self.plan.amount else {
                unreachable!("without a time there is a number")
            };
            return Schedule::of_requests(requests, all);
        };
        let mean_response = self
            .session
            .slowest_response()
            .max(self.scenario.response_time());
        let turns = match (self.session.room, self.plan.interleave && all.len() > 1) {
            _ if self.plan.one_slice_per_block => Turns::Once,
            (_, false) => Turns::None,
            (Room::ForAll, true) => Turns::Short,
            (Room::InTurns, true) => Turns::Long,
        };
        let to_cut = ToCut {
            per_server,
            servers: all.len(),
            blocks: self.plan.blocks,
            turns,
            mean_response,
            longest_silence: self.session.longest_silence(),
        };
        if self.record.config.slice_ms.is_none() {
            let slice = slices::cut(to_cut).slice;
            self.record.config.slice_ms = Some(slice.as_secs_f64() * 1e3);
        }
        Schedule::of_time(to_cut, &all, self.plan.seed)
    }

    fn cell_name(&self, sut: &ServerUnderTest, point: Point<'_>) -> CellName {
        let (load, rate) = match point.load {
            Load::ClosedLoop | Load::OnceEach => (LoadKind::Closed, None),
            Load::OpenLoop { rate_rps, .. } => (LoadKind::Open, Some(rate_rps)),
        };
        CellName {
            server: sut.label.clone(),
            workload: point.work.name(),
            load,
            rate,
            keep_alive: point.keep_alive,
            concurrency: self.plan.concurrency,
            wait: point.work.wait(),
            client_threads: self.plan.threads,
            timeout: self.plan.timeout,
        }
    }
}

/// How a server is connected, and what it is asked.
pub(super) fn target(
    plan: &Plan,
    scenario: &dyn Scenario,
    work: &Work,
    sut: &ServerUnderTest,
    keep_alive: bool,
) -> Target {
    let mut target = sut.target(plan.requests(work), plan.concurrency, keep_alive);
    target.mean_response = sut.mean_response;
    scenario.target(&mut target);
    target
}

/// A dead server ends the run, unless it goes on without it: everything later would be a comparison with
/// nothing.
fn end_when_dead(
    loader: &mut dyn Loader,
    session: &mut Session,
    outcome: &BlockOutcome,
) -> anyhow::Result<()> {
    outcome.check_whole()?;
    for sut in session.suts.iter_mut().filter(|sut| sut.is_in()) {
        if let Err(dead) = sut.check_alive() {
            sut.fail(dead, loader).context("measuring ended early")?;
        }
    }
    check_any_is_in(session)
}

fn check_any_is_in(session: &Session) -> anyhow::Result<()> {
    if session.taking_part().is_empty() {
        bail!("no server is left: each has failed under load");
    }
    Ok(())
}

fn smallest(values: Vec<f64>) -> f64 {
    values.into_iter().fold(f64::INFINITY, f64::min)
}
