//! Suites: every kind of work on every server, in one table.
//!
//! # Layout
//!
//! - [`record`]: the file a suite leaves behind; each row holds the ordinary record of its run.
//! - [`findings`]: what the figures of a row say: ratios, what limited it, its conclusion in a sentence.
//! - `figures`: the one table. `view`: it, the conclusions, and each run in detail.

use std::path::Path;

use serde::Deserialize;

use crate::record::Record;
use crate::render::{Format, RenderOptions, Rendered, csv, hgrm, render_document};
use crate::store::{self, StoreError};

mod figures;
pub mod findings;
pub mod record;
mod view;

pub use record::SuiteRecord;
pub use view::document;

/// Spells the report of a suite. CSV and hgrm are those of all its runs, one after the other.
pub fn render(record: &SuiteRecord, format: Format, options: &RenderOptions) -> Rendered {
    match format {
        Format::Csv => csv::render(&runs(record)).into(),
        Format::Hgrm => hgrm::render(&runs(record), options),
        Format::Json => to_json(record).into(),
        Format::Text | Format::Markdown | Format::Html => {
            render_document(record, &document(record), format, options)
        }
    }
}

/// The record as JSON on one line: its thousands of blocks would be a hundred thousand lines.
///
/// # Panics
/// Never: every map in a record has keys that JSON can write.
pub fn to_json(record: &SuiteRecord) -> String {
    serde_json::to_string(record).expect("a record has only JSON keys") + "\n"
}

/// The records of all rows that were measured.
fn runs(record: &SuiteRecord) -> Vec<Record> {
    record
        .rows
        .iter()
        .filter_map(|row| row.run.clone())
        .collect()
}

/// Whether the contents of a file call themselves the record of a suite.
pub fn is_suite(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        kind: String,
    }
    serde_json::from_slice::<Head>(bytes).is_ok_and(|head| head.kind == record::KIND)
}

/// Reads the record of a suite from the contents of a file; `path` is what errors name.
///
/// # Errors
/// As [`store::parse`]; also when it is a record of another kind.
pub fn parse(bytes: &[u8], path: &Path) -> Result<SuiteRecord, StoreError> {
    let version = store::version(bytes, path)?;
    store::parse_part(bytes, path, version)
}
