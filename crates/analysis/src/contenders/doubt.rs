//! Figures that are shown and not judged: those that are not what they seem.

use record::CellResult;
use record::contenders::{Contender, Doubt, Stage};
use stats::thresholds::MOST_ERRORS;

use crate::comparisons::is_contended;
use crate::{failures, little, usage};

/// Why a cell is not judged; `None` when it is. `blocks` is how many there are of the servers beside it.
pub(super) fn doubt(
    cell: &CellResult,
    contender: Option<&Contender>,
    (blocks, timeout_s): (usize, f64),
) -> Option<Doubt> {
    let left_out = contender.and_then(|contender| contender.left_out.as_ref());
    let has_failed = left_out.is_some_and(|why| why.stage == Stage::Load);
    if cell.requests == 0 || has_failed && cell.blocks.len() < blocks {
        Some(Doubt::Failed)
    } else if cell.errors.answered_wrongly() > 0 {
        Some(Doubt::WrongAnswers)
    } else if failures::exceed(MOST_ERRORS, cell.requests, cell.errors.total) {
        Some(Doubt::Errors)
    } else if little::unexplained(cell, timeout_s).is_some() {
        Some(Doubt::NotAccountedFor)
    } else if is_contended(usage::others_percent(&cell.blocks)) {
        Some(Doubt::OtherPrograms)
    } else {
        None
    }
}
