//! The gate gated: how often it cries wolf on a server against itself, how often it sees a slowdown that
//! is there, and how much this machine's blocks scatter.

use record::gate::bank::{BankHeader, BankedBlock};
use record::gate::floor::{FLOOR_VERSION, Floor, FloorMetric};
use record::gate::self_test::{
    AA, Gates, KIND, MetricResult, Misses, SCHEMA_VERSION, ScenarioResult, SelfTestRecord,
};
use record::gate::{GateSettings, Judgement, Tolerated, Verdict};
use record::metric::Metric;
use stats::gate::{ALL_LOOKS, LOOKS};
use stats::interval::ConfidenceInterval;
use stats::proportion::clopper_pearson;
use stats::thresholds::CONFIDENCE;
use stats::{calibration, paired};

use crate::gate::columns::Columns;
use crate::gate::judge::{judge, usable_pairs};

/// Blocks of one window of the calibration: the gate's first look.
pub const WINDOW: usize = LOOKS[0];
/// Windows from which on a floor is worth keeping.
const WINDOWS_OF_A_FLOOR: usize = 6;
/// The metrics that are gated.
pub const GATED: [Metric; 3] = [Metric::ServerCpuPerRequest, Metric::Throughput, Metric::P50];

/// Judges these scenarios of a bank; those that have no block are left out, but for [`AA`].
pub fn judge_bank(
    header: &BankHeader,
    blocks: &[BankedBlock],
    scenarios: &[String],
) -> SelfTestRecord {
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

/// Adds a gate's verdict.
fn count(gates: &mut Gates, judgement: &Judgement) {
    gates.gates += 1;
    gates.passed += u64::from(judgement.verdict == Verdict::Passed);
    gates.regressed += u64::from(judgement.verdict == Verdict::Regressed);
    gates.blocks += u64::from(judgement.blocks);
}

/// Clopper–Pearson interval of the probability of "regressed".
pub fn regressed_bounds(gates: &Gates) -> Option<ConfidenceInterval> {
    clopper_pearson(gates.regressed, gates.gates, CONFIDENCE)
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
    metric: Metric,
) -> u64 {
    gates(
        &Columns::of(blocks, scenario),
        header.pilot.rate_rps,
        &alone(metric),
    )
    .gates
}

/// The default gate by one metric alone.
fn alone(metric: Metric) -> GateSettings {
    let default = Tolerated::default();
    let only = |it: Metric| default.of(it).filter(|_| it == metric);
    GateSettings {
        tolerated: Tolerated {
            server_cpu_per_request: only(Metric::ServerCpuPerRequest),
            throughput: only(Metric::Throughput),
            p50: only(Metric::P50),
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
        count(&mut gates, &judgement);
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

fn log_ratios(columns: &Columns, metric: Metric, rate: f64) -> Vec<f64> {
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
