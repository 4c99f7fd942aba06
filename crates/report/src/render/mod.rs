//! One file for each format. A renderer spells a document; it decides nothing about what is shown.

pub mod csv;
pub mod hgrm;
pub mod html;
pub mod json;
pub mod markdown;
pub mod svg;
pub mod text;
mod text_chart;

use std::path::Path;

use serde::Serialize;

use crate::document::Document;
use crate::record::Record;

/// What a report can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tables for a terminal.
    Text,
    /// The record itself.
    Json,
    /// Text for a README or a pull request, with its charts as SVG files beside it.
    Markdown,
    /// One page that needs nothing else.
    Html,
    /// A row for each cell and each block.
    Csv,
    /// What HdrHistogram's plotter reads.
    Hgrm,
}

/// The ending of a file name stands for no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: the ending decides the format, and must be one of {known}")]
pub struct UnknownEnding {
    path: String,
    known: String,
}

impl Format {
    /// All of them, with the endings that stand for them.
    pub const ENDINGS: &[(Format, &str)] = &[
        (Format::Text, "txt"),
        (Format::Json, "json"),
        (Format::Markdown, "md"),
        (Format::Html, "html"),
        (Format::Csv, "csv"),
        (Format::Hgrm, "hgrm"),
    ];

    /// Whether records of every kind can be spelled in it.
    pub fn is_of_any_record(self) -> bool {
        !matches!(self, Format::Csv | Format::Hgrm)
    }

    /// The format that a file name asks for by its ending.
    ///
    /// # Errors
    /// When the ending stands for none; the message names those that do.
    pub fn of_path(path: &Path) -> Result<Format, UnknownEnding> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let known = Format::ENDINGS
            .iter()
            .find(|(_, known)| Some(*known) == ending);
        known
            .map(|(format, _)| *format)
            .ok_or_else(|| UnknownEnding {
                path: path.display().to_string(),
                known: Format::ENDINGS
                    .iter()
                    .map(|(_, ending)| format!(".{ending}"))
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }
}

/// What a renderer may need to know about where its output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderOptions {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
    /// The name, without ending, of the file that is written: what stands beside it begins with this
    /// name. `None` when the output is one stream; then nothing can stand beside it.
    pub stem: Option<String>,
}

impl Default for RenderOptions {
    fn default() -> RenderOptions {
        RenderOptions {
            width: 100,
            colour: false,
            stem: None,
        }
    }
}

/// A report in one format: the text itself, and the files that belong beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The report.
    pub text: String,
    /// Names and contents of further files, such as a chart each. Empty without
    /// [`RenderOptions::stem`].
    pub beside: Vec<(String, String)>,
}

impl From<String> for Rendered {
    fn from(text: String) -> Rendered {
        Rendered {
            text,
            beside: Vec::new(),
        }
    }
}

/// Spells the report of one run that needs no file beside it.
pub fn render(record: &Record, format: Format, options: &RenderOptions) -> String {
    let alone = RenderOptions {
        stem: None,
        ..options.clone()
    };
    render_all(std::slice::from_ref(record), format, &alone).text
}

/// Spells the report of several records, oldest first, as [`merge`](crate::merge::merge) leaves them.
pub fn render_all(records: &[Record], format: Format, options: &RenderOptions) -> Rendered {
    match format {
        Format::Text => text::render(&Document::of_all(records), options).into(),
        Format::Json => json::render_all(records).into(),
        Format::Markdown => markdown::render(&Document::of_all(records), options),
        Format::Html => html::render(&Document::of_all(records), records).into(),
        Format::Csv => csv::render(records).into(),
        Format::Hgrm => hgrm::render(records, options),
    }
}

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
