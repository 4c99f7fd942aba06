//! A gate's file read back.

use std::path::Path;

use serde::Deserialize;

use super::{Gate, GateRecord};
use crate::record::Record;
use crate::store::{self, StoreError};

#[derive(Deserialize)]
struct GatePart {
    gate: Option<Gate>,
}

/// Reads a gate's record from the contents of a file; `None` for the record of a run that was no gate.
///
/// # Errors
/// As [`store::parse`]; `path` is what they name.
pub fn read(bytes: &[u8], path: &Path) -> Result<Option<GateRecord>, StoreError> {
    let run: Record = store::parse(bytes, path)?;
    let part: GatePart = store::parse(bytes, path)?;
    Ok(part.gate.map(|gate| GateRecord { run, gate }))
}
