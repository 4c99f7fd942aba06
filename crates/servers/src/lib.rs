//! The servers that the program has in itself: their names, their flags, and the two that only help to measure.
//!
//! - [`serve`]: all of them, as `loadgen serve` knows them.
//! - [`scripted`]: a server of known truth; [`peer`]: who answers after a time that it is told.
//! - [`lanes`]: a few threads that carry thousands of connections, for these two.

pub mod lanes;
pub mod peer;
pub mod scripted;
pub mod serve;

/// All of them, as `loadgen serve` knows them.
pub const MODELS: [&str; 4] = ["sync", "sync-pool", "async-bare", "async"];

/// Those that are measured when none is named; the first is the baseline.
pub const DEFAULT: [&str; 3] = ["sync", "async-bare", "async"];
