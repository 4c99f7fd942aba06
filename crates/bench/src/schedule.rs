//! Which servers of a load point are loaded when.

use std::time::Duration;

use engine::SliceEnd;

use crate::server_under_test::{ServerUnderTest, longest_silence, slowest_response};
use crate::slices::{self, Cut, ToCut, Turns};

/// The blocks of a load point.
pub struct Schedule {
    /// In the order in which they are measured.
    pub blocks: Vec<ScheduledBlock>,
    measured: Measured,
    seed: u64,
}

/// One block of a load point.
pub struct ScheduledBlock {
    /// Number of the block; the same number pairs the servers.
    pub index: u32,
    /// The servers that are loaded in it.
    suts: Vec<usize>,
}

enum Measured {
    /// So many requests of each server.
    Requests(u64),
    /// Each server for a time.
    Time(ToCut),
}

impl Schedule {
    /// One block in which every server gets so many requests.
    pub fn of_requests(requests: u64, suts: Vec<usize>) -> Self {
        Self {
            blocks: vec![ScheduledBlock { index: 0, suts }],
            measured: Measured::Requests(requests),
            seed: 0,
        }
    }

    /// Without turns, one server after the other; else all servers within each block.
    pub fn of_time(to_cut: ToCut, suts: &[usize], seed: u64) -> Self {
        let blocks = 0..slices::cut(to_cut).blocks;
        let block = |index, suts: &[usize]| ScheduledBlock {
            index,
            suts: suts.to_vec(),
        };
        let blocks = match to_cut.turns {
            Turns::None => suts
                .iter()
                .flat_map(|&sut| blocks.clone().map(move |index| block(index, &[sut])))
                .collect(),
            Turns::Short | Turns::Long | Turns::Once => {
                blocks.map(|index| block(index, suts)).collect()
            }
        };
        Self {
            blocks,
            measured: Measured::Time(to_cut),
            seed,
        }
    }

    /// The servers of a block in the order of its slices, and when a slice ends. Servers that became slow or silent
    /// meanwhile make slices longer than they were at first.
    pub fn turns_of(
        &self,
        block: &ScheduledBlock,
        suts: &[ServerUnderTest],
    ) -> (Vec<usize>, SliceEnd) {
        match &self.measured {
            Measured::Requests(requests) => (block.suts.clone(), SliceEnd::Requests(*requests)),
            Measured::Time(to_cut) => {
                let cut = slices::cut(recut(*to_cut, suts));
                let order = match to_cut.turns {
                    Turns::None => block.suts.clone(),
                    Turns::Short | Turns::Long | Turns::Once => {
                        order(&block.suts, cut.slices_per_block, self.seed_of(block))
                    }
                };
                (order, SliceEnd::After(cut.slice))
            }
        }
    }

    /// The same for the same block, whatever happened before.
    pub fn seed_of(&self, block: &ScheduledBlock) -> u64 {
        self.seed.wrapping_add(u64::from(block.index))
    }

    /// How long all of it takes about; none where a number of requests decides.
    pub fn whole_time(&self) -> Option<Duration> {
        match &self.measured {
            Measured::Requests(_) => None,
            Measured::Time(to_cut) => Some(slices::whole_time(*to_cut)),
        }
    }

    /// How the first block is cut, in words: slices, or requests.
    pub fn cut(&self) -> Result<Cut, u64> {
        match &self.measured {
            Measured::Requests(requests) => Err(*requests),
            Measured::Time(to_cut) => Ok(slices::cut(*to_cut)),
        }
    }
}

/// One block, of which more is known by now: how slow the servers are, and how silent.
fn recut(to_cut: ToCut, suts: &[ServerUnderTest]) -> ToCut {
    let planned = slices::cut(to_cut);
    ToCut {
        per_server: planned.slice * planned.slices_per_block,
        blocks: 1,
        mean_response: to_cut.mean_response.max(slowest_response(suts)),
        longest_silence: longest_silence(suts),
        ..to_cut
    }
}

/// Servers in mirrored order, so many slices of each; where each has one only, in an order drawn for the block.
pub fn order(suts: &[usize], slices_per_server: u32, seed: u64) -> Vec<usize> {
    let slices = slices_per_server as usize;
    let mut order = stats::schedule::mirrored_order(suts.len(), slices.div_ceil(2), seed);
    order.truncate(suts.len() * slices);
    order.into_iter().map(|place| suts[place]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn to_cut(turns: Turns, blocks: u32) -> ToCut {
        ToCut {
            per_server: ms(200) * blocks * 10,
            servers: 3,
            blocks,
            turns,
            mean_response: ms(2),
            longest_silence: Duration::ZERO,
        }
    }

    fn orders(schedule: &Schedule) -> Vec<Vec<usize>> {
        let turns = |block| schedule.turns_of(block, &[]).0;
        schedule.blocks.iter().map(turns).collect()
    }

    #[test]
    fn turns_are_mirrored_and_the_same_for_the_same_seed() {
        let schedule = |seed| Schedule::of_time(to_cut(Turns::Short, 2), &[0, 1, 2], seed);
        let one = orders(&schedule(7));
        assert_eq!(one, orders(&schedule(7)));
        for order in one {
            let (first, second) = order[..6].split_at(3);
            assert!(first.iter().eq(second.iter().rev()), "{order:?}");
        }
    }

    #[test]
    fn a_server_s_only_slice_has_a_place_drawn_for_each_block() {
        let schedule = Schedule::of_time(to_cut(Turns::Once, 16), &[0, 1, 2], 7);
        let orders = orders(&schedule);
        assert_eq!(orders.len(), 16);
        let mut first = Vec::new();
        for mut order in orders {
            first.push(order[0]);
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2]);
        }
        first.sort_unstable();
        first.dedup();
        assert_eq!(first, [0, 1, 2], "each server is first at times");
    }

    #[test]
    fn without_turns_each_server_has_its_blocks_in_a_row() {
        let schedule = Schedule::of_time(to_cut(Turns::None, 2), &[0, 1], 1);
        let indexes: Vec<_> = schedule.blocks.iter().map(|block| block.index).collect();
        assert_eq!(indexes, [0, 1, 0, 1]);
        assert_eq!(orders(&schedule), [[0], [0], [1], [1]]);
    }

    #[test]
    fn a_block_has_as_many_slices_of_each_server_that_works() {
        for (slices_per_server, wanted) in [(1, 2), (2, 4), (4, 8)] {
            let order = order(&[0, 3], slices_per_server, 7);
            assert_eq!(order.len(), wanted);
            for server in [0, 3] {
                assert_eq!(order.iter().filter(|it| **it == server).count(), wanted / 2);
            }
        }
    }
}
