//! Whether a server's threads under load fit the concurrency model that it declares.

use record::contenders::{Contender, Model, ModelCheck};
use record::{CellResult, Record};

/// Below so many connections the number of threads says nothing about a model.
const CONNECTIONS_THAT_TELL: u64 = 64;
/// Threads that a runtime starts whatever the machine: compilers, collectors, blocking calls.
const RUNTIME_THREADS: u64 = 32;
/// Threads for each core: workers and collectors, or a process with a dozen threads on each core (a Node.js
/// cluster).
const THREADS_PER_CORE: u64 = 12;

/// What the servers ran on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Host {
    /// Cores that the servers could use.
    cores: u64,
}

impl Host {
    pub(super) fn of(record: &Record) -> Host {
        let pinned = record.config.server_cpus.as_ref();
        let cores = pinned.map_or(u64::from(record.environment.cores), |cpus| {
            cpus.len() as u64
        });
        Host { cores }
    }

    /// Threads that a server may have however many connections it serves.
    fn few_threads(self) -> u64 {
        RUNTIME_THREADS + THREADS_PER_CORE * self.cores
    }
}

/// Compares the most threads seen with what the model allows. A number that another model would show, too,
/// tells nothing; and neither does one under a connection per request, where threads come and go.
pub(super) fn check_model(contender: &Contender, cell: &CellResult, host: Host) -> ModelCheck {
    let connections = u64::from(cell.concurrency);
    let few = host.few_threads();
    let Some(peak) = cell.server_resources.threads_peak else {
        return ModelCheck::CannotTell;
    };
    if !cell.keep_alive || connections < CONNECTIONS_THAT_TELL {
        return ModelCheck::CannotTell;
    }
    match contender.model {
        Model::ThreadPerConnection if peak >= connections => ModelCheck::AsDeclared,
        Model::ThreadPerConnection => ModelCheck::NotAsDeclared,
        Model::ThreadPool => {
            let pool = u64::from(contender.pool_threads.unwrap_or(0));
            match () {
                () if peak > pool + few => ModelCheck::NotAsDeclared,
                // A pool as large as the load is no bound, and one that is hardly used could be anything.
                () if pool >= connections || peak < pool / 2 => ModelCheck::CannotTell,
                () => ModelCheck::AsDeclared,
            }
        }
        Model::EventLoop | Model::WorkStealingTasks | Model::Coroutines | Model::VirtualThreads => {
            match () {
                () if peak > few => ModelCheck::NotAsDeclared,
                // On a machine with many cores.
                () if peak >= connections => ModelCheck::CannotTell,
                () => ModelCheck::AsDeclared,
            }
        }
    }
}
