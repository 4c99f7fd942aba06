//! Limits and injected faults, alike on all servers.

use std::{fmt, net::SocketAddr, str::FromStr, time::Duration};

use serde::{Serialize, Serializer};

/// What a server takes from its clients before it refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Connections the kernel keeps before they are accepted. With the usual 128 and a connection
    /// per request, p99 is a retransmitted SYN.
    pub backlog: u32,
    /// Connections served at once; more are answered with 503. `None`: as many as the machine can.
    pub max_connections: Option<usize>,
    /// The longest request head, in bytes; over it 431.
    pub max_head_bytes: usize,
    /// The longest body, in bytes; over it 413.
    pub max_body_bytes: u64,
    /// The longest body of an upload, in bytes; over it 413.
    pub max_upload_bytes: u64,
    /// How long a head may take from its first byte, in milliseconds.
    pub head_timeout_ms: u64,
    /// How long a connection may wait for a request, a body's next bytes, or a client that does not
    /// read, in milliseconds.
    pub idle_timeout_ms: u64,
    /// How long requests in flight may take to finish when the server is told to stop, in
    /// milliseconds.
    pub drain_timeout_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            backlog: 4096,
            max_connections: None,
            max_head_bytes: 16 * 1024,
            max_body_bytes: 10 * 1024 * 1024,
            max_upload_bytes: 128 * 1024 * 1024,
            head_timeout_ms: 10_000,
            idle_timeout_ms: 75_000,
            drain_timeout_ms: 10_000,
        }
    }
}

impl Limits {
    /// How long a head may take from its first byte.
    pub fn head_timeout(&self) -> Duration {
        Duration::from_millis(self.head_timeout_ms)
    }

    /// How long nothing may happen.
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    /// How long requests in flight may take to finish when the server is told to stop.
    pub fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }
}

/// What a simulated wait is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Waiting {
    /// The most precise timer of the system, so that waits last equally long on threads and on tasks.
    #[default]
    Exact,
    /// The timer that one would take: a thread's sleep, and Tokio's, which ticks in whole milliseconds.
    Runtime,
    /// A read from the peer at this address, which answers after the time it is told. See [`contract::waits::told`].
    Socket(SocketAddr),
}

impl FromStr for Waiting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "exact" => Ok(Self::Exact),
            "runtime" => Ok(Self::Runtime),
            _ => text.parse().map(Self::Socket).map_err(|_| {
                "allowed are exact, runtime, and the IP:PORT of `loadgen serve waits`".to_owned()
            }),
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.write_str("exact"),
            Self::Runtime => f.write_str("runtime"),
            Self::Socket(addr) => write!(f, "{addr}"),
        }
    }
}

impl Serialize for Waiting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Costs put into every request (but `/health` and `/stats`), to see whether a measurement finds
/// them. All 0 by default, and then free.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Faults {
    /// Units of the CPU kernel computed per request.
    pub cpu_units: u64,
    /// A sleep per request, in microseconds, on the timer that [`Waiting`] says.
    pub sleep_us: u64,
    /// How long each request holds the one lock of the process, spinning, in microseconds.
    pub lock_us: u64,
    /// How long the whole server stands still after each [`Faults::WORK_BETWEEN_PAUSES_MS`] of work, in milliseconds.
    pub pause_ms: u64,
    /// Every how many requests a handler panics; 0 for never.
    pub panic_every: u64,
    /// Every how many pieces of work on a thread or task of their own one panics; 0 for never.
    pub task_panic_every: u64,
}

impl Faults {
    /// Time between two pauses, in milliseconds.
    pub const WORK_BETWEEN_PAUSES_MS: u64 = 300;

    /// Whether there is anything to inject.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}
