//! Which cell is visited next: few blocks everywhere, more where the answer is close to flipping.

use std::time::Duration;

use analysis::sweep::interim_looks::{FIRST_LOOK_VISITS, SECOND_LOOK_VISITS};

/// What is known of a cell when the next one to visit is chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct CellState {
    /// Visits so far.
    pub visits: usize,
    /// What one more visit takes, by the last one or by an estimate.
    pub cost: Duration,
    /// Whether any server works there.
    pub works: bool,
    /// How far it is from flipping; `None` when more blocks cannot decide anything.
    pub distance: Option<f64>,
}

/// The next cell to visit; `None` when the sweep is done or the time that is left is too short.
///
/// 1. Every cell once, in the order asked for, whatever the time.
/// 2. Every cell until its first look, all equally often; the closest to flipping first.
/// 3. Undecided cells until their second look; the closest to flipping first, and only if there is
///    time for all its visits: half of them decide nothing.
///
/// It stops before a step that would visit a cell more than `most_visits` times.
pub(super) fn next(cells: &[CellState], most_visits: usize, left: Duration) -> Option<usize> {
    let of = |index: usize| cells[index];
    let unvisited = (0..cells.len()).find(|&index| of(index).visits == 0);
    if unvisited.is_some() {
        return unvisited;
    }
    let first_visits = FIRST_LOOK_VISITS.min(most_visits);
    let distance = |index: usize| of(index).distance.unwrap_or(f64::INFINITY);
    let first_look = (0..cells.len())
        .filter(|&index| of(index).works && of(index).visits < first_visits)
        .filter(|&index| of(index).cost <= left)
        .min_by(|&a, &b| {
            of(a)
                .visits
                .cmp(&of(b).visits)
                .then(distance(a).total_cmp(&distance(b)))
        });
    if first_look.is_some() {
        return first_look;
    }
    if most_visits < SECOND_LOOK_VISITS {
        return None;
    }
    let to_second = |index: usize| SECOND_LOOK_VISITS.saturating_sub(of(index).visits);
    (0..cells.len())
        .filter(|&index| of(index).distance.is_some() && of(index).visits >= FIRST_LOOK_VISITS)
        .filter(|&index| to_second(index) > 0 && of(index).cost * to_second(index) as u32 <= left)
        .min_by(|&a, &b| {
            to_second(a)
                .cmp(&to_second(b))
                .then(distance(a).total_cmp(&distance(b)))
        })
}

/// What the rest of a sweep will take: every cell is visited until its first look, and those that were
/// undecided there until their second, at most `limit` unless a first visit to all others takes longer.
pub(super) fn rest(cells: &[CellState], most_visits: usize, limit: Duration) -> Duration {
    let unvisited = cells.iter().filter(|cell| cell.visits == 0);
    let once: Duration = unvisited.map(|cell| cell.cost).sum();
    let wanted = cells.iter().map(|cell| {
        let visits = visits_wanted(cell, most_visits).saturating_sub(cell.visits);
        cell.cost * visits as u32
    });
    wanted.sum::<Duration>().min(limit).max(once)
}

/// Visits that a cell will have had at the end, as far as is known now.
fn visits_wanted(cell: &CellState, most_visits: usize) -> usize {
    let wanted = match (cell.works, cell.visits) {
        (false, 1..) => 0,
        (_, FIRST_LOOK_VISITS..) if cell.distance.is_some() => SECOND_LOOK_VISITS,
        _ => FIRST_LOOK_VISITS,
    };
    wanted.min(most_visits)
}

/// What a visit is expected to take before anything is known of its cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimate {
    /// Servers.
    pub servers: u32,
    /// Connections.
    pub concurrency: u32,
    /// Wait in the handler.
    pub wait: Duration,
    /// Computing in the handler.
    pub compute: Duration,
    /// Cores.
    pub cores: u32,
    /// Blocks.
    pub blocks: u32,
    /// Load time before measuring.
    pub warmup: Duration,
    /// Whether the servers are connected one at a time.
    pub in_turns: bool,
}

impl Estimate {
    /// The time.
    pub(super) fn visit(self) -> Duration {
        /// Requests of every kind take about this much CPU on both sides together.
        const CPU_PER_REQUEST: Duration = Duration::from_micros(25);
        /// Connecting, accepting and closing, all in all.
        const PER_CONNECTION: Duration = Duration::from_micros(120);
        const START_AND_STOP: Duration = Duration::from_millis(80);
        let busy = (CPU_PER_REQUEST + self.compute) * self.concurrency / self.cores.max(1);
        let response = busy.max(self.wait);
        let shape = shape(
            response,
            Duration::ZERO,
            self.servers as usize,
            self.in_turns,
        );
        let connecting = PER_CONNECTION * self.concurrency;
        let per_slice = shape.slice
            + response * 3
            + if self.in_turns {
                connecting + Duration::from_millis(200)
            } else {
                Duration::ZERO
            };
        let slices = self.blocks * shape.slices_per_server;
        (START_AND_STOP + connecting + response * 2 + self.warmup + per_slice * slices)
            * self.servers
    }
}

/// How a block is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockShape {
    /// Length of a slice.
    pub slice: Duration,
    /// Slices of each server within a block: an even number is mirrored, one is in random order.
    pub slices_per_server: u32,
}

/// A slice lasts its share of a second, five mean response times or five of the longest silences of any server; the
/// latter as far as a block in mirrored order is not too long for it. Where all stay connected and slices are short, every
/// server has two in mirrored order; else one, in an order drawn for each block.
pub(super) fn shape(
    mean_response: Duration,
    longest_silence: Duration,
    servers: usize,
    in_turns: bool,
) -> BlockShape {
    /// A cell with a response time beyond a second is measured with fewer than five of them.
    const LONGEST: Duration = Duration::from_secs(5);
    /// Blocks of short answers last so long over all servers: a compromise between time and long slices.
    const SHORT_BLOCK: Duration = Duration::from_secs(1);
    /// A block in mirrored order may take this long; a longer one is halved by not mirroring.
    const MIRRORED: Duration = Duration::from_secs(3);
    let slices_per_round = 2 * u32::try_from(servers.max(1)).unwrap_or(u32::MAX);
    let lengthened = (longest_silence * 5).min(MIRRORED / slices_per_round);
    let slice = (mean_response * 5)
        .min(LONGEST)
        .max(SHORT_BLOCK / slices_per_round)
        .max(lengthened);
    let is_mirrored = !in_turns && slice * slices_per_round <= MIRRORED;
    BlockShape {
        slice,
        slices_per_server: if is_mirrored { 2 } else { 1 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn cell(visits: usize, distance: Option<f64>) -> CellState {
        CellState {
            visits,
            cost: SECOND,
            works: true,
            distance,
        }
    }

    #[test]
    fn every_cell_is_visited_once_first_whatever_the_time() {
        let cells = [cell(1, Some(0.0)), cell(0, None), cell(0, None)];
        assert_eq!(next(&cells, SECOND_LOOK_VISITS, Duration::ZERO), Some(1));
        assert_eq!(next(&cells, 1, Duration::ZERO), Some(1));
    }

    #[test]
    fn a_quick_sweep_ends_there() {
        assert_eq!(next(&[cell(1, Some(0.0))], 1, SECOND * 100), None);
    }

    #[test]
    fn then_the_closest_of_the_least_visited_until_all_had_their_first_look() {
        let cells = [
            cell(2, Some(0.0)),
            cell(1, Some(0.5)),
            cell(1, Some(0.1)),
            cell(1, None),
        ];
        assert_eq!(next(&cells, SECOND_LOOK_VISITS, SECOND), Some(2));
        let cells = [cell(4, None), cell(3, None), cell(4, Some(0.0))];
        assert_eq!(
            next(&cells, SECOND_LOOK_VISITS, SECOND),
            Some(1),
            "a scalability law needs all of them"
        );
    }

    #[test]
    fn then_undecided_cells_that_can_be_finished_one_after_the_other() {
        let cells = [
            cell(4, Some(0.2)),
            cell(4, Some(0.1)),
            cell(4, None),
            cell(8, Some(0.0)),
        ];
        assert_eq!(next(&cells, SECOND_LOOK_VISITS, SECOND * 4), Some(1));
        assert_eq!(
            next(&cells, SECOND_LOOK_VISITS, SECOND * 3),
            None,
            "four visits do not fit"
        );
        let begun = [cell(4, Some(0.1)), cell(5, Some(0.2))];
        assert_eq!(next(&begun, SECOND_LOOK_VISITS, SECOND * 3), Some(1));
    }

    #[test]
    fn a_sweep_for_the_scalability_law_ends_after_its_passes() {
        let most = FIRST_LOOK_VISITS - 1;
        let cells = [cell(most, Some(0.0)), cell(most, Some(0.0))];
        assert_eq!(next(&cells, most, SECOND * 100), None);
        assert_eq!(next(&[cell(most - 1, None)], most, SECOND), Some(0));
    }

    #[test]
    fn nobody_goes_back_where_nothing_works() {
        let dead = CellState {
            works: false,
            ..cell(1, None)
        };
        assert_eq!(next(&[dead], SECOND_LOOK_VISITS, SECOND * 100), None);
    }

    #[test]
    fn what_is_left_is_told_of_a_sweep_that_goes_on() {
        let left = |cells: &[CellState]| rest(cells, SECOND_LOOK_VISITS, SECOND * 100);
        assert_eq!(left(&[cell(0, None), cell(0, None)]), SECOND * 8);
        assert_eq!(left(&[cell(3, None), cell(4, None)]), SECOND);
        assert_eq!(left(&[cell(6, Some(0.1)), cell(4, None)]), SECOND * 2);
        let dead = CellState {
            works: false,
            ..cell(1, None)
        };
        assert_eq!(left(&[dead, cell(8, Some(0.1))]), Duration::ZERO);
        assert_eq!(rest(&[cell(0, None)], 1, SECOND * 100), SECOND);
        assert_eq!(rest(&[cell(1, None)], 8, SECOND), SECOND, "no more time");
    }

    #[test]
    fn short_slices_are_mirrored_and_long_ones_are_not() {
        let ms = Duration::from_millis;
        assert_eq!(
            shape(ms(1), Duration::ZERO, 4, false),
            BlockShape {
                slice: ms(125),
                slices_per_server: 2
            }
        );
        assert_eq!(
            shape(ms(1), Duration::ZERO, 2, false),
            BlockShape {
                slice: ms(250),
                slices_per_server: 2
            }
        );
        assert_eq!(
            shape(ms(100), Duration::ZERO, 4, false),
            BlockShape {
                slice: ms(500),
                slices_per_server: 1
            }
        );
        assert_eq!(
            shape(ms(1), Duration::ZERO, 2, true),
            BlockShape {
                slice: ms(250),
                slices_per_server: 1
            }
        );
        assert_eq!(shape(ms(9_000), Duration::ZERO, 2, false).slice, ms(5_000));
    }

    proptest::proptest! {
        #[test]
        fn the_schedule_ends_within_its_time(costs in proptest::collection::vec(1_u64..20, 1..40), limit in 0_u64..2_000) {
            let mut cells: Vec<CellState> = costs
                .iter()
                .map(|&cost| CellState { cost: Duration::from_secs(cost), ..cell(0, Some(0.1)) })
                .collect();
            let once: u64 = costs.iter().sum();
            let estimate = rest(&cells, SECOND_LOOK_VISITS, Duration::from_secs(limit));
            proptest::prop_assert!(estimate >= Duration::from_secs(once));
            proptest::prop_assert!(estimate <= Duration::from_secs(once.max(limit)));
            let (mut spent, mut visits) = (0, 0);
            while let Some(index) = next(&cells, SECOND_LOOK_VISITS, Duration::from_secs(limit.saturating_sub(spent))) {
                cells[index].visits += 1;
                spent += costs[index];
                visits += 1;
                proptest::prop_assert!(visits <= SECOND_LOOK_VISITS * costs.len());
            }
            proptest::prop_assert!(spent <= once.max(limit));
            proptest::prop_assert!(cells.iter().all(|cell| cell.visits >= 1));
        }
    }
}
