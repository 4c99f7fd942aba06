//! What a gate looks at.

use serde::{Deserialize, Serialize};
use stats::gate::Better;

use crate::run::{Block, LoadKind};

/// A metric of a gate, at its own load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateMetric {
    /// Server CPU time per request at the fixed rate, in microseconds.
    ServerCpuPerRequest,
    /// Requests per second of a closed loop: also sees locks and sleeps.
    Throughput,
    /// Median latency at the fixed rate, in microseconds.
    P50,
    /// 99th percentile of latency at the fixed rate, in microseconds: shown, never gated.
    P99,
}

impl GateMetric {
    /// All of them, in the order in which they are shown.
    pub const ALL: [GateMetric; 4] = [
        GateMetric::ServerCpuPerRequest,
        GateMetric::Throughput,
        GateMetric::P50,
        GateMetric::P99,
    ];

    /// Its name in records, settings and flags.
    pub fn name(self) -> &'static str {
        match self {
            GateMetric::ServerCpuPerRequest => "server_cpu_per_request",
            GateMetric::Throughput => "throughput",
            GateMetric::P50 => "p50",
            GateMetric::P99 => "p99",
        }
    }

    /// Its name in words, with the load it is measured at.
    pub fn label(self) -> &'static str {
        match self {
            GateMetric::ServerCpuPerRequest => "server CPU per request",
            GateMetric::Throughput => "closed-loop throughput",
            GateMetric::P50 => "p50 latency",
            GateMetric::P99 => "p99 latency",
        }
    }

    /// The load it is measured at.
    pub fn load(self) -> LoadKind {
        match self {
            GateMetric::Throughput => LoadKind::Closed,
            GateMetric::ServerCpuPerRequest | GateMetric::P50 | GateMetric::P99 => LoadKind::Open,
        }
    }

    /// Which way it is good.
    pub fn better(self) -> Better {
        match self {
            GateMetric::Throughput => Better::Higher,
            GateMetric::ServerCpuPerRequest | GateMetric::P50 | GateMetric::P99 => Better::Lower,
        }
    }

    /// Whether the client's own lateness spoils it.
    pub fn is_latency(self) -> bool {
        matches!(self, GateMetric::P50 | GateMetric::P99)
    }

    /// Its figure in one block; `None` where it was not measured.
    pub fn of_block(self, block: &Block) -> Option<f64> {
        match self {
            GateMetric::ServerCpuPerRequest => block.server_cpu_us_per_request,
            GateMetric::Throughput => Some(block.throughput_rps),
            GateMetric::P50 => block.p50_us,
            GateMetric::P99 => block.p99_us,
        }
        .filter(|value| value.is_finite() && *value > 0.0)
    }

    /// Why a block may have no figure of it.
    pub fn absent(self) -> &'static str {
        match self {
            GateMetric::ServerCpuPerRequest => "the server's CPU time is not available",
            GateMetric::Throughput => "no request was answered",
            GateMetric::P50 => "too few requests for a median",
            GateMetric::P99 => "too few requests for p99",
        }
    }

    /// Its figure as text, with the unit.
    pub fn format(self, value: f64) -> String {
        match self {
            GateMetric::ServerCpuPerRequest => format::cpu_us(value),
            GateMetric::Throughput => format!("{}/s", format::per_second(value)),
            GateMetric::P50 | GateMetric::P99 => format::duration_us(value),
        }
    }

    /// The ratio candidate ÷ baseline that a slowdown of so much makes.
    pub fn ratio_of_slowdown(self, slowdown: f64) -> f64 {
        match self.better() {
            Better::Lower => 1.0 + slowdown,
            Better::Higher => 1.0 / (1.0 + slowdown),
        }
    }
}
