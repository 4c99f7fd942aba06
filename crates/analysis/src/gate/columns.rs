//! The blocks of a bank as gates see them.

use record::gate::bank::BankedBlock;
use record::{Block, ErrorCounts, LoadKind};

use crate::gate::point::{ArmBlocks, GatePoint};

/// A scenario's usable blocks, column by column.
#[derive(Debug, Default)]
pub(super) struct Columns {
    closed: [Vec<Block>; 2],
    open: [Vec<Block>; 2],
    pub(super) dropped: usize,
}

impl Columns {
    pub(super) fn of(blocks: &[BankedBlock], scenario: &str) -> Columns {
        let mut columns = Columns::default();
        for block in blocks.iter().filter(|block| block.scenario == scenario) {
            let pairs = [
                (&mut columns.closed, &block.closed),
                (&mut columns.open, &block.open),
            ];
            if pairs.iter().any(|(_, pair)| pair.is_dropped()) {
                columns.dropped += 1;
                continue;
            }
            for (column, pair) in pairs {
                column[0].push(pair.baseline.clone());
                column[1].push(pair.candidate.clone());
            }
        }
        columns
    }

    pub(super) fn len(&self) -> usize {
        self.closed[0].len()
    }

    /// A stretch of blocks as a gate sees them; `None` where there are not so many.
    pub(super) fn points<'a>(
        &'a self,
        from: usize,
        count: usize,
        rate: f64,
    ) -> Option<[GatePoint<'a>; 2]> {
        if from + count > self.len() {
            return None;
        }
        let arm = |blocks| ArmBlocks {
            blocks,
            errors: ErrorCounts::default(),
            connections: 0, // nobody counted them, and none was left unserved
        };
        let point = |columns: &'a [Vec<Block>; 2], load, rate| GatePoint {
            workload: "",
            load,
            rate,
            baseline: arm(&columns[0][from..from + count]),
            candidate: arm(&columns[1][from..from + count]),
        };
        Some([
            point(&self.open, LoadKind::Open, Some(rate)),
            point(&self.closed, LoadKind::Closed, None),
        ])
    }
}
