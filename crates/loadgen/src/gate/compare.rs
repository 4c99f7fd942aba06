//! `loadgen compare`: two stored records, as advice.

use std::path::Path;

use report::render::render_document;
use report::stored;

use super::args::CompareArgs;
use crate::{exit, output};

/// Compares and prints.
///
/// # Errors
/// When a file is no record, or the result cannot be written.
pub fn run(args: &CompareArgs) -> anyhow::Result<u8> {
    let show = args.show.output()?;
    let (a, b) = (report::store::read(&args.a)?, report::store::read(&args.b)?);
    let name = |path: &Path| path.display().to_string();
    let comparison = stored::compare(&a, &b);
    let page = stored::document((&name(&args.a), &name(&args.b)), &a, &b, &comparison);
    output::show(
        &|format, options| render_document(&comparison, &page, format, options),
        &show,
    )?;
    Ok(if comparison.rows.is_empty() {
        exit::NOT_MEASURED
    } else {
        exit::MEASURED
    })
}
