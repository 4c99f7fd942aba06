//! One block of a gate: both servers started afresh, warmed up, loaded in turns, stopped.

use std::time::{Duration, Instant};

use analysis::gate::changing_answers;
use anyhow::{Context as _, anyhow, bail};
use engine::{Arrivals, Engine, EngineConfig, Load, Measurement, RequestClass, SliceEnd};
use record::LoadKind;
use record::gate::{BASELINE, CANDIDATE};
use stats::schedule::mirrored_order;

use super::plan::{MeasurePlan, Pair};
use crate::output;
use bench::block::{BlockOutcome, BlockPlan, SutBlock};
use bench::descriptors::Room;
use bench::loader;
use bench::sampler::Sample;
use bench::server_spec::{ServerSource, ServerSpec};
use bench::server_under_test::{Connects, ServerUnderTest};
use bench::session::Session;
use bench::slices::{self, ToCut, Turns};
use bench::warmup::WarmUp;
use experiments::plan::round_rate;

/// Share of a block's time that the closed loop gets: its throughput scatters less than what is measured
/// at the fixed rate.
const CLOSED_SHARE: f64 = 0.4;
/// A server that was just loaded in a closed loop is warm; this is for the change of load.
const CHANGE_OF_LOAD: Duration = Duration::from_millis(200);
/// Measured time of each server in which its capacity is found.
const CAPACITY_TIME: Duration = Duration::from_secs(1);
/// Measured time of each server in which a fixed rate is tried.
const RATE_TIME: Duration = Duration::from_millis(500);
/// A rate at which one request in ten leaves later than this is too high for the load generator: half of what
/// makes a block's median useless.
const TOLERATED_LAG_NS: u64 = 500_000;
/// How often a rate is lowered at most, and to what part of it: down to two fifths in all.
const LOWERED: (usize, f64) = (4, 0.8);

/// Measured time of each server at the fixed rate in a block of this length.
pub fn open_time(block_time: Duration) -> Duration {
    block_time.mul_f64((1.0 - CLOSED_SHARE) / 2.0)
}

/// What measures blocks.
pub struct Bench<'a> {
    plan: &'a MeasurePlan,
    engine: Engine,
    epoch: Instant,
    workloads: Vec<Ready>,
    connects: Connects,
}

/// A workload with all that had to be found out first.
struct Ready {
    class: RequestClass,
    rate: f64,
}

/// One workload and load of a block.
pub struct Part {
    /// Number of the workload.
    pub workload: usize,
    /// Closed or open loop.
    pub load: LoadKind,
    /// Length of a slice.
    pub slice: Duration,
    /// What was seen: server 0 is the baseline, server 1 the candidate.
    pub outcome: BlockOutcome,
}

/// A whole block.
pub struct GateBlock {
    /// Its parts, in the order measured.
    pub parts: Vec<Part>,
    /// Memory and threads of both servers meanwhile.
    pub samples: Vec<Sample>,
    /// What a server wrote whose requests did not all go well, in words.
    pub server_notes: Vec<String>,
    /// Whether it was cut short.
    pub interrupted: bool,
}

impl<'a> Bench<'a> {
    /// Starts the load generator, looks whether the servers answer alike and finds the fixed rates.
    ///
    /// # Errors
    /// When a server does not start or does not answer, when the two answer differently.
    pub fn prepare(plan: &'a MeasurePlan, pair: &Pair) -> anyhow::Result<Self> {
        // The limit there is may well be enough; whether it is, connecting tells.
        engine::limits::raise_descriptor_limit().ok();
        let engine = loader::engine(EngineConfig {
            threads: plan.threads,
            timeout: plan.timeout,
            seed: plan.seed,
            ..EngineConfig::default()
        })?;
        let mut bench = Self {
            plan,
            engine,
            epoch: Instant::now(),
            workloads: Vec::new(),
            connects: Connects::default(),
        };
        let mut session = start(pair, [0, 1])?;
        for workload in &plan.workloads {
            let agreed = workload
                .question()
                .agree(&[&session.suts[0], &session.suts[1]], plan.timeout);
            let explained = |error| {
                session
                    .suts
                    .iter_mut()
                    .fold(error, |it, sut| sut.explained(it))
            };
            let class = RequestClass {
                name: workload.name.clone(),
                weight: 1,
                request: workload.request.clone(),
                expect: agreed.map_err(explained)?,
            };
            let rate = match workload.rate {
                Some(rate) => rate,
                None => bench.fixed_rate(&mut session, &class)?,
            };
            bench.workloads.push(Ready { class, rate });
        }
        bench.connects.join(session.connects());
        Ok(bench)
    }

    /// When the engine's clock began.
    pub fn epoch(&self) -> Instant {
        self.epoch
    }

    /// How the connects before the measuring went.
    pub fn connects(&self) -> Connects {
        self.connects
    }

    /// The fixed rate of a workload, in requests per second.
    pub fn rate(&self, workload: usize) -> f64 {
        self.workloads[workload].rate
    }

    /// The rate at which both servers are measured: half of what the slower one does in a closed loop, or as
    /// much less as the load generator needs to keep its schedule. It shares this machine with the
    /// servers, and a request that it has to wait for costs it more than one in a closed loop.
    fn fixed_rate(&mut self, session: &mut Session, class: &RequestClass) -> anyhow::Result<f64> {
        self.connect(session, class, [0, 1])?;
        let mut rate = self.half_capacity(session, class)?;
        for _ in 0..LOWERED.0 {
            let outcome = self.try_load(session, at_rate(rate), RATE_TIME)?;
            let lag = |sut: &SutBlock| sut.measurement.send_lag.value_at_quantile(0.9);
            if outcome.suts.iter().all(|sut| lag(sut) < TOLERATED_LAG_NS) {
                break;
            }
            rate = round_rate(rate * LOWERED.1);
        }
        session.disconnect(&mut self.engine);
        Ok(rate)
    }

    fn half_capacity(
        &mut self,
        session: &mut Session,
        class: &RequestClass,
    ) -> anyhow::Result<f64> {
        let outcome = self.try_load(session, Load::ClosedLoop, CAPACITY_TIME)?;
        let has_wrong_bodies = |block: &SutBlock| block.measurement.errors.body > 0;
        if outcome.suts.len() > 1 && outcome.suts.iter().all(has_wrong_bodies) {
            bail!(changing_answers(&class.name));
        }
        let mut slowest = f64::INFINITY;
        for block in &outcome.suts {
            let measurement = &block.measurement;
            if measurement.requests == 0 {
                let sut = &session.suts[block.sut];
                bail!(
                    "the {} answered none of the requests of {}: errors: {}{}",
                    sut.label,
                    class.name,
                    measurement.errors,
                    sut.stderr_note()
                );
            }
            slowest = slowest.min(measurement.requests as f64 / measurement.measured.as_secs_f64());
        }
        Ok(round_rate(slowest / 2.0))
    }

    /// Loads both servers for so long each, before anything is measured.
    fn try_load(
        &mut self,
        session: &mut Session,
        load: Load,
        time: Duration,
    ) -> anyhow::Result<BlockOutcome> {
        let (_, outcome) = self.load(session, load, (time, [0, 1], self.plan.seed))?;
        if outcome.around.interrupted {
            bail!("interrupted");
        }
        Ok(outcome)
    }

    /// Measures block `index`.
    ///
    /// # Errors
    /// When a server does not start, ends, or cannot be connected.
    pub fn block(&mut self, pair: &Pair, index: u32) -> anyhow::Result<GateBlock> {
        // A coin decides which server comes first in everything, so that being first favours neither.
        let seed = self.plan.seed.wrapping_add(u64::from(index) << 8);
        let coin = mirrored_order(2, 1, seed);
        let first = [coin[0], coin[1]];
        let mut session = start(pair, first)?;
        session.begin_sampling();
        let mut block = GateBlock {
            parts: Vec::new(),
            samples: Vec::new(),
            server_notes: Vec::new(),
            interrupted: false,
        };
        for workload in 0..self.workloads.len() {
            let class = self.workloads[workload].class.clone();
            self.connect(&mut session, &class, first)?;
            let open = at_rate(self.rate(workload));
            let time = self.plan.block_time;
            for (load, kind, per_server) in [
                (
                    Load::ClosedLoop,
                    LoadKind::Closed,
                    time.mul_f64(CLOSED_SHARE / 2.0),
                ),
                (open, LoadKind::Open, open_time(time)),
            ] {
                let seed = seed.wrapping_add(1 + block.parts.len() as u64);
                let (slice, outcome) = self.load(&mut session, load, (per_server, first, seed))?;
                block.interrupted |= outcome.around.interrupted;
                block.parts.push(Part {
                    workload,
                    load: kind,
                    slice,
                    outcome,
                });
                if block.interrupted {
                    break;
                }
            }
            session.disconnect(&mut self.engine);
            if block.interrupted {
                break;
            }
        }
        self.connects.join(session.connects());
        block.samples = session.samples();
        block.server_notes = server_notes(&session.suts, &block.parts);
        Ok(block)
    }

    fn connect(
        &mut self,
        session: &mut Session,
        class: &RequestClass,
        first: [usize; 2],
    ) -> anyhow::Result<()> {
        for number in first {
            let sut = &session.suts[number];
            let target = sut.target(vec![class.clone()], self.plan.concurrency, true);
            let connected = session.connect(&mut self.engine, number, target);
            let sut = &session.suts[number];
            connected
                .map_err(|error| anyhow!("{}{}", output::told_once(&error), sut.stderr_note()))?;
        }
        Ok(())
    }

    /// Warms both servers up under a load and measures them in turns; the length of a slice, and what was seen.
    fn load(
        &mut self,
        session: &mut Session,
        load: Load,
        (per_server, first, seed): (Duration, [usize; 2], u64),
    ) -> anyhow::Result<(Duration, BlockOutcome)> {
        for sut in first {
            self.warm_up(session, sut, load)?;
        }
        let mean_response = session.slowest_response();
        // Slow answers make a block longer, never a slice shorter than a few of them.
        let least = mean_response * slices::RESPONSES_PER_SLICE * 2;
        let cut = slices::cut(ToCut {
            per_server: per_server.max(least),
            servers: session.suts.len(),
            blocks: 1,
            turns: Turns::Short,
            mean_response,
            longest_silence: session.longest_silence(),
        });
        let order = mirrored_order(session.suts.len(), cut.slices_per_block as usize / 2, seed);
        let plan = BlockPlan {
            order: &order,
            load,
            slice_end: SliceEnd::After(cut.slice),
            seed,
            connect_each: None,
        };
        // The processes end with the block, so that its last answers are awaited here.
        let outcome = session.block_alone(&mut self.engine, &plan)?;
        let suts = &mut session.suts;
        suts.iter_mut().try_for_each(ServerUnderTest::check_alive)?;
        outcome.check_whole()?;
        if !outcome.around.interrupted {
            for block in &outcome.suts {
                check_answered(&suts[block.sut], &block.measurement)?;
            }
        }
        Ok((cut.slice, outcome))
    }

    fn warm_up(&mut self, session: &mut Session, sut: usize, load: Load) -> anyhow::Result<()> {
        let time = match load {
            Load::ClosedLoop | Load::OnceEach => self.plan.warmup,
            Load::OpenLoop { .. } => self.plan.warmup.min(CHANGE_OF_LOAD),
        };
        session.warm_up(&mut self.engine, sut, load, &WarmUp::fixed(time))
    }
}

/// Errors are counted by the load generator; why they came, only the server can tell.
fn server_notes(suts: &[ServerUnderTest], parts: &[Part]) -> Vec<String> {
    let had_errors = |sut: &usize| {
        let seen = parts.iter().flat_map(|part| &part.outcome.suts);
        let mut of_sut = seen.filter(|seen| seen.sut == *sut);
        of_sut.any(|seen| seen.measurement.errors.total() > 0)
    };
    let suts = suts.iter().enumerate();
    suts.filter(|(number, _)| had_errors(number))
        .map(|(_, sut)| format!("the {} had errors{}", sut.label, sut.stderr_note()))
        .collect()
}

/// A server that gave wrong answers has a figure to be judged by; one that gave none at all has not.
fn check_answered(sut: &ServerUnderTest, seen: &Measurement) -> anyhow::Result<()> {
    if !seen.has_answers() && seen.errors.total() > 0 {
        bail!(
            "the {} answered nothing: errors: {}{}",
            sut.label,
            seen.errors,
            sut.stderr_note()
        );
    }
    Ok(())
}

fn at_rate(rate_rps: f64) -> Load {
    Load::OpenLoop {
        rate_rps,
        arrivals: Arrivals::Constant,
    }
}

/// Starts both servers, `first` before the other; they always stand in the order baseline, candidate.
fn start(pair: &Pair, first: [usize; 2]) -> anyhow::Result<Session> {
    let suts = [(BASELINE, &pair.baseline), (CANDIDATE, &pair.candidate)];
    let mut started: Vec<(usize, ServerUnderTest)> = Vec::new();
    for sut in first {
        let (label, command) = suts[sut];
        let spec = ServerSpec {
            label: label.to_owned(),
            source: ServerSource::Contender(Box::new(command.clone())),
            path: None,
            authorization: None,
        };
        let it = ServerUnderTest::start(&spec, &[])
            .with_context(|| format!("the {label} did not start"))?;
        started.push((sut, it));
    }
    started.sort_by_key(|(sut, _)| *sut);
    let suts = started.into_iter().map(|(_, sut)| sut).collect();
    Ok(Session::new(suts, Room::ForAll))
}
