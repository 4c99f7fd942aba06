//! The rows of the suite, as data: every kind of work, under the load that shows what it is for.

use std::time::Duration;

/// One kind of work and how it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// `NAME[:MODE][?PARAMETERS]`.
    pub workload: &'static str,
    /// Connections per server.
    pub connections: u32,
    /// How long an answer takes by the contract however fast the server is; of an open loop, what its
    /// slices have to reckon with. In milliseconds.
    pub answer_ms: u64,
    /// Whether what the workload is held against (the same without failures, without idle connections, with
    /// more blocking ones) is measured besides. Other modes are rows of their own.
    pub contrast: bool,
    /// Time after which an unanswered request is given up, in milliseconds.
    pub timeout_ms: u64,
}

/// All rows, the plain ones first.
pub const ROWS: [Row; 36] = [
    row("hello", 100, 0),
    row("health", 100, 0),
    row("json", 100, 0),
    row("scenarios", 100, 0),
    row("work?wait_ms=10", 100, 10),
    row("cpu:inline", 16, 0),
    row("cpu:offload", 16, 0),
    row("cpu:yield", 16, 0),
    row("mixed:inline", 32, 0),
    row("mixed:offload", 32, 0),
    row("concurrent-ops:spawn", 8, 0),
    row("concurrent-ops:pool", 8, 0),
    row("file:idiomatic?kib=4", 50, 0),
    row("file:blocking?kib=4", 50, 0),
    row("file:idiomatic?kib=1024", 16, 0),
    row("file:blocking?kib=1024", 16, 0),
    row("upload:stream", 4, 0),
    row("upload:whole", 4, 0),
    row("batch:sequential", 16, 0),
    row("batch:concurrent?lookup_ms=1", 16, 40),
    with_contrast(IDLE, 50, 0),
    // Echo and room are different things: other connections keep them from being held against each other.
    row("websocket:echo", 64, 0),
    row("websocket:room", 50, 0),
    // A hundred lines take a tenth of the default's time and show the same.
    row("stream:line?chunks=100", 20, 110),
    row("stream:whole?chunks=100", 20, 110),
    with_contrast("errors:sequential", 50, 100),
    with_contrast("errors:concurrent", 20, 10),
    row("timeout", 50, 100),
    row("aggregate:sequential", 100, 450),
    row("aggregate:concurrent", 100, 200),
    with_contrast("blocking:wrong", 50, 200),
    row("blocking:right", 50, 200),
    // Fewer connections than the pool has threads: the semaphore is what limits, on all servers alike.
    row("limited:wait", 180, 400),
    row("limited:refuse", 180, 400),
    // Four fifths of the connections wait for the pool in vain, which is what the row shows.
    starving("waits:sequential", 1_000, 600),
    starving("waits:concurrent", 1_000, 300),
];

/// Modes of the catalogue that are no rows, and why.
#[cfg(test)]
const LEFT_OUT: [(&str, &str); 2] = [
    (
        "upload:stream-64",
        "64 MiB take minutes for six blocks, and 1 MiB shows what is held in memory",
    ),
    ("upload:whole-64", "as upload:stream-64"),
];

const fn row(workload: &'static str, connections: u32, answer_ms: u64) -> Row {
    Row {
        workload,
        connections,
        answer_ms,
        contrast: false,
        timeout_ms: 10_000,
    }
}

const fn starving(workload: &'static str, connections: u32, answer_ms: u64) -> Row {
    Row {
        timeout_ms: 4 * answer_ms,
        ..row(workload, connections, answer_ms)
    }
}

/// Whether connections without an answer are what a row shows, and no failure.
pub fn starves(workload: &str) -> bool {
    workload.starts_with("waits:")
}

const fn with_contrast(workload: &'static str, connections: u32, answer_ms: u64) -> Row {
    Row {
        contrast: true,
        ..row(workload, connections, answer_ms)
    }
}

/// How long a row is measured, and how its time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Blocks.
    pub blocks: u32,
    /// Measured time per server.
    pub measured: Duration,
    /// Load before measuring, per server.
    pub warmup: Duration,
    /// Whether a block has one slice of each server only, because answers are slow.
    pub one_slice_per_block: bool,
}

/// From this answer time on a row is slow: its waits decide, not the machine's drift.
const SLOW: Duration = Duration::from_millis(30);
/// Two blocks more than an interval needs: one or two may be dropped for what happened to the machine.
const BLOCKS: u32 = 8;
/// Slow rows have just as many as an interval needs.
const SLOW_BLOCKS: u32 = 6;
/// Blocks shorter than a second over all servers would be joined; a little more, so that rounding does not.
const BLOCK: Duration = Duration::from_millis(1_020);
/// What a slice of a slow row lasts, in answer times: half of one more than it must, so that neither edge
/// decides whether a wave of answers counts.
const SLOW_SLICE: f64 = 2.5;

/// The row with idle connections beside the load.
const IDLE: &str = "idle";

impl Row {
    /// Why the row makes no sense on a model of server that has its work.
    pub fn unfit(&self, model: &str) -> Option<&'static str> {
        (self.workload == IDLE && model == "sync-pool").then_some(
            "its threads would all be held by idle connections, more than there are threads, and nothing be answered",
        )
    }

    /// Time after which an unanswered request is given up.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// How long an answer takes at least.
    pub fn answer(&self) -> Duration {
        Duration::from_millis(self.answer_ms)
    }

    /// What the row gets with so many servers.
    pub fn budget(&self, servers: usize, quick: bool) -> Budget {
        let is_slow = self.answer() >= SLOW;
        let blocks = match (quick, is_slow) {
            (true, _) => 1,
            (false, true) => SLOW_BLOCKS,
            (false, false) => BLOCKS,
        };
        let (measured, warmup) = match quick {
            true => (
                Duration::from_millis(300).max(self.answer().mul_f64(1.5)),
                Duration::from_millis(100).max(self.answer().mul_f64(1.2)),
            ),
            false => (
                (BLOCK * blocks)
                    .div_f64(servers.max(1) as f64)
                    .max(self.answer().mul_f64(SLOW_SLICE) * blocks),
                Duration::from_millis(300).max(self.answer().mul_f64(1.5)),
            ),
        };
        Budget {
            blocks,
            measured,
            warmup,
            one_slice_per_block: is_slow,
        }
    }

    /// Whether `--only` means this row: its workload, one mode of it, or exactly this row.
    pub fn is_meant_by(&self, only: &str) -> bool {
        let label = self.workload.split('?').next().unwrap_or_default();
        let name = label.split(':').next().unwrap_or_default();
        [name, label, self.workload].contains(&only)
    }
}

#[cfg(test)]
mod tests {
    use contract::{Definition, Workload};
    use stats::thresholds::BLOCKS_NEEDED;

    use super::*;
    use bench::slices::{self, Turns};

    #[test]
    fn every_mode_of_every_workload_has_a_row_or_a_reason() {
        for definition in Definition::ALL {
            for mode in definition.modes {
                let label = match mode.name {
                    "" => definition.name.to_owned(),
                    mode => format!("{}:{mode}", definition.name),
                };
                let has_row = ROWS.iter().any(|row| row.is_meant_by(&label));
                let left_out = LEFT_OUT.iter().any(|(name, _)| *name == label);
                assert!(
                    has_row != left_out,
                    "{label}: row {has_row}, left out {left_out}"
                );
            }
        }
    }

    #[test]
    fn every_row_is_a_workload_and_is_there_once() {
        for (index, row) in ROWS.iter().enumerate() {
            let workload: Workload = row.workload.parse().expect(row.workload);
            assert!(row.connections > 0 && !workload.classes().is_empty());
            let again = ROWS[..index]
                .iter()
                .any(|other| other.workload == row.workload);
            assert!(!again, "{}", row.workload);
        }
    }

    #[test]
    fn every_row_has_blocks_enough_for_an_interval_unless_it_is_quick() {
        for row in ROWS {
            for servers in 1..=6 {
                let budget = row.budget(servers, false);
                let cut = slices::cut(slices::ToCut {
                    per_server: budget.measured,
                    servers,
                    blocks: budget.blocks,
                    turns: match (servers, budget.one_slice_per_block) {
                        (_, true) => Turns::Once,
                        (1, false) => Turns::None,
                        (_, false) => Turns::Short,
                    },
                    // A machine under load answers later than the contract says.
                    mean_response: row.answer().mul_f64(1.2),
                    longest_silence: Duration::ZERO,
                });
                assert!(
                    cut.blocks as usize >= BLOCKS_NEEDED,
                    "{} on {servers} servers: {cut:?}",
                    row.workload
                );
                assert!(budget.warmup > row.answer(), "{}", row.workload);
                assert_eq!(row.budget(servers, true).blocks, 1);
            }
        }
    }

    #[test]
    fn a_row_is_named_by_its_workload_its_mode_or_whole() {
        let meant = |only: &str| ROWS.iter().filter(|row| row.is_meant_by(only)).count();
        assert_eq!(meant("file"), 4);
        assert_eq!(meant("file:idiomatic"), 2);
        assert_eq!(meant("file:idiomatic?kib=4"), 1);
        assert_eq!((meant("hello"), meant("hell"), meant("")), (1, 0, 0));
    }
}
