//! The main job: servers started, verified, loaded in turns, and what came of it as a record.

mod point;
mod schedule;

use std::time::{Duration, Instant};

use engine::{Engine, EngineConfig, Load, Target};
use report::analysis::comparisons::is_contended;
use report::analysis::usage;
use report::format;
use report::record::{CellResult, Lateness, Record};

use crate::arm::{Arm, Beside, Connects};
use crate::descriptors::Room;
use crate::loader::Loader;
use crate::plan::{LoadPoint, Plan, Work, has_requests};
use crate::progress::Progress;
use crate::sampler::Sampler;
use crate::shapes::contrast::Contrast;
use crate::shapes::{self, BesidePlan, Seen, Shape};
use crate::waiting::Waiting;
use crate::{counters, descriptors, document, interrupt, output};
use point::{Measured, Point, target};
pub use schedule::Schedule;

/// What a run left behind: always a record, and what ended it early if anything did.
pub struct Outcome {
    /// What was measured.
    pub record: Record,
    /// What ended the run before its time; Ctrl-C is none.
    pub failure: Option<anyhow::Error>,
    /// The servers that the run went on without.
    pub failed: Vec<Failed>,
}

/// A server that the run went on without. What was measured of it until then stands in the record.
pub struct Failed {
    /// Its name.
    pub server: String,
    /// What happened, with its standard error.
    pub reason: String,
}

/// Measures. A server that fails ends the run.
///
/// # Errors
/// When nothing could be measured at all. What goes wrong later stands in the outcome.
pub fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    measure(plan, false)
}

/// Measures. A server that does not start beside the others, refuses connections or ends is out, and the run
/// goes on without it.
///
/// # Errors
/// As [`run`]; also when no server is left.
pub fn run_past_failures(plan: &Plan) -> anyhow::Result<Outcome> {
    measure(plan, true)
}

fn measure(plan: &Plan, dispensable: bool) -> anyhow::Result<Outcome> {
    let room = descriptors::room_for(plan)?;
    let mut shape = shapes::of(&plan.work);
    let contrasts = if plan.contrast {
        shape.contrasts(plan)
    } else {
        Vec::new()
    };
    let waiting = Waiting::start(plan.wait, plan.servers.len(), &plan.client_cpus)?;
    let (mut arms, mut failed) = start(plan, &waiting, &shape.start(plan)?, dispensable)?;
    let works: Vec<&Work> = std::iter::once(&plan.work)
        .chain(contrasts.iter().map(|it| &it.work))
        .collect();
    for mut arm in std::mem::take(&mut arms) {
        let begun = Instant::now();
        let mut asked = works.iter();
        let verified = asked.try_for_each(|work| shape.verify(&arm, work, plan.timeout));
        arm.first_response = begun.elapsed() / u32::try_from(works.len()).unwrap_or(u32::MAX);
        match verified {
            Ok(()) => arms.push(arm),
            Err(error) => {
                let error = arm.explained(error);
                failed.push(without(&arm.label, error, dispensable)?);
            }
        }
    }
    if let (true, Some(first)) = (arms.is_empty(), failed.first()) {
        anyhow::bail!("no server is left: {}: {}", first.server, first.reason);
    }
    let mut engine = Engine::start(EngineConfig {
        threads: plan.threads,
        client: plan.client,
        timeout: plan.timeout,
        seed: plan.seed,
        cpus: plan.client_cpus.clone(),
    })?;
    interrupt::cancels(engine.cancel_handle());
    let live = engine.live();
    let mut own_loader = shape.loader(plan)?;
    let loader: &mut dyn Loader = match &mut own_loader {
        Some(own) => own.as_mut(),
        None => &mut engine,
    };
    let mut record = document::begin(plan, &arms);
    if let Some(parent) = &plan.traceparent {
        output::progress(plan.output.quiet, &format!("traceparent: {parent}"));
    }
    let queue_before = counters::listen_queue();
    let mut run = Run {
        plan,
        shape: shape.as_ref(),
        contrasts: &contrasts,
        room,
        epoch: Instant::now(),
        sampler: Sampler::start(arms.iter().map(Arm::pids).collect()),
        progress: Progress::new(plan, live),
        record: &mut record,
    };
    let failure = plan
        .keep_alive
        .iter()
        .try_for_each(|&keep_alive| run.measure(loader, &mut arms, keep_alive))
        .err();
    drop(run);
    failed.extend(arms.iter().filter_map(|arm| {
        Some(Failed {
            server: arm.label.clone(),
            reason: arm.failure.clone()?,
        })
    }));
    record.interrupted = interrupt::requested();
    let mut connects = Connects::default();
    arms.iter().for_each(|arm| connects.join(arm.warm_connects));
    let tcp = document::tcp_since(queue_before, connects);
    document::finish(&mut record, plan, room, tcp);
    record.waits_late = waiting.lateness();
    record.findings = findings(&record, shape.as_ref(), &contrasts);
    if record.interrupted && record.results.is_empty() {
        anyhow::bail!(interrupt::NOTHING_MEASURED);
    }
    match failure {
        Some(failure) if record.results.is_empty() => Err(failure),
        // What an interrupt broke off is no fault of a server.
        Some(_) if record.interrupted => Ok(Outcome {
            record,
            failure: None,
            failed,
        }),
        failure => Ok(Outcome {
            record,
            failure,
            failed,
        }),
    }
}

/// What the figures say, and then whether the machine is one to believe.
fn findings(record: &Record, shape: &dyn Shape, contrasts: &[Contrast]) -> Vec<String> {
    let said = contrasts
        .iter()
        .filter_map(|contrast| contrast.finding(record));
    let mut findings: Vec<String> = said.collect();
    findings.extend(shape.findings(record));
    if !findings.is_empty() {
        let beside = beside_others(record).into_iter();
        findings = beside.chain(findings).collect();
    }
    findings.extend(waits_late(&record.waits_late));
    findings.extend(record.findings.iter().cloned());
    findings
}

/// The worst of the peers, where waits were reads from such.
fn waits_late(late: &[Lateness]) -> Option<String> {
    let worst = |of: fn(&Lateness) -> f64| late.iter().map(of).reduce(f64::max);
    let worst = |of| worst(of).map(format::duration_us);
    Some(format!(
        "Waits were reads from peer processes, late by {} in the median, {} at p99 and {} at most.",
        worst(|late| late.p50_us)?,
        worst(|late| late.p99_us)?,
        worst(|late| late.max_us)?,
    ))
}

/// That what is found beside other programs names no winner.
fn beside_others(record: &Record) -> Option<String> {
    let blocks = record.results.iter().flat_map(|cell| &cell.blocks);
    let others = usage::others_percent(blocks)?;
    is_contended(Some(others)).then(|| {
        format!(
            "Other programs used {} of this machine: the ratios found here may be theirs, and name no winner.",
            format::percent(others)
        )
    })
}

fn start(
    plan: &Plan,
    waiting: &Waiting,
    flags: &[(&str, String)],
    dispensable: bool,
) -> anyhow::Result<(Vec<Arm>, Vec<Failed>)> {
    let mut arms = Vec::new();
    let mut failed = Vec::new();
    for (number, spec) in plan.servers.iter().enumerate() {
        let spec = spec.clone().with_flags(flags);
        let spec = spec.with_flags(&[waiting.flag(number)]);
        match Arm::start(&spec, &plan.server_cpus) {
            Ok(mut arm) => {
                arm.dispensable = dispensable;
                arms.push(arm);
            }
            Err(error) => failed.push(without(&spec.label, error, dispensable)?),
        }
    }
    Ok((arms, failed))
}

/// A server that is left out before anything is measured.
///
/// # Errors
/// As [`Arm::fail`].
fn without(server: &str, error: anyhow::Error, dispensable: bool) -> anyhow::Result<Failed> {
    if !dispensable || interrupt::requested() {
        return Err(error);
    }
    Ok(Failed {
        server: server.to_owned(),
        reason: format!("{error:#}"),
    })
}

/// A run under way.
struct Run<'a> {
    plan: &'a Plan,
    shape: &'a dyn Shape,
    contrasts: &'a [Contrast],
    room: Room,
    epoch: Instant,
    sampler: Sampler,
    progress: Progress,
    record: &'a mut Record,
}

impl<'a> Run<'a> {
    /// All load points, then the contrasts.
    fn measure(
        &mut self,
        loader: &mut dyn Loader,
        arms: &mut [Arm],
        keep_alive: bool,
    ) -> anyhow::Result<()> {
        let mut measured = Vec::new();
        let outcome = self.load_points(loader, arms, keep_alive, &mut measured);
        for arm in arms.iter_mut() {
            arm.disconnect(loader);
        }
        let first = self.record.results.len();
        for cell in measured {
            let figures = self.shape.figures(&seen(&cell, &arms[cell.arm]));
            let mut result = cell.result;
            result.figures.extend(figures);
            self.record.results.push(result);
        }
        let load = outcome?;
        for contrast in self.contrasts {
            if interrupt::requested() {
                break;
            }
            let point = Point {
                which: self.plan.load_points[0],
                work: &contrast.work,
                load,
                keep_alive,
                share: contrast.share,
            };
            self.contrast(loader, arms, contrast, point, first)?;
        }
        Ok(())
    }

    /// The load points in order; the load of the first.
    fn load_points(
        &mut self,
        loader: &mut dyn Loader,
        arms: &mut [Arm],
        keep_alive: bool,
        measured: &mut Vec<Measured>,
    ) -> anyhow::Result<Load> {
        let work = &self.plan.work;
        self.connect(loader, arms, work, self.shape.beside(self.plan), keep_alive)?;
        let mut capacity = None;
        for &which in &self.plan.load_points {
            if interrupt::requested() {
                break;
            }
            let Some(load) = self.load(which, capacity)? else {
                continue;
            };
            let point = Point {
                which,
                work,
                load,
                keep_alive,
                share: 1.0,
            };
            let slowest = self.load_point(loader, arms, point, measured)?;
            capacity = capacity.or(slowest);
        }
        let first = self.load(self.plan.load_points[0], None)?;
        Ok(first.unwrap_or(Load::ClosedLoop))
    }

    /// Loads all arms with something else for comparison; figures in the cells of the first load point.
    fn contrast(
        &mut self,
        loader: &mut dyn Loader,
        arms: &mut [Arm],
        contrast: &Contrast,
        point: Point<'a>,
        first: usize,
    ) -> anyhow::Result<()> {
        let mut measured = Vec::new();
        let outcome = self
            .connect(
                loader,
                arms,
                &contrast.work,
                contrast.beside.clone(),
                point.keep_alive,
            )
            .and_then(|()| self.load_point(loader, arms, point, &mut measured));
        for arm in arms.iter_mut() {
            arm.disconnect(loader);
        }
        for cell in measured {
            let of_same_server = |result: &&mut CellResult| result.server == cell.result.server;
            if let Some(result) = self.record.results[first..].iter_mut().find(of_same_server) {
                let seen = seen(&cell, &arms[cell.arm]);
                let own = self.shape.contrast_figures(&seen).into_iter();
                let figures = contrast.figures(result, &cell.result);
                result.figures.extend(figures);
                result.figures.extend(own.map(|own| contrast.named(own)));
            }
        }
        outcome.map(drop)
    }

    /// Says what is connected beside the load, and connects where all arms can stay connected.
    fn connect(
        &self,
        loader: &mut dyn Loader,
        arms: &mut [Arm],
        work: &Work,
        beside: Option<BesidePlan>,
        keep_alive: bool,
    ) -> anyhow::Result<()> {
        for arm in arms.iter_mut().filter(|arm| arm.is_in()) {
            // Without warming up, the one answer seen is all there is to reckon with.
            arm.mean_response = self.plan.warmup.is_zero().then_some(arm.first_response);
            arm.longest_silence = Duration::ZERO;
            arm.beside = beside.as_ref().map(|beside| {
                let target = Target {
                    name: format!("{}, beside", arm.label),
                    url: arm.base_url.clone(),
                    requests: beside.requests.clone(),
                    connections: beside.connections,
                    keep_alive: true,
                    record_first_byte: false,
                    record_chunk_gaps: false,
                    mean_response: None,
                };
                Beside::new(target, beside.load)
            });
            if self.room == Room::ForAll {
                let target = target(self.plan, self.shape, work, arm, keep_alive);
                if let Err(failure) = arm.connect(loader, target) {
                    arm.fail(failure, loader)?;
                }
            }
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
            LoadPoint::SameRate => {
                let time = self.plan.measured_time(which).unwrap_or_default();
                capacity
                    .filter(|&rate| rate > 0.0)
                    .map(|rate| round_rate(rate / 2.0))
                    .filter(|&rate| has_requests(rate, time))
                    .map(open)
            }
        })
    }
}

fn seen<'a>(measured: &'a Measured, arm: &'a Arm) -> Seen<'a> {
    Seen {
        cell: &measured.result,
        total: &measured.total,
        arm,
        watched: measured.watched.as_ref(),
        span: measured.span,
        slices: measured.slices,
    }
}

/// Three digits: a rate is a setting, and reads like one.
pub fn round_rate(rate: f64) -> f64 {
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
}
