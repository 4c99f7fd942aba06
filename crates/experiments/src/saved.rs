//! Records that are written while they grow.

use std::path::Path;

use anyhow::Context as _;
use bench::files::write_whole;
use render::json;
use serde::Serialize;

/// Keeps the record of a command that goes on for long, if it is kept at all.
///
/// # Errors
/// As [`bench::files::write_whole`].
pub fn keep(record: &impl Serialize, path: Option<&Path>) -> anyhow::Result<()> {
    let Some(path) = path else {
        return Ok(());
    };
    write_whole(path, &json::on_one_line(record)).context("the record cannot be kept")
}
