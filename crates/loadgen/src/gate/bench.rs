//! One block of a gate: both servers started afresh, warmed up, loaded in turns, stopped.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use engine::{Arrivals, Engine, EngineConfig, Load, Measurement, RequestClass, Slice, SliceEnd};
use record::LoadKind;
use record::gate::{BASELINE, CANDIDATE};
use stats::schedule::mirrored_order;

use super::plan::{MeasurePlan, Pair};
use crate::block::{self, BlockOutcome, BlockPlan, SutBlock};
use crate::plan::round_rate;
use crate::sampler::{Sample, Sampler};
use crate::server_spec::{ServerSource, ServerSpec};
use crate::server_under_test::{Connects, ServerUnderTest, longest_silence, slowest_response};
use crate::slices::{self, ToCut, Turns};
use crate::stragglers::made_in;
use crate::{interrupt, output};

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
        let engine = Engine::start(EngineConfig {
            threads: plan.threads,
            timeout: plan.timeout,
            seed: plan.seed,
            ..EngineConfig::default()
        })?;
        interrupt::cancels(engine.cancel_handle());
        let mut bench = Self {
            plan,
            engine,
            epoch: Instant::now(),
            workloads: Vec::new(),
            connects: Connects::default(),
        };
        let mut suts = start(pair, [0, 1])?;
        for workload in &plan.workloads {
            let agreed = workload
                .question()
                .agree(&[&suts[0], &suts[1]], plan.timeout);
            let explained = |error| suts.iter_mut().fold(error, |it, sut| sut.explained(it));
            let class = RequestClass {
                name: workload.name.clone(),
                weight: 1,
                request: workload.request.clone(),
                expect: agreed.map_err(explained)?,
            };
            let rate = match workload.rate {
                Some(rate) => rate,
                None => bench.fixed_rate(&mut suts, &class)?,
            };
            bench.workloads.push(Ready { class, rate });
        }
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
    fn fixed_rate(
        &mut self,
        suts: &mut [ServerUnderTest],
        class: &RequestClass,
    ) -> anyhow::Result<f64> {
        self.connect(suts, class, [0, 1])?;
        let mut rate = self.half_capacity(suts, class)?;
        for _ in 0..LOWERED.0 {
            let outcome = self.try_load(suts, at_rate(rate), RATE_TIME)?;
            let lag = |sut: &SutBlock| sut.measurement.send_lag.value_at_quantile(0.9);
            if outcome.suts.iter().all(|sut| lag(sut) < TOLERATED_LAG_NS) {
                break;
            }
            rate = round_rate(rate * LOWERED.1);
        }
        self.disconnect(suts);
        Ok(rate)
    }

    fn half_capacity(
        &mut self,
        suts: &mut [ServerUnderTest],
        class: &RequestClass,
    ) -> anyhow::Result<f64> {
        let outcome = self.try_load(suts, Load::ClosedLoop, CAPACITY_TIME)?;
        let mut slowest = f64::INFINITY;
        for block in &outcome.suts {
            let measurement = &block.measurement;
            if measurement.requests == 0 {
                let sut = &suts[block.sut];
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
        suts: &mut [ServerUnderTest],
        load: Load,
        time: Duration,
    ) -> anyhow::Result<BlockOutcome> {
        let (_, outcome) = self.load(suts, load, (time, [0, 1], self.plan.seed))?;
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
        let mut suts = start(pair, first)?;
        let sampler = Sampler::start(suts.iter().map(ServerUnderTest::pids).collect());
        let mut block = GateBlock {
            parts: Vec::new(),
            samples: Vec::new(),
            server_notes: Vec::new(),
            interrupted: false,
        };
        for workload in 0..self.workloads.len() {
            let class = self.workloads[workload].class.clone();
            self.connect(&mut suts, &class, first)?;
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
                let (slice, outcome) = self.load(&mut suts, load, (per_server, first, seed))?;
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
            self.disconnect(&mut suts);
            if block.interrupted {
                break;
            }
        }
        block.samples = sampler.take();
        block.server_notes = server_notes(&suts, &block.parts);
        Ok(block)
    }

    fn connect(
        &mut self,
        suts: &mut [ServerUnderTest],
        class: &RequestClass,
        first: [usize; 2],
    ) -> anyhow::Result<()> {
        for sut in first {
            let sut = &mut suts[sut];
            let target = sut.target(vec![class.clone()], self.plan.concurrency, true);
            let connected = sut.connect(&mut self.engine, target);
            connected
                .map_err(|error| sut.explained(error))
                .map_err(|error| anyhow!("{}{}", output::told_once(&error), sut.stderr_note()))?;
        }
        Ok(())
    }

    fn disconnect(&mut self, suts: &mut [ServerUnderTest]) {
        for sut in suts {
            sut.disconnect(&mut self.engine);
        }
    }

    /// Warms both servers up under a load and measures them in turns; the length of a slice, and what was seen.
    fn load(
        &mut self,
        suts: &mut [ServerUnderTest],
        load: Load,
        (per_server, first, seed): (Duration, [usize; 2], u64),
    ) -> anyhow::Result<(Duration, BlockOutcome)> {
        let mut warm = [Measurement::default(), Measurement::default()];
        for sut in first {
            warm[sut] = self.warm_up(&mut suts[sut], load)?;
        }
        let mean_response = slowest_response(suts);
        // Slow answers make a block longer, never a slice shorter than a few of them.
        let least = mean_response * slices::RESPONSES_PER_SLICE * 2;
        let cut = slices::cut(ToCut {
            per_server: per_server.max(least),
            servers: suts.len(),
            blocks: 1,
            turns: Turns::Short,
            mean_response,
            longest_silence: longest_silence(suts),
        });
        let order = mirrored_order(suts.len(), cut.slices_per_block as usize / 2, seed);
        let plan = BlockPlan {
            order: &order,
            load,
            slice_end: SliceEnd::After(cut.slice),
            seed,
            connect_each: None,
        };
        let mut outcome = block::run(&mut self.engine, suts, &plan)?;
        // The processes end with the block, so that its last answers are awaited here.
        block::add_late(&mut self.engine, outcome.suts.iter_mut(), true)?;
        for block in &mut outcome.suts {
            block.measurement.append(made_in(&warm[block.sut]));
        }
        suts.iter_mut().try_for_each(ServerUnderTest::check_alive)?;
        outcome.check_whole()?;
        if !outcome.around.interrupted {
            for block in &outcome.suts {
                check_answered(&suts[block.sut], &block.measurement)?;
            }
        }
        Ok((cut.slice, outcome))
    }

    /// What was seen: it counts nowhere, but for the connections that were made.
    fn warm_up(&mut self, sut: &mut ServerUnderTest, load: Load) -> anyhow::Result<Measurement> {
        let Some(target) = sut.connections else {
            bail!("{} is not connected", sut.label)
        };
        let time = match load {
            Load::ClosedLoop | Load::OnceEach => self.plan.warmup,
            Load::OpenLoop { .. } => self.plan.warmup.min(CHANGE_OF_LOAD),
        };
        let mut seen = Measurement::default();
        if !time.is_zero() {
            let slice = Slice {
                loads: vec![(target, load)],
                lead_in: Duration::ZERO,
                end: SliceEnd::After(time),
            };
            let outcome = self.engine.run_slice(&slice)?;
            if let Some(load) = outcome.loads.first() {
                sut.mean_response = load.mean_latency;
                sut.longest_silence = load.longest_silence;
            }
            seen = self.engine.close_book(target)?;
            self.connects.add(&seen);
        }
        sut.check_alive().map(|()| seen)
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
fn start(pair: &Pair, first: [usize; 2]) -> anyhow::Result<Vec<ServerUnderTest>> {
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
    Ok(started.into_iter().map(|(_, sut)| sut).collect())
}
