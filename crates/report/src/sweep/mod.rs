//! Sweeps: one kind of work over many concurrencies and waits, the map of who wins where, and the
//! concurrency at which the answer flips.
//!
//! # Layout
//!
//! - [`record`]: the file a sweep leaves behind.
//! - [`looks`]: when intervals may be looked at, and with which confidence.
//! - [`merge`]: what several visits to a cell add up to.
//! - [`limit`]: what limits a server in a cell.
//! - [`analysis`], [`crossovers`]: who wins each cell, and where the answer flips.
//! - `words`, `view`: the page in plain words, the maps and the tables.

pub mod analysis;
pub mod crossovers;
pub mod limit;
pub mod looks;
pub mod merge;
pub mod record;
mod view;
mod words;

pub use analysis::analyse;
pub use record::SweepRecord;
pub use view::document;

use crate::render::{Format, RenderOptions, Rendered, render_document};

/// Spells the report of a sweep.
pub fn render(record: &SweepRecord, format: Format, options: &RenderOptions) -> Rendered {
    match format {
        Format::Json => to_json(record).into(),
        other => render_document(record, &document(record), other, options),
    }
}

/// The record as JSON on one line: its thousands of blocks would be a hundred thousand lines.
///
/// # Panics
/// Never: every map in a record has keys that JSON can write.
pub fn to_json(record: &SweepRecord) -> String {
    serde_json::to_string(record).expect("a record has only JSON keys") + "\n"
}

/// Why a text is not the record of a sweep.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not JSON, or not of this form.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// Another kind of record.
    #[error("it is a record of kind {0:?}, not {kind:?}", kind = record::KIND)]
    Kind(String),
    /// Written by a newer program.
    #[error("schema version {0} is newer than the {known} this program reads; use a newer loadgen", known = record::SCHEMA_VERSION)]
    Newer(u32),
}

/// Reads a record.
///
/// # Errors
/// When the text is something else.
pub fn from_json(text: &str) -> Result<SweepRecord, ReadError> {
    #[derive(serde::Deserialize)]
    struct Head {
        schema_version: u32,
        #[serde(default)]
        kind: String,
    }
    let head: Head = serde_json::from_str(text)?;
    if head.kind != record::KIND {
        return Err(ReadError::Kind(head.kind));
    }
    if head.schema_version > record::SCHEMA_VERSION {
        return Err(ReadError::Newer(head.schema_version));
    }
    Ok(serde_json::from_str(text)?)
}
