//! The load generator as a library: connections, schedule, pacing, recording.
//!
//! It knows HTTP and nothing of any particular server. An [`Engine`] owns a few worker threads; each
//! worker owns its share of every target's connections, its histograms and its random numbers, so
//! nothing is shared while measuring. The caller connects [`Target`]s, runs [`Slice`]s of load against
//! them in turns and collects a [`Measurement`] per target. A request belongs to the slice in which it was
//! sent, whenever its answer comes.
//!
//! # Layout
//!
//! | module | question it answers |
//! |---|---|
//! | `config` | what is to be loaded, how, and for how long |
//! | `engine` | the caller's side: commands to the workers, their answers merged |
//! | `pool` | the worker threads as a whole: started, asked, ended |
//! | `worker` | a worker thread: its runtime, its targets, one slice until the run moves on |
//! | `drive` | the life of one connection: slice after slice, take a send slot, ask, record |
//! | `send_slot`, `pacer`, `schedule` | *when* to send |
//! | `endpoint` | *where* to connect |
//! | `client`, `response` | *how* to send, and what an answer is |
//! | `recorder`, `live`, `measurement`, `merge` | *what happened* |
//! | `connection_slot`, `active` | what a connection waits for: its request, its deadline, its rest; how many are at work |
//! | `stillness` | how long nobody was answered, or no worker ran |
//! | `fetch`, `limits`, `wrk` | one whole answer; open files; wrk's way of counting |
//!
//! # Three instants
//!
//! Every request has an *intended* instant (when the plan wanted it sent), *sent* (first byte handed
//! to the kernel) and *done* (last byte of the answer read). Latency is done − intended, service time
//! done − sent, send lag sent − intended. Nothing is corrected afterwards.

mod active;
mod client;
mod clock;
mod config;
mod connection_slot;
mod drive;
mod endpoint;
mod engine;
mod error;
mod fetch;
pub mod limits;
mod live;
mod measurement;
mod merge;
mod pacer;
mod plan;
mod pool;
mod recorder;
mod response;
mod schedule;
mod send_slot;
mod stillness;
mod worker;
mod wrk;

pub use config::{
    Arrivals, ClientKind, EngineConfig, Expect, ExpectBody, ExpectStatus, Load, Request,
    RequestClass, Slice, SliceEnd, StatusSet, Target, TargetId,
};
pub use engine::{CancelHandle, Engine, LoadOutcome, SliceOutcome};
pub use error::{ConnectError, EngineError};
pub use fetch::{Answer, FetchError, fetch, fetch_start, wait_until_accepting};
pub use live::{LiveTarget, LiveView};
pub use measurement::{
    ClassMeasurement, ClosedConnections, ConnectionCounts, ErrorCounts, ErrorKind, Measurement,
    SeriesPoint, Service, new_histogram,
};
pub use wrk::wrk_compatible;
