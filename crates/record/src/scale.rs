//! The record of scalability: laws fitted to sweeps.

use serde::{Deserialize, Serialize};

use crate::run::{Environment, Warning};

/// The version of the format that this program writes.
pub const SCHEMA_VERSION: u32 = 1;
/// What [`ScaleRecord::kind`] says.
pub const KIND: &str = "scale";

/// The laws fitted to one sweep or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScaleRecord {
    /// Version of this format.
    pub schema_version: u32,
    /// Always [`KIND`].
    pub kind: String,
    /// The machine and the build that measured the first sweep.
    pub environment: Environment,
    /// One entry per sweep, kind of work and server.
    pub fits: Vec<ScaleFit>,
    /// Reasons to distrust a number.
    pub warnings: Vec<Warning>,
}

/// The law of one server under one kind of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScaleFit {
    /// The sweep: its file, or how it was measured.
    pub source: String,
    /// Server.
    pub server: String,
    /// Wait in the handler in milliseconds.
    pub wait_ms: u64,
    /// Computing in the handler in units.
    pub cpu_units: u64,
    /// Keep-alive.
    pub keep_alive: bool,
    /// CPUs the server was pinned to; null when it was not.
    pub server_cpus: Option<Vec<usize>>,
    /// The law; null where it cannot be fitted.
    pub law: Option<Law>,
    /// Measured beside predicted.
    pub points: Vec<ScalePoint>,
    /// Points left out, and why.
    pub left_out: Vec<String>,
    /// Why there is no law; null when there is.
    pub reason: Option<String>,
}

/// X(N) = γN ÷ (1 + α(N − 1) + βN(N − 1)).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Law {
    /// γ: requests per second of one request at a time.
    pub gamma_rps: Fitted,
    /// α: share of the work that is done one after another.
    pub alpha: Fitted,
    /// β: what each pair of requests costs each other.
    pub beta: Fitted,
    /// Root mean square of 1 − measured ÷ predicted.
    pub misfit: f64,
    /// Concurrency of the highest throughput; null where β may be 0 or it was not measured.
    pub peak: Option<f64>,
    /// Why there is no peak; null when there is.
    pub no_peak: Option<NoPeak>,
}

/// Why no peak is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoPeak {
    /// β's interval touches 0: there may be none.
    Unresolved,
    /// The law's peak lies beyond what was measured.
    OutsideMeasured,
    /// The law does not describe this server.
    Misfit,
}

/// A parameter and its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// Estimate.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// One concurrency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScalePoint {
    /// Connections.
    pub concurrency: u32,
    /// Mean over the sweeps in requests per second.
    pub measured_rps: f64,
    /// By the law; null where there is none.
    pub predicted_rps: Option<f64>,
}
