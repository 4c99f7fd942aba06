//! From which concurrency on the candidate wins.

use crate::claim::{ClaimVerdict, judge_claim};
use crate::interval::ConfidenceInterval;

/// What is known of one concurrency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Number of connections.
    pub concurrency: u64,
    /// Interval of candidate ÷ baseline, of a metric where more is better; `None` if there are too
    /// few blocks or the cell must not be used for a verdict.
    pub ratio: Option<ConfidenceInterval>,
}

/// Who wins one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Winner {
    /// The whole interval lies above 1.
    Candidate,
    /// The whole interval lies below 1.
    Baseline,
    /// The interval touches 1, or there is none.
    CannotTell,
}

/// Where the answer flips along the concurrencies measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossover {
    /// The candidate wins at every concurrency.
    Always,
    /// The baseline wins at every concurrency.
    Never,
    /// The candidate wins at `concurrency` and at all above it.
    From {
        /// The smallest such concurrency.
        concurrency: u64,
        /// The largest concurrency below at which the baseline wins; the flip lies between the
        /// two. `None` if the baseline wins nowhere below: then nothing is known to flip.
        baseline_until: Option<u64>,
    },
    /// The candidate wins at `concurrency` and at all below it, and not at the largest one.
    UpTo {
        /// The largest such concurrency.
        concurrency: u64,
        /// The smallest concurrency above at which the baseline wins; `None` if it wins nowhere.
        baseline_from: Option<u64>,
    },
    /// The candidate wins somewhere, but neither from a concurrency on nor up to one.
    Scattered,
    /// The candidate wins nowhere, and the baseline not everywhere.
    CannotTell,
}

/// Who wins a cell.
pub fn winner(cell: &Cell) -> Winner {
    match judge_claim(cell.ratio, 1.0) {
        ClaimVerdict::Holds => Winner::Candidate,
        ClaimVerdict::DoesNotHold => Winner::Baseline,
        ClaimVerdict::CannotTell => Winner::CannotTell,
    }
}

/// Finds the crossover along the cells, whose order does not matter.
///
/// Intervals at 95 % each let equals "cross over" in one sweep out of a few: give them the
/// confidence of [`family_confidence`](crate::interval::family_confidence) over all cells.
pub fn locate(cells: &[Cell]) -> Crossover {
    let mut ascending: Vec<_> = cells
        .iter()
        .map(|cell| (cell.concurrency, winner(cell)))
        .collect();
    ascending.sort_by_key(|(concurrency, _)| *concurrency);

    let won_by = |who| move |cell: &&(u64, Winner)| cell.1 == who;
    let won = won_by(Winner::Candidate);
    let lost = won_by(Winner::Baseline);
    let all = ascending.len();
    let wins = ascending.iter().filter(won).count();
    let won_at_top = ascending.iter().rev().take_while(won).count();
    let won_at_bottom = ascending.iter().take_while(won).count();

    if wins == 0 {
        let losses = ascending.iter().filter(lost).count();
        return if losses == all && all > 0 {
            Crossover::Never
        } else {
            Crossover::CannotTell
        };
    }
    if wins == all {
        return Crossover::Always;
    }
    if won_at_top > 0 {
        let (below, winning) = ascending.split_at(all - won_at_top);
        return Crossover::From {
            concurrency: winning[0].0,
            baseline_until: below.iter().rev().find(lost).map(|cell| cell.0),
        };
    }
    if won_at_bottom == wins {
        let (winning, above) = ascending.split_at(won_at_bottom);
        return Crossover::UpTo {
            concurrency: winning[won_at_bottom - 1].0,
            baseline_from: above.iter().find(lost).map(|cell| cell.0),
        };
    }
    Crossover::Scattered
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Cells at 1, 10, 100, … : `+` the candidate wins, `-` the baseline does, `=` cannot tell.
    fn cells(outcomes: &str) -> Vec<Cell> {
        let ratio = |outcome| match outcome {
            '+' => Some(ConfidenceInterval {
                low: 1.1,
                high: 1.3,
            }),
            '-' => Some(ConfidenceInterval {
                low: 0.7,
                high: 0.9,
            }),
            '=' => Some(ConfidenceInterval {
                low: 0.9,
                high: 1.1,
            }),
            _ => None,
        };
        outcomes
            .chars()
            .enumerate()
            .map(|(power, outcome)| Cell {
                concurrency: 10_u64.pow(power as u32),
                ratio: ratio(outcome),
            })
            .collect()
    }

    #[test]
    fn the_same_winner_everywhere_is_no_crossover() {
        assert_eq!(locate(&cells("+++")), Crossover::Always);
        assert_eq!(locate(&cells("---")), Crossover::Never);
        assert_eq!(locate(&cells("===")), Crossover::CannotTell);
        assert_eq!(locate(&cells("-=-")), Crossover::CannotTell);
        assert_eq!(locate(&cells("-?-")), Crossover::CannotTell);
        assert_eq!(locate(&[]), Crossover::CannotTell);
    }

    #[test]
    fn the_flip_lies_between_the_last_loss_and_the_wins() {
        assert_eq!(
            locate(&cells("--=++")),
            Crossover::From {
                concurrency: 1_000,
                baseline_until: Some(10)
            }
        );
        assert_eq!(
            locate(&cells("==+")),
            Crossover::From {
                concurrency: 100,
                baseline_until: None
            }
        );
        // A single win among losses does not make it win "from there on".
        assert_eq!(
            locate(&cells("+--+")),
            Crossover::From {
                concurrency: 1_000,
                baseline_until: Some(100)
            }
        );
    }

    #[test]
    fn wins_may_end_or_be_scattered() {
        assert_eq!(
            locate(&cells("++=-")),
            Crossover::UpTo {
                concurrency: 10,
                baseline_from: Some(1_000)
            }
        );
        assert_eq!(
            locate(&cells("+==")),
            Crossover::UpTo {
                concurrency: 1,
                baseline_from: None
            }
        );
        assert_eq!(locate(&cells("-+-")), Crossover::Scattered);
        assert_eq!(locate(&cells("+-+-")), Crossover::Scattered);
    }

    proptest! {
        #[test]
        fn swapping_the_arms_mirrors_a_flip(losses in 1..5_usize, ties in 0..3_usize, wins in 1..5_usize) {
            let outcomes = "-".repeat(losses) + &"=".repeat(ties) + &"+".repeat(wins);
            let there = cells(&outcomes);
            let swapped: Vec<_> = there
                .iter()
                .map(|cell| Cell { ratio: cell.ratio.map(|ratio| ratio.recip()), ..*cell })
                .collect();
            let until = 10_u64.pow(losses as u32 - 1);
            let from = 10_u64.pow((losses + ties) as u32);
            prop_assert_eq!(
                locate(&there),
                Crossover::From { concurrency: from, baseline_until: Some(until) }
            );
            prop_assert_eq!(
                locate(&swapped),
                Crossover::UpTo { concurrency: until, baseline_from: Some(from) }
            );
        }

        #[test]
        fn the_order_of_the_cells_does_not_matter(
            (there, shuffled) in "[-=+?]{0,7}".prop_flat_map(|outcomes| {
                let cells = cells(&outcomes);
                (Just(cells.clone()), Just(cells).prop_shuffle())
            })
        ) {
            prop_assert_eq!(locate(&there), locate(&shuffled));
        }
    }
}
