//! What connection counts follow from the limits of a machine, for each built-in server.

use clap::Parser;
use record::limits::Ceiling;

use server_core::Waiting;

use super::machine::Machine;
use crate::server_spec::{ServerSource, ServerSpec};
use servers::serve::Serve;

/// Name of the limit on descriptors in [`Ceiling::by`].
pub(super) const OPEN_FILES: &str = "open files";
/// Name of the limit on memory in [`Ceiling::by`].
pub(super) const MEMORY: &str = "memory";

/// Descriptors of a server or the client besides connections.
const OTHER_FILES: u64 = 100;
/// Mappings of a server besides its threads' stacks: program, libraries, heaps.
const OTHER_MAPS: u64 = 200;
/// A stack and its guard page.
const MAPS_PER_THREAD: u64 = 2;
/// Threads left to everybody else.
const SPARE_THREADS: u64 = 100;
/// About what a connection takes on both sides: sockets and small buffers.
const BYTES_PER_CONNECTION: u64 = 32 << 10;
/// About what a thread takes besides: kernel stack, what is touched of its own stack, bookkeeping.
const BYTES_PER_THREAD: u64 = 40 << 10;

/// How a server's connections become threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// One each.
    PerConnection,
    /// A fixed number of them, each for one connection at a time.
    Pool {
        /// How many.
        threads: u64,
        /// Connections that may wait for one.
        queue: u64,
    },
    /// As many as there are cores.
    Few,
}

/// What is known of a server from its flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Nature {
    threads: Threads,
    max_connections: Option<u64>,
    /// Whether each connection may need one more, to the peer that it waits for.
    waits_on_sockets: bool,
}

/// The command line of a server alone.
#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    serve: Serve,
}

/// One ceiling for each built-in server.
pub(super) fn all(servers: &[ServerSpec], machine: &Machine) -> Vec<Ceiling> {
    let of = |spec: &ServerSpec| {
        let nature = nature(spec)?;
        let lowest = bounds(nature, machine)
            .into_iter()
            .min_by_key(|bound| bound.connections)?;
        Some(Ceiling {
            server: spec.label.clone(),
            connections: lowest.connections,
            by: lowest.by,
            reason: lowest.reason,
        })
    };
    servers.iter().filter_map(of).collect()
}

/// How a server's connections become threads; `None` where its flags do not tell.
pub fn threads(spec: &ServerSpec) -> Option<Threads> {
    nature(spec).map(|nature| nature.threads)
}

/// `None` for servers that are not built in, and for flags that do not parse: starting it will tell.
fn nature(spec: &ServerSpec) -> Option<Nature> {
    let ServerSource::BuiltIn { model, flags } = &spec.source else {
        return None;
    };
    let words = ["serve", model]
        .into_iter()
        .chain(flags.iter().map(String::as_str));
    let sync = |args: sync_server::cli::Args, name| {
        let config = args.config(name);
        let threads = match config.model {
            sync_server::Model::Thread => Threads::PerConnection,
            sync_server::Model::Pool { threads, queue } => Threads::Pool {
                threads: threads as u64,
                queue: queue as u64,
            },
        };
        (threads, config.limits, config.waiting)
    };
    let tasks = |args: async_server::cli::Args, model| {
        let config = args.config(model);
        (Threads::Few, config.limits, config.waiting)
    };
    let (threads, limits, waiting) = match Line::try_parse_from(words).ok()?.serve {
        Serve::Sync(args) => sync(args, sync_server::cli::ModelName::Thread),
        Serve::SyncPool(args) => sync(args, sync_server::cli::ModelName::Pool),
        Serve::AsyncBare(args) => tasks(args, async_server::Model::Bare),
        Serve::Async(args) => tasks(args, async_server::Model::Axum),
        Serve::Scripted(_) | Serve::Waits(_) => return None,
    };
    Some(Nature {
        threads,
        max_connections: limits.max_connections.map(|most| most as u64),
        waits_on_sockets: matches!(waiting, Waiting::Socket(_)),
    })
}

struct Bound {
    connections: u64,
    by: String,
    reason: String,
}

fn bounds(nature: Nature, machine: &Machine) -> Vec<Bound> {
    let mut bounds = Vec::new();
    let mut bound = |connections: Option<u64>, by: &str, reason: String| {
        if let Some(connections) = connections {
            bounds.push(Bound {
                connections,
                by: by.to_owned(),
                reason,
            });
        }
    };
    let files = machine.open_files;
    let files_per_connection = if nature.waits_on_sockets { 2 } else { 1 };
    bound(
        files.map(|files| files.saturating_sub(OTHER_FILES) / files_per_connection),
        OPEN_FILES,
        format!(
            "server and load generator may open {} files each, and use about {OTHER_FILES} otherwise{}",
            told(files),
            if nature.waits_on_sockets {
                "; the server opens two for each connection, one to wait on"
            } else {
                ""
            }
        ),
    );
    bound(
        nature.max_connections,
        "--max-connections",
        "it was told to refuse more".to_owned(),
    );
    let memory = [machine.available_bytes, machine.cgroup_memory_bytes]
        .into_iter()
        .flatten()
        .min();
    let per_connection = BYTES_PER_CONNECTION
        + if nature.threads == Threads::PerConnection {
            BYTES_PER_THREAD
        } else {
            0
        };
    bound(
        memory.map(|memory| memory / per_connection),
        MEMORY,
        format!(
            "a connection takes about {} KiB on both sides together",
            per_connection >> 10
        ),
    );
    match nature.threads {
        Threads::Few => {}
        Threads::Pool { threads, queue } => bound(
            Some(threads + queue),
            "pool",
            format!(
                "{threads} are served at a time, {queue} more wait until one of those closes, and further ones are refused"
            ),
        ),
        Threads::PerConnection => bounds.extend(thread_bounds(machine)),
    }
    bounds
}

/// What ends a server with a thread for each connection.
fn thread_bounds(machine: &Machine) -> Vec<Bound> {
    // Each limit counts its own: the system's, the user's or the control group's threads.
    let limits = [
        (
            "kernel.threads-max",
            machine.threads_max,
            machine.threads_now,
        ),
        ("kernel.pid_max", machine.pid_max, machine.threads_now),
        (
            "user processes",
            machine.user_processes,
            machine.user_processes_now,
        ),
        (
            "cgroup pids.max",
            machine.cgroup_pids,
            machine.cgroup_pids_now,
        ),
    ];
    let mut bounds: Vec<Bound> = limits
        .into_iter()
        .filter_map(|(by, limit, now)| {
            let limit = limit?;
            let now = now.unwrap_or(0) + SPARE_THREADS;
            Some(Bound {
                connections: limit.saturating_sub(now),
                by: by.to_owned(),
                reason: format!("each connection is a thread, {by} is {limit}, and about {now} are taken or needed otherwise"),
            })
        })
        .collect();
    if let Some(maps) = machine.max_map_count {
        bounds.push(Bound {
            connections: maps.saturating_sub(OTHER_MAPS) / MAPS_PER_THREAD,
            by: "vm.max_map_count".to_owned(),
            reason: format!("each connection is a thread, a thread's stack and its guard page are two mappings, and vm.max_map_count is {maps}"),
        });
    }
    bounds
}

fn told(value: Option<u64>) -> String {
    value.map_or_else(
        || "an unknown number of".to_owned(),
        |value| value.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ceiling(server: &str, machine: &Machine) -> Ceiling {
        all(&[ServerSpec::parse(server).unwrap()], machine).remove(0)
    }

    const MACHINE: Machine = Machine {
        open_files: Some(100_000),
        open_files_hard: Some(100_000),
        ports: Some(28_232),
        threads_max: Some(190_000),
        pid_max: Some(32_768),
        user_processes: None,
        user_processes_now: None,
        cgroup_pids: None,
        cgroup_pids_now: None,
        threads_now: Some(200),
        max_map_count: Some(65_530),
        memory_bytes: Some(24 << 30),
        available_bytes: Some(22 << 30),
        cgroup_memory_bytes: None,
        cgroup_millicores: None,
        cores: 2,
        somaxconn: Some(4_096),
        syn_backlog: Some(1_024),
    };

    #[test]
    fn threads_end_where_the_first_of_their_limits_is() {
        let it = ceiling("sync", &MACHINE);
        assert_eq!(
            (it.connections, it.by.as_str()),
            (32_768 - 300, "kernel.pid_max")
        );
        let it = ceiling(
            "sync",
            &Machine {
                pid_max: Some(4_194_304),
                ..MACHINE
            },
        );
        assert_eq!(
            (it.connections, it.by.as_str()),
            (32_665, "vm.max_map_count")
        );
        let it = ceiling(
            "sync",
            &Machine {
                cgroup_pids: Some(1_000),
                ..MACHINE
            },
        );
        assert_eq!(
            (it.connections, it.by.as_str()),
            (900, "cgroup pids.max"),
            "the system's threads are not the group's"
        );
        let it = ceiling(
            "sync",
            &Machine {
                threads_now: Some(5_000),
                cgroup_pids: Some(1_000),
                cgroup_pids_now: Some(50),
                ..MACHINE
            },
        );
        assert_eq!((it.connections, it.by.as_str()), (850, "cgroup pids.max"));
        let it = ceiling(
            "sync",
            &Machine {
                threads_now: Some(5_000),
                user_processes: Some(4_000),
                user_processes_now: Some(900),
                ..MACHINE
            },
        );
        assert_eq!((it.connections, it.by.as_str()), (3_000, "user processes"));
    }

    #[test]
    fn tasks_end_with_files_or_memory() {
        let it = ceiling("async", &MACHINE);
        assert_eq!((it.connections, it.by.as_str()), (99_900, OPEN_FILES));
        let it = ceiling(
            "async",
            &Machine {
                cgroup_memory_bytes: Some(64 << 20),
                ..MACHINE
            },
        );
        assert_eq!((it.connections, it.by.as_str()), (2_048, MEMORY));
    }

    #[test]
    fn flags_count() {
        let it = ceiling("sync-pool --pool-threads 10 --pool-queue 5", &MACHINE);
        assert_eq!((it.connections, it.by.as_str()), (15, "pool"));
        let it = ceiling("async --max-connections 7", &MACHINE);
        assert_eq!((it.connections, it.by.as_str()), (7, "--max-connections"));
    }

    #[test]
    fn nothing_follows_for_others_or_from_nothing() {
        assert!(
            all(
                &[ServerSpec::parse("http://127.0.0.1:1").unwrap()],
                &MACHINE
            )
            .is_empty()
        );
        assert!(all(&[ServerSpec::parse("sync").unwrap()], &Machine::default()).is_empty());
    }
}
