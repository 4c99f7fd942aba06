//! What becomes of a result that is not a single run's: flags shared by the commands that leave a record of
//! their own kind.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};
use render::Format;

use crate::output::{Output, check_files};

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// Tables for a terminal.
    Text,
    /// The record.
    Json,
    /// For a README or a pull request.
    Markdown,
    /// One page that needs nothing else.
    Html,
    /// A row for each cell and each block.
    Csv,
    /// What HdrHistogram's plotter reads.
    Hgrm,
}

impl From<FormatArg> for render::Format {
    fn from(format: FormatArg) -> render::Format {
        match format {
            FormatArg::Text => render::Format::Text,
            FormatArg::Json => render::Format::Json,
            FormatArg::Markdown => render::Format::Markdown,
            FormatArg::Html => render::Format::Html,
            FormatArg::Csv => render::Format::Csv,
            FormatArg::Hgrm => render::Format::Hgrm,
        }
    }
}

/// Where a result is shown.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// What is printed: text, json, markdown or html
    #[arg(long, value_enum, default_value_t = FormatArg::Text, hide_possible_values = true, help_heading = "Output")]
    pub format: FormatArg,
    /// Write the result to this file too; the ending decides the format (.txt, .json, .md, .html); repeatable
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Vec<PathBuf>,
}

/// Where a result that takes its time is shown and kept.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Where it is shown.
    #[command(flatten)]
    pub show: ShowArgs,
    /// Do not save the record under results/
    #[arg(long, help_heading = "Output")]
    pub no_save: bool,
    /// No progress
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

impl ShowArgs {
    /// The same, checked; nothing is saved and nothing said beside.
    ///
    /// # Errors
    /// When a file cannot be written, or a format is not for this.
    pub fn output(&self) -> anyhow::Result<Output> {
        check_files(&self.output)?;
        let format = Format::from(self.format);
        let of_files = self.output.iter().map(|path| Format::of_path(path));
        for format in of_files.chain([Ok(format)]) {
            if !format?.is_of_any_record() {
                bail!(
                    "csv and hgrm are formats of a single run; this can be had as txt, json, md or html"
                );
            }
        }
        Ok(Output {
            format,
            files: self.output.clone(),
            save: false,
            quiet: true,
        })
    }
}

impl OutputArgs {
    /// The same, checked.
    ///
    /// # Errors
    /// As [`ShowArgs::output`].
    pub fn output(&self) -> anyhow::Result<Output> {
        Ok(Output {
            save: !self.no_save,
            quiet: self.quiet,
            ..self.show.output()?
        })
    }
}
