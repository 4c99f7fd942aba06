//! What is shown of each kind of record, and its report in every format.
//!
//! Reads no clock, opens no socket and prints nothing. A [`Record`](record::Record) comes in, text goes out.
//!
//! # Layout
//!
//! - [`run`]: of a run, or of several. [`csv`], [`hgrm`]: runs for other programs.
//! - [`gate`], [`self_test`], [`suite`], [`sweep`], [`contenders`], [`capacity`], [`scale`], [`limits`]: of the other
//!   kinds of record; [`any`]: of any kind.
//! - [`compared`]: of two records of different days.
//! - `notes`: warnings as they are shown.

pub mod any;
pub mod capacity;
pub mod compared;
pub mod contenders;
pub mod csv;
pub mod gate;
pub mod hgrm;
pub mod limits;
mod notes;
pub mod run;
pub mod scale;
pub mod self_test;
pub mod suite;
pub mod sweep;
#[cfg(test)]
#[path = "../../analysis/src/testing/capacity.rs"]
mod testing;

pub use run::{render, render_all};
