//! When intervals may be looked at, and with which confidence, so that a whole map is right with 95 %.
//!
//! The unit is the visit: its blocks share their processes, and processes differ. Looking at every visit and stopping
//! when somebody wins would find a winner between equals. So there are two looks, fixed in advance: after 4 visits to
//! a cell and, where nothing was decided, after 8. Each spends half of the error that is allowed to one cell, its
//! share of the map's. Which cells are visited more often may depend on what was seen: skipping a look can only make
//! errors rarer.

use stats::interval::family_confidence;

/// Visits after which a cell is looked at first.
pub const FIRST_LOOK_VISITS: usize = 4;
/// Visits after which an undecided cell is looked at again, for the last time.
pub const SECOND_LOOK_VISITS: usize = 8;
/// Visits that a scalability law is found from: an interval over passes needs no more.
pub const SCALE_VISITS: usize = 3;
/// Blocks in each visit: enough to average out what happens within a second or two.
pub const BLOCKS_PER_VISIT: u32 = 3;

/// A look at the visits of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// It sees so many visits, the first ones.
    pub visits: usize,
    /// Confidence of the interval.
    pub confidence: f64,
}

/// The last look that so many visits allow; `None` before the first.
///
/// `family` is the confidence of a whole map of `cells` cells.
pub fn look(visits: usize, family: f64, cells: usize) -> Option<Look> {
    let error = 1.0 - family_confidence(family, cells);
    let visits = match visits {
        SECOND_LOOK_VISITS.. => SECOND_LOOK_VISITS,
        FIRST_LOOK_VISITS.. => FIRST_LOOK_VISITS,
        _ => return None,
    };
    Some(Look {
        visits,
        confidence: 1.0 - error / 2.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_looks_of_all_cells_spend_the_error_of_the_map_and_no_more() {
        let spent = |visits| 36.0 * (1.0 - look(visits, 0.95, 36).unwrap().confidence);
        assert!((spent(4) + spent(8) - 0.05).abs() < 1e-9);
        assert_eq!(look(3, 0.95, 36), None);
        assert_eq!(look(7, 0.95, 36), look(4, 0.95, 36));
    }
}
