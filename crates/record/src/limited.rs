//! What limited a server in a cell, as it is written down; found by `analysis::limit`.

use serde::{Deserialize, Serialize};

/// What limits a server in a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What it is.
    pub by: LimitedBy,
    /// The figures that say so.
    pub evidence: String,
}

/// What throughput is limited by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitedBy {
    /// The server's share of the CPU is used up.
    ServerCpu,
    /// One thread of the server computed all the time, while the machine had CPU left.
    ServerThread,
    /// The load generator is: what the server could do is not known. Never used for a verdict.
    ClientCpu,
    /// Other programs: without them the machine would have had CPU left.
    OtherPrograms,
    /// The machine was idle: every connection waits for its answer, so throughput is concurrency ÷ latency.
    Latency,
    /// Connections wait because all threads are taken.
    Threads,
    /// The rate that was asked for, which was kept.
    Rate,
    /// The figures do not add up, or are not available.
    Unknown,
}

impl LimitedBy {
    /// In a word, for a table.
    pub fn name(self) -> &'static str {
        match self {
            LimitedBy::ServerCpu => "server",
            LimitedBy::ServerThread => "one thread",
            LimitedBy::ClientCpu => "client",
            LimitedBy::OtherPrograms => "others",
            LimitedBy::Latency => "waits",
            LimitedBy::Threads => "threads",
            LimitedBy::Rate => "rate",
            LimitedBy::Unknown => "unknown",
        }
    }

    /// The beginning of a sentence that ends with servers.
    pub fn words(self) -> &'static str {
        match self {
            LimitedBy::ServerCpu => "server CPU limited",
            LimitedBy::ServerThread => "a single thread of the server limited",
            LimitedBy::ClientCpu => "the load generator limited",
            LimitedBy::OtherPrograms => "other programs limited",
            LimitedBy::Latency => "the waits limited",
            LimitedBy::Threads => "want of threads limited",
            LimitedBy::Rate => "the rate asked for limited",
            LimitedBy::Unknown => "it cannot be told what limited",
        }
    }
}
