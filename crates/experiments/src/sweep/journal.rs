//! The record of a sweep while it grows: what a visit found goes in, what is worth knowing before the
//! next one comes out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use analysis::sweep::interim_looks::FIRST_LOOK_VISITS;
use analysis::sweep::{analyse, analyse_cell, cores};
use anyhow::{Context as _, bail};
use record::any::{self, AnyRecord};
use record::sweep::{
    KIND, SCHEMA_VERSION, Spot, StopCause, Stopped, SweepCell, SweepConfig, SweepRecord,
    SweepServer, Visit,
};
use record::{CellResult, Environment, totals};

use super::visit::VisitOutcome;
use crate::saved;
use bench::journal;

/// A record, and where it is kept.
pub struct Journal {
    /// The record.
    pub record: SweepRecord,
    path: Option<PathBuf>,
    timeout: Duration,
    /// Visits that a cell has had when it is complete.
    pub visits_wanted: usize,
}

impl Journal {
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
        let path = journal::new_path(&started_at, KIND, save)?;
        let server = |server: &record::ServerConfig| SweepServer {
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
            visits_wanted: visits_wanted(config),
            record,
            path,
        })
    }

    /// The record of an interrupted sweep, to be gone on with in the same file.
    ///
    /// # Errors
    /// When it cannot be read, was made on another machine or by another build, or counts requests by another rule.
    pub fn resume(path: &Path, now: &Environment) -> anyhow::Result<Self> {
        let record = read(path)?;
        let made = (&record.environment, &*record.config.counting_rule);
        journal::check_resumable(path, KIND, made, now)?;
        let timeout = Duration::from_secs_f64(record.config.timeout_s);
        Ok(Self {
            visits_wanted: visits_wanted(&record.config),
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
        let cores = cores(&self.record);
        analyse_cell(&mut self.record.cells[cell], &self.record.config, cores);
        saved::keep(&self.record, self.path())
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
    /// connections. Nothing where it worked with as many or more, whatever the work.
    pub fn known_to_stop(&self, spot: Spot, server: usize) -> Option<Stopped> {
        let alike = || {
            let cells = self.record.cells.iter();
            let alike = cells.filter(|cell| cell.spot.keep_alive == spot.keep_alive);
            alike.map(|cell| (cell.spot, &cell.servers[server]))
        };
        let worked = |(other, server): (Spot, &SweepServer)| {
            let works = server.stopped.is_none() && server.result.is_some();
            works && other.concurrency >= spot.concurrency
        };
        if alike().any(worked) {
            return None;
        }
        let (earlier, stopped) = alike()
            .filter(|(earlier, _)| earlier.concurrency <= spot.concurrency)
            .filter_map(|(earlier, server)| Some((earlier, server.stopped.as_ref()?)))
            .filter(|(earlier, stopped)| {
                !stopped.inferred && holds_beyond(stopped.cause, *earlier, spot)
            })
            .min_by_key(|(earlier, _)| earlier.concurrency)?;
        Some(Stopped {
            cause: stopped.cause,
            reason: format!(
                "not tried, because it did not work with {} connections{}",
                earlier.concurrency,
                if is_same_work(earlier, spot) {
                    ""
                } else {
                    " for other work"
                }
            ),
            inferred: true,
        })
    }

    /// Whether every cell was visited as often as it should be.
    pub fn is_complete(&self) -> bool {
        self.record.cells.iter().all(|cell| {
            let nothing_works = cell.servers.iter().all(|server| server.stopped.is_some());
            nothing_works || cell.visits.len() >= self.visits_wanted
        })
    }

    /// Derives everything and writes the record, if it is kept.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(&mut self) -> anyhow::Result<()> {
        self.record.interrupted = !self.is_complete();
        analyse(&mut self.record);
        saved::keep(&self.record, self.path())
    }
}

/// Reads the record of a sweep.
///
/// # Errors
/// When there is none, with what stands there instead.
pub fn read(path: &Path) -> anyhow::Result<SweepRecord> {
    match any::read(path)? {
        AnyRecord::Sweep(record) => Ok(*record),
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
            totals::add(total, result, timeout).context("a cell of the record is damaged")
        }
        none => {
            *none = Some(result);
            Ok(())
        }
    }
}

/// Whether what stopped a server in one cell stops it in another with as many or more connections.
fn holds_beyond(cause: StopCause, earlier: Spot, spot: Spot) -> bool {
    match cause {
        StopCause::Descriptors | StopCause::Threads | StopCause::Memory => true,
        // Slow answers may be the work's doing.
        StopCause::Unanswered => is_same_work(earlier, spot),
        StopCause::Ports | StopCause::Ended | StopCause::Other => false,
    }
}

fn is_same_work(a: Spot, b: Spot) -> bool {
    (a.wait_ms, a.cpu_units) == (b.wait_ms, b.cpu_units)
}

fn visits_wanted(config: &SweepConfig) -> usize {
    if config.quick { 1 } else { FIRST_LOOK_VISITS }
}

#[cfg(test)]
mod tests {
    use record::{LoadKind, ServerConfig};

    use super::*;
    use bench::cells::{Cell, CellName};

    /// One server, waits of 0 and 10 ms, three concurrencies.
    fn journal() -> Journal {
        let config = SweepConfig {
            servers: vec![ServerConfig::default()],
            waits_ms: vec![0, 10],
            wait: "exact".to_owned(),
            cpu_units: vec![0],
            keep_alive: vec![true],
            concurrencies: vec![1, 10, 100],
            ..SweepConfig::default()
        };
        let environment = Environment::default();
        Journal::begin(&config, String::new(), environment, false).expect("nothing is written")
    }

    fn spot(wait_ms: u64, concurrency: u32) -> Spot {
        Spot {
            wait_ms,
            cpu_units: 0,
            keep_alive: true,
            concurrency,
        }
    }

    fn at(journal: &mut Journal, spot: Spot) -> &mut SweepServer {
        let mut cells = journal.record.cells.iter_mut();
        let cell = cells.find(|cell| cell.spot == spot).expect("the cell");
        &mut cell.servers[0]
    }

    fn stop(journal: &mut Journal, spot: Spot, cause: StopCause) {
        at(journal, spot).stopped = Some(Stopped {
            cause,
            reason: "seen".to_owned(),
            inferred: false,
        });
    }

    fn known(journal: &Journal, spot: Spot) -> Option<StopCause> {
        let stopped = journal.known_to_stop(spot, 0)?;
        assert!(stopped.inferred, "{stopped:?}");
        Some(stopped.cause)
    }

    /// What a cell leaves behind; its figures do not matter here.
    fn result() -> CellResult {
        let cell = Cell::new(CellName {
            server: String::new(),
            workload: String::new(),
            load: LoadKind::Closed,
            rate: None,
            keep_alive: true,
            concurrency: 10,
            wait: Duration::ZERO,
            client_threads: 1,
            timeout: Duration::from_secs(1),
        });
        cell.into_result(0, &[], std::time::Instant::now())
    }

    #[test]
    fn want_of_threads_is_the_same_for_all_work_and_slow_answers_are_not() {
        let mut found = journal();
        stop(&mut found, spot(0, 10), StopCause::Threads);
        assert_eq!(known(&found, spot(0, 100)), Some(StopCause::Threads));
        assert_eq!(known(&found, spot(10, 10)), Some(StopCause::Threads));
        assert_eq!(known(&found, spot(10, 1)), None, "fewer may work");

        let mut found = journal();
        stop(&mut found, spot(0, 10), StopCause::Unanswered);
        assert_eq!(known(&found, spot(0, 100)), Some(StopCause::Unanswered));
        assert_eq!(known(&found, spot(10, 10)), None);
        assert_eq!(known(&found, spot(10, 100)), None);
    }

    #[test]
    fn nothing_is_inferred_where_it_worked_or_worked_with_as_many_elsewhere() {
        let mut found = journal();
        stop(&mut found, spot(0, 10), StopCause::Threads);
        at(&mut found, spot(10, 10)).result = Some(result());
        assert_eq!(known(&found, spot(10, 10)), None, "it has a result");
        assert_eq!(known(&found, spot(0, 10)), None, "it worked elsewhere");
        assert_eq!(known(&found, spot(0, 100)), Some(StopCause::Threads));
    }
}
