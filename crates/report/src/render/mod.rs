//! One file for each format. A renderer spells a document; it decides nothing about what is shown.

pub mod json;
pub mod text;

use std::path::Path;

use crate::document::Document;
use crate::record::Record;

/// What a report can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tables for a terminal.
    Text,
    /// The record itself.
    Json,
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
    pub const ENDINGS: &[(Format, &str)] = &[(Format::Text, "txt"), (Format::Json, "json")];

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

/// Spells the report of one run.
pub fn render(record: &Record, format: Format, options: &RenderOptions) -> String {
    match format {
        Format::Text => text::render(&Document::of(record), options),
        Format::Json => json::render(record),
    }
}

/// What a renderer may need to know about where its output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderOptions {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
}

impl Default for RenderOptions {
    fn default() -> RenderOptions {
        RenderOptions {
            width: 100,
            colour: false,
        }
    }
}
