//! The blocking servers: one OS thread per connection (`sync`), or a bounded pool of threads
//! (`sync-pool`). Standard library sockets; whoever waits blocks.
//!
//! # Layout
//!
//! The files carry the same names as those of `async-server`, so that both can be laid side by
//! side.
//!
//! - [`config`]: every tunable; [`cli`]: the flags for them.
//! - `listen`: binding and accepting; `refusal`: when there is no room; `pool`: the threads of
//!   `sync-pool`.
//! - `connection`: requests in, answers out; `wire`: their bytes.
//! - `request`: a request's head; `body`: its body as it arrives.
//! - `routes`: which handler answers; `handlers`: one file each.
//! - `offload`: work on other threads than the connection's; `compute`: those kept for it;
//!   `semaphore`: a limited resource.
//! - `trace`: the span of a request; what else is told, and where it goes, is `telemetry`'s.
//! - `waiting`: what simulated waits are.
//! - `reply`: what a handler gives back; `backend`: other servers that handlers ask.
//! - `peers`: the connections there are; `presence`: whether a client is gone; `stats`: the counters.
//! - [`shutdown`]: stopping with what is in flight finished.

pub mod cli;
pub mod config;
pub mod shutdown;

mod app;
mod backend;
mod body;
mod compute;
mod connection;
mod handlers;
mod listen;
mod offload;
mod peers;
mod pool;
mod presence;
mod refusal;
mod reply;
mod request;
mod routes;
mod semaphore;
mod stats;
mod trace;
mod waiting;
mod wire;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    thread::{self, JoinHandle},
};

pub use config::{Config, Model};
pub use listen::{bind, run};
pub use server_core::Drained;
pub use shutdown::Shutdown;

/// Why a server can't run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address can't be listened on.
    #[error("cannot listen on {addr}: {source}; choose another --addr, or port 0 for a free one")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// A flag of the pool was given to a server that has none.
    #[error("{flag} goes with the pool: serve with it, or leave the flag out")]
    Flag {
        /// The flag.
        flag: &'static str,
    },
    /// The threads it can't do without can't be made.
    #[error(
        "cannot start a thread: {0}; lower --stack-size or --pool-threads, or raise `ulimit -u`"
    )]
    Thread(#[source] io::Error),
    /// The file that `/file` reads can't be made.
    #[error("cannot write a temporary file of 1 MiB: {0}; make room, or set TMPDIR")]
    TemporaryFile(#[source] io::Error),
    /// It can't tell what it was asked to tell.
    #[error(transparent)]
    Telemetry(#[from] telemetry::Error),
    /// Its signals can't be awaited.
    #[error("cannot wait for signals: {0}")]
    Signals(#[source] nix::errno::Errno),
    /// Nobody can be told that it is ready.
    #[error("cannot write the line that says where it listens: {0}")]
    Output(#[source] io::Error),
}

/// A server running in threads of this process, as tests want it.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    shutdown: Shutdown,
    thread: Option<JoinHandle<Result<Drained, Error>>>,
}

/// Starts a server in threads of this process.
///
/// # Errors
///
/// [`Error`] when it can't listen or start its threads.
pub fn start(config: Config) -> Result<Running, Error> {
    let listener: TcpListener = bind(&config)?;
    let addr = listener.local_addr().map_err(|source| Error::Listen {
        addr: config.addr,
        source,
    })?;
    let shutdown = Shutdown::new();
    let thread = {
        let shutdown = shutdown.clone();
        thread::Builder::new().spawn(move || run(&listener, config, &shutdown))
    };
    Ok(Running {
        addr,
        shutdown,
        thread: Some(thread.map_err(Error::Thread)?),
    })
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops it, with what is in flight finished.
    ///
    /// # Errors
    ///
    /// What made it fail before, if it did.
    pub fn stop(mut self) -> Result<Drained, Error> {
        self.end().unwrap_or(Ok(Drained::default()))
    }

    fn end(&mut self) -> Option<Result<Drained, Error>> {
        self.shutdown.trigger();
        self.thread.take()?.join().ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
