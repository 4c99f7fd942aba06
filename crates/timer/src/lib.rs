//! Waiting on Tokio tasks as precisely as the system can.
//!
//! Tokio's own timer ticks in whole milliseconds and rounds up: a sleep of 1 ms takes about 2 ms, while a thread's takes
//! 1.1 ms. Where a wait stands for I/O that difference would be taken for one between threads and tasks.
//!
//! - `ticker`: one timer of the system, awaited like a socket;
//! - [`PreciseTimer`]: one task waits for one instant;
//! - [`Alarms`]: many tasks wait, each for its own.

mod alarms;
mod precise;
mod ticker;

pub use alarms::{Alarms, Sleep};
pub use precise::PreciseTimer;
