//! A gate from its first block to its verdict.

use std::time::{Duration, Instant};

use analysis::checks;
use analysis::gate::point::{ArmBlocks, GatePoint};
use analysis::gate::{self, progress};
use record::gate::{BASELINE, CANDIDATE, Gate, GateRecord, Verdict};
use record::metric::Metric;
use record::{
    COUNTING_RULE, CellResult, Config, LoadKind, Record, ServerConfig, Warning, WorkloadRequest,
};
use stats::gate::{CLEAR_FACTOR, CLEAR_LOOK, LOOKS};

use super::blocks::{Bench, GateBlock};
use super::plan::{GatePlan, MeasurePlan, WorkloadPlan};
use crate::output;
use crate::output::Output;
use bench::cells::{Cell, CellName};
use bench::process::{ForeignCommand, STDERR_FOLLOWS};
use bench::sampler::Sample;
use bench::stragglers::Whole;
use bench::{counters, floor, interrupt};
use experiments::document;

/// What starting, stopping and connecting two servers takes, about.
const START: Duration = Duration::from_millis(600);
/// Lead-in of slices and draining, as a share of the measured time, about.
const OVERHEAD: f64 = 0.15;
/// A gate's percentiles are medians; the tail it cannot show is no reason to distrust it.
const NOT_OF_A_GATE: &str = "too_few_requests";

/// What a gate left behind: always a record, and what ended it early if anything did.
pub struct Outcome {
    /// What was measured, and what follows from it.
    pub record: GateRecord,
    /// What ended the gate before its time; Ctrl-C is none.
    pub failure: Option<anyhow::Error>,
}

/// Measures until the gate is decided, an interrupt comes, or a block cannot be measured.
///
/// # Errors
/// When not one block could be measured. What goes wrong later stands in the outcome.
pub fn run(plan: &GatePlan, output: &Output) -> anyhow::Result<Outcome> {
    let queue_before = counters::listen_queue();
    let mut record = document::blank(config(plan));
    output::note(output, &opening(plan));
    if let Some(warning) = cannot_regress(plan) {
        output::note(output, &format!("warning: {}", warning.message));
    }
    let mut bench = Bench::prepare(&plan.measure, &plan.suts)?;
    let mut cells = Cells::new(&plan.measure, &bench);
    for (workload, it) in plan.measure.workloads.iter().enumerate() {
        output::note(
            output,
            &format!(
                "{}: fixed rate {}/s",
                it.name,
                format::per_second(bench.rate(workload))
            ),
        );
    }
    let broken_off = blocks(&mut bench, plan, &mut cells, output).err();
    let failure = match broken_off {
        Some(failure) if cells.are_empty() => return Err(failure),
        // What an interrupt broke off is no fault of a server.
        broken_off => broken_off.filter(|_| !interrupt::requested()),
    };
    record.interrupted = interrupt::requested();
    let mut judgement = gate::judge(&cells.points(), record.interrupted, &plan.settings);
    if let Some(failure) = &failure {
        judgement.verdict = Verdict::Failed;
        judgement.reason = Some(broke_off(judgement.blocks, failure));
    }
    if judgement.reason.is_some() {
        cells
            .server_notes
            .iter()
            .for_each(|note| bench::stderr::say(note));
    }
    record.config.blocks = judgement.blocks;
    record.config.slice_ms = cells.slice.map(|slice| slice.as_secs_f64() * 1e3);
    record.results = cells.into_results(bench.epoch());
    record.tcp = document::tcp_since(queue_before, bench.connects());
    warn(&mut record);
    record.warnings.extend(cannot_regress(plan));
    let floor = floor::of_this_machine(&record.environment);
    let record = GateRecord {
        run: record,
        gate: Gate {
            settings: plan.settings,
            judgement,
            floor,
        },
    };
    Ok(Outcome { record, failure })
}

/// Block after block, until a look decides or an interrupt comes.
fn blocks(
    bench: &mut Bench<'_>,
    plan: &GatePlan,
    cells: &mut Cells,
    output: &Output,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut index = 0;
    loop {
        let block = bench.block(&plan.suts, index)?;
        cells.add(index, block);
        let judgement = gate::judge(&cells.points(), interrupt::requested(), &plan.settings);
        let points = cells.points();
        let per_block = began.elapsed() / (index + 1);
        let line = progress::line(&judgement, &plan.settings, why_dropped(&points), per_block);
        output::note(output, &line);
        if interrupt::requested() || judgement.decided {
            return Ok(());
        }
        index += 1;
    }
}

/// Why the block after so many was not measured, in one line: what a server wrote is told beside.
fn broke_off(blocks: u32, failure: &anyhow::Error) -> String {
    let told = output::told_once(failure);
    let line = told.lines().next().unwrap_or_default();
    let line = line.strip_suffix(STDERR_FOLLOWS).unwrap_or(line);
    format!("block {} broke off: {line}", blocks + 1)
}

fn warn(record: &mut Record) {
    let reasons = checks::reasons(record).into_iter().map(Warning::from);
    record
        .warnings
        .extend(reasons.filter(|reason| reason.code != NOT_OF_A_GATE));
}

/// With several metrics the look at 8 blocks may not say "regressed": a gate that ends there sees only what is clear after 4.
fn cannot_regress(plan: &GatePlan) -> Option<Warning> {
    let settings = &plan.settings;
    let gated = Metric::IN_GATES
        .into_iter()
        .filter(|metric| settings.tolerated.of(*metric).is_some());
    let metrics = gated.count() * plan.measure.workloads.len();
    let first_look = LOOKS[0] as u32;
    (metrics > 1 && settings.max_blocks <= first_look).then(|| Warning {
        code: "cannot_regress".to_owned(),
        message: format!(
            "With {metrics} metrics, figures say \"regressed\" after {} blocks at the earliest, unless each of the first \
             {CLEAR_LOOK} is slower by more than {CLEAR_FACTOR} ×: with at most {first_look} this gate sees no smaller slowdown.",
            LOOKS[1]
        ),
    })
}

/// About how long a block takes.
pub fn block_takes(plan: &MeasurePlan) -> Duration {
    let warm_up = (plan.warmup + plan.warmup.min(Duration::from_millis(200))) * 2;
    let workloads = u32::try_from(plan.workloads.len()).unwrap_or(u32::MAX);
    START + (warm_up + plan.block_time.mul_f64(1.0 + OVERHEAD)) * workloads
}

fn opening(plan: &GatePlan) -> String {
    let takes =
        |blocks: u32| format::seconds((block_takes(&plan.measure) * blocks).as_secs_f64().ceil());
    let most = plan.settings.max_blocks;
    format!(
        "gate: {} with {}; 8 blocks take about {}, all {most} {}",
        plan.measure.workload_names(),
        format::counted(plan.measure.concurrency as u64, "connection"),
        takes(8),
        takes(most),
    )
}

/// Why the last block was left out that was.
fn why_dropped<'a>(points: &'a [GatePoint<'a>]) -> Option<&'a str> {
    let suts = points.iter().flat_map(|it| [it.baseline, it.candidate]);
    let dropped = suts
        .flat_map(|sut| sut.blocks)
        .filter(|it| it.dropped.is_some());
    dropped.max_by_key(|block| block.index)?.dropped.as_deref()
}

fn config(plan: &GatePlan) -> Config {
    let measure = &plan.measure;
    let requests: Vec<WorkloadRequest> = measure.workloads.iter().map(request).collect();
    let server = |name: &str, command: &ForeignCommand| ServerConfig {
        name: name.to_owned(),
        url: "http://127.0.0.1:{port}".to_owned(),
        command: Some(command.command.clone()),
        settings: None,
        pool_threads: None,
    };
    Config {
        command: experiments::document::command_line(),
        servers: vec![
            server(BASELINE, &plan.suts.baseline),
            server(CANDIDATE, &plan.suts.candidate),
        ],
        workload: measure.workload_names(),
        request: requests[0].request.clone(),
        requests_by_workload: if requests.len() > 1 {
            requests
        } else {
            Vec::new()
        },
        concurrency: u32::try_from(measure.concurrency).unwrap_or(u32::MAX),
        warmup_s: measure.warmup.as_secs_f64(),
        threads: u32::try_from(measure.threads).unwrap_or(u32::MAX),
        interleave: true,
        arrivals: "constant".to_owned(),
        timeout_s: measure.timeout.as_secs_f64(),
        client: "raw".to_owned(),
        seed: measure.seed,
        counting_rule: COUNTING_RULE.to_owned(),
        ..Config::default()
    }
}

fn request(workload: &WorkloadPlan) -> WorkloadRequest {
    WorkloadRequest {
        workload: workload.name.clone(),
        request: document::request(&workload.request),
    }
}

/// The cells of both servers at all loads.
struct Cells {
    points: Vec<Point>,
    samples: Vec<Sample>,
    slice: Option<Duration>,
    /// What servers wrote in the last block in which one of them had errors.
    server_notes: Vec<String>,
}

/// Both servers at one workload and load.
struct Point {
    workload: usize,
    name: String,
    load: LoadKind,
    rate: Option<f64>,
    /// Baseline, candidate.
    suts: [Cell; 2],
}

impl Cells {
    fn new(plan: &MeasurePlan, bench: &Bench<'_>) -> Self {
        let mut points = Vec::new();
        for (number, workload) in plan.workloads.iter().enumerate() {
            for load in [LoadKind::Closed, LoadKind::Open] {
                let rate = (load == LoadKind::Open).then(|| bench.rate(number));
                let cell = |server: &str| {
                    Cell::new(CellName {
                        server: server.to_owned(),
                        workload: workload.name.clone(),
                        load,
                        rate,
                        keep_alive: true,
                        concurrency: plan.concurrency,
                        wait: Duration::ZERO,
                        client_threads: plan.threads,
                        timeout: plan.timeout,
                    })
                };
                let suts = [cell(BASELINE), cell(CANDIDATE)];
                points.push(Point {
                    workload: number,
                    name: workload.name.clone(),
                    load,
                    rate,
                    suts,
                });
            }
        }
        Self {
            points,
            samples: Vec::new(),
            slice: None,
            server_notes: Vec::new(),
        }
    }

    fn add(&mut self, index: u32, block: GateBlock) {
        self.samples.extend(block.samples);
        if !block.server_notes.is_empty() {
            self.server_notes = block.server_notes;
        }
        for mut part in block.parts {
            let is_its =
                |point: &&mut Point| (point.workload, point.load) == (part.workload, part.load);
            let Some(point) = self.points.iter_mut().find(is_its) else {
                continue;
            };
            for sut in std::mem::take(&mut part.outcome.suts) {
                let block = Some((index, part.outcome.around));
                point.suts[sut.sut].add(Whole { block, sut });
            }
            self.slice = self.slice.or(Some(part.slice));
        }
    }

    fn are_empty(&self) -> bool {
        let mut suts = self.points.iter().flat_map(|point| &point.suts);
        !suts.any(Cell::was_loaded)
    }

    fn points(&self) -> Vec<GatePoint<'_>> {
        self.points
            .iter()
            .map(|point| GatePoint {
                workload: &point.name,
                load: point.load,
                rate: point.rate,
                baseline: sut_blocks(&point.suts[0]),
                candidate: sut_blocks(&point.suts[1]),
            })
            .collect()
    }

    fn into_results(self, epoch: Instant) -> Vec<CellResult> {
        let Self {
            points, samples, ..
        } = self;
        points
            .into_iter()
            .flat_map(|point| point.suts.into_iter().enumerate())
            .filter(|(_, cell)| cell.was_loaded())
            .map(|(sut, cell)| cell.into_result(sut, &samples, epoch))
            .collect()
    }
}

fn sut_blocks(cell: &Cell) -> ArmBlocks<'_> {
    ArmBlocks {
        blocks: cell.blocks(),
        errors: cell.errors(),
        connections: cell.concurrency(),
    }
}
