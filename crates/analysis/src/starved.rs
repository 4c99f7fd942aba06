//! Connections that a server was asked on and left without an answer: its figures are those of the others, however good they look.

use std::fmt;

use record::{Block, CellResult, Config, ErrorCounts, LoadKind};
use stats::thresholds::{ANSWERS_EACH, STARVED_AFTER_S};

/// How many connections of a server got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Starved {
    /// Connections that were asked and got no answer.
    pub unserved: u64,
    /// All its connections.
    pub of: u64,
    /// Size of the pool of threads that was declared for the server: what is beyond it waits, as declared.
    pub pool_threads: Option<u64>,
}

impl Starved {
    /// Those of a cell; `None` where all were served, and in records that cannot tell.
    pub fn of(config: &Config, cell: &CellResult) -> Option<Starved> {
        let never = never(cell.connections.never_served, cell.errors.total);
        let unserved = never.max(silent(cell));
        (unserved > 0).then(|| Starved {
            unserved,
            of: u64::from(cell.concurrency),
            pool_threads: config.pool_threads(&cell.server),
        })
    }

    /// Connections beyond those that the declared pool leaves waiting: a failure of the server, no result of its size.
    pub fn undeclared(&self) -> u64 {
        let declared = self.pool_threads.map(|pool| self.of.saturating_sub(pool));
        self.unserved.saturating_sub(declared.unwrap_or(0))
    }

    /// Errors of a cell that are the declared pool's size told once more: what waits beyond it is given up each timeout.
    pub fn declared_errors(&self, errors: &ErrorCounts) -> u64 {
        match self.undeclared() {
            0 => errors.timeout,
            _ => 0,
        }
    }
}

/// The most connections that were never served in any of a gate's blocks, each of which is a process of its own.
pub fn of_blocks<'a>(blocks: impl Iterator<Item = &'a Block>) -> u64 {
    let each = blocks.map(|block| never(block.never_served, block.errors));
    each.max().unwrap_or(0)
}

/// What is never answered ends as an error. Without one it was answered late, or a rate did not need it, which older
/// records did not tell apart.
fn never(served: Option<u64>, errors: u64) -> u64 {
    served.unwrap_or(0).min(errors)
}

/// Connections of a closed loop without an answer in measured time, where the others got many: they were served before, as
/// by a server that closes connections now and then and takes others for them, and are not any more.
fn silent(cell: &CellResult) -> u64 {
    let asks_always = cell.load == LoadKind::Closed && cell.keep_alive;
    let got_many = cell.requests >= ANSWERS_EACH * u64::from(cell.concurrency);
    match asks_always && got_many && cell.duration_s >= STARVED_AFTER_S {
        true => cell.connections.unanswered,
        false => 0,
    }
}

/// `59 of 64 connections`.
impl fmt::Display for Starved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = format::counted(self.of, "connection");
        write!(f, "{} of {all}", format::count(self.unserved))
    }
}

/// `59 of 64 connections to a got no answer: its figures are those of the other 5`; `None` where all were served.
pub fn sentence(config: &Config, cells: &[&CellResult]) -> Option<String> {
    let starved = |cell: &&CellResult| Some((cell.server.clone(), Starved::of(config, cell)?));
    let told = cells.iter().filter_map(starved).map(|(server, it)| {
        let pool = it.pool_threads.map_or_else(String::new, |threads| {
            let threads = format::counted(threads, "thread");
            format!(", whose pool has {threads},")
        });
        let others = format::count(it.of.saturating_sub(it.unserved));
        format!("{it} to {server}{pool} got no answer: its figures are those of the other {others}")
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join("; "))
}

#[cfg(test)]
mod tests {
    use record::ServerConfig;

    use super::*;
    use crate::testing::cells::result;

    fn starved(never: Option<u64>, errors: u64, pool_threads: Option<u32>) -> (Config, CellResult) {
        let mut cell = result("a", &[1.0]);
        cell.concurrency = 64;
        cell.connections.never_served = never;
        cell.errors.total = errors;
        let server = ServerConfig {
            name: "a".to_owned(),
            pool_threads,
            ..ServerConfig::default()
        };
        let config = Config {
            servers: vec![server],
            ..Config::default()
        };
        (config, cell)
    }

    fn of(never: Option<u64>, errors: u64, pool_threads: Option<u32>) -> Option<(u64, u64)> {
        let (config, cell) = starved(never, errors, pool_threads);
        Starved::of(&config, &cell).map(|it| (it.unserved, it.undeclared()))
    }

    #[test]
    fn what_is_beyond_a_declared_pool_is_a_result_and_what_it_should_have_served_is_not() {
        assert_eq!(of(Some(59), 59, None), Some((59, 59)));
        assert_eq!(of(Some(59), 59, Some(5)), Some((59, 0)));
        assert_eq!(of(Some(59), 59, Some(8)), Some((59, 3)));
        assert_eq!(of(Some(59), 59, Some(200)), Some((59, 59)));
    }

    #[test]
    fn timeouts_of_what_waits_beyond_a_declared_pool_are_no_failures() {
        let errors = ErrorCounts {
            total: 180,
            timeout: 177,
            closed: 3,
            ..ErrorCounts::default()
        };
        let declared = |pool_threads| {
            let (config, cell) = starved(Some(59), 180, pool_threads);
            Starved::of(&config, &cell).map(|it| it.declared_errors(&errors))
        };
        assert_eq!(declared(Some(5)), Some(177));
        assert_eq!(declared(Some(6)), Some(0));
        assert_eq!(declared(None), Some(0));
    }

    #[test]
    fn a_connection_without_an_error_was_not_needed_or_answered_late() {
        assert_eq!(of(Some(0), 7, None), None);
        assert_eq!(of(Some(59), 0, None), None);
        assert_eq!(of(None, 7, None), None, "an older record cannot tell");
    }

    #[test]
    fn one_that_was_served_before_is_starved_where_the_others_got_many_answers() {
        let of_time = |requests, load, duration_s| {
            let (config, mut cell) = starved(Some(3), 0, None);
            (cell.requests, cell.load, cell.duration_s) = (requests, load, duration_s);
            cell.connections.unanswered = 59;
            Starved::of(&config, &cell).map(|it| it.unserved)
        };
        let silent = |requests, load| of_time(requests, load, 0.5);
        assert_eq!(silent(640, LoadKind::Closed), Some(59));
        let in_a_moment = of_time(640, LoadKind::Closed, 0.4);
        assert_eq!(in_a_moment, None, "the others may not have begun");
        assert_eq!(silent(639, LoadKind::Closed), None, "they may only be slow");
        assert_eq!(silent(640, LoadKind::Open), None, "they may not be needed");
    }

    #[test]
    fn it_is_told_whose_figures_they_are() {
        let told = |pool| {
            let (config, cell) = starved(Some(59), 59, pool);
            sentence(&config, &[&cell])
        };
        let whole = "59 of 64 connections to a got no answer: its figures are those of the other 5";
        assert_eq!(told(None).as_deref(), Some(whole));
        assert!(told(Some(5)).is_some_and(|it| it.contains("whose pool has 5 threads")));
        let (config, cell) = starved(Some(0), 0, None);
        assert_eq!(sentence(&config, &[&cell]), None);
    }

    #[test]
    fn of_a_gate_the_worst_block_counts() {
        let block = |never, errors| Block {
            never_served: never,
            errors,
            ..Block::default()
        };
        let blocks = [
            block(Some(3), 9),
            block(Some(7), 7),
            block(Some(9), 0),
            block(None, 5),
        ];
        assert_eq!(of_blocks(blocks.iter()), 7);
        assert_eq!(of_blocks([].iter()), 0);
    }
}
