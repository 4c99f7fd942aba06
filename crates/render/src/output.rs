//! What a report can be, and what comes of it.

use std::path::Path;

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

/// A report in one format: the text itself, and the files that belong beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The report.
    pub text: String,
    /// Names and contents of further files, such as a chart each. Empty without
    /// [`RenderOptions::stem`](crate::RenderOptions::stem).
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
