//! Pure arithmetic on benchmark figures: summaries, intervals, paired comparisons, fits.
//!
//! Nothing here reads a clock, opens a file or prints: numbers go in, numbers and verdicts come
//! out. Randomness, where a method needs it, always starts from a seed the caller passes in.
//!
//! # Layout
//!
//! - [`signed_rank`], [`paired`]: the exact Wilcoxon interval over blocks.
//! - [`summary`]: mean, spread and quantiles of a few numbers.

pub mod paired;
pub mod signed_rank;
pub mod summary;
