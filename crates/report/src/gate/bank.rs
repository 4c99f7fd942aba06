//! The self-test's bank: blocks of a server against itself, and against itself slowed down on purpose.
//!
//! One JSON value on each line: first the header, then a block on each, so that a run that is broken off
//! loses one block at most.

use serde::{Deserialize, Serialize};

use super::point::{ArmBlocks, GatePoint};
use crate::record::{Block, Environment, ErrorCounts, LoadKind};

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
    /// Which slice a request belongs to, as in [`crate::record::Config::counting_rule`].
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
            crate::format::counted(u64::from(self.concurrency), "connection"),
            crate::format::seconds(self.block_s),
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
    fn is_dropped(&self) -> bool {
        self.baseline.dropped.is_some() || self.candidate.dropped.is_some()
    }
}

/// A scenario's usable blocks, column by column.
#[derive(Debug, Default)]
pub(super) struct Columns {
    closed: [Vec<Block>; 2],
    open: [Vec<Block>; 2],
    pub(super) dropped: usize,
}

impl Columns {
    pub(super) fn of(blocks: &[BankedBlock], scenario: &str) -> Columns {
        let mut columns = Columns::default();
        for block in blocks.iter().filter(|block| block.scenario == scenario) {
            let pairs = [
                (&mut columns.closed, &block.closed),
                (&mut columns.open, &block.open),
            ];
            if pairs.iter().any(|(_, pair)| pair.is_dropped()) {
                columns.dropped += 1;
                continue;
            }
            for (column, pair) in pairs {
                column[0].push(pair.baseline.clone());
                column[1].push(pair.candidate.clone());
            }
        }
        columns
    }

    pub(super) fn len(&self) -> usize {
        self.closed[0].len()
    }

    /// A stretch of blocks as a gate sees them; `None` where there are not so many.
    pub(super) fn points<'a>(
        &'a self,
        from: usize,
        count: usize,
        rate: f64,
    ) -> Option<[GatePoint<'a>; 2]> {
        if from + count > self.len() {
            return None;
        }
        let arm = |blocks| ArmBlocks {
            blocks,
            errors: ErrorCounts::default(),
        };
        let point = |columns: &'a [Vec<Block>; 2], load, rate| GatePoint {
            workload: "",
            load,
            rate,
            baseline: arm(&columns[0][from..from + count]),
            candidate: arm(&columns[1][from..from + count]),
        };
        Some([
            point(&self.open, LoadKind::Open, Some(rate)),
            point(&self.closed, LoadKind::Closed, None),
        ])
    }
}
