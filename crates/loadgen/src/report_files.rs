//! `loadgen report`: any report again, from saved records alone.

use std::path::Path;

use anyhow::bail;
use report::kept::{self, Kept};
use report::record::Record;
use report::{Format, RenderOptions, Rendered, merge, render_all};

use crate::cli::ReportArgs;
use crate::{exit, output};

/// Reads the records, merges the runs of the same, and spells the report.
///
/// # Errors
/// When a record cannot be read or a file not be written; the message names the file.
pub fn report(args: &ReportArgs) -> anyhow::Result<u8> {
    if let [path] = args.records.as_slice() {
        let kept = kept::read(path)?;
        if !matches!(kept, Kept::Run(_)) {
            return show(args, &|format, options| kept.render(format, options));
        }
    }
    let runs = args.records.iter().map(|path| run(path));
    let runs = merge::merge(runs.collect::<anyhow::Result<_>>()?)?;
    show(args, &|format, options| render_all(&runs, format, options))
}

/// A run, to be shown beside others.
fn run(path: &Path) -> anyhow::Result<Record> {
    match kept::read(path)? {
        Kept::Run(record) => Ok(*record),
        Kept::Gate(record) => Ok(record.run),
        Kept::Contenders(record) => Ok(record.record),
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
