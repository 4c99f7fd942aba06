//! `loadgen report`: any report again, from saved records alone.

use std::path::{Path, PathBuf};

use analysis::merge;
use anyhow::bail;
use clap::Args;
use pages::render_all;
use record::Record;
use record::any::{self, AnyRecord};
use render::{Format, RenderOptions, Rendered};

use crate::args::FormatArg;
use crate::{exit, output};

/// `loadgen report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Records, as runs leave them under results/. Those of the same on the same machine are merged, others
    /// are shown side by side, oldest first
    #[arg(value_name = "RECORD", required = true)]
    pub records: Vec<PathBuf>,
    /// What is made [default: text, or what the ending of the file says]
    #[arg(long, value_enum)]
    pub format: Option<FormatArg>,
    /// Write to this file instead of standard output; repeatable. Charts of .md are SVG files beside it
    #[arg(short, long, value_name = "FILE")]
    pub output: Vec<PathBuf>,
    /// Bars of text instead of SVG files
    #[arg(long)]
    pub no_images: bool,
}

/// Reads the records, merges the runs of the same, and spells the report.
///
/// # Errors
/// When a record cannot be read or a file not be written; the message names the file.
pub fn report(args: &ReportArgs) -> anyhow::Result<u8> {
    if let [path] = args.records.as_slice() {
        let kept = any::read(path)?;
        if !matches!(kept, AnyRecord::Run(_)) {
            return show(args, &|format, options| {
                pages::any::render(&kept, format, options)
            });
        }
    }
    let runs = args.records.iter().map(|path| run(path));
    let runs = merge::merge(runs.collect::<anyhow::Result<_>>()?)?;
    show(args, &|format, options| render_all(&runs, format, options))
}

/// A run, to be shown beside others.
fn run(path: &Path) -> anyhow::Result<Record> {
    match any::read(path)? {
        AnyRecord::Run(record) => Ok(*record),
        AnyRecord::Gate(record) => Ok(record.run),
        AnyRecord::Contenders(record) => Ok(record.record),
        other => bail!(
            "{} is the record of {}: its report is made of it alone",
            path.display(),
            other.words()
        ),
    }
}

fn show(
    args: &ReportArgs,
    render: &dyn Fn(Format, &RenderOptions) -> Rendered,
) -> anyhow::Result<u8> {
    let format = args.format.map(Format::from);
    if args.output.is_empty() {
        output::print_rendered(&|options| render(format.unwrap_or(Format::Text), options))?;
    } else {
        output::write_each(&args.output, format, !args.no_images, render)?;
    }
    Ok(exit::MEASURED)
}
