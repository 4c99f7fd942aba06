//! What both servers share and that is not waiting. How they wait is all that they differ in.
//!
//! - [`config`], [`cli`], [`faults`]: limits and injected faults, alike on all servers, and their flags.
//! - [`listener`]: the socket that is listened on. [`response`]: the heads of answers, as HTTP code of our own writes them.
//! - [`stats`]: the counters behind `/stats`.
//! - [`rooms`]: who gets which message over WebSocket.
//! - [`mod@file`]: what `/file` reads.
//! - [`lifetime`]: when a server process has to end; [`ready`]: how it says that it serves; [`drained`]: what became of its
//!   connections then.

pub mod cli;
pub mod config;
pub mod drained;
pub mod faults;
pub mod file;
pub mod lifetime;
pub mod listener;
pub mod ready;
pub mod response;
pub mod rooms;
pub mod stats;

pub use config::{Faults, Limits, Waiting};
pub use drained::Drained;
pub use stats::{Counters, Stats};
