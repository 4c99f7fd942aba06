//! The record of a search for capacity: the highest rate each server sustains under an objective, and latency against
//! load.

use serde::{Deserialize, Serialize};

use crate::run::{Environment, LatencySummary, ServerConfig, Warning};

/// The version of the format that this program writes.
pub const SCHEMA_VERSION: u32 = 1;
/// What [`CapacityRecord::kind`] says.
pub const KIND: &str = "capacity";

/// Everything one search measured and was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapacityRecord {
    /// Version of this format.
    pub schema_version: u32,
    /// Always [`KIND`].
    pub kind: String,
    /// Version of the program that wrote the record.
    pub program_version: String,
    /// When the search began, RFC 3339 in UTC.
    pub started_at: String,
    /// True when it was ended early.
    pub interrupted: bool,
    /// The machine and the build.
    pub environment: Environment,
    /// What was asked for.
    pub config: CapacityConfig,
    /// One entry per server.
    pub servers: Vec<ServerCapacity>,
    /// Reasons to distrust a number.
    #[serde(default)]
    pub warnings: Vec<Warning>,
}

/// What was asked for, after defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CapacityConfig {
    /// The command line as typed.
    pub command: Vec<String>,
    /// Servers.
    pub servers: Vec<ServerConfig>,
    /// Workload.
    pub workload: String,
    /// What a trial must meet, as typed: `p99<50ms`.
    pub objective: String,
    /// Errors tolerated in a trial, as typed: `0` or `1%`.
    pub max_errors: String,
    /// Share of the rate asked for that must be answered.
    pub least_rate_kept: f64,
    /// Connections per server.
    pub concurrency: u32,
    /// Keep-alive.
    pub keep_alive: bool,
    /// Whether the servers were connected one at a time.
    #[serde(default)]
    pub in_turns: bool,
    /// Length of a trial in seconds.
    pub trial_s: f64,
    /// The search ends when upper ÷ lower end − 1 is at most this.
    pub relative_width: f64,
    /// Trials after which a search gives up.
    pub max_trials: u32,
    /// Time after which an unanswered request is an error, in seconds.
    pub timeout_s: f64,
    /// Worker threads of the load generator.
    pub threads: u32,
    /// Seed of arrivals.
    pub seed: u64,
    /// CPUs the servers were pinned to.
    pub server_cpus: Option<Vec<usize>>,
    /// CPUs the client was pinned to.
    pub client_cpus: Option<Vec<usize>>,
}

/// What a search found for one server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerCapacity {
    /// Server.
    pub server: String,
    /// Requests per second in a closed loop over the same connections: the median of those beside the trials.
    pub saturated_rps: f64,
    /// Their 10th and 90th percentile: how far the machine drifted during the search.
    #[serde(default)]
    pub saturated_spread_rps: Option<[f64; 2]>,
    /// Highest rate known to be sustained ÷ the closed loop beside it; null when not even the lowest was.
    #[serde(default)]
    pub low_over_saturated: Option<f64>,
    /// Lowest rate known not to be sustained ÷ the closed loop beside it; null when even the highest was.
    #[serde(default)]
    pub high_over_saturated: Option<f64>,
    /// The lower end in requests per second, where the closed loop was slow.
    pub low_rps: Option<f64>,
    /// The upper end in requests per second, where the closed loop was fast.
    pub high_rps: Option<f64>,
    /// Whether the interval is as narrow as asked for, and both its ends were confirmed by fresh trials.
    pub verified: bool,
    /// All trials, in the order in which they were made.
    pub trials: Vec<Trial>,
    /// Latency against load, up to and past the knee, by rising load.
    pub curve: Vec<Trial>,
}

impl ServerCapacity {
    /// What the curve's loads are shares of, as a multiple of the closed loop: the capacity, or the nearest
    /// that is known of it.
    pub fn knee(&self) -> f64 {
        self.low_over_saturated
            .or(self.high_over_saturated)
            .unwrap_or(1.0)
    }
}

/// What a trial was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Finding the interval.
    Search,
    /// Confirming one of its ends.
    Verify,
    /// A point of the curve.
    Curve,
}

/// One stretch of load at one rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Rate asked for in requests per second.
    pub rate_rps: f64,
    /// Requests per second in the closed loop just before it.
    #[serde(default)]
    pub closed_loop_rps: Option<f64>,
    /// What the rate is a multiple of: the median of the last few closed loops.
    #[serde(default)]
    pub saturated_rps: Option<f64>,
    /// What it was for.
    pub purpose: Purpose,
    /// Right answers per second that arrived inside the trial's time.
    pub throughput_rps: f64,
    /// Response times.
    pub latency_us: LatencySummary,
    /// Errors of all kinds.
    pub errors: u64,
    /// CPU time of the server per answer in microseconds.
    pub server_cpu_us_per_request: Option<f64>,
    /// Share of its threads' time in which the load generator ran or waited for a CPU, in percent.
    pub client_busy_percent: Option<f64>,
    /// Share of the machine's CPU that other programs used meanwhile, in percent; null where that is not known.
    #[serde(default)]
    pub others_percent: Option<f64>,
    /// What it did not meet; null when it met everything.
    pub failed_on: Option<String>,
}

impl Trial {
    /// The rate as a multiple of the closed loop beside it.
    pub fn over_saturated(&self) -> Option<f64> {
        Some(self.rate_rps / self.saturated_rps?)
    }
}
