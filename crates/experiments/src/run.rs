//! The main job: servers started, verified, loaded in turns, and what came of it as a record.

mod point;

use std::time::{Duration, Instant};

use analysis::comparisons::is_contended;
use analysis::usage;
use engine::{EngineConfig, Load};
use record::{CellResult, Lateness, Record};

use crate::document;
use crate::plan::{LoadPoint, Plan, has_requests, round_rate};
use crate::progress::Progress;
use crate::scenarios::contrast::Contrast;
use crate::scenarios::{self, BesidePlan, Observations, Scenario, fitted};
use bench::descriptors::Room;
use bench::loader::{self, Loader};
use bench::server_spec::ServerSpec;
use bench::server_under_test::{Beside, ServerUnderTest};
use bench::session::{Failed, Servers, Session};
use bench::waiting::Waiting;
use bench::work::Work;
use bench::{counters, descriptors, interrupt};
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
    let specs = flagged(plan, &waiting, &scenario.start(plan)?);
    let works: Vec<&Work> = std::iter::once(&plan.work)
        .chain(contrasts.iter().map(|it| &it.work))
        .collect();
    let questions = u32::try_from(works.len()).unwrap_or(u32::MAX);
    let ask = |sut: &ServerUnderTest| {
        let mut works = works.iter();
        works.try_for_each(|work| scenario.verify(sut, work, plan.timeout))
    };
    let Servers {
        suts, mut failed, ..
    } = Servers::start(&specs, &plan.server_cpus, dispensable)?.verify(questions, &ask)?;
    let plan = &plan.agreed(&suts)?;
    let mut engine = loader::engine(EngineConfig {
        threads: plan.threads,
        client: plan.client,
        timeout: plan.timeout,
        seed: plan.seed,
        cpus: plan.client_cpus.clone(),
    })?;
    let live = engine.live();
    let mut own_loader = scenario.loader(plan)?;
    let loader: &mut dyn Loader = match &mut own_loader {
        Some(own) => own.as_mut(),
        None => &mut engine,
    };
    let mut record = document::begin(plan, &suts);
    if let Some(parent) = &plan.traceparent {
        bench::stderr::progress(plan.quiet, &format!("traceparent: {parent}"));
    }
    // What the machine counts of TCP says nothing of Unix sockets.
    let by_tcp = !plan.servers.iter().all(ServerSpec::is_at_socket);
    let queue_before = counters::listen_queue().filter(|_| by_tcp);
    let mut session = Session::new(suts, room);
    session.begin_sampling();
    let mut run = Run {
        plan,
        scenario: scenario.as_ref(),
        contrasts: &contrasts,
        epoch: Instant::now(),
        session,
        progress: Progress::new(plan, live),
        record: &mut record,
    };
    let failure = plan
        .keep_alive
        .iter()
        .try_for_each(|&keep_alive| run.measure(loader, keep_alive))
        .err();
    let session = run.end();
    failed.extend(session.failed());
    record.interrupted = interrupt::requested();
    let tcp = document::tcp_since(queue_before, session.connects());
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

/// The servers with the flags that the run adds.
fn flagged(plan: &Plan, waiting: &Waiting, flags: &[(&str, String)]) -> Vec<ServerSpec> {
    let specs = plan.servers.iter().cloned().enumerate();
    specs
        .map(|(number, spec)| spec.with_flags(flags).with_flags(&[waiting.flag(number)]))
        .collect()
}

/// A run under way.
struct Run<'a> {
    plan: &'a Plan,
    scenario: &'a dyn Scenario,
    contrasts: &'a [Contrast],
    epoch: Instant,
    session: Session,
    progress: Progress,
    record: &'a mut Record,
}

impl<'a> Run<'a> {
    /// The servers, their connections closed and no more progress shown.
    fn end(self) -> Session {
        self.session
    }

    /// All load points, then the contrasts.
    fn measure(&mut self, loader: &mut dyn Loader, keep_alive: bool) -> anyhow::Result<()> {
        let mut measured = Vec::new();
        let outcome = self.load_points(loader, keep_alive, &mut measured);
        self.session.disconnect(loader);
        let first = self.record.results.len();
        for cell in measured {
            let figures = self
                .scenario
                .figures(&observations(&cell, &self.session.suts[cell.sut]));
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
            self.contrast(loader, contrast, point, first)?;
        }
        Ok(())
    }

    /// The load points in order; the load of the first.
    fn load_points(
        &mut self,
        loader: &mut dyn Loader,
        keep_alive: bool,
        measured: &mut Vec<Measured>,
    ) -> anyhow::Result<Load> {
        let work = &self.plan.work;
        self.connect(loader, work, self.scenario.beside(self.plan), keep_alive)?;
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
            let slowest = self.load_point(loader, point, measured)?;
            capacity = capacity.or(slowest);
        }
        let first = self.load(self.plan.load_points[0], None)?;
        Ok(first.unwrap_or(Load::ClosedLoop))
    }

    /// Loads all servers with something else for comparison; figures in the cells of the first load point.
    fn contrast(
        &mut self,
        loader: &mut dyn Loader,
        contrast: &Contrast,
        point: Point<'a>,
        first: usize,
    ) -> anyhow::Result<()> {
        let mut measured = Vec::new();
        let outcome = self
            .connect(
                loader,
                &contrast.work,
                contrast.beside.clone(),
                point.keep_alive,
            )
            .and_then(|()| self.load_point(loader, point, &mut measured));
        self.session.disconnect(loader);
        for cell in measured {
            let of_same_server = |result: &&mut CellResult| result.server == cell.result.server;
            if let Some(result) = self.record.results[first..].iter_mut().find(of_same_server) {
                let observations = observations(&cell, &self.session.suts[cell.sut]);
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
        &mut self,
        loader: &mut dyn Loader,
        work: &Work,
        beside: Option<BesidePlan>,
        keep_alive: bool,
    ) -> anyhow::Result<()> {
        for sut in self.session.suts.iter_mut().filter(|sut| sut.is_in()) {
            // Without warming up, the one answer seen is all there is to reckon with.
            sut.mean_response = self.plan.warmup.is_zero().then_some(sut.first_response);
            sut.longest_silence = Duration::ZERO;
            sut.beside = beside.as_ref().map(|beside| {
                let mut target = sut.target(beside.requests.clone(), beside.connections, true);
                target.name.push_str(", beside");
                Beside::new(target, beside.load)
            });
            if self.session.room == Room::ForAll {
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
