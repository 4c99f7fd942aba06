//! Every tunable of the blocking servers, with its idiomatic default.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Serialize;
use server_core::{Faults, Limits, Waiting};
use telemetry::Settings;

/// Which threads serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "model", rename_all = "lowercase")]
pub enum Model {
    /// `sync`: a thread per connection.
    Thread,
    /// `sync-pool`: a fixed number of threads, each serving one connection until it closes.
    Pool {
        /// How many.
        #[serde(rename = "pool_threads")]
        threads: usize,
        /// How many connections may wait for one; more are answered with 503.
        #[serde(rename = "pool_queue")]
        queue: usize,
    },
}

pub(crate) const DEFAULT_POOL_THREADS: usize = 200;
pub(crate) const DEFAULT_POOL_QUEUE: usize = 8192;

impl Model {
    /// The pool that Tomcat would have: 200 threads, 8192 connections.
    pub const fn default_pool() -> Self {
        Self::Pool {
            threads: DEFAULT_POOL_THREADS,
            queue: DEFAULT_POOL_QUEUE,
        }
    }

    /// The name of the server.
    pub fn server_name(self) -> &'static str {
        match self {
            Self::Thread => "sync",
            Self::Pool { .. } => "sync-pool",
        }
    }
}

/// How a server runs. It stands in the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Config {
    /// Where to listen; port 0 picks a free one.
    pub addr: SocketAddr,
    /// Which threads serve.
    #[serde(flatten)]
    pub model: Model,
    /// Stack of a thread, in bytes. What is not touched costs no memory.
    pub stack_size_bytes: usize,
    /// What it takes from its clients before it refuses.
    pub limits: Limits,
    /// Where the services are that `/aggregate` asks.
    pub backend: Option<SocketAddr>,
    /// Whether Nagle's algorithm is left on.
    pub nagle: bool,
    /// What simulated waits are.
    pub waiting: Waiting,
    /// Costs put into every request.
    pub faults: Faults,
    /// What it tells of its requests.
    #[serde(flatten)]
    pub telemetry: Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            model: Model::Thread,
            stack_size_bytes: 2 * 1024 * 1024,
            limits: Limits::default(),
            backend: None,
            nagle: false,
            waiting: Waiting::default(),
            faults: Faults::default(),
            telemetry: Settings::default(),
        }
    }
}
