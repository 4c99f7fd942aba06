//! A gate's file: a run's record with one more field.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Gate, GateRecord};
use crate::record::Record;
use crate::store::{self, StoreError};

#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    run: &'a Record,
    gate: &'a Gate,
}

/// Reading takes the two parts one after the other: a flattened map loses its numeric keys.
#[derive(Deserialize)]
struct GatePart {
    gate: Option<Gate>,
}

/// The record as JSON with a line break at its end.
///
/// # Panics
/// Never: every map in a record has keys that JSON can write.
pub fn json(record: &GateRecord) -> String {
    let written = Written {
        run: &record.run,
        gate: &record.gate,
    };
    let mut text = serde_json::to_string_pretty(&written).expect("a record has only JSON keys");
    text.push('\n');
    text
}

/// Reads a gate's record from the contents of a file; `None` for the record of a run that was no gate.
///
/// # Errors
/// As [`store::parse`]; `path` is what they name.
pub fn read(bytes: &[u8], path: &Path) -> Result<Option<GateRecord>, StoreError> {
    let run = store::parse(bytes, path)?;
    let part: GatePart = store::parse_part(bytes, path, u64::from(run.schema_version))?;
    Ok(part.gate.map(|gate| GateRecord { run, gate }))
}
