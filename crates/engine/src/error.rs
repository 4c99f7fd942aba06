//! What can keep the engine from loading at all. What goes wrong with single requests is counted
//! instead ([`crate::ErrorCounts`]).

use std::io;
use std::path::PathBuf;

use crate::measurement::ErrorCounts;

/// The engine could not start, or was asked for something impossible.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// `threads` is 0.
    #[error("the engine needs at least one thread")]
    NoThreads,
    /// A worker's thread or runtime could not be created.
    #[error("worker {worker} could not be started: {source}")]
    Start {
        /// Index of the worker.
        worker: usize,
        /// Why.
        source: io::Error,
    },
    /// A worker could not be pinned.
    #[error("worker {worker} cannot be pinned to CPU {cpu}: {reason}")]
    Pin {
        /// Index of the worker.
        worker: usize,
        /// The CPU asked for.
        cpu: usize,
        /// Why.
        reason: String,
    },
    /// A worker could not get the timer that paces an open loop.
    #[error("worker {worker} could not get a timer: {source}")]
    Timer {
        /// Index of the worker.
        worker: usize,
        /// Why.
        source: io::Error,
    },
    /// A target that was never connected, or has been disconnected.
    #[error("target {0} is not connected")]
    UnknownTarget(u32),
    /// A slice that cannot be run.
    #[error("this slice cannot be run: {0}")]
    InvalidSlice(String),
    /// A worker thread ended early, which is a defect of the engine.
    #[error("worker {0} is gone")]
    WorkerLost(usize),
}

/// A target could not be connected. Nothing of it stays open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Not `http://…` or `https://…` with a host, nor `unix:…` with a socket.
    #[error("{url:?} is not a URL to load: {reason}")]
    InvalidUrl {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A request that cannot be sent as it stands.
    #[error("the request {name:?} cannot be sent: {reason}")]
    InvalidRequest {
        /// Name of the class.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No request classes, or no connections.
    #[error("target {target:?} has no {what}")]
    Empty {
        /// Name of the target.
        target: String,
        /// `requests` or `connections`.
        what: &'static str,
    },
    /// The host's name has no address.
    #[error("{host:?} could not be resolved: {source}")]
    Resolve {
        /// Host and port.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// What stands for a Unix socket cannot be one.
    #[error("unix:{}: {reason}", path.display())]
    Socket {
        /// The socket's path.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The process may not open so many files.
    #[error(transparent)]
    Descriptors(#[from] crate::limits::DescriptorShortage),
    /// At least one connection could not be made; the others were closed again.
    #[error("{target}: {established} of {wanted} connections made, {} failed ({errors}): {first}", errors.total())]
    Connections {
        /// Name of the target.
        target: String,
        /// Connections asked for.
        wanted: usize,
        /// Connections made before giving up.
        established: usize,
        /// Failures by kind.
        errors: Box<ErrorCounts>,
        /// The first failure in words.
        first: String,
    },
    /// The run was cancelled while connecting.
    #[error("cancelled while connecting {0}")]
    Cancelled(String),
    /// The client could not be set up (TLS, for instance).
    #[error("the client for {target:?} could not be set up: {reason}")]
    Client {
        /// Name of the target.
        target: String,
        /// Why.
        reason: String,
    },
    /// The engine itself failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
