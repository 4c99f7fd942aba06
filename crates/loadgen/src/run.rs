//! The main job: servers started, verified, loaded in turns, and what came of it as a record.

mod point;

use std::time::{Duration, Instant};

use analysis::comparisons::is_contended;
use analysis::usage;
use engine::{Engine, EngineConfig, Load};
use record::{CellResult, Lateness, Record};

use crate::descriptors::Room;
use crate::loader::Loader;
use crate::plan::{LoadPoint, Plan, has_requests, round_rate};
use crate::progress::Progress;
use crate::sampler::Sampler;
use crate::scenarios::contrast::Contrast;
use crate::scenarios::{self, BesidePlan, Observations, Scenario, fitted};
use crate::server_spec::ServerSpec;
use crate::server_under_test::{Beside, Connects, ServerUnderTest};
use crate::waiting::Waiting;
use crate::work::Work;
use crate::{counters, descriptors, document, interrupt, output};
use point::{Measured, Point, target};

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
    let room = descriptors::room_for(&plan.servers, fitted::connections(plan))?;
    let mut scenario = scenarios::of(&plan.work);
    let contrasts = if plan.contrast {
        scenario.contrasts(plan)
    } else {
        Vec::new()
    };
    let waiting = Waiting::start(plan.wait, plan.servers.len(), &plan.client_cpus)?;
    let (mut suts, mut failed) = start(plan, &waiting, &scenario.start(plan)?, dispensable)?;
    let works: Vec<&Work> = std::iter::once(&plan.work)
        .chain(contrasts.iter().map(|it| &it.work))
        .collect();
    for mut sut in std::mem::take(&mut suts) {
        let begun = Instant::now();
        let mut asked = works.iter();
        let verified = asked.try_for_each(|work| scenario.verify(&sut, work, plan.timeout));
        sut.first_response = begun.elapsed() / u32::try_from(works.len()).unwrap_or(u32::MAX);
        match verified {
            Ok(()) => suts.push(sut),
            Err(error) => {
                let error = sut.explained(error);
                failed.push(without(&sut.label, error, dispensable)?);
            }
        }
    }
    if let (true, Some(first)) = (suts.is_empty(), failed.first()) {
        anyhow::bail!("no server is left: {}: {}", first.server, first.reason);
    }
    let plan = &plan.agreed(&suts)?;
    let mut engine = Engine::start(EngineConfig {
        threads: plan.threads,
        client: plan.client,
        timeout: plan.timeout,
        seed: plan.seed,
        cpus: plan.client_cpus.clone(),
    })?;
    interrupt::cancels(engine.cancel_handle());
    let live = engine.live();
    let mut own_loader = scenario.loader(plan)?;
    let loader: &mut dyn Loader = match &mut own_loader {
        Some(own) => own.as_mut(),
        None => &mut engine,
    };
    let mut record = document::begin(plan, &suts);
    if let Some(parent) = &plan.traceparent {
        output::progress(plan.output.quiet, &format!("traceparent: {parent}"));
    }
    // What the machine counts of TCP says nothing of Unix sockets.
    let by_tcp = !plan.servers.iter().all(ServerSpec::is_at_socket);
    let queue_before = counters::listen_queue().filter(|_| by_tcp);
    let mut run = Run {
        plan,
        scenario: scenario.as_ref(),
        contrasts: &contrasts,
        room,
        epoch: Instant::now(),
        sampler: Sampler::start(suts.iter().map(ServerUnderTest::pids).collect()),
        progress: Progress::new(plan, live),
        record: &mut record,
    };
    let failure = plan
        .keep_alive
        .iter()
        .try_for_each(|&keep_alive| run.measure(loader, &mut suts, keep_alive))
        .err();
    drop(run);
    failed.extend(suts.iter().filter_map(|sut| {
        Some(Failed {
            server: sut.label.clone(),
            reason: sut.failure.clone()?,
        })
    }));
    record.interrupted = interrupt::requested();
    let mut connects = Connects::default();
    suts.iter().for_each(|sut| connects.join(sut.warm_connects));
    let tcp = document::tcp_since(queue_before, connects);
    document::finish(&mut record, plan, room, tcp);
    record.waits_late = waiting.lateness();
    record.findings = findings(&record, scenario.as_ref(), &contrasts);
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
fn findings(record: &Record, scenario: &dyn Scenario, contrasts: &[Contrast]) -> Vec<String> {
    let said = contrasts
        .iter()
        .filter_map(|contrast| contrast.finding(record));
    let mut findings: Vec<String> = said.collect();
    findings.extend(scenario.findings(record));
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
) -> anyhow::Result<(Vec<ServerUnderTest>, Vec<Failed>)> {
    let mut suts = Vec::new();
    let mut failed = Vec::new();
    for (number, spec) in plan.servers.iter().enumerate() {
        let spec = spec.clone().with_flags(flags);
        let spec = spec.with_flags(&[waiting.flag(number)]);
        match ServerUnderTest::start(&spec, &plan.server_cpus) {
            Ok(mut sut) => {
                sut.dispensable = dispensable;
                suts.push(sut);
            }
            Err(error) => failed.push(without(&spec.label, error, dispensable)?),
        }
    }
    Ok((suts, failed))
}

/// A server that is left out before anything is measured.
///
/// # Errors
/// As [`ServerUnderTest::fail`].
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
    scenario: &'a dyn Scenario,
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
        suts: &mut [ServerUnderTest],
        keep_alive: bool,
    ) -> anyhow::Result<()> {
        let mut measured = Vec::new();
        let outcome = self.load_points(loader, suts, keep_alive, &mut measured);
        for sut in suts.iter_mut() {
            sut.disconnect(loader);
        }
        let first = self.record.results.len();
        for cell in measured {
            let figures = self.scenario.figures(&observations(&cell, &suts[cell.sut]));
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
            self.contrast(loader, suts, contrast, point, first)?;
        }
        Ok(())
    }

    /// The load points in order; the load of the first.
    fn load_points(
        &mut self,
        loader: &mut dyn Loader,
        suts: &mut [ServerUnderTest],
        keep_alive: bool,
        measured: &mut Vec<Measured>,
    ) -> anyhow::Result<Load> {
        let work = &self.plan.work;
        self.connect(
            loader,
            suts,
            work,
            self.scenario.beside(self.plan),
            keep_alive,
        )?;
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
            let slowest = self.load_point(loader, suts, point, measured)?;
            capacity = capacity.or(slowest);
        }
        let first = self.load(self.plan.load_points[0], None)?;
        Ok(first.unwrap_or(Load::ClosedLoop))
    }

    /// Loads all servers with something else for comparison; figures in the cells of the first load point.
    fn contrast(
        &mut self,
        loader: &mut dyn Loader,
        suts: &mut [ServerUnderTest],
        contrast: &Contrast,
        point: Point<'a>,
        first: usize,
    ) -> anyhow::Result<()> {
        let mut measured = Vec::new();
        let outcome = self
            .connect(
                loader,
                suts,
                &contrast.work,
                contrast.beside.clone(),
                point.keep_alive,
            )
            .and_then(|()| self.load_point(loader, suts, point, &mut measured));
        for sut in suts.iter_mut() {
            sut.disconnect(loader);
        }
        for cell in measured {
            let of_same_server = |result: &&mut CellResult| result.server == cell.result.server;
            if let Some(result) = self.record.results[first..].iter_mut().find(of_same_server) {
                let observations = observations(&cell, &suts[cell.sut]);
                let own = self.scenario.contrast_figures(&observations).into_iter();
                let figures = contrast.figures(result, &cell.result);
                result.figures.extend(figures);
                result.figures.extend(own.map(|own| contrast.named(own)));
            }
        }
        outcome.map(drop)
    }

    /// Says what is connected beside the load, and connects where all servers can stay connected.
    fn connect(
        &self,
        loader: &mut dyn Loader,
        suts: &mut [ServerUnderTest],
        work: &Work,
        beside: Option<BesidePlan>,
        keep_alive: bool,
    ) -> anyhow::Result<()> {
        for sut in suts.iter_mut().filter(|sut| sut.is_in()) {
            // Without warming up, the one answer seen is all there is to reckon with.
            sut.mean_response = self.plan.warmup.is_zero().then_some(sut.first_response);
            sut.longest_silence = Duration::ZERO;
            sut.beside = beside.as_ref().map(|beside| {
                let mut target = sut.target(beside.requests.clone(), beside.connections, true);
                target.name.push_str(", beside");
                Beside::new(target, beside.load)
            });
            if self.room == Room::ForAll {
                let target = target(self.plan, self.scenario, work, sut, keep_alive);
                if let Err(failure) = sut.connect(loader, target) {
                    sut.fail(failure, loader)?;
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

fn observations<'a>(measured: &'a Measured, sut: &'a ServerUnderTest) -> Observations<'a> {
    Observations {
        cell: &measured.result,
        total: &measured.total,
        sut,
        peaks: measured.peaks.as_ref(),
        span: measured.span,
        slices: measured.slices,
    }
}
