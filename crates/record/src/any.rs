//! A record of any kind, as its file tells.

use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::capacity::{self, CapacityRecord};
use crate::contenders::ContendersRecord;
use crate::file::{self, FileError};
use crate::gate::self_test::{self, SelfTestRecord};
use crate::gate::{self, GateRecord};
use crate::limits::{self, LimitsRecord};
use crate::run::Record;
use crate::scale::{self, ScaleRecord};
use crate::suite::{self, SuiteRecord};
use crate::sweep::{self, SweepRecord};

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyRecord {
    /// An ordinary run; several of them can be merged, or shown as a trend.
    Run(Box<Record>),
    /// A gate: a run and its judgement.
    Gate(Box<GateRecord>),
    /// The article's table made again: a run and its standings.
    Contenders(Box<ContendersRecord>),
    /// All kinds of work.
    Suite(Box<SuiteRecord>),
    /// A crossover map.
    Sweep(Box<SweepRecord>),
    /// The highest rates under an objective.
    Capacity(Box<CapacityRecord>),
    /// Fitted scalability laws.
    Scale(Box<ScaleRecord>),
    /// What a machine allows.
    Limits(Box<LimitsRecord>),
    /// The gate gated.
    SelfTest(Box<SelfTestRecord>),
}

/// What tells the kinds apart.
#[derive(Deserialize, Default)]
struct Marks {
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    gate: Option<IgnoredAny>,
    #[serde(default)]
    standings: Option<IgnoredAny>,
}

/// Reads a record of any kind.
///
/// # Errors
/// As [`file::read`].
pub fn read(path: &Path) -> Result<AnyRecord, FileError> {
    parse(&file::read_bytes(path)?, path)
}

/// Reads a record of any kind from the contents of a file; `path` is what errors name.
///
/// # Errors
/// As [`file::parse`].
pub fn parse(bytes: &[u8], path: &Path) -> Result<AnyRecord, FileError> {
    // What is no record at all is told by the reader of runs, which knows how to say it.
    let marks: Marks = serde_json::from_slice(bytes).unwrap_or_default();
    Ok(match marks.kind.as_deref() {
        Some(suite::KIND) => AnyRecord::Suite(file::parse(bytes, path)?),
        Some(sweep::KIND) => AnyRecord::Sweep(file::parse(bytes, path)?),
        Some(capacity::KIND) => AnyRecord::Capacity(file::parse(bytes, path)?),
        Some(scale::KIND) => AnyRecord::Scale(file::parse(bytes, path)?),
        Some(limits::KIND) => AnyRecord::Limits(file::parse(bytes, path)?),
        Some(self_test::KIND) => AnyRecord::SelfTest(file::parse(bytes, path)?),
        _ if marks.standings.is_some() => {
            AnyRecord::Contenders(Box::new(ContendersRecord::parse(bytes, path)?))
        }
        _ if marks.gate.is_some() => match gate::file::read(bytes, path)? {
            Some(record) => AnyRecord::Gate(Box::new(record)),
            None => AnyRecord::Run(file::parse(bytes, path)?),
        },
        _ => AnyRecord::Run(file::parse(bytes, path)?),
    })
}

impl AnyRecord {
    /// What it is, in words.
    pub fn words(&self) -> &'static str {
        match self {
            AnyRecord::Run(_) => "a run",
            AnyRecord::Gate(_) => "a gate",
            AnyRecord::Contenders(_) => "the article's table made again",
            AnyRecord::Suite(_) => "a suite",
            AnyRecord::Sweep(_) => "a sweep",
            AnyRecord::Capacity(_) => "a search for capacity",
            AnyRecord::Scale(_) => "fitted scalability laws",
            AnyRecord::Limits(_) => "a machine's limits",
            AnyRecord::SelfTest(_) => "a self-test of the gate",
        }
    }
}
