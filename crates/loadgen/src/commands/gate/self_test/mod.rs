//! `loadgen gate --self-test`: does the gate cry wolf, and does it see what is there?
//!
//! Blocks of a built-in server against itself, and against itself with an injected cost, go into a bank
//! until time is up or there are enough of them. What the bank says is made anew from the file each time.

mod bank;
pub mod scenario;

use std::time::{Duration, Instant};

use analysis::gate::self_test;
use anyhow::{Context as _, bail};
use record::gate::BASELINE;
use record::gate::bank::{ArmPair, BANK_VERSION, BankHeader, BankLoad, BankedBlock, Pilot};
use record::gate::self_test::{AA, SelfTestRecord};
use record::metric::Metric;
use record::{Block, COUNTING_RULE, Environment, LoadKind};

use self::bank::Bank;
use self::scenario::Scenario;
use super::args::GateArgs;
use super::blocks::{Bench, GateBlock};
use super::plan::{self, MeasurePlan, Pair, WorkloadPlan};
use super::session;
use super::settings::Settings;
use crate::output::Output;
use crate::{exit, output};
use bench::process::ForeignCommand;
use bench::{cells, environment, floor, interrupt, journal};

/// What is asked for by default: enough work that a percent of it can be injected in whole units.
const PATH: &str = "/work?cpu_units=50";

/// Blocks that say what a unit of injected computing costs in the server; the median counts.
const PILOT_BLOCKS: usize = 3;

/// Measures as long as allowed, then says what the bank says.
///
/// # Errors
/// When it could not measure, or the bank cannot be read or written.
pub fn run(args: &GateArgs) -> anyhow::Result<u8> {
    interrupt::install()?;
    let output = args.output.output()?;
    let test = SelfTest::new(args, &output)?;
    let (bank, added) = test.fill()?;
    let scenarios: Vec<String> = args.scenarios.iter().map(Scenario::to_string).collect();
    let record = self_test::judge_bank(&bank.header, &bank.blocks, &scenarios);
    let render = |format, options: &_| pages::self_test::render(&record, format, options);
    output::show(&render, &output)?;
    if added > 0 {
        keep_floor(&test, &record);
    }
    Ok(if interrupt::requested() {
        exit::INTERRUPTED
    } else {
        exit::MEASURED
    })
}

/// A self-test, as it shall be.
struct SelfTest<'a> {
    args: &'a GateArgs,
    output: &'a Output,
    server: Vec<String>,
    measure: MeasurePlan,
    environment: Environment,
    load: BankLoad,
}

impl<'a> SelfTest<'a> {
    fn new(args: &'a GateArgs, output: &'a Output) -> anyhow::Result<Self> {
        let server = plan::words(&args.server).context("--server")?;
        if !servers::MODELS.contains(&server[0].as_str()) {
            bail!(
                "--server {:?}: there is no built-in server {:?}{}; there are {}",
                args.server,
                server[0],
                contract::nearest(&server[0], servers::MODELS),
                servers::MODELS.join(", ")
            );
        }
        let mut measure = MeasurePlan::new(args, &Settings::default())?;
        if args.path.is_none() {
            measure.workloads = vec![WorkloadPlan {
                rate: args.rate,
                ..WorkloadPlan::get(PATH)
            }];
        }
        let load = BankLoad {
            server: args.server.clone(),
            path: measure.workloads[0].request.path.clone(),
            concurrency: u32::try_from(measure.concurrency).unwrap_or(u32::MAX),
            threads: u32::try_from(measure.threads).unwrap_or(u32::MAX),
            block_s: measure.block_time.as_secs_f64(),
            warmup_s: measure.warmup.as_secs_f64(),
        };
        Ok(Self {
            args,
            output,
            server,
            measure,
            environment: environment::look(),
            load,
        })
    }

    /// Goes on with the bank, or begins it, and measures until time is up or nothing is wanted any more; how many
    /// blocks were added.
    fn fill(&self) -> anyhow::Result<(Bank, usize)> {
        let deadline = Instant::now() + self.args.time;
        let mut bank = match Bank::open(&self.args.bank)? {
            Some(bank) => {
                self.check_rate(&bank)?;
                bank
            }
            None if self.args.time.is_zero() => bail!(
                "there is no bank {} to judge: give --for a time to measure one",
                self.args.bank.display()
            ),
            None => Bank::create(&self.args.bank, self.header()?)?,
        };
        if self.args.time.is_zero() {
            return Ok((bank, 0));
        }
        bank.check_same(&self.environment, &self.load)?;
        let had = bank.blocks.len();
        let mut measure = self.measure.clone();
        measure.workloads[0].rate = Some(bank.header.pilot.rate_rps);
        let mut bench = Bench::prepare(&measure, &self.pair(Vec::new())?)?;
        let mut takes = session::block_takes(&measure);
        while let Some(scenario) = self.next(&bank) {
            if interrupt::requested() || Instant::now() + takes > deadline {
                break;
            }
            let began = Instant::now();
            let pair = self.pair(scenario.flags(&bank.header.pilot, self.environment.cores))?;
            let index = u32::try_from(bank.blocks.len()).context("the bank is full")?;
            let block = match bench.block(&pair, index) {
                // What an interrupt broke off is no fault of a server, and the bank is judged as it is.
                Err(_) if interrupt::requested() => break,
                block => block?,
            };
            if !block.interrupted {
                bank.add(banked(scenario, index, block, &measure)?)?;
            }
            takes = began.elapsed();
            self.say_how_far(&bank, scenario, deadline);
        }
        let added = bank.blocks.len() - had;
        Ok((bank, added))
    }

    /// A bank's blocks are all of the rate it was begun with.
    fn check_rate(&self, bank: &Bank) -> anyhow::Result<()> {
        let begun_with = bank.header.pilot.rate_rps;
        match self.args.rate {
            Some(rate) if rate != begun_with => bail!(
                "{} was begun at {begun_with}/s, not at {rate}/s: leave --rate out, or name another file with --bank",
                self.args.bank.display()
            ),
            _ => Ok(()),
        }
    }

    /// The wanted scenario with the fewest blocks; `None` when all have what is wanted.
    fn next(&self, bank: &Bank) -> Option<Scenario> {
        let wanted = self
            .args
            .scenarios
            .iter()
            .copied()
            .filter(|scenario| self.wants_more(bank, *scenario));
        wanted.min_by_key(|scenario| blocks_of(bank, *scenario))
    }

    fn wants_more(&self, bank: &Bank, scenario: Scenario) -> bool {
        if scenario == Scenario::Aa {
            let aa = self_test::judge_scenario(&bank.header, &bank.blocks, AA);
            return aa.blocks < self.args.aa_blocks as usize;
        }
        let gates = self_test::gates_so_far(
            &bank.header,
            &bank.blocks,
            &scenario.to_string(),
            scenario.metric(),
        );
        gates < u64::from(self.args.gates)
    }

    fn say_how_far(&self, bank: &Bank, scenario: Scenario, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        let text = format!(
            "{scenario}: {} blocks; {} in the bank; {} min left",
            blocks_of(bank, scenario),
            bank.blocks.len(),
            left.as_secs() / 60
        );
        output::note(self.output, &text);
    }

    /// The server as it is, and with these flags more: started as any foreign server is.
    fn pair(&self, flags: Vec<String>) -> anyhow::Result<Pair> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let command = |flags: Vec<String>| {
            let mut command = vec![program.display().to_string(), "serve".to_owned()];
            command.extend(self.server.iter().cloned());
            command.extend(["--addr".to_owned(), "127.0.0.1:{port}".to_owned()]);
            command.extend(flags);
            ForeignCommand {
                command,
                dir: None,
                env: Vec::new(),
                env_removed: Vec::new(),
                ready_path: "/health".to_owned(),
                ready_by_any_status: false,
                ready_timeout: Duration::from_secs(30),
            }
        };
        Ok(Pair {
            baseline: command(Vec::new()),
            candidate: command(flags),
        })
    }

    /// Finds the fixed rate, and what doses of slowdown are measured by.
    fn header(&self) -> anyhow::Result<BankHeader> {
        let as_it_is = self.pair(Vec::new())?;
        let mut bench = Bench::prepare(&self.measure, &as_it_is)?;
        Ok(BankHeader {
            bank_version: BANK_VERSION,
            started_at: journal::started_at(),
            environment: self.environment.clone(),
            counting_rule: COUNTING_RULE.to_owned(),
            load: self.load.clone(),
            pilot: self.pilot(&mut bench)?,
        })
    }

    /// What a request costs the server, and what a unit of computing adds to that: a unit costs more in a
    /// server that is interrupted all the time than in a loop of its own, so it is measured there.
    fn pilot(&self, bench: &mut Bench) -> anyhow::Result<Pilot> {
        let rate_rps = bench.rate(0);
        // Enough to be seen in a block, and not enough to overload the server at the fixed rate.
        let budget_us = f64::from(self.environment.cores) * 1e6 / (2.0 * rate_rps);
        let units = (0.3 * budget_us / unit_us()).round().max(1.0);
        let slowed = self.pair(vec!["--inject-cpu-units".to_owned(), units.to_string()])?;
        let mut seen = Vec::with_capacity(PILOT_BLOCKS);
        for _ in 0..PILOT_BLOCKS {
            let block = bench.block(&slowed, u32::MAX)?;
            seen.push(banked(Scenario::Aa, 0, block, &self.measure)?);
        }
        let cpu = |sut: fn(&ArmPair) -> &Block| {
            let figure = |it: &BankedBlock| Metric::ServerCpuPerRequest.of_block(sut(&it.open));
            let figures: Vec<f64> = seen.iter().filter_map(figure).collect();
            stats::summary::median(&figures).context(
                "the server's CPU time is not available here, so nothing can be dosed by it",
            )
        };
        let cpu_us_per_request = cpu(|pair| &pair.baseline)?;
        let per_unit = (cpu(|pair| &pair.candidate)? - cpu_us_per_request) / units;
        let throughput = |it: &BankedBlock| it.closed.baseline.throughput_rps;
        let throughputs: Vec<f64> = seen.iter().map(throughput).collect();
        Ok(Pilot {
            rate_rps,
            cpu_us_per_request,
            throughput_rps: stats::summary::median(&throughputs).unwrap_or_default(),
            // Disturbed blocks may say that computing costs nothing.
            unit_us: if per_unit > 0.0 { per_unit } else { unit_us() },
        })
    }
}

fn blocks_of(bank: &Bank, scenario: Scenario) -> usize {
    let name = scenario.to_string();
    bank.blocks
        .iter()
        .filter(|block| block.scenario == name)
        .count()
}

/// A block as the bank keeps it.
fn banked(
    scenario: Scenario,
    index: u32,
    block: GateBlock,
    plan: &MeasurePlan,
) -> anyhow::Result<BankedBlock> {
    let (mut closed, mut open) = (None, None);
    for mut part in block.parts {
        let suts = std::mem::take(&mut part.outcome.suts);
        let figures = |sut: usize| -> anyhow::Result<Block> {
            let sut = suts
                .iter()
                .find(|it| it.sut == sut)
                .context("a server was not loaded")?;
            let asked = cells::Asked {
                load: part.load,
                concurrency: plan.concurrency,
                timeout: plan.timeout,
            };
            Ok(cells::block(index, part.outcome.around, sut, &asked))
        };
        let pair = ArmPair {
            baseline: figures(0)?,
            candidate: figures(1)?,
        };
        match part.load {
            LoadKind::Closed => closed = Some(pair),
            LoadKind::Open => open = Some(pair),
        }
    }
    Ok(BankedBlock {
        scenario: scenario.to_string(),
        closed: closed.context("interrupted")?,
        open: open.with_context(|| format!("the {BASELINE} was not loaded at the fixed rate"))?,
    })
}

/// What a unit of computing takes in this process: the shortest of a few runs, the others were disturbed.
fn unit_us() -> f64 {
    const UNITS: u64 = 5_000;
    let run = |_| {
        let start = Instant::now();
        std::hint::black_box(contract::kernel::compute(UNITS));
        start.elapsed().as_secs_f64() * 1e6 / UNITS as f64
    };
    (0..5).map(run).fold(f64::INFINITY, f64::min)
}

/// Keeps what A/A blocks say about this machine, once there are enough of them. The result does not depend on
/// it, so a place that cannot be written is a complaint.
fn keep_floor(test: &SelfTest<'_>, record: &SelfTestRecord) {
    let floors = record.scenarios.iter();
    let floor = floors
        .filter_map(|result| self_test::floor(&record.bank, result, journal::started_at()))
        .find(|floor| floor.fits(&test.environment));
    let Some(floor) = floor else { return };
    match floor::keep(&floor) {
        Ok(file) => output::note(
            test.output,
            &format!("floor of this machine kept in {}", file.display()),
        ),
        Err(error) => output::complain(&error.context("the floor was not kept")),
    }
}
