//! The record of a sweep while it grows: what a visit found goes in, what is worth knowing before the
//! next one comes out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use report::kept::{self, Kept};
use report::record::{CellResult, Environment};
use report::sweep::looks::{FIRST_LOOK_VISITS, SECOND_LOOK_VISITS};
use report::sweep::record::{
    KIND, SCHEMA_VERSION, Spot, StopCause, Stopped, SweepCell, SweepConfig, SweepRecord,
    SweepServer, Visit,
};
use report::sweep::{analysis, merge};

use super::visit::VisitOutcome;
use crate::{environment, output};

/// A record, and where it is kept.
pub struct Ledger {
    /// The record.
    pub record: SweepRecord,
    path: Option<PathBuf>,
    timeout: Duration,
}

impl Ledger {
    /// An empty record of a sweep; kept under `results/` if `save`.
    ///
    /// # Errors
    /// When there is no place to keep it.
    pub fn begin(
        config: &SweepConfig,
        started_at: String,
        environment: Environment,
        save: bool,
    ) -> anyhow::Result<Self> {
        let path = match save {
            true => Some(output::new_file(&format!(
                "{}-sweep",
                output::time_slug(&started_at)
            ))?),
            false => None,
        };
        let server = |server: &report::record::ServerConfig| SweepServer {
            name: server.name.clone(),
            result: None,
            limit: None,
            stopped: None,
        };
        let cell = |spot| SweepCell {
            spot,
            in_turns: false,
            slice_ms: None,
            visits: Vec::new(),
            servers: config.servers.iter().map(server).collect(),
            comparisons: Vec::new(),
        };
        let record = SweepRecord {
            schema_version: SCHEMA_VERSION,
            kind: KIND.to_owned(),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at,
            interrupted: true,
            elapsed_s: 0.0,
            environment,
            config: config.clone(),
            ceilings: Vec::new(),
            cells: config.spots().into_iter().map(cell).collect(),
            crossovers: Vec::new(),
            page: Vec::new(),
            warnings: Vec::new(),
        };
        Ok(Self {
            timeout: Duration::from_secs_f64(config.timeout_s),
            record,
            path,
        })
    }

    /// The record of an interrupted sweep, to be gone on with in the same file.
    ///
    /// # Errors
    /// When it cannot be read, or was made on another machine or by another build.
    pub fn resume(path: &Path, now: &Environment) -> anyhow::Result<Self> {
        let record = read(path)?;
        environment::check_same(&record.environment, now)
            .with_context(|| format!("{}: cannot go on with this sweep", path.display()))?;
        let timeout = Duration::from_secs_f64(record.config.timeout_s);
        Ok(Self {
            record,
            path: Some(path.to_owned()),
            timeout,
        })
    }

    /// Where the record is kept, if it is.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Takes in what a visit found, and keeps the record.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn add(
        &mut self,
        cell: usize,
        outcome: VisitOutcome,
        in_turns: bool,
        elapsed: Duration,
    ) -> anyhow::Result<()> {
        for (number, started) in outcome.started {
            self.record.config.servers[number] = started;
        }
        let first_block = self.first_block(cell);
        let it = &mut self.record.cells[cell];
        for (number, result) in outcome.results {
            add_result(&mut it.servers[number], result, self.timeout)?;
        }
        for (number, stopped) in outcome.stopped {
            it.servers[number].stopped = Some(stopped);
        }
        it.in_turns = in_turns;
        it.slice_ms = Some(outcome.slice.as_secs_f64() * 1e3);
        it.visits.push(Visit {
            first_block,
            blocks: outcome.blocks,
            took_s: outcome.took.as_secs_f64(),
        });
        self.record.elapsed_s = elapsed.as_secs_f64();
        let cores = analysis::cores(&self.record);
        analysis::analyse_cell(&mut self.record.cells[cell], &self.record.config, cores);
        output::keep(&self.record, self.path())
    }

    /// Notes that a server is not tried in a cell.
    pub fn not_tried(&mut self, cell: usize, server: usize, stopped: Stopped) {
        self.record.cells[cell].servers[server].stopped = Some(stopped);
    }

    /// Number of the next block of a cell.
    pub fn first_block(&self, cell: usize) -> u32 {
        let last = self.record.cells[cell].visits.last();
        last.map_or(0, |visit| visit.first_block + visit.blocks)
    }

    /// What is known to stop a server before it is tried in a cell: what stopped it with as many or fewer
    /// connections, if that does not depend on the work.
    pub fn known_to_stop(&self, spot: Spot, server: usize) -> Option<Stopped> {
        let cells = self.record.cells.iter().filter(|cell| {
            cell.spot.keep_alive == spot.keep_alive && cell.spot.concurrency <= spot.concurrency
        });
        let before = cells
            .filter_map(|cell| Some((cell.spot, cell.servers[server].stopped.as_ref()?)))
            .find(|(_, stopped)| !stopped.inferred && is_about_connections(stopped.cause))?;
        let (earlier, stopped) = before;
        Some(Stopped {
            cause: stopped.cause,
            reason: format!(
                "not tried, because it did not work with {} connections",
                earlier.concurrency
            ),
            inferred: true,
        })
    }

    /// Whether every cell was visited as often as it should be.
    pub fn is_complete(&self) -> bool {
        let wanted = if self.record.config.quick {
            1
        } else {
            FIRST_LOOK_VISITS
        };
        self.record.cells.iter().all(|cell| {
            let nothing_works = cell.servers.iter().all(|server| server.stopped.is_some());
            nothing_works || cell.visits.len() >= wanted.min(SECOND_LOOK_VISITS)
        })
    }

    /// Derives everything and writes the record, if it is kept.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(&mut self) -> anyhow::Result<()> {
        self.record.interrupted = !self.is_complete();
        report::sweep::analyse(&mut self.record);
        output::keep(&self.record, self.path())
    }
}

/// Reads the record of a sweep.
///
/// # Errors
/// When there is none, with what stands there instead.
pub fn read(path: &Path) -> anyhow::Result<SweepRecord> {
    match kept::read(path)? {
        Kept::Sweep(record) => Ok(*record),
        other => bail!(
            "{}: not the record of a sweep but of {}",
            path.display(),
            other.words()
        ),
    }
}

fn add_result(
    server: &mut SweepServer,
    result: CellResult,
    timeout: Duration,
) -> anyhow::Result<()> {
    match &mut server.result {
        Some(total) => {
            merge::add_visit(total, result, timeout).context("a cell of the record is damaged")
        }
        none => {
            *none = Some(result);
            Ok(())
        }
    }
}

fn is_about_connections(cause: StopCause) -> bool {
    matches!(
        cause,
        StopCause::Descriptors | StopCause::Threads | StopCause::Memory
    )
}
