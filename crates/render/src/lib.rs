//! How a report looks. A renderer spells a document; it decides nothing about what is shown.
//!
//! Knows nothing of records: what is shown of one comes as a [`document::Document`], and the record itself as anything
//! that can be written as JSON.
//!
//! # Layout
//!
//! - [`document`]: what is shown, as data; [`table`], [`chart`], [`heat_map`]: what stands in it.
//! - [`Format`], [`Rendered`], [`RenderOptions`]: what a report can be, what comes of it, and where it goes.
//! - [`text`], [`markdown`], [`html`], [`json`]: one file for each format; [`svg`], `text_chart`: charts in them;
//!   `escape`: text from outside on a page.

pub mod chart;
pub mod document;
mod escape;
pub mod heat_map;
pub mod html;
pub mod json;
pub mod markdown;
mod options;
mod output;
pub mod svg;
pub mod table;
pub mod text;
mod text_chart;

use serde::Serialize;

use document::Document;
pub use options::RenderOptions;
pub use output::{Format, Rendered, UnknownEnding};

/// Spells the report of a record of any kind, `document` being what is shown of it. CSV and hgrm exist of
/// the main record only ([`Format::is_of_any_record`]); asked for them, this gives JSON.
pub fn render_document(
    record: &impl Serialize,
    document: &Document,
    format: Format,
    options: &RenderOptions,
) -> Rendered {
    match format {
        Format::Text => text::render(document, options).into(),
        Format::Markdown => markdown::render(document, options),
        Format::Html => html::render(document, std::slice::from_ref(record)).into(),
        Format::Json | Format::Csv | Format::Hgrm => json::render(record).into(),
    }
}
