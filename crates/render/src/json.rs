//! The record itself: exactly one JSON document.

use serde::Serialize;

use crate::escape;

/// Writes a record, of whatever kind, as JSON with a line break at its end.
///
/// # Panics
/// Never: every map in a record has keys that JSON can write.
pub fn render(record: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(record).expect("a record has only JSON keys");
    escape::json(text) + "\n"
}

/// Writes a record of a command that goes on for long: its thousands of blocks would be a hundred thousand
/// lines.
///
/// # Panics
/// Never, as [`render`].
pub fn on_one_line(record: &impl Serialize) -> String {
    let text = serde_json::to_string(record).expect("a record has only JSON keys");
    escape::json(text) + "\n"
}

/// Writes one record as [`render`] does, and any other number of them as one JSON array.
///
/// # Panics
/// Never, as [`render`].
pub fn render_all<R: Serialize>(records: &[R]) -> String {
    if let [record] = records {
        return render(record);
    }
    let text = serde_json::to_string_pretty(records).expect("a record has only JSON keys");
    escape::json(text) + "\n"
}
