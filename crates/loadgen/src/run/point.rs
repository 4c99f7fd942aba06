//! One load point: all arms warmed up and measured in their turns, a cell for each.

use std::time::Duration;

use anyhow::{Context as _, bail};
use engine::{Load, Measurement, Target, TargetId};
use report::record::{CellResult, LoadKind};

use super::Run;
use super::schedule::{self, Schedule};
use crate::arm::Arm;
use crate::block::{self, BlockOutcome, BlockPlan};
use crate::cells::{Cell, CellName};
use crate::descriptors::Room;
use crate::loader::Loader;
use crate::plan::{Amount, LoadPoint, Plan, Work};
use crate::shapes::Shape;
use crate::shapes::watch::{Watch, Watched};
use crate::slices::{self, ToCut, Turns};
use crate::stragglers::{Stragglers, Whole};
use crate::{interrupt, warmup};

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
    pub(super) arm: usize,
    pub(super) result: CellResult,
    pub(super) total: Measurement,
    pub(super) span: Duration,
    pub(super) slices: u32,
    pub(super) watched: Option<Watched>,
}

impl Run<'_> {
    /// Measures all arms at one load point; the throughput of the slowest.
    pub(super) fn load_point(
        &mut self,
        loader: &mut dyn Loader,
        arms: &mut [Arm],
        point: Point<'_>,
        measured: &mut Vec<Measured>,
    ) -> anyhow::Result<Option<f64>> {
        let mut cells: Vec<Cell> = arms
            .iter()
            .map(|arm| Cell::new(self.cell_name(arm, point)))
            .collect();
        let mut watched = Vec::new();
        let outcome = self.warm_up(loader, arms, point).and_then(|stragglers| {
            let watch = self.shape.watches().then(|| Watch::start(arms));
            let outcome = self.blocks(loader, arms, point, (&mut cells, stragglers));
            watched = watch.map_or_else(Vec::new, |watch| watch.end(arms));
            outcome
        });
        let samples = self.sampler.take();
        let slowest = cells
            .iter()
            .map(Cell::throughput_rps)
            .collect::<Option<Vec<_>>>()
            .map(smallest);
        for (arm, cell) in cells
            .into_iter()
            .enumerate()
            .filter(|(_, cell)| cell.was_loaded())
        {
            let (total, span, slices) = (cell.total().clone(), cell.span(), cell.slices());
            let mut result = cell.into_result(arm, &samples, self.epoch);
            result.figures.extend(warmup::figure(&arms[arm]));
            measured.push(Measured {
                arm,
                total,
                span,
                slices,
                watched: watched.get(arm).copied().flatten(),
                result,
            });
        }
        outcome?;
        Ok(slowest)
    }

    fn warm_up(
        &mut self,
        loader: &mut dyn Loader,
        arms: &mut [Arm],
        point: Point<'_>,
    ) -> anyhow::Result<Stragglers> {
        let mut stragglers = Stragglers::default();
        for (number, arm) in arms.iter_mut().enumerate().filter(|(_, arm)| arm.is_in()) {
            match self.warm_up_one(loader, arm, point) {
                Ok(Some((target, warm))) => stragglers.warmed_up(number, target, &warm),
                Ok(None) => {}
                Err(failure) => arm.fail(failure, loader)?,
            }
            if interrupt::requested() {
                break;
            }
        }
        self.sampler.take();
        Ok(stragglers)
    }

    fn warm_up_one(
        &mut self,
        loader: &mut dyn Loader,
        arm: &mut Arm,
        point: Point<'_>,
    ) -> anyhow::Result<Option<(TargetId, Measurement)>> {
        let mut warm = None;
        self.progress.warming_up(&arm.label);
        let target = match arm.connections {
            Some(target) => target,
            None => {
                let target = target(self.plan, self.shape, point.work, arm, point.keep_alive);
                arm.connect(loader, target)?
            }
        };
        if !self.plan.warmup.is_zero() {
            let ended = warmup::warm_up(loader, target, point.load, self.plan)
                .with_context(|| arm.label.clone())?;
            arm.mean_response = ended.mean_response;
            arm.longest_silence = ended.longest_silence;
            arm.warm_connects.join(ended.connects);
            arm.warmed_up = Some(ended.warmed_up);
            warm = Some((target, ended.seen));
        }
        if self.room == Room::InTurns {
            arm.disconnect(loader);
        }
        arm.check_alive().map(|()| warm)
    }

    /// All blocks, and then the last answers to their requests.
    fn blocks(
        &mut self,
        loader: &mut dyn Loader,
        arms: &mut [Arm],
        point: Point<'_>,
        (cells, mut stragglers): (&mut [Cell], Stragglers),
    ) -> anyhow::Result<()> {
        check_any_is_in(arms)?;
        let outcome = self.each_block(loader, arms, point, (cells, &mut stragglers));
        let last = stragglers.settle(loader, arms)?;
        self.keep(last, cells);
        outcome
    }

    fn each_block(
        &mut self,
        loader: &mut dyn Loader,
        arms: &mut [Arm],
        point: Point<'_>,
        (cells, stragglers): (&mut [Cell], &mut Stragglers),
    ) -> anyhow::Result<()> {
        let schedule = self.schedule(arms, point);
        let (plan, shape, room) = (self.plan, self.shape, self.room);
        let target_of = |arm: &Arm| target(plan, shape, point.work, arm, point.keep_alive);
        let connect_each: Option<&dyn Fn(&Arm) -> Target> = match room {
            Room::ForAll => None,
            Room::InTurns => Some(&target_of),
        };
        self.progress.measuring(point.which, &schedule);
        for block in &schedule.blocks {
            if interrupt::requested() {
                break;
            }
            let (order, slice_end) = schedule.turns_of(block, arms);
            let plan = BlockPlan {
                order: &order,
                load: point.load,
                slice_end,
                seed: schedule.seed_of(block),
                connect_each,
            };
            let mut outcome = block::run(loader, arms, &plan)?;
            let whole = stragglers.add(loader, arms, block.index, &mut outcome)?;
            self.keep(whole, cells);
            self.progress.block_done(block.index, cells);
            end_when_dead(loader, arms, &outcome)?;
        }
        Ok(())
    }

    fn keep(&self, whole: Vec<Whole>, cells: &mut [Cell]) {
        for mut part in whole {
            self.shape.settle(&mut part.arm.measurement);
            cells[part.arm.arm].add(part);
        }
    }

    /// Which arms are loaded when.
    fn schedule(&mut self, arms: &[Arm], point: Point<'_>) -> Schedule {
        let all: Vec<usize> = (0..arms.len()).filter(|&arm| arms[arm].is_in()).collect();
        let whole = self.plan.measured_time(point.which);
        let Some(per_server) = whole.map(|time| time.mul_f64(point.share)) else {
            let Amount::Requests(requests) = self.plan.amount else {
                unreachable!("without a time there is a number")
            };
            return Schedule::of_requests(requests, all);
        };
        let mean_response = arms
            .iter()
            .filter_map(|arm| arm.mean_response)
            .max()
            .unwrap_or_default()
            .max(self.shape.response_time());
        let turns = match (self.room, self.plan.interleave && all.len() > 1) {
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
            longest_silence: schedule::longest_silence(arms),
        };
        if self.record.config.slice_ms.is_none() {
            let slice = slices::cut(to_cut).slice;
            self.record.config.slice_ms = Some(slice.as_secs_f64() * 1e3);
        }
        Schedule::of_time(to_cut, &all, self.plan.seed)
    }

    fn cell_name(&self, arm: &Arm, point: Point<'_>) -> CellName {
        let (load, rate) = match point.load {
            Load::ClosedLoop | Load::OnceEach => (LoadKind::Closed, None),
            Load::OpenLoop { rate_rps, .. } => (LoadKind::Open, Some(rate_rps)),
        };
        CellName {
            server: arm.label.clone(),
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

/// How an arm is connected, and what it is asked.
pub(super) fn target(
    plan: &Plan,
    shape: &dyn Shape,
    work: &Work,
    arm: &Arm,
    keep_alive: bool,
) -> Target {
    let mut target = Target {
        name: arm.label.clone(),
        url: arm.base_url.clone(),
        requests: plan.requests(work),
        connections: plan.concurrency,
        keep_alive,
        record_first_byte: false,
        record_chunk_gaps: false,
        mean_response: arm.mean_response,
    };
    shape.target(&mut target);
    target
}

/// A dead server ends the run, unless it goes on without it: everything later would be a comparison with
/// nothing.
fn end_when_dead(
    loader: &mut dyn Loader,
    arms: &mut [Arm],
    outcome: &BlockOutcome,
) -> anyhow::Result<()> {
    outcome.check_whole()?;
    for arm in arms.iter_mut().filter(|arm| arm.is_in()) {
        if let Err(dead) = arm.check_alive() {
            arm.fail(dead, loader).context("measuring ended early")?;
        }
    }
    check_any_is_in(arms)
}

fn check_any_is_in(arms: &[Arm]) -> anyhow::Result<()> {
    if !arms.iter().any(Arm::is_in) {
        bail!("no server is left: each has failed under load");
    }
    Ok(())
}

fn smallest(values: Vec<f64>) -> f64 {
    values.into_iter().fold(f64::INFINITY, f64::min)
}
