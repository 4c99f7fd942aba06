//! Experiments: what is measured in which order, from a plan to a record. Here is what several commands make; an
//! experiment of one command is in that command's folder.
//!
//! # Layout
//!
//! - [`plan`]: a run, as it shall be. [`run`]: the run, for one workload; [`document`] is the record around the
//!   cells.
//! - [`scenarios`]: what each kind of workload needs beyond the common run, and its figures.
//! - [`sweep`]: a map of many cells, visited where the answer is close to flipping.
//! - [`progress`], [`steps`]: how far it is, on standard error. [`saved`]: records that are written while they grow.

pub mod document;
pub mod plan;
pub mod progress;
pub mod run;
pub mod saved;
pub mod scenarios;
pub mod steps;
pub mod sweep;
