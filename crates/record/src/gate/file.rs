//! A gate's file read back.

use std::path::Path;

use serde::Deserialize;

use crate::file::{self, FileError};
use crate::gate::{Gate, GateRecord};
use crate::run::Record;

#[derive(Deserialize)]
struct GatePart {
    gate: Option<Gate>,
}

/// Reads a gate's record from the contents of a file; `None` for the record of a run that was no gate.
///
/// # Errors
/// As [`file::parse`]; `path` is what they name.
pub fn read(bytes: &[u8], path: &Path) -> Result<Option<GateRecord>, FileError> {
    let run: Record = file::parse(bytes, path)?;
    let part: GatePart = file::parse(bytes, path)?;
    Ok(part.gate.map(|gate| GateRecord { run, gate }))
}
