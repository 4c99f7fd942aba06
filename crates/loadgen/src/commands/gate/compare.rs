//! `loadgen compare`: two stored records, as advice.

use std::path::Path;

use analysis::compared;
use render::render_document;

use super::args::CompareArgs;
use crate::{exit, output};

/// Compares and prints.
///
/// # Errors
/// When a file is no record, or the result cannot be written.
pub fn run(args: &CompareArgs) -> anyhow::Result<u8> {
    let show = args.show.output()?;
    let (a, b) = (record::file::read(&args.a)?, record::file::read(&args.b)?);
    let name = |path: &Path| path.display().to_string();
    let (name_a, name_b) = (name(&args.a), name(&args.b));
    let names = (name_a.as_str(), name_b.as_str());
    let comparison = compared::compare(names, &a, &b);
    let page = pages::compared::document(names, &a, &b, &comparison);
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
