//! What all connections of a server share.

use std::{path::PathBuf, sync::Arc};

use contract::workloads::limited;
use server_core::{Counters, faults::Injector, rooms::Rooms};
use telemetry::Tracing;
use tungstenite::Message;

use crate::{
    Config, backend::Backend, compute::ComputePool, peers::Peers, semaphore::Semaphore,
    waiting::Waiting,
};

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
    /// Threads for computing.
    pub(crate) compute: ComputePool,
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
    pub(crate) fn new(config: Config, file: PathBuf) -> Self {
        let counters = Arc::new(Counters::default());
        let peers = Peers::new(config.limits.max_connections, counters.clone());
        Self {
            peers: Arc::new(peers),
            counters,
            tracing: config.telemetry.tracing(),
            injector: Injector::new(&config.faults).map(Arc::new),
            waiting: Arc::new(Waiting::new(config.waiting)),
            compute: ComputePool::default(),
            places: Semaphore::new(limited::PLACES),
            backend: config.backend.map(Backend::new),
            rooms: Arc::default(),
            file,
            config,
        }
    }
}
