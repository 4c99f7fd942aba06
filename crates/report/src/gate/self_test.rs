//! The gate gated: how often it cries wolf on a server against itself, how often it sees a slowdown that
//! is there, and how much this machine's blocks scatter.

use serde::{Deserialize, Serialize};
use stats::calibration::{self, Calibration};
use stats::gate::{ALL_LOOKS, LOOKS};
use stats::interval::ConfidenceInterval;
use stats::paired;
use stats::proportion::clopper_pearson;

use super::bank::{BankHeader, BankedBlock, Columns};
use super::floor::{FLOOR_VERSION, Floor, FloorMetric};
use super::judge::usable_pairs;
use super::metric::GateMetric;
use super::{GateSettings, Judgement, Tolerated, Verdict, judge};
use crate::analysis::comparisons::CONFIDENCE;

/// The scenario without a slowdown.
pub const AA: &str = "aa";
/// Blocks of one window of the calibration: the gate's first look.
pub const WINDOW: usize = LOOKS[0];
/// Windows from which on a floor is worth keeping.
const WINDOWS_OF_A_FLOOR: usize = 6;
/// The metrics that are gated.
pub const GATED: [GateMetric; 3] = [
    GateMetric::ServerCpuPerRequest,
    GateMetric::Throughput,
    GateMetric::P50,
];

/// The version of the format that this program writes.
pub const SCHEMA_VERSION: u32 = 1;
/// What [`SelfTestRecord::kind`] says.
pub const KIND: &str = "self_test";

/// What a bank says; its blocks stay in the bank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SelfTestRecord {
    /// Version of this format.
    pub schema_version: u32,
    /// Always [`KIND`].
    pub kind: String,
    /// The head of the bank: machine, load, and what slowdowns are dosed by.
    pub bank: BankHeader,
    /// One entry for each scenario.
    pub scenarios: Vec<ScenarioResult>,
}

impl SelfTestRecord {
    /// Judges these scenarios of a bank; those that have no block are left out, but for [`AA`].
    pub fn of(header: &BankHeader, blocks: &[BankedBlock], scenarios: &[String]) -> SelfTestRecord {
        let judged = scenarios
            .iter()
            .map(|scenario| judge_scenario(header, blocks, scenario));
        SelfTestRecord {
            schema_version: SCHEMA_VERSION,
            kind: KIND.to_owned(),
            bank: header.clone(),
            scenarios: judged
                .filter(|result| result.blocks > 0 || result.scenario == AA)
                .collect(),
        }
    }
}

/// What a bank says about one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioResult {
    /// Its name.
    pub scenario: String,
    /// Usable blocks.
    pub blocks: usize,
    /// Blocks left out for what happened to the whole machine.
    pub dropped: usize,
    /// Each gated metric.
    pub metrics: Vec<MetricResult>,
    /// Gates by all metrics together.
    pub together: Gates,
}

/// What a bank says about one metric in one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricResult {
    /// Metric.
    pub metric: GateMetric,
    /// Candidate ÷ baseline over all blocks: the slowdown that was there.
    pub ratio: Option<f64>,
    /// Lower end of its 95 % interval.
    pub low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high: Option<f64>,
    /// Standard deviation of the blocks' log ratios.
    pub sigma: Option<f64>,
    /// Gates by this metric alone.
    pub gates: Gates,
    /// How often 8 blocks' interval leaves 1 out; null with fewer blocks.
    pub misses: Option<Misses>,
    /// Half the width of 8 blocks' typical interval.
    pub floor: Option<f64>,
}

/// How often an interval left 1 out: honest where nothing was slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misses {
    /// Disjoint windows of 8 blocks.
    pub windows: u64,
    /// Of them those whose 95 % interval does not hold 1.
    pub misses: u64,
    /// Misses that an honest interval exceeds at most once in 100 such tests.
    pub allowed: u64,
}

impl Misses {
    /// Whether the interval keeps its word.
    pub fn are_few(&self) -> bool {
        self.misses <= self.allowed
    }
}

impl From<Calibration> for Misses {
    fn from(it: Calibration) -> Misses {
        Misses {
            windows: it.windows,
            misses: it.misses,
            allowed: it.allowed,
        }
    }
}

/// Verdicts of gates, each over blocks of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gates {
    /// Gates.
    pub gates: u64,
    /// Of them passed.
    pub passed: u64,
    /// Of them regressed, or ended by a symptom of the candidate alone.
    pub regressed: u64,
    /// Blocks that all of them took.
    pub blocks: u64,
}

impl Gates {
    fn add(&mut self, judgement: &Judgement) {
        self.gates += 1;
        self.passed += u64::from(judgement.verdict == Verdict::Passed);
        self.regressed += u64::from(judgement.verdict == Verdict::Regressed);
        self.blocks += u64::from(judgement.blocks);
    }

    /// Clopper–Pearson interval of the probability of "regressed".
    pub fn regressed_bounds(&self) -> Option<ConfidenceInterval> {
        clopper_pearson(self.regressed, self.gates, CONFIDENCE)
    }

    /// Blocks a gate took on average.
    pub fn mean_blocks(&self) -> Option<f64> {
        (self.gates > 0).then(|| self.blocks as f64 / self.gates as f64)
    }
}

/// Judges a scenario's blocks.
pub fn judge_scenario(
    header: &BankHeader,
    blocks: &[BankedBlock],
    scenario: &str,
) -> ScenarioResult {
    let columns = Columns::of(blocks, scenario);
    let rate = header.pilot.rate_rps;
    let metrics = GATED.map(|metric| {
        let log_ratios = log_ratios(&columns, metric, rate);
        let comparison = paired::compare(&log_ratios, CONFIDENCE);
        MetricResult {
            metric,
            ratio: comparison.map(|it| it.ratio),
            low: comparison.and_then(|it| it.low),
            high: comparison.and_then(|it| it.high),
            sigma: comparison.and_then(|it| it.sigma),
            gates: gates(&columns, rate, &alone(metric)),
            misses: calibration::calibrate(&log_ratios, WINDOW, CONFIDENCE).map(Misses::from),
            floor: calibration::floor(&log_ratios, WINDOW, CONFIDENCE),
        }
    });
    ScenarioResult {
        scenario: scenario.to_owned(),
        blocks: columns.len(),
        dropped: columns.dropped,
        metrics: metrics.to_vec(),
        together: gates(&columns, rate, &GateSettings::default()),
    }
}

/// How many gates by one metric alone a scenario's blocks have made so far.
pub fn gates_so_far(
    header: &BankHeader,
    blocks: &[BankedBlock],
    scenario: &str,
    metric: GateMetric,
) -> u64 {
    gates(
        &Columns::of(blocks, scenario),
        header.pilot.rate_rps,
        &alone(metric),
    )
    .gates
}

/// The default gate by one metric alone.
fn alone(metric: GateMetric) -> GateSettings {
    let default = Tolerated::default();
    let only = |it: GateMetric| default.of(it).filter(|_| it == metric);
    GateSettings {
        tolerated: Tolerated {
            server_cpu_per_request: only(GateMetric::ServerCpuPerRequest),
            throughput: only(GateMetric::Throughput),
            p50: only(GateMetric::P50),
        },
        ..GateSettings::default()
    }
}

/// Gates one after the other, each going on to the look that decides it; what is left over is not used.
fn gates(columns: &Columns, rate: f64, settings: &GateSettings) -> Gates {
    let mut gates = Gates::default();
    let mut from = 0;
    while let Some(judgement) = next_gate(columns, from, rate, settings) {
        from += judgement.blocks as usize;
        gates.add(&judgement);
    }
    gates
}

fn next_gate(
    columns: &Columns,
    from: usize,
    rate: f64,
    settings: &GateSettings,
) -> Option<Judgement> {
    for look in ALL_LOOKS {
        let judgement = judge(&columns.points(from, look, rate)?, false, settings);
        if judgement.verdict != Verdict::Inconclusive || Some(&look) == ALL_LOOKS.last() {
            return Some(judgement);
        }
    }
    None
}

fn log_ratios(columns: &Columns, metric: GateMetric, rate: f64) -> Vec<f64> {
    let points = columns.points(0, columns.len(), rate);
    let points = points.iter().flatten();
    points
        .filter(|point| point.load == metric.load())
        .flat_map(|point| {
            let (baseline, candidate) = usable_pairs(point, metric);
            paired::log_ratios(&baseline, &candidate)
        })
        .collect()
}

/// The floor that A/A blocks show, once there are enough of them.
pub fn floor(header: &BankHeader, aa: &ScenarioResult, measured_at: String) -> Option<Floor> {
    if aa.scenario != AA || aa.blocks < WINDOWS_OF_A_FLOOR * WINDOW {
        return None;
    }
    let metric = |it: &MetricResult| {
        Some(FloorMetric {
            metric: it.metric,
            floor: it.floor?,
            sigma: it.sigma?,
        })
    };
    Some(Floor {
        floor_version: FLOOR_VERSION,
        counting_rule: header.counting_rule.clone(),
        measured_at,
        environment: header.environment.clone(),
        load: header.load.sentence(),
        blocks: aa.blocks as u32,
        window: WINDOW as u32,
        metrics: aa.metrics.iter().filter_map(metric).collect(),
    })
}
