//! What all connections of a server share.

use std::{io, path::PathBuf, sync::Arc, thread};

use axum::extract::ws::Message;
use contract::workloads::limited;
use server_core::{Counters, faults::Injector, rooms::Rooms};
use telemetry::Tracing;
use tokio::sync::Semaphore;

use crate::{Config, backend::Backend, peers::Peers, waiting::Waiting};

/// Threads that may be blocked at once: as many as Tokio has for that.
const BLOCKING_THREADS: usize = 512;

#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) peers: Arc<Peers>,
    pub(crate) counters: Arc<Counters>,
    /// `None` when nothing is told of requests.
    pub(crate) tracing: Option<Tracing>,
    /// `None` when no fault is injected.
    pub(crate) injector: Option<Arc<Injector>>,
    /// What stands for I/O.
    pub(crate) waiting: Arc<Waiting>,
    /// Places for computing, one per core.
    pub(crate) compute: Arc<Semaphore>,
    /// Places for work that blocks its thread.
    pub(crate) blocking: Arc<Semaphore>,
    /// What `/limited` hands out.
    pub(crate) places: Semaphore,
    /// Who `/aggregate` asks.
    pub(crate) backend: Option<Backend>,
    /// Who talks to whom.
    pub(crate) rooms: Arc<Rooms<Message>>,
    /// What `/file` reads.
    pub(crate) file: PathBuf,
}

impl App {
    /// Must be called inside the runtime.
    pub(crate) fn start(config: Config, file: PathBuf) -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let counters = Arc::new(Counters::default());
        let peers = Peers::new(config.limits.max_connections, counters.clone());
        Ok(Self {
            peers: Arc::new(peers),
            counters,
            tracing: config.telemetry.tracing(),
            injector: Injector::new(&config.faults).map(Arc::new),
            waiting: Arc::new(Waiting::start(config.waiting, config.worker_threads)?),
            compute: Arc::new(Semaphore::new(cores)),
            blocking: Arc::new(Semaphore::new(BLOCKING_THREADS)),
            places: Semaphore::new(limited::PLACES),
            backend: config.backend.map(Backend::new),
            rooms: Arc::default(),
            file,
            config,
        })
    }
}
