//! The names of the built-in servers.

/// All of them, as `loadgen serve` knows them.
pub const MODELS: [&str; 4] = ["sync", "sync-pool", "async-bare", "async"];

/// Those that are measured when none is named; the first is the baseline.
pub const DEFAULT: [&str; 3] = ["sync", "async-bare", "async"];
