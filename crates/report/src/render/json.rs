//! The record itself: exactly one JSON document.

use crate::record::Record;

/// Writes a record as JSON with a line break at its end.
///
/// # Panics
/// Never: every map in a record has keys that JSON can write.
pub fn render(record: &Record) -> String {
    let mut text = serde_json::to_string_pretty(record).expect("a record has only JSON keys");
    text.push('\n');
    text
}
