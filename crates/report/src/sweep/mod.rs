//! Sweeps: one kind of work over many concurrencies and waits, the map of who wins where, and the
//! concurrency at which the answer flips.
//!
//! # Layout
//!
//! - [`record`]: the file a sweep leaves behind.
//! - [`looks`]: when intervals may be looked at, and with which confidence.
//! - [`merge`]: what several visits to a cell add up to.
//! - [`analysis`], [`crossovers`]: who wins each cell, and where the answer flips.
//! - `words`, `ends`, `view`: the page in plain words, the maps and the tables.

pub mod analysis;
pub mod crossovers;
mod ends;
pub mod looks;
pub mod merge;
pub mod record;
mod view;
mod words;

pub use analysis::analyse;
pub use record::SweepRecord;
pub use view::document;

use crate::render::{Format, RenderOptions, Rendered, json, render_document};

/// Spells the report of a sweep.
pub fn render(record: &SweepRecord, format: Format, options: &RenderOptions) -> Rendered {
    match format {
        Format::Json => json::on_one_line(record).into(),
        other => render_document(record, &document(record), other, options),
    }
}
