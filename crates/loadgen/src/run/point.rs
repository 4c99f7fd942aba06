//! One load point: all arms warmed up and measured in their turns, a cell for each.

use std::time::Duration;

use anyhow::{Context as _, bail};
use engine::{Load, Measurement, SliceEnd, Target};
use report::record::{CellResult, LoadKind};

use super::Run;
use crate::arm::Arm;
use crate::block::{self, BlockOutcome, BlockPlan};
use crate::cells::{Cell, CellName};
use crate::descriptors::Room;
use crate::loader::Loader;
use crate::plan::{Amount, LoadPoint, Plan, Work};
use crate::shapes::Shape;
use crate::shapes::watch::{Watch, Watched};
use crate::slices::{self, Cut, ToCut, Turns};
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
        let outcome = self.warm_up(loader, arms, point).and_then(|()| {
            let watch = self.shape.watches().then(|| Watch::start(arms));
            let outcome = self.blocks(loader, arms, point, &mut cells);
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
    ) -> anyhow::Result<()> {
        for arm in arms.iter_mut().filter(|arm| arm.is_in()) {
            if let Err(failure) = self.warm_up_one(loader, arm, point) {
                arm.fail(failure, loader)?;
            }
            if interrupt::requested() {
                break;
            }
        }
        self.sampler.take();
        Ok(())
    }

    fn warm_up_one(
        &mut self,
        loader: &mut dyn Loader,
        arm: &mut Arm,
        point: Point<'_>,
    ) -> anyhow::Result<()> {
        self.progress.warming_up(&arm.label);
        let target = match arm.connections {
            Some(target) => target,
            None => {
                let target = target(self.plan, self.shape, point.work, arm, point.keep_alive);
                arm.connect(loader, target)?
            }
        };
        if !self.plan.warmup.is_zero() {
            let ended = warmup::warm_up(loader, target, point.load, self.plan)?;
            arm.mean_response = ended.mean_response;
            arm.warm_connects.join(ended.connects);
            arm.warmed_up = Some(ended.warmed_up);
        }
        if self.room == Room::InTurns {
            arm.disconnect(loader);
        }
        arm.check_alive()
    }

    fn blocks(
        &mut self,
        loader: &mut dyn Loader,
        arms: &mut [Arm],
        point: Point<'_>,
        cells: &mut [Cell],
    ) -> anyhow::Result<()> {
        check_any_is_in(arms)?;
        let (schedule, slice_end) = self.schedule(arms, point);
        let (plan, shape, room) = (self.plan, self.shape, self.room);
        let target_of = |arm: &Arm| target(plan, shape, point.work, arm, point.keep_alive);
        let connect_each: Option<&dyn Fn(&Arm) -> Target> = match room {
            Room::ForAll => None,
            Room::InTurns => Some(&target_of),
        };
        self.progress.measuring(point.which, slice_end, &schedule);
        for block in &schedule {
            if interrupt::requested() {
                break;
            }
            let plan = BlockPlan {
                order: &block.order,
                load: point.load,
                slice_end,
                connect_each,
            };
            let mut outcome = block::run(loader, arms, &plan)?;
            for mut arm in std::mem::take(&mut outcome.arms) {
                shape.settle(&mut arm.measurement);
                cells[arm.arm].add(block.index, &outcome, arm);
            }
            self.progress.block_done(block.index, cells);
            end_when_dead(loader, arms, &outcome)?;
        }
        Ok(())
    }

    /// Which arms are loaded in which order, block by block, and when a slice ends.
    fn schedule(&mut self, arms: &[Arm], point: Point<'_>) -> (Vec<ScheduledBlock>, SliceEnd) {
        let all: Vec<usize> = (0..arms.len()).filter(|&arm| arms[arm].is_in()).collect();
        let whole = self.plan.measured_time(point.which);
        let Some(per_server) = whole.map(|time| time.mul_f64(point.share)) else {
            let Amount::Requests(requests) = self.plan.amount else {
                unreachable!("without a time there is a number")
            };
            return (
                vec![ScheduledBlock {
                    index: 0,
                    order: all,
                }],
                SliceEnd::Requests(requests),
            );
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
        let cut = slices::cut(ToCut {
            per_server,
            servers: all.len(),
            blocks: self.plan.blocks,
            turns,
            mean_response,
        });
        if self.record.config.slice_ms.is_none() {
            self.record.config.slice_ms = Some(cut.slice.as_secs_f64() * 1e3);
        }
        (
            schedule(&all, cut, turns, self.plan.seed),
            SliceEnd::After(cut.slice),
        )
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
    };
    shape.target(&mut target);
    target
}

/// One block of a load point.
pub struct ScheduledBlock {
    /// Number of the block; the same number pairs the servers.
    pub index: u32,
    /// Arms in the order they are loaded.
    pub order: Vec<usize>,
}

/// Without turns, one server after the other; else all servers within each block, in mirrored order, or,
/// where each has one slice only, in an order drawn for it.
fn schedule(arms: &[usize], cut: Cut, turns: Turns, seed: u64) -> Vec<ScheduledBlock> {
    if turns == Turns::None {
        let blocks_of = |&arm: &usize| {
            (0..cut.blocks).map(move |index| ScheduledBlock {
                index,
                order: vec![arm],
            })
        };
        return arms.iter().flat_map(blocks_of).collect();
    }
    let rounds = (cut.slices_per_block as usize).div_ceil(2);
    let order_of = |index| {
        let seed = seed.wrapping_add(u64::from(index));
        let mut order = stats::schedule::mirrored_order(arms.len(), rounds, seed);
        order.truncate(arms.len() * cut.slices_per_block as usize);
        order.into_iter().map(|place| arms[place]).collect()
    };
    (0..cut.blocks)
        .map(|index| ScheduledBlock {
            index,
            order: order_of(index),
        })
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_mirrored_and_the_same_for_the_same_seed() {
        let cut = Cut {
            blocks: 2,
            slices_per_block: 4,
            slice: Duration::from_millis(50),
        };
        let one = schedule(&[0, 1, 2], cut, Turns::Short, 7);
        let two = schedule(&[0, 1, 2], cut, Turns::Short, 7);
        for (a, b) in one.iter().zip(&two) {
            assert_eq!(a.order, b.order);
            let (first, second) = a.order[..6].split_at(3);
            assert!(first.iter().eq(second.iter().rev()), "{:?}", a.order);
        }
    }

    #[test]
    fn a_server_s_only_slice_has_a_place_drawn_for_each_block() {
        let cut = Cut {
            blocks: 16,
            slices_per_block: 1,
            slice: Duration::from_secs(1),
        };
        let blocks = schedule(&[0, 1, 2], cut, Turns::Once, 7);
        assert_eq!(blocks.len(), 16);
        let mut first = Vec::new();
        for block in blocks {
            first.push(block.order[0]);
            let mut order = block.order;
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2]);
        }
        first.sort_unstable();
        first.dedup();
        assert_eq!(first, [0, 1, 2], "each server is first at times");
    }

    #[test]
    fn without_turns_each_server_has_its_blocks_in_a_row() {
        let cut = Cut {
            blocks: 2,
            slices_per_block: 1,
            slice: Duration::from_secs(1),
        };
        let order: Vec<_> = schedule(&[0, 1], cut, Turns::None, 1)
            .into_iter()
            .map(|b| (b.index, b.order))
            .collect();
        assert_eq!(
            order,
            [(0, vec![0]), (1, vec![0]), (0, vec![1]), (1, vec![1])]
        );
    }
}
