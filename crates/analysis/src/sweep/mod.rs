//! Sweeps: one kind of work over many concurrencies and waits, who wins where, and the concurrency at which the
//! answer flips.
//!
//! # Layout
//!
//! - [`interim_looks`]: when intervals may be looked at, and with which confidence.
//! - `winners`, [`crossovers`]: who wins each cell, and where the answer flips.
//! - [`narrative`], `ends`: the page in plain words.

pub mod crossovers;
pub mod interim_looks;
pub mod narrative;
mod saturation;
mod winners;

pub use winners::{analyse, analyse_cell, client_bound, cores, distance_from_flip};
