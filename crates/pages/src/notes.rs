//! Warnings of a record as a document shows them.

use record::Warning;
use render::document::Note;

/// All of them, in order.
pub(crate) fn of(warnings: &[Warning]) -> Vec<Note> {
    let note = |warning: &Warning| Note {
        code: warning.code.clone(),
        message: warning.message.clone(),
    };
    warnings.iter().map(note).collect()
}
