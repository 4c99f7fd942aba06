//! Pure arithmetic on benchmark figures: summaries, intervals, paired comparisons, fits.
//!
//! Nothing here reads a clock, opens a file or prints: numbers go in, numbers and verdicts come
//! out. Randomness, where a method needs it, always starts from a seed the caller passes in.
//!
//! # Layout
//!
//! One run:
//! - [`summary`]: mean, spread and quantiles of a few numbers.
//! - [`percentile`]: how many requests a percentile needs, and where it lies among lost ones.
//! - [`fairness`], [`little`]: how evenly connections were served, whether anything is missing.
//!
//! Two servers:
//! - [`schedule`]: the order of slices within a block.
//! - [`paired`], on [`signed_rank`]: the ratio over blocks and its exact interval.
//! - [`gate`]: passed, regressed or inconclusive.
//! - [`calibration`], [`proportion`]: whether intervals and gates keep their word.
//! - [`warmup`]: whether blocks drift within themselves.
//! - [`claim`], [`rank`]: what is claimed elsewhere, held against what is measured here.
//!
//! Many loads:
//! - [`crossover`]: the concurrency from which on one server wins.
//! - [`capacity`]: the search for the highest rate sustained.
//! - [`usl`]: the Universal Scalability Law, with [`student`]'s intervals.
//!
//! All of it: [`thresholds`], every limit by which something is decided.

pub mod calibration;
pub mod capacity;
pub mod claim;
pub mod crossover;
pub mod fairness;
pub mod gate;
pub mod interval;
pub mod little;
mod nonnegative;
pub mod paired;
pub mod percentile;
pub mod proportion;
pub mod rank;
pub mod schedule;
pub mod signed_rank;
pub mod student;
pub mod summary;
pub mod thresholds;
pub mod usl;
pub mod warmup;

#[cfg(test)]
mod operating_characteristics;
#[cfg(test)]
mod simulate;
