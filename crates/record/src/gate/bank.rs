//! The self-test's bank: blocks of a server against itself, and against itself slowed down on purpose.
//!
//! One JSON value on each line: first the header, then a block on each, so that a run that is broken off
//! loses one block at most.

use serde::{Deserialize, Serialize};

use crate::run::{Block, Environment};

/// The version of the format that this program writes.
pub const BANK_VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BankHeader {
    /// Version of this format, [`BANK_VERSION`] when written by this program.
    pub bank_version: u32,
    /// When it was begun, RFC 3339 in UTC.
    pub started_at: String,
    /// The machine and the build.
    pub environment: Environment,
    /// Which slice a request belongs to, as in [`crate::Config::counting_rule`].
    #[serde(default)]
    pub counting_rule: String,
    /// What all its blocks have in common.
    pub load: BankLoad,
    /// What was found out before the first block.
    pub pilot: Pilot,
}

/// What all blocks of a bank have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BankLoad {
    /// Built-in server with its flags, as typed.
    pub server: String,
    /// Path asked for.
    pub path: String,
    /// Connections.
    pub concurrency: u32,
    /// Worker threads of the load generator.
    pub threads: u32,
    /// Measured time of a block in seconds, over both servers and both loads.
    pub block_s: f64,
    /// Load time of each server before a block, in seconds.
    pub warmup_s: f64,
}

impl BankLoad {
    /// It in words.
    pub fn sentence(&self) -> String {
        format!(
            "{}, GET {}, {}, blocks of {}",
            self.server,
            self.path,
            format::counted(u64::from(self.concurrency), "connection"),
            format::seconds(self.block_s),
        )
    }
}

/// What injected slowdowns are dosed by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pilot {
    /// The fixed rate in requests per second.
    pub rate_rps: f64,
    /// Server CPU time per request at that rate in microseconds.
    pub cpu_us_per_request: f64,
    /// Requests per second of the closed loop.
    pub throughput_rps: f64,
    /// What one unit of injected computing costs here, in microseconds.
    pub unit_us: f64,
}

/// One of the further lines: a block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BankedBlock {
    /// What was done to the candidate, for instance `aa` or `cpu:10`.
    pub scenario: String,
    /// In the closed loop.
    pub closed: ArmPair,
    /// At the fixed rate.
    pub open: ArmPair,
}

/// One block of both arms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmPair {
    /// The server as it is.
    pub baseline: Block,
    /// The server with the slowdown, if any.
    pub candidate: Block,
}

impl ArmPair {
    /// Whether the block is left out for what happened to the whole machine.
    pub fn is_dropped(&self) -> bool {
        self.baseline.dropped.is_some() || self.candidate.dropped.is_some()
    }
}
