//! Every tunable of the async servers, with its idiomatic default.

use std::{
    net::{Ipv4Addr, SocketAddr},
    thread,
};

use serde::Serialize;
use server_core::{Faults, Limits, Waiting};
use telemetry::Settings;

/// By which door requests come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// The blocking server's own HTTP code on tasks
    Bare,
    /// Axum, by hyper's connections of HTTP/1.1
    Axum,
}

impl Model {
    /// The name of the server.
    pub fn server_name(self) -> &'static str {
        match self {
            Self::Bare => "async-bare",
            Self::Axum => "async",
        }
    }
}

/// How many threads run the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Flavor {
    /// As many as there are worker threads
    MultiThread,
    /// One, the main thread
    CurrentThread,
}

/// How a server runs. It stands in the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Config {
    /// Where to listen; port 0 picks a free one.
    pub addr: SocketAddr,
    /// By which door requests come in.
    pub model: Model,
    /// How many threads run the tasks.
    pub flavor: Flavor,
    /// Threads of the `multi-thread` flavor.
    pub worker_threads: usize,
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
            model: Model::Axum,
            flavor: Flavor::MultiThread,
            worker_threads: default_worker_threads(),
            limits: Limits::default(),
            backend: None,
            nagle: false,
            waiting: Waiting::default(),
            faults: Faults::default(),
            telemetry: Settings::default(),
        }
    }
}

/// A worker per core, as Tokio does.
pub(crate) fn default_worker_threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
