//! Figures that are shown and not judged: those that are not what they seem.

use serde::{Deserialize, Serialize};

use super::{Contender, Stage};
use crate::analysis::comparisons::is_contended;
use crate::analysis::{little, usage};
use crate::record::CellResult;

/// Why a server's figures take part in no rank and in no claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// It did not last, or answered nothing.
    Failed,
    /// Some of its answers were not what the contract says.
    WrongAnswers,
    /// More than one request in a hundred failed.
    Errors,
    /// Throughput × latency does not give the connections (Little's law), and nothing that was counted explains it.
    NotAccountedFor,
    /// Other programs used much of the machine.
    OtherPrograms,
}

impl Doubt {
    /// In words, as the end of a sentence that opens with servers.
    pub fn words(self) -> &'static str {
        match self {
            Doubt::Failed => "failed under load",
            Doubt::WrongAnswers => "not all answers were right",
            Doubt::Errors => "more than one request in a hundred failed",
            Doubt::OtherPrograms => "other programs used more than a twentieth of the machine",
            Doubt::NotAccountedFor => {
                "throughput × latency does not give the connections (Little's law), and nothing that was counted explains it"
            }
        }
    }
}

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
    } else if cell.errors.total * 100 > cell.requests + cell.errors.total {
        Some(Doubt::Errors)
    } else if little::unexplained(cell, timeout_s).is_some() {
        Some(Doubt::NotAccountedFor)
    } else if is_contended(usage::others_percent(&cell.blocks)) {
        Some(Doubt::OtherPrograms)
    } else {
        None
    }
}
