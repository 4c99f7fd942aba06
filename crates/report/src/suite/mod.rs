//! Suites: every kind of work on every server, in one table.
//!
//! # Layout
//!
//! - [`record`]: the file a suite leaves behind; each row holds the ordinary record of its run.
//! - [`findings`]: what the figures of a row say: ratios, what limited it, its conclusion in a sentence.
//! - `figures`: the one table. `view`: it, the conclusions, and each run in detail.

use crate::record::Record;
use crate::render::{Format, RenderOptions, Rendered, csv, hgrm, json, render_document};

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
        Format::Json => json::on_one_line(record).into(),
        Format::Text | Format::Markdown | Format::Html => {
            render_document(record, &document(record), format, options)
        }
    }
}

/// The records of all rows that were measured.
fn runs(record: &SuiteRecord) -> Vec<Record> {
    record
        .rows
        .iter()
        .filter_map(|row| row.run.clone())
        .collect()
}
