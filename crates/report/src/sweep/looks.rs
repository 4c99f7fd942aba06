//! When intervals may be looked at, and with which confidence, so that a whole map is right with 95 %.
//!
//! Looking at every block and stopping when somebody wins would find a winner between equals. So there
//! are two looks, fixed in advance: after 3 visits to a cell and, where nothing was decided, after 6. The
//! error allowed to one cell, its share of the map's, is spent unevenly: four fifths on the first look,
//! so that few blocks suffice for most cells. Which cells are visited more often may depend on what was
//! seen: skipping a look can only make errors rarer.

use stats::interval::family_confidence;
use stats::paired::blocks_needed;

/// Visits after which a cell is looked at first.
pub const FIRST_LOOK_VISITS: usize = 3;
/// Visits after which an undecided cell is looked at again, for the last time.
pub const SECOND_LOOK_VISITS: usize = 6;
/// Share of a cell's error that the first look may spend.
const FIRST_LOOK_SHARE: f64 = 0.8;

/// A look at the blocks of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// It sees the blocks of so many visits, the first ones.
    pub visits: usize,
    /// Confidence of the interval.
    pub confidence: f64,
}

/// The last look that so many visits allow; `None` before the first.
///
/// `family` is the confidence of a whole map of `cells` cells.
pub fn look(visits: usize, family: f64, cells: usize) -> Option<Look> {
    let error = 1.0 - family_confidence(family, cells);
    let (visits, share) = match visits {
        SECOND_LOOK_VISITS.. => (SECOND_LOOK_VISITS, 1.0 - FIRST_LOOK_SHARE),
        FIRST_LOOK_VISITS.. => (FIRST_LOOK_VISITS, FIRST_LOOK_SHARE),
        _ => return None,
    };
    Some(Look {
        visits,
        confidence: 1.0 - error * share,
    })
}

/// Blocks in each visit, so that the first look has an interval with one block to spare: at the very
/// minimum one odd block decides everything.
pub fn blocks_per_visit(family: f64, cells: usize) -> u32 {
    let needed = look(FIRST_LOOK_VISITS, family, cells)
        .and_then(|look| blocks_needed(look.confidence))
        .unwrap_or(1);
    let blocks = (needed + 1).div_ceil(FIRST_LOOK_VISITS);
    u32::try_from(blocks).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_map_needs_four_blocks_a_visit() {
        assert_eq!(blocks_per_visit(0.95, 36), 4);
        assert_eq!(blocks_per_visit(0.95, 1), 3);
    }

    #[test]
    fn both_looks_of_all_cells_spend_the_error_of_the_map_and_no_more() {
        let spent = |visits| 36.0 * (1.0 - look(visits, 0.95, 36).unwrap().confidence);
        assert!((spent(3) + spent(6) - 0.05).abs() < 1e-9);
        assert_eq!(look(2, 0.95, 36), None);
        assert_eq!(look(5, 0.95, 36), look(3, 0.95, 36));
    }

    #[test]
    fn every_look_has_enough_blocks_for_its_interval() {
        for cells in [1, 2, 6, 36, 100, 1_000] {
            for visits in [FIRST_LOOK_VISITS, SECOND_LOOK_VISITS] {
                let look = look(visits, 0.95, cells).unwrap();
                let blocks = visits * blocks_per_visit(0.95, cells) as usize;
                assert!(
                    blocks > blocks_needed(look.confidence).unwrap(),
                    "{cells} {visits}"
                );
            }
        }
    }
}
