//! `loadgen report`: any report again, from saved records alone.

use report::record::Record;
use report::{Format, merge, store};

use crate::cli::ReportArgs;
use crate::{exit, output};

/// Reads the records, merges what is of the same, and spells the report.
///
/// # Errors
/// When a record cannot be read or a file not be written; the message names the file.
pub fn report(args: &ReportArgs) -> anyhow::Result<u8> {
    let records: Vec<Record> = args
        .records
        .iter()
        .map(|path| store::read(path))
        .collect::<Result<_, _>>()?;
    let records = merge::merge(records)?;
    let format = args.format.map(Format::from);
    if args.output.is_empty() {
        output::print_report(&records, format.unwrap_or(Format::Text))?;
    } else {
        output::write_files(&records, &args.output, format, !args.no_images)?;
    }
    Ok(exit::MEASURED)
}
