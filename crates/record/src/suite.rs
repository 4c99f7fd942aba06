//! The record of a suite: a list of rows, each with the ordinary record of its run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::run::{Environment, Record};

/// What the field `kind` of every suite's record says.
pub const KIND: &str = "suite";

/// Everything that a suite measured. It shares the version of the records that it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteRecord {
    /// Version of this format, that of an ordinary record.
    pub schema_version: u32,
    /// Always `suite`.
    pub kind: String,
    /// Version of the program that wrote the record.
    pub program_version: String,
    /// When the suite began, RFC 3339 in UTC.
    pub started_at: String,
    /// True while rows are missing: the suite was ended early, or is under way.
    pub interrupted: bool,
    /// Time that the rows took, in seconds.
    pub elapsed_s: f64,
    /// The machine and the build.
    pub environment: Environment,
    /// What was asked for.
    pub config: SuiteConfig,
    /// The rows, in the order in which they are measured.
    pub rows: Vec<SuiteRow>,
}

/// What a suite was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteConfig {
    /// The command line as typed.
    pub command: Vec<String>,
    /// Servers as they were named; the first is the baseline unless `sync` is among them.
    pub servers: Vec<String>,
    /// Whether every row had one short block only, and so no interval.
    pub quick: bool,
    /// Seed of the order of slices and of arrivals.
    pub seed: u64,
    /// Which slice a request belongs to, as in the records of its rows.
    #[serde(default)]
    pub counting_rule: String,
}

/// One kind of work under one load, on all servers that have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteRow {
    /// Workload, mode and parameters, for instance `waits:sequential` or `file:blocking?kib=1024`.
    pub workload: String,
    /// Connections per server.
    pub concurrency: u32,
    /// Time that the row took in seconds, starting the servers included; null until it is measured.
    pub took_s: Option<f64>,
    /// Servers that this row is not measured on.
    pub lacking: Vec<Lacking>,
    /// What ended its run, or why there was none; null when nothing did.
    pub failed: Option<String>,
    /// The ordinary record of its run; null when nothing was measured.
    pub run: Option<Record>,
}

/// A server that a row is not measured on: it does not have the work, or the load makes no sense on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lacking {
    /// The server.
    pub server: String,
    /// Why it is not.
    pub reason: String,
}

impl SuiteRow {
    /// A row that is still to be measured.
    pub fn new(workload: &str, concurrency: u32, lacking: Vec<Lacking>) -> SuiteRow {
        SuiteRow {
            workload: workload.to_owned(),
            concurrency,
            took_s: None,
            lacking,
            failed: None,
            run: None,
        }
    }

    /// Whether nothing is left to be done for it: what failed may be tried again.
    pub fn is_done(&self) -> bool {
        self.took_s.is_some() && self.failed.is_none()
    }

    /// Its workload, without mode and parameters.
    pub fn name(&self) -> &str {
        let end = self.workload.find([':', '?']);
        &self.workload[..end.unwrap_or(self.workload.len())]
    }

    /// Its mode, if its workload has several.
    pub fn mode(&self) -> Option<&str> {
        let (label, _) = self.split();
        label.split_once(':').map(|(_, mode)| mode)
    }

    /// Its parameters; empty for the defaults.
    pub fn parameters(&self) -> &str {
        self.split().1
    }

    fn split(&self) -> (&str, &str) {
        self.workload
            .split_once('?')
            .unwrap_or((&self.workload, ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_has_a_name_a_mode_and_parameters() {
        for (text, parts) in [
            ("hello", ("hello", None, "")),
            ("waits:sequential", ("waits", Some("sequential"), "")),
            ("work?wait_ms=10", ("work", None, "wait_ms=10")),
            ("file:blocking?kib=4", ("file", Some("blocking"), "kib=4")),
        ] {
            let row = SuiteRow::new(text, 1, Vec::new());
            assert_eq!((row.name(), row.mode(), row.parameters()), parts);
        }
    }
}
