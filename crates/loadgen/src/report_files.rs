//! `loadgen report`: any report again, from saved records alone.

use std::path::Path;

use anyhow::bail;
use report::record::Record;
use report::suite::{self, SuiteRecord};
use report::{Format, RenderOptions, merge, store};

use crate::cli::ReportArgs;
use crate::{exit, output};

/// Reads the records, merges what is of the same, and spells the report.
///
/// # Errors
/// When a record cannot be read or a file not be written; the message names the file.
pub fn report(args: &ReportArgs) -> anyhow::Result<u8> {
    let mut records: Vec<Record> = Vec::new();
    for path in &args.records {
        let bytes = store::read_bytes(path)?;
        if suite::is_suite(&bytes) {
            return of_suite(args, &suite::parse(&bytes, path)?, path);
        }
        records.push(store::parse(&bytes, path)?);
    }
    let records = merge::merge(records)?;
    let format = args.format.map(Format::from);
    if args.output.is_empty() {
        output::print_report(&records, format.unwrap_or(Format::Text))?;
    } else {
        output::write_files(&records, &args.output, format, !args.no_images)?;
    }
    Ok(exit::MEASURED)
}

/// A suite is a table by itself: there is nothing to merge it with.
fn of_suite(args: &ReportArgs, record: &SuiteRecord, path: &Path) -> anyhow::Result<u8> {
    if args.records.len() > 1 {
        bail!(
            "{} is the record of a suite: its report is made of it alone",
            path.display()
        );
    }
    let render = |format, options: &RenderOptions| suite::render(record, format, options);
    let format = args.format.map(Format::from);
    if args.output.is_empty() {
        output::print_rendered(&|options| render(format.unwrap_or(Format::Text), options))?;
    } else {
        output::write_each(&args.output, format, !args.no_images, &render)?;
    }
    Ok(exit::MEASURED)
}
