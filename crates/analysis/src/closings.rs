//! What a server does to connections that are to be kept alive. A server that closes them answers each request at the price of
//! a connection, however the load generator was told to ask.

use std::collections::BTreeMap;
use std::fmt;

use record::CellResult;

/// How a server closed connections that were to be kept alive.
#[derive(Debug, Clone, PartialEq)]
pub struct Closings {
    /// Whether its answers said so; `None` where some did and some did not.
    pub announced: Option<bool>,
    /// Median of the answers on a connection that it closed.
    pub answers: u64,
    /// Connections that it closed.
    pub closed: u64,
    /// Requests that met such a close: errors, of which a client that sends them again says nothing.
    pub stale: u64,
}

impl Closings {
    /// Those of a cell, where they are a habit (as many as there are connections at least) or a request met one. Fewer
    /// happen to any server.
    pub fn of(cell: &CellResult) -> Option<Closings> {
        let seen = cell.closed_connections.as_ref()?;
        let count = |of: &BTreeMap<u64, u64>| of.values().sum::<u64>();
        let (announced, unannounced) = (count(&seen.announced), count(&seen.unannounced));
        let closed = announced + unannounced;
        let is_habit = closed >= u64::from(cell.concurrency.max(1));
        let stale = cell.errors.stale;
        (cell.keep_alive && closed > 0 && (is_habit || stale > 0)).then(|| Closings {
            announced: match (announced, unannounced) {
                (_, 0) => Some(true),
                (0, _) => Some(false),
                _ => None,
            },
            answers: median(&seen.announced, &seen.unannounced),
            closed,
            stale,
        })
    }
}

/// The value below which half of them lie, or which is the middle one: the lower one of two.
fn median(first: &BTreeMap<u64, u64>, second: &BTreeMap<u64, u64>) -> u64 {
    let mut all = first.clone();
    for (answers, connections) in second {
        *all.entry(*answers).or_default() += connections;
    }
    let half = all.values().sum::<u64>().div_ceil(2);
    let mut below = 0;
    let reaches = |(_, connections): &(&u64, &u64)| {
        below += **connections;
        below >= half
    };
    all.iter().find(reaches).map_or(0, |(answers, _)| *answers)
}

impl fmt::Display for Closings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.announced {
            Some(true) => ", as it announced",
            Some(false) => " without announcing it",
            None => ", some of them without announcing it",
        };
        write!(
            f,
            "keep-alive was asked for, but the server closed {}{how}, after {} (median)",
            format::counted(self.closed, "connection"),
            format::counted(self.answers, "answer"),
        )?;
        if self.stale > 0 {
            let failed = format::counted(self.stale, "request");
            write!(f, ", and {failed} failed of that")?;
        }
        match self.announced {
            Some(true) => Ok(()),
            _ => f.write_str("; clients such as Go's send such requests again and never say so"),
        }
    }
}

#[cfg(test)]
mod tests {
    use record::ClosedConnections;

    use super::*;
    use crate::testing::cells::result;

    fn cell(announced: &[(u64, u64)], unannounced: &[(u64, u64)]) -> CellResult {
        let map = |of: &[(u64, u64)]| of.iter().copied().collect();
        CellResult {
            concurrency: 4,
            keep_alive: true,
            closed_connections: Some(ClosedConnections {
                announced: map(announced),
                unannounced: map(unannounced),
                ..ClosedConnections::default()
            }),
            ..result("a", &[1.0])
        }
    }

    #[test]
    fn the_median_is_over_all_connections_that_were_closed() {
        let of = |cell: &CellResult| Closings::of(cell).map(|it| (it.announced, it.answers));
        assert_eq!(of(&cell(&[(1, 8260)], &[])), Some((Some(true), 1)));
        assert_eq!(of(&cell(&[], &[(1, 2), (7, 3)])), Some((Some(false), 7)));
        assert_eq!(of(&cell(&[(100, 4)], &[(1, 1)])), Some((None, 100)));
    }

    #[test]
    fn it_is_told_after_how_many_answers_and_which_clients_hide_it() {
        let told = |cell: &CellResult| Closings::of(cell).map(|it| it.to_string());
        assert_eq!(
            told(&cell(&[], &[(200, 412)])).as_deref(),
            Some(
                "keep-alive was asked for, but the server closed 412 connections without announcing it, after 200 answers (median); clients such as Go's send such requests again and never say so"
            )
        );
        assert_eq!(
            told(&cell(&[(1, 8260)], &[])).as_deref(),
            Some(
                "keep-alive was asked for, but the server closed 8,260 connections, as it announced, after 1 answer (median)"
            )
        );
    }

    #[test]
    fn a_close_now_and_then_is_no_habit_unless_a_request_met_it() {
        assert_eq!(Closings::of(&cell(&[(9, 3)], &[])), None);
        let mut met = cell(&[], &[(9, 3)]);
        met.errors.stale = 2;
        assert!(
            Closings::of(&met)
                .is_some_and(|it| it.to_string().contains("2 requests failed of that"))
        );
        let asked_to = CellResult {
            keep_alive: false,
            ..cell(&[(1, 100)], &[])
        };
        assert_eq!(Closings::of(&asked_to), None);
    }
}
