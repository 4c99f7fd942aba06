//! The main job: servers started, verified, loaded in turns, and what came of it as a record.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use engine::{Engine, EngineConfig, Load, Slice, SliceEnd, Target};
use report::record::{LoadKind, Record};

use crate::arm::Arm;
use crate::block::{self, BlockOutcome, BlockPlan};
use crate::cells::{Cell, CellName};
use crate::descriptors::Room;
use crate::plan::{Amount, LoadPoint, Plan};
use crate::progress::Progress;
use crate::sampler::Sampler;
use crate::slices::{self, Cut, ToCut, Turns};
use crate::{counters, descriptors, document, interrupt, servers};

/// What a run left behind: always a record, and what ended it early if anything did.
pub struct Outcome {
    /// What was measured.
    pub record: Record,
    /// What ended the run before its time; Ctrl-C is none.
    pub failure: Option<anyhow::Error>,
}

/// Measures.
///
/// # Errors
/// When nothing could be measured at all. What goes wrong later stands in the outcome.
pub fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let room = descriptors::room_for(plan)?;
    let mut arms = start(plan)?;
    for arm in &arms {
        servers::verify(arm, &plan.work, plan.timeout)?;
    }
    let mut engine = Engine::start(EngineConfig {
        threads: plan.threads,
        client: plan.client,
        timeout: plan.timeout,
        seed: plan.seed,
        cpus: plan.client_cpus.clone(),
    })?;
    interrupt::cancels(engine.cancel_handle());
    let mut record = document::begin(plan, &arms);
    let queue_before = counters::listen_queue();
    let mut run = Run {
        plan,
        room,
        epoch: Instant::now(),
        sampler: Sampler::start(arms.iter().map(Arm::pids).collect()),
        progress: Progress::new(plan, engine.live()),
        record: &mut record,
    };
    let failure = plan
        .keep_alive
        .iter()
        .try_for_each(|&keep_alive| run.measure(&mut engine, &mut arms, keep_alive))
        .err();
    drop(run);
    record.interrupted = interrupt::requested();
    document::finish(&mut record, plan, room, queue_before);
    if let Some(failure) = failure {
        if record.results.is_empty() {
            return Err(failure);
        }
        return Ok(Outcome {
            record,
            failure: Some(failure),
        });
    }
    Ok(Outcome {
        record,
        failure: None,
    })
}

fn start(plan: &Plan) -> anyhow::Result<Vec<Arm>> {
    plan.servers
        .iter()
        .map(|spec| Arm::start(spec, &plan.server_cpus))
        .collect()
}

/// A run under way.
struct Run<'a> {
    plan: &'a Plan,
    room: Room,
    epoch: Instant,
    sampler: Sampler,
    progress: Progress,
    record: &'a mut Record,
}

/// One load point of a run.
#[derive(Clone, Copy)]
struct Point {
    which: LoadPoint,
    load: Load,
    keep_alive: bool,
}

impl Run<'_> {
    fn measure(
        &mut self,
        engine: &mut Engine,
        arms: &mut [Arm],
        keep_alive: bool,
    ) -> anyhow::Result<()> {
        if self.room == Room::ForAll {
            for arm in arms.iter_mut() {
                let target = target(self.plan, arm, keep_alive);
                arm.connect(engine, target)?;
            }
        }
        let mut capacity = None;
        for &which in &self.plan.load_points {
            if interrupt::requested() {
                break;
            }
            let Some(load) = self.load(which, capacity)? else {
                continue;
            };
            let slowest = self.load_point(
                engine,
                arms,
                Point {
                    which,
                    load,
                    keep_alive,
                },
            )?;
            capacity = capacity.or(slowest);
        }
        for arm in arms.iter_mut() {
            arm.disconnect(engine);
        }
        Ok(())
    }

    /// The load of a load point; `None` when it cannot be known.
    fn load(&self, which: LoadPoint, capacity: Option<f64>) -> anyhow::Result<Option<Load>> {
        let open = |rate_rps: f64| Load::OpenLoop {
            rate_rps,
            arrivals: self.plan.arrivals,
        };
        Ok(match which {
            LoadPoint::Saturated => Some(Load::ClosedLoop),
            LoadPoint::Rate(rate) => Some(open(rate)),
            LoadPoint::SameRate => capacity
                .filter(|&rate| rate > 0.0)
                .map(|rate| open(round_rate(rate / 2.0))),
        })
    }

    /// Measures all arms at one load point; the throughput of the slowest.
    fn load_point(
        &mut self,
        engine: &mut Engine,
        arms: &mut [Arm],
        point: Point,
    ) -> anyhow::Result<Option<f64>> {
        let mut cells: Vec<Cell> = arms
            .iter()
            .map(|arm| Cell::new(self.cell_name(arm, point)))
            .collect();
        let measured = self
            .warm_up(engine, arms, point)
            .and_then(|()| self.blocks(engine, arms, point, &mut cells));
        let samples = self.sampler.take();
        let slowest = cells
            .iter()
            .map(Cell::throughput_rps)
            .collect::<Option<Vec<_>>>()
            .map(smallest);
        for (number, cell) in cells
            .into_iter()
            .enumerate()
            .filter(|(_, cell)| cell.was_loaded())
        {
            self.record
                .results
                .push(cell.into_result(number, &samples, self.epoch));
        }
        measured?;
        Ok(slowest)
    }

    fn warm_up(
        &mut self,
        engine: &mut Engine,
        arms: &mut [Arm],
        point: Point,
    ) -> anyhow::Result<()> {
        for arm in arms.iter_mut() {
            self.progress.warming_up(&arm.label);
            let target = match arm.connections {
                Some(target) => target,
                None => {
                    let target = target(self.plan, arm, point.keep_alive);
                    arm.connect(engine, target)?
                }
            };
            if !self.plan.warmup.is_zero() {
                let end = SliceEnd::After(self.plan.warmup);
                let outcome = engine.run_slice(&Slice {
                    loads: vec![(target, point.load)],
                    lead_in: Duration::ZERO,
                    end,
                })?;
                arm.mean_response = outcome.loads.first().and_then(|load| load.mean_latency);
                engine.collect(target)?;
            }
            if self.room == Room::InTurns {
                arm.disconnect(engine);
            }
            arm.check_alive()?;
            if interrupt::requested() {
                break;
            }
        }
        self.sampler.take();
        Ok(())
    }

    fn blocks(
        &mut self,
        engine: &mut Engine,
        arms: &mut [Arm],
        point: Point,
        cells: &mut [Cell],
    ) -> anyhow::Result<()> {
        let (schedule, slice_end) = self.schedule(arms, point);
        let (plan, room) = (self.plan, self.room);
        let target_of = |arm: &Arm| target(plan, arm, point.keep_alive);
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
            let mut outcome = block::run(engine, arms, &plan)?;
            for arm in std::mem::take(&mut outcome.arms) {
                cells[arm.arm].add(block.index, &outcome, arm);
            }
            self.progress.block_done(block.index, cells);
            end_when_dead(arms, &outcome)?;
        }
        Ok(())
    }

    /// Which arms are loaded in which order, block by block, and when a slice ends.
    fn schedule(&mut self, arms: &[Arm], point: Point) -> (Vec<ScheduledBlock>, SliceEnd) {
        let all: Vec<usize> = (0..arms.len()).collect();
        let Some(per_server) = self.plan.measured_time(point.which) else {
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
            .unwrap_or_default();
        let turns = match (self.room, self.plan.interleave && arms.len() > 1) {
            (_, false) => Turns::None,
            (Room::ForAll, true) => Turns::Short,
            (Room::InTurns, true) => Turns::Long,
        };
        let cut = slices::cut(ToCut {
            per_server,
            servers: arms.len(),
            blocks: self.plan.blocks,
            turns,
            mean_response,
        });
        if matches!(point.load, Load::ClosedLoop) {
            self.record.config.slice_ms = Some(cut.slice.as_secs_f64() * 1e3);
        }
        (
            schedule(&all, cut, turns, self.plan.seed),
            SliceEnd::After(cut.slice),
        )
    }

    fn cell_name(&self, arm: &Arm, point: Point) -> CellName {
        let (load, rate) = match point.load {
            Load::ClosedLoop | Load::OnceEach => (LoadKind::Closed, None),
            Load::OpenLoop { rate_rps, .. } => (LoadKind::Open, Some(rate_rps)),
        };
        CellName {
            server: arm.label.clone(),
            workload: self.plan.work.name(),
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
fn target(plan: &Plan, arm: &Arm, keep_alive: bool) -> Target {
    Target {
        name: arm.label.clone(),
        url: arm.base_url.clone(),
        requests: plan.work.classes(),
        connections: plan.concurrency,
        keep_alive,
        record_first_byte: false,
        record_chunk_gaps: false,
    }
}

/// One block of a load point.
pub struct ScheduledBlock {
    /// Number of the block; the same number pairs the servers.
    pub index: u32,
    /// Arms in the order they are loaded.
    pub order: Vec<usize>,
}

/// Without turns, one server after the other; else all servers within each block, in mirrored order.
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
    let rounds = cut.slices_per_block as usize / 2;
    let order_of = |index| {
        stats::schedule::mirrored_order(arms.len(), rounds, seed.wrapping_add(u64::from(index)))
    };
    (0..cut.blocks)
        .map(|index| ScheduledBlock {
            index,
            order: order_of(index),
        })
        .collect()
}

/// A dead server ends the run: everything later would be a comparison with nothing.
fn end_when_dead(arms: &mut [Arm], outcome: &BlockOutcome) -> anyhow::Result<()> {
    if outcome.interrupted && !interrupt::requested() {
        bail!("the load engine ended a slice early");
    }
    arms.iter_mut()
        .try_for_each(Arm::check_alive)
        .context("measuring ended early")
}

fn smallest(values: Vec<f64>) -> f64 {
    values.into_iter().fold(f64::INFINITY, f64::min)
}

/// Three digits: a rate is a setting, and reads like one.
fn round_rate(rate: f64) -> f64 {
    let step = 10_f64.powf((rate.log10().floor() - 2.0).max(-2.0));
    (rate / step).round() * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_three_digits() {
        for (rate, rounded) in [
            (61_234.0, 61_200.0),
            (833.3, 833.0),
            (1.238, 1.24),
            (0.016, 0.02),
        ] {
            assert!((round_rate(rate) - rounded).abs() < 1e-9, "{rate}");
        }
    }

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
