//! The performance gate: from blocks to a verdict, and what its self-test says.
//!
//! # Layout
//!
//! - [`point`], [`judge`](mod@judge), `symptoms`: from blocks to a verdict. [`progress`]: how far a gate is.
//! - [`self_test`], `columns`: what blocks of a server against itself say about the gate and about this machine.

mod columns;
pub mod judge;
pub mod point;
pub mod progress;
pub mod self_test;
mod symptoms;

pub use judge::judge;
pub use symptoms::changing_answers;
