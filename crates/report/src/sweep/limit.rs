//! What limits a server in a cell, from the counters of both processes and Little's law.

use serde::{Deserialize, Serialize};
use stats::little;

use crate::format;
use crate::record::CellResult;

/// A part of the CPU used beyond this share of what is there counts as all of it.
const FULL: f64 = 0.9;
/// Where the machine is full and the client takes more than this share of what both use, the cell tells
/// more of the client than of the server.
const CLIENT_SHARE: f64 = 2.0 / 3.0;

/// What limits a server in a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What it is.
    pub by: LimitedBy,
    /// The figures that say so.
    pub evidence: String,
}

/// What throughput is limited by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitedBy {
    /// The server's share of the CPU is used up.
    ServerCpu,
    /// The load generator is: what the server could do is not known. Never used for a verdict.
    ClientCpu,
    /// CPU is left: every connection waits for its answer, so throughput is concurrency ÷ latency.
    Latency,
    /// Connections wait because all threads are taken.
    Threads,
    /// The figures do not add up, or are not available.
    Unknown,
}

/// CPU there is, in cores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cores {
    /// In the machine.
    pub machine: f64,
    /// That the server may use.
    pub server: f64,
    /// That the load generator may use: no more than it has threads.
    pub client: f64,
}

impl LimitedBy {
    /// In a word, for a table.
    pub fn name(self) -> &'static str {
        match self {
            LimitedBy::ServerCpu => "server",
            LimitedBy::ClientCpu => "client",
            LimitedBy::Latency => "latency",
            LimitedBy::Threads => "threads",
            LimitedBy::Unknown => "unknown",
        }
    }
}

/// What limits a closed loop of so many connections; `None` if nothing was answered.
pub fn limit(result: &CellResult, cores: Cores) -> Option<Limit> {
    let latency_us = result.latency_us.mean?;
    let connections = f64::from(result.concurrency);
    let under_way = result.throughput_rps * latency_us / 1e6;
    let little = format!(
        "{} connections, {}/s × {} = {} under way",
        format::count(u64::from(result.concurrency)),
        format::per_second(result.throughput_rps),
        format::duration_us(latency_us),
        format::number(under_way),
    );
    let unserved = result.connections.unanswered > 0 && under_way < connections;
    let deviation = little::deviation(connections, result.throughput_rps, latency_us / 1e6);
    if unserved && deviation.is_some_and(|deviation| deviation > little::TOLERATED_DEVIATION) {
        let unanswered = format::count(result.connections.unanswered);
        let evidence = format!("{unanswered} connections were never served; {little}");
        return Some(Limit {
            by: LimitedBy::Threads,
            evidence,
        });
    }
    let server = result.server_resources.cores_used;
    let client = result.client_resources.cores_used;
    let told = |used: Option<f64>, of: f64| {
        used.map_or_else(
            || "CPU not available".to_owned(),
            |used| format!("{} of {} cores", format::number(used), format::number(of)),
        )
    };
    let evidence = match (server, client) {
        (None, None) => format!("no CPU figures; {little}"),
        _ => format!(
            "server {}, client {}; {little}",
            told(server, cores.server),
            told(client, cores.client),
        ),
    };
    let by = match (server, client) {
        (Some(server), Some(client)) => by_cpu(server, client, cores),
        // A server elsewhere: all that can be said is whether the client has come to its end.
        (None, Some(client)) if client >= FULL * cores.client => LimitedBy::ClientCpu,
        _ => LimitedBy::Unknown,
    };
    Some(Limit { by, evidence })
}

fn by_cpu(server: f64, client: f64, cores: Cores) -> LimitedBy {
    let server_full = server >= FULL * cores.server;
    let client_full = client >= FULL * cores.client;
    // A client that may use a part of the machine only comes to its end before the machine does.
    if client_full && !server_full && cores.client < cores.machine {
        return LimitedBy::ClientCpu;
    }
    let both = server + client;
    if both >= FULL * cores.machine {
        return if client > CLIENT_SHARE * both {
            LimitedBy::ClientCpu
        } else {
            LimitedBy::ServerCpu
        };
    }
    match (server_full, client_full) {
        (true, _) => LimitedBy::ServerCpu,
        (false, true) => LimitedBy::ClientCpu,
        (false, false) => LimitedBy::Latency,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::analysis::testing::result;

    const CORES: Cores = Cores {
        machine: 2.0,
        server: 2.0,
        client: 2.0,
    };

    #[test]
    fn the_larger_consumer_of_a_full_machine_is_the_limit() {
        assert_eq!(by_cpu(1.0, 0.95, CORES), LimitedBy::ServerCpu);
        assert_eq!(
            by_cpu(0.9, 1.05, CORES),
            LimitedBy::ServerCpu,
            "about half each"
        );
        assert_eq!(by_cpu(0.5, 1.4, CORES), LimitedBy::ClientCpu);
    }

    #[test]
    fn idle_cpu_means_waiting_unless_one_side_has_none_left() {
        assert_eq!(by_cpu(0.2, 0.3, CORES), LimitedBy::Latency);
        let pinned = Cores {
            server: 1.0,
            client: 1.0,
            ..CORES
        };
        assert_eq!(by_cpu(0.95, 0.5, pinned), LimitedBy::ServerCpu);
        assert_eq!(by_cpu(0.3, 0.95, pinned), LimitedBy::ClientCpu);
    }

    #[test]
    fn a_client_without_a_core_left_is_the_limit_of_a_full_machine_too() {
        let pinned = Cores {
            server: 1.0,
            client: 1.0,
            ..CORES
        };
        assert_eq!(by_cpu(0.85, 0.99, pinned), LimitedBy::ClientCpu);
        assert_eq!(by_cpu(0.99, 0.99, pinned), LimitedBy::ServerCpu);
        let one_thread = Cores {
            client: 1.0,
            ..CORES
        };
        assert_eq!(by_cpu(0.85, 0.99, one_thread), LimitedBy::ClientCpu);
        assert_eq!(by_cpu(1.2, 0.7, one_thread), LimitedBy::ServerCpu);
    }

    #[test]
    fn a_server_elsewhere_is_limited_by_a_client_that_is_full() {
        let mut cell = result("elsewhere", &[1_000.0]);
        cell.server_resources.cores_used = None;
        cell.client_resources.cores_used = Some(1.85);
        let limit = limit(&cell, CORES).unwrap();
        assert_eq!(limit.by, LimitedBy::ClientCpu);
        assert!(
            limit
                .evidence
                .starts_with("server CPU not available, client 1.85 of 2.00 cores"),
            "{limit:?}"
        );
    }

    #[test]
    fn connections_that_are_never_served_wait_for_threads() {
        let mut cell = result("sync-pool", &[1_000.0]);
        cell.concurrency = 1_000;
        cell.connections.unanswered = 800;
        let limit = limit(&cell, CORES).unwrap();
        assert_eq!(limit.by, LimitedBy::Threads);
        assert!(
            limit
                .evidence
                .starts_with("800 connections were never served"),
            "{limit:?}"
        );
    }

    #[test]
    fn nothing_answered_has_no_limit_and_no_counters_an_unknown_one() {
        let mut cell = result("sync", &[1_000.0]);
        cell.server_resources.cores_used = None;
        assert_eq!(limit(&cell, CORES).unwrap().by, LimitedBy::Unknown);
        cell.latency_us.mean = None;
        assert_eq!(limit(&cell, CORES), None);
    }
}
