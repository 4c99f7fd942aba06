//! A record of any kind, as its file tells, and its report: whatever a command left behind can be shown again.

use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::capacity::{self, CapacityRecord};
use crate::contenders::ContendersRecord;
use crate::gate::self_test::{self, SelfTestRecord};
use crate::gate::{self, GateRecord, self_test_page};
use crate::limits::{self, LimitsRecord};
use crate::record::Record;
use crate::render::{Format, RenderOptions, Rendered, render_all, render_document};
use crate::scale::{self, ScaleRecord};
use crate::store::{self, StoreError};
use crate::suite::{self, SuiteRecord};
use crate::sweep::{self, SweepRecord};

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Kept {
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
/// As [`store::read`].
pub fn read(path: &Path) -> Result<Kept, StoreError> {
    parse(&store::read_bytes(path)?, path)
}

/// Reads a record of any kind from the contents of a file; `path` is what errors name.
///
/// # Errors
/// As [`store::parse`].
pub fn parse(bytes: &[u8], path: &Path) -> Result<Kept, StoreError> {
    // What is no record at all is told by the reader of runs, which knows how to say it.
    let marks: Marks = serde_json::from_slice(bytes).unwrap_or_default();
    Ok(match marks.kind.as_deref() {
        Some(suite::record::KIND) => Kept::Suite(store::parse(bytes, path)?),
        Some(sweep::record::KIND) => Kept::Sweep(store::parse(bytes, path)?),
        Some(capacity::KIND) => Kept::Capacity(store::parse(bytes, path)?),
        Some(scale::KIND) => Kept::Scale(store::parse(bytes, path)?),
        Some(limits::KIND) => Kept::Limits(store::parse(bytes, path)?),
        Some(self_test::KIND) => Kept::SelfTest(store::parse(bytes, path)?),
        _ if marks.standings.is_some() => {
            Kept::Contenders(Box::new(ContendersRecord::parse(bytes, path)?))
        }
        _ if marks.gate.is_some() => match gate::file::read(bytes, path)? {
            Some(record) => Kept::Gate(Box::new(record)),
            None => Kept::Run(store::parse(bytes, path)?),
        },
        _ => Kept::Run(store::parse(bytes, path)?),
    })
}

impl Kept {
    /// Spells its report. CSV and hgrm of a record that holds a run are those of the run.
    pub fn render(&self, format: Format, options: &RenderOptions) -> Rendered {
        let of_run = matches!(format, Format::Csv | Format::Hgrm);
        let run = |run: &Record| render_all(std::slice::from_ref(run), format, options);
        match self {
            Kept::Run(it) => run(it),
            Kept::Gate(it) if of_run => run(&it.run),
            Kept::Gate(it) => render_document(it, &gate::document::document(it), format, options),
            Kept::Contenders(it) if of_run => run(&it.record),
            Kept::Contenders(it) => render_document(it, &it.document(), format, options),
            Kept::Suite(it) => suite::render(it, format, options),
            Kept::Sweep(it) => sweep::render(it, format, options),
            Kept::Capacity(it) => capacity::render(it, format, options),
            Kept::Scale(it) => scale::render(it, format, options),
            Kept::Limits(it) => limits::render(it, format, options),
            Kept::SelfTest(it) => self_test_page::render(it, format, options),
        }
    }

    /// What it is, in words.
    pub fn words(&self) -> &'static str {
        match self {
            Kept::Run(_) => "a run",
            Kept::Gate(_) => "a gate",
            Kept::Contenders(_) => "the article's table made again",
            Kept::Suite(_) => "a suite",
            Kept::Sweep(_) => "a sweep",
            Kept::Capacity(_) => "a search for capacity",
            Kept::Scale(_) => "fitted scalability laws",
            Kept::Limits(_) => "a machine's limits",
            Kept::SelfTest(_) => "a self-test of the gate",
        }
    }
}
