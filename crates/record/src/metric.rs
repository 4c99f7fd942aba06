//! What servers are compared by.

use serde::{Deserialize, Serialize};
use stats::gate::Better;

use crate::run::{Block, CellResult, LoadKind};

/// A metric. A gate measures each at its own load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Server CPU time per request at the fixed rate, in microseconds.
    ServerCpuPerRequest,
    /// Requests per second of a closed loop: also sees locks and sleeps.
    Throughput,
    /// Median latency at the fixed rate, in microseconds.
    P50,
    /// 99th percentile of latency at the fixed rate, in microseconds: shown, never gated.
    P99,
}

impl Metric {
    /// What runs are compared by, in the order in which it is shown.
    pub const COMPARED: [Metric; 3] =
        [Metric::Throughput, Metric::ServerCpuPerRequest, Metric::P50];

    /// What a gate looks at, in the order in which it is shown.
    pub const IN_GATES: [Metric; 4] = [
        Metric::ServerCpuPerRequest,
        Metric::Throughput,
        Metric::P50,
        Metric::P99,
    ];

    /// Its name in records, settings and flags.
    pub fn name(self) -> &'static str {
        match self {
            Metric::ServerCpuPerRequest => "server_cpu_per_request",
            Metric::Throughput => "throughput",
            Metric::P50 => "p50",
            Metric::P99 => "p99",
        }
    }

    /// The one of that name that runs are compared by.
    pub fn named(name: &str) -> Option<Metric> {
        Metric::COMPARED
            .into_iter()
            .find(|metric| metric.name() == name)
    }

    /// Its name in words, with the load it is measured at.
    pub fn label(self) -> &'static str {
        match self {
            Metric::ServerCpuPerRequest => "server CPU per request",
            Metric::Throughput => "closed-loop throughput",
            Metric::P50 => "p50 latency",
            Metric::P99 => "p99 latency",
        }
    }

    /// The load a gate measures it at.
    pub fn load(self) -> LoadKind {
        match self {
            Metric::Throughput => LoadKind::Closed,
            Metric::ServerCpuPerRequest | Metric::P50 | Metric::P99 => LoadKind::Open,
        }
    }

    /// Which way it is good.
    pub fn better(self) -> Better {
        match self {
            Metric::Throughput => Better::Higher,
            Metric::ServerCpuPerRequest | Metric::P50 | Metric::P99 => Better::Lower,
        }
    }

    /// Whether the client's own lateness spoils it.
    pub fn is_latency(self) -> bool {
        matches!(self, Metric::P50 | Metric::P99)
    }

    /// Its figure in one block; `None` where it was not measured.
    pub fn of_block(self, block: &Block) -> Option<f64> {
        match self {
            Metric::ServerCpuPerRequest => block.server_cpu_us_per_request,
            Metric::Throughput => Some(block.throughput_rps),
            Metric::P50 => block.p50_us,
            Metric::P99 => block.p99_us,
        }
        .filter(|value| value.is_finite() && *value > 0.0)
    }

    /// Its figure over all blocks of a cell; `None` where it was not measured.
    pub fn of_cell(self, cell: &CellResult) -> Option<f64> {
        match self {
            Metric::Throughput => Some(cell.throughput_rps),
            Metric::ServerCpuPerRequest => cell.server_resources.cpu_us_per_request,
            Metric::P50 => cell.latency_us.p50,
            Metric::P99 => cell.latency_us.p99,
        }
        .filter(|value| value.is_finite() && *value > 0.0)
    }

    /// Why a block may have no figure of it.
    pub fn absent(self) -> &'static str {
        match self {
            Metric::ServerCpuPerRequest => "the server's CPU time is not available",
            Metric::Throughput => "no request was answered",
            Metric::P50 => "too few requests for a median",
            Metric::P99 => "too few requests for p99",
        }
    }

    /// Its figure as text, with the unit.
    pub fn format(self, value: f64) -> String {
        match self {
            Metric::ServerCpuPerRequest => format::cpu_us(value),
            Metric::Throughput => format!("{}/s", format::per_second(value)),
            Metric::P50 | Metric::P99 => format::duration_us(value),
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
