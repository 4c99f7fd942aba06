//! What a self-test of the gate found: how often it cries wolf on a server against itself, how often it sees a
//! slowdown that is there, and how much this machine's blocks scatter.

use serde::{Deserialize, Serialize};
use stats::calibration::Calibration;

use crate::gate::bank::BankHeader;
use crate::metric::Metric;

/// The scenario without a slowdown.
pub const AA: &str = "aa";

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
    pub metric: Metric,
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
    /// Blocks a gate took on average.
    pub fn mean_blocks(&self) -> Option<f64> {
        (self.gates > 0).then(|| self.blocks as f64 / self.gates as f64)
    }
}
