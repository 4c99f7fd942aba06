//! The performance gate's record.
//!
//! A gate's file is a run's record, with `baseline` and `candidate` as its servers, and one more field
//! `gate`: whatever reads records reads it too.
//!
//! # Layout
//!
//! - [`GateRecord`], [`read`]: the file.
//! - [`Metric`]: what is gated.
//! - [`bank`], [`self_test`]: blocks of a server against itself, and what they say about the gate; [`floor`]: and
//!   about this machine.

pub mod bank;
pub mod file;
pub mod floor;
pub mod self_test;

use serde::{Deserialize, Serialize};

use crate::metric::Metric;
use crate::run::{LoadKind, Record};
use floor::Floor;

pub use file::read;

/// Name of the baseline's cells in a gate's record.
pub const BASELINE: &str = "baseline";
/// Name of the candidate's cells in a gate's record.
pub const CANDIDATE: &str = "candidate";

/// A gate's run and what it decided.
///
/// Reading takes the two parts one after the other ([`read`]): a flattened map loses its numeric keys.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateRecord {
    /// What was measured: cells of [`BASELINE`] and [`CANDIDATE`] for each workload and load.
    #[serde(flatten)]
    pub run: Record,
    /// The field `gate` of the file.
    pub gate: Gate,
}

/// What makes a run a gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// What was tolerated.
    pub settings: GateSettings,
    /// What came of it.
    pub judgement: Judgement,
    /// What a server against itself shows on this machine, where it has been measured.
    #[serde(default)]
    pub floor: Option<Floor>,
}

/// What a gate tolerates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GateSettings {
    /// Tolerated slowdown of each metric.
    pub tolerated: Tolerated,
    /// Share of an arm's requests that may be errors.
    pub max_errors: f64,
    /// The last look that is taken: 8, 16 or 24 blocks.
    pub max_blocks: u32,
}

/// Tolerated slowdown of each metric, such as 0.05 for 5 %; null where the metric is not gated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tolerated {
    /// Server CPU time per request at the fixed rate.
    pub server_cpu_per_request: Option<f64>,
    /// Requests per second of a closed loop.
    pub throughput: Option<f64>,
    /// Median latency at the fixed rate.
    pub p50: Option<f64>,
}

impl Default for GateSettings {
    fn default() -> GateSettings {
        GateSettings {
            tolerated: Tolerated::default(),
            max_errors: 0.0,
            max_blocks: 24,
        }
    }
}

impl Default for Tolerated {
    fn default() -> Tolerated {
        Tolerated {
            server_cpu_per_request: Some(0.05),
            throughput: Some(0.05),
            p50: Some(0.15),
        }
    }
}

impl Tolerated {
    /// The slowdown tolerated of a metric; `None` where it is not gated.
    pub fn of(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::ServerCpuPerRequest => self.server_cpu_per_request,
            Metric::Throughput => self.throughput,
            Metric::P50 => self.p50,
            Metric::P99 => None,
        }
    }
}

/// What a gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Any slowdown is smaller than tolerated.
    Passed,
    /// A slowdown larger than tolerated, or a candidate that alone misbehaves.
    Regressed,
    /// The blocks do not tell.
    Inconclusive,
    /// The baseline alone misbehaves: there is nothing to hold the candidate against.
    Failed,
}

impl From<stats::gate::Verdict> for Verdict {
    fn from(verdict: stats::gate::Verdict) -> Verdict {
        match verdict {
            stats::gate::Verdict::Passed => Verdict::Passed,
            stats::gate::Verdict::Regressed => Verdict::Regressed,
            stats::gate::Verdict::Inconclusive => Verdict::Inconclusive,
        }
    }
}

/// The decision and its grounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict over all metrics.
    pub verdict: Verdict,
    /// Why it is not the metrics that decided; null when they did.
    pub reason: Option<String>,
    /// Whether more blocks could not change the verdict: the looks are through, or it is made.
    pub decided: bool,
    /// Blocks measured.
    pub blocks: u32,
    /// Blocks left out for what happened to the whole machine.
    pub dropped: u32,
    /// One entry for each workload and metric.
    pub metrics: Vec<MetricJudgement>,
}

/// One metric of one workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricJudgement {
    /// Workload.
    pub workload: String,
    /// Metric.
    pub metric: Metric,
    /// Closed or open loop.
    pub load: LoadKind,
    /// Requests per second asked for; null in a closed loop.
    pub rate: Option<f64>,
    /// Median block of the baseline, in the metric's unit.
    pub baseline: Option<f64>,
    /// Median block of the candidate, in the metric's unit.
    pub candidate: Option<f64>,
    /// Candidate ÷ baseline: Hodges–Lehmann estimate over blocks.
    pub ratio: Option<f64>,
    /// Lower end of the ratio's interval; null with fewer than 6 blocks.
    pub low: Option<f64>,
    /// Upper end of the ratio's interval.
    pub high: Option<f64>,
    /// Confidence of the interval.
    pub confidence: f64,
    /// Standard deviation of the blocks' log ratios.
    pub sigma: Option<f64>,
    /// Blocks used.
    pub blocks: u32,
    /// Slowdown tolerated; null when the metric is shown only.
    pub tolerated_slowdown: Option<f64>,
    /// The smallest slowdown that a gate by this metric alone calls regressed four times in five, after 24
    /// blocks like these.
    pub smallest_visible_slowdown: Option<f64>,
    /// Verdict; null when the metric is shown only.
    pub verdict: Option<Verdict>,
    /// Number of blocks after which the verdict was made, or that were last looked at.
    pub look: Option<u32>,
    /// Share of the machine's CPU that other programs used in the blocks used, in percent; null where not known.
    #[serde(default)]
    pub others_percent: Option<f64>,
    /// Whether what other programs used keeps it from being decided.
    #[serde(default)]
    pub withheld: bool,
    /// Why this metric cannot be judged; null when it can.
    pub reason: Option<String>,
}
