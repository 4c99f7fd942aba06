//! What all connections of a server share.

use std::sync::Arc;

use workload::{Counters, faults::Injector};

use crate::{Config, peers::Peers};

#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) peers: Peers,
    pub(crate) counters: Arc<Counters>,
    /// `None` when no fault is injected.
    pub(crate) injector: Option<Injector>,
}

impl App {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            peers: Peers::default(),
            counters: Arc::new(Counters::default()),
            injector: Injector::new(&config.faults),
            config,
        }
    }
}
