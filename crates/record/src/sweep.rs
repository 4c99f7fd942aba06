//! The record of a sweep. Conventions as in [`crate::Record`]: units in names, null is "not available".

use serde::{Deserialize, Serialize};

use crate::limited::Limit;
use crate::limits::Ceiling;
use crate::run::{CellResult, Environment, ServerConfig, Warning};

/// The version of the format that this program writes.
pub const SCHEMA_VERSION: u32 = 1;
/// What [`SweepRecord::kind`] says.
pub const KIND: &str = "sweep";

/// Everything one sweep measured and was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepRecord {
    /// Version of this format.
    pub schema_version: u32,
    /// Always [`KIND`]: tells this file from other records.
    pub kind: String,
    /// Version of the program that wrote the record.
    pub program_version: String,
    /// When the sweep began, RFC 3339 in UTC.
    pub started_at: String,
    /// True when not all cells asked for were measured as planned: Ctrl-C, or the time was over.
    pub interrupted: bool,
    /// Time measured so far, over all resumptions, in seconds.
    pub elapsed_s: f64,
    /// The machine and the build.
    pub environment: Environment,
    /// What was asked for.
    pub config: SweepConfig,
    /// How many connections this machine allows each server.
    #[serde(default)]
    pub ceilings: Vec<Ceiling>,
    /// One entry per combination of what was varied, in the order asked for.
    pub cells: Vec<SweepCell>,
    /// Where the answer flips.
    #[serde(default)]
    pub crossovers: Vec<CrossoverResult>,
    /// The same in plain words.
    #[serde(default)]
    pub page: Vec<String>,
    /// Reasons to distrust a number.
    #[serde(default)]
    pub warnings: Vec<Warning>,
}

/// What was asked for, after defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SweepConfig {
    /// The command line as typed.
    pub command: Vec<String>,
    /// Servers as named on the command line: label, model and flags.
    pub server_specs: Vec<String>,
    /// The same as they were started; the first is the baseline of every comparison.
    pub servers: Vec<ServerConfig>,
    /// Waits in the handler, in milliseconds.
    pub waits_ms: Vec<u64>,
    /// What the waits of built-in servers were: `exact`, `runtime` (in records that do not say so too) or `socket`.
    #[serde(default = "timer_of_the_runtime")]
    pub wait: String,
    /// Computing in the handler, in units of the CPU kernel.
    pub cpu_units: Vec<u64>,
    /// Keep-alive settings.
    pub keep_alive: Vec<bool>,
    /// Connections.
    pub concurrencies: Vec<u32>,
    /// True when one short block per cell was asked for: no intervals.
    pub quick: bool,
    /// Blocks in each visit to a cell. An interval is looked at after 4 visits, and once more after 8.
    pub blocks_per_visit: u32,
    /// Probability that no cell of a map names a wrong winner.
    pub confidence: f64,
    /// Differences up to this share count as equal.
    pub margin: f64,
    /// Longest time asked for, in seconds.
    pub time_limit_s: f64,
    /// Load time before each visit, per server, in seconds.
    pub warmup_s: f64,
    /// Time after which an unanswered request is an error, in seconds.
    pub timeout_s: f64,
    /// Worker threads of the load generator.
    pub threads: u32,
    /// Seed of the order of slices.
    pub seed: u64,
    /// Which slice a request belongs to, as in [`crate::Config::counting_rule`].
    #[serde(default)]
    pub counting_rule: String,
    /// CPUs the servers were pinned to.
    pub server_cpus: Option<Vec<usize>>,
    /// CPUs the client was pinned to.
    pub client_cpus: Option<Vec<usize>>,
}

/// What servers waited by before anything else could be asked for.
fn timer_of_the_runtime() -> String {
    "runtime".to_owned()
}

/// What is varied: names a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Spot {
    /// Wait in the handler in milliseconds.
    pub wait_ms: u64,
    /// Computing in the handler in units of the CPU kernel.
    pub cpu_units: u64,
    /// Whether connections are kept alive between requests.
    pub keep_alive: bool,
    /// Connections.
    pub concurrency: u32,
}

/// One cell: all servers under the same load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepCell {
    /// What was varied.
    #[serde(flatten)]
    pub spot: Spot,
    /// True when the servers had to be connected one at a time.
    pub in_turns: bool,
    /// Length of a slice of the last visit, in milliseconds.
    pub slice_ms: Option<f64>,
    /// Visits so far.
    pub visits: Vec<Visit>,
    /// One entry per server, in the order of the configuration.
    pub servers: Vec<SweepServer>,
    /// Each further server against the first.
    #[serde(default)]
    pub comparisons: Vec<SweepComparison>,
}

/// A stretch of measuring one cell: server processes, connections and caches are fresh in each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// Number of its first block.
    pub first_block: u32,
    /// Blocks finished in it.
    pub blocks: u32,
    /// How long it took in all, in seconds.
    pub took_s: f64,
}

/// One server in one cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepServer {
    /// Its name.
    pub name: String,
    /// What was measured, all visits together; null before anything was, and when it does not work here.
    pub result: Option<CellResult>,
    /// What limits it here; null when nothing was measured.
    #[serde(default)]
    pub limit: Option<Limit>,
    /// Why it does not work here; null when it does.
    pub stopped: Option<Stopped>,
}

/// A server does not work under a load: a finding, not a failure of the sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// What it ran out of.
    pub cause: StopCause,
    /// What was seen, with numbers.
    pub reason: String,
    /// True when it was not tried: it did not work with fewer connections, or this machine does not allow
    /// so many.
    pub inferred: bool,
}

/// What a server, or the load generator, ran out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// Open files.
    Descriptors,
    /// Threads: they could not be started, or all of them were taken.
    Threads,
    /// Time: connections or requests were not answered in time, and nothing says why.
    Unanswered,
    /// Local ports.
    Ports,
    /// Memory.
    Memory,
    /// Its process ended.
    Ended,
    /// Something else.
    Other,
}

/// Candidate ÷ baseline in one cell, by requests per second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepComparison {
    /// Server below the line.
    pub baseline: String,
    /// Server above the line.
    pub candidate: String,
    /// Ratio over all blocks; null when one of them measured nothing.
    pub ratio: Option<f64>,
    /// Lower end of the interval; null before the first look.
    pub low: Option<f64>,
    /// Upper end of the interval.
    pub high: Option<f64>,
    /// Confidence of the interval: its share of the whole map's.
    pub confidence: Option<f64>,
    /// Blocks that the interval is made of, or the ratio where there is none.
    pub blocks: u32,
    /// Standard deviation of the visits' log ratios.
    pub sigma: Option<f64>,
    /// Share of the machine's CPU that other programs used meanwhile, in percent; null where that is not known.
    #[serde(default)]
    pub others_percent: Option<f64>,
    /// Lower end of the interval when the baseline is credited with all the CPU that other programs took.
    #[serde(default)]
    pub credited_low: Option<f64>,
    /// Upper end when the candidate is.
    #[serde(default)]
    pub credited_high: Option<f64>,
    /// Who wins.
    pub outcome: Outcome,
    /// Why nobody is said to win; null when somebody is.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Who wins a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole interval lies above 1 by more than the margin, or only the candidate works.
    Candidate,
    /// The whole interval lies below 1 by more than the margin, or only the baseline works.
    Baseline,
    /// The whole interval lies within the margin around 1.
    Equal,
    /// Both reach what the wait allows, connections ÷ wait, by 95 % and more: the cell ranks nobody.
    Wait,
    /// None of these, or the cell must not be used for a verdict.
    CannotTell,
}

/// Where the answer flips along the concurrencies, for one pair of servers and one kind of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrossoverResult {
    /// Server below the line.
    pub baseline: String,
    /// Server above the line.
    pub candidate: String,
    /// Wait in the handler in milliseconds.
    pub wait_ms: u64,
    /// Computing in the handler in units.
    pub cpu_units: u64,
    /// Keep-alive.
    pub keep_alive: bool,
    /// The answer.
    #[serde(flatten)]
    pub answer: CrossoverAnswer,
}

/// Where the candidate wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum CrossoverAnswer {
    /// At every concurrency.
    Always,
    /// Nowhere: the baseline wins everywhere.
    Never,
    /// Nowhere: the two are equal everywhere, or both reach what the wait allows.
    Equal,
    /// At `concurrency` and at all above it.
    From {
        /// The smallest such concurrency.
        concurrency: u64,
        /// The largest concurrency below at which the baseline wins.
        baseline_until: Option<u64>,
    },
    /// At `concurrency` and at all below it.
    UpTo {
        /// The largest such concurrency.
        concurrency: u64,
        /// The smallest concurrency above at which the baseline wins.
        baseline_from: Option<u64>,
    },
    /// Somewhere, but neither from a concurrency on nor up to one.
    Scattered,
    /// That is not known.
    CannotTell,
}

impl SweepCell {
    /// The entry of a server.
    pub fn server(&self, name: &str) -> Option<&SweepServer> {
        self.servers.iter().find(|server| server.name == name)
    }

    /// The comparison of a pair.
    pub fn comparison(&self, baseline: &str, candidate: &str) -> Option<&SweepComparison> {
        self.comparisons
            .iter()
            .find(|it| it.baseline == baseline && it.candidate == candidate)
    }
}

impl SweepConfig {
    /// Everything that is varied, in the order asked for: keep-alive, computing, wait, concurrency.
    pub fn spots(&self) -> Vec<Spot> {
        let mut spots = Vec::new();
        for &keep_alive in &self.keep_alive {
            for &cpu_units in &self.cpu_units {
                for &wait_ms in &self.waits_ms {
                    let at = |&concurrency| Spot {
                        wait_ms,
                        cpu_units,
                        keep_alive,
                        concurrency,
                    };
                    spots.extend(self.concurrencies.iter().map(at));
                }
            }
        }
        spots
    }

    /// Baseline and candidate of every comparison.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        let mut names = self.servers.iter().map(|server| server.name.as_str());
        let Some(baseline) = names.next() else {
            return Vec::new();
        };
        names.map(|candidate| (baseline, candidate)).collect()
    }
}
