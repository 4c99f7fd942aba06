//! Blocks that wait for the last answers to their requests before they become figures.

use engine::{ConnectionCounts, Measurement, TargetId};

use crate::block::{self, BlockOutcome, Surroundings, SutBlock};
use crate::loader::Loader;
use crate::server_under_test::ServerUnderTest;

/// A server's part of a block with all answers that it will get.
pub struct Whole {
    /// Which block it was; none for what warming up left behind.
    pub block: Option<(u32, Surroundings)>,
    /// The part.
    pub sut: SutBlock,
}

/// What a warm-up made and measured time goes on with: its connections, with those that the server closed.
pub fn made_in(warm: &Measurement) -> Measurement {
    Measurement {
        connections: ConnectionCounts {
            established: warm.connections.established,
            closed: warm.connections.closed.clone(),
            ..ConnectionCounts::default()
        },
        ..Measurement::default()
    }
}

/// Parts of blocks that are not whole yet.
#[derive(Default)]
pub struct Stragglers {
    waiting: Vec<Whole>,
}

impl Stragglers {
    /// Takes note of requests that were under way when warming a server up was over, and of the connections it made. Their
    /// answers count nowhere, but that they fail is seen in the time that is measured.
    pub fn warmed_up(&mut self, sut: usize, target: TargetId, warm: &Measurement) {
        let measurement = Measurement {
            book: warm.book,
            under_way: warm.under_way,
            ..made_in(warm)
        };
        let sut = SutBlock {
            sut,
            target: Some(target),
            measurement,
            ..SutBlock::default()
        };
        self.waiting.push(Whole { block: None, sut });
    }

    /// What the warm-ups left behind, for a block that is whole at once.
    pub fn take_warm_ups(&mut self) -> Vec<SutBlock> {
        let all = std::mem::take(&mut self.waiting).into_iter();
        all.map(|whole| whole.sut).collect()
    }

    /// Takes a block that has ended; all parts that are whole by now.
    ///
    /// # Errors
    /// When the load generator fails.
    pub fn add(
        &mut self,
        loader: &mut dyn Loader,
        suts: &[ServerUnderTest],
        index: u32,
        outcome: &mut BlockOutcome,
    ) -> anyhow::Result<Vec<Whole>> {
        let block = Some((index, outcome.around));
        let parts = outcome.suts.drain(..);
        self.waiting.extend(parts.map(|sut| Whole { block, sut }));
        self.whole(loader, suts, false)
    }

    /// Waits for all that is under way, one timeout at most for each server; the last parts.
    ///
    /// # Errors
    /// When the load generator fails.
    pub fn settle(
        &mut self,
        loader: &mut dyn Loader,
        suts: &[ServerUnderTest],
    ) -> anyhow::Result<Vec<Whole>> {
        self.whole(loader, suts, true)
    }

    fn whole(
        &mut self,
        loader: &mut dyn Loader,
        suts: &[ServerUnderTest],
        settle: bool,
    ) -> anyhow::Result<Vec<Whole>> {
        // Of a server that was taken out of the run nothing comes any more.
        let is_connected = |part: &Whole| {
            let target = part.sut.target;
            target.is_some() && suts.iter().any(|sut| sut.connections == target)
        };
        let connected = self.waiting.iter_mut().filter(|part| is_connected(part));
        block::add_late(loader, connected.map(|part| &mut part.sut), settle)?;
        let waits =
            |part: &Whole| !settle && part.sut.measurement.under_way > 0 && is_connected(part);
        let all = std::mem::take(&mut self.waiting).into_iter();
        let (waiting, whole) = all.partition(waits);
        self.waiting = waiting;
        Ok(whole)
    }
}
