//! The one table of simulated waits. They are the article's.

use std::time::Duration;

/// Something a handler waits for instead of doing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// How long it takes, in milliseconds.
    pub ms: u64,
    /// What it gives.
    pub result: &'static str,
}

impl Wait {
    /// How long it takes.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.ms)
    }
}

/// A query of a database.
pub const DATABASE: Wait = Wait {
    ms: 200,
    result: "Database result",
};

/// A call of somebody else's interface.
pub const API: Wait = Wait {
    ms: 300,
    result: "API result",
};

/// Reading a file.
pub const FILE: Wait = Wait {
    ms: 100,
    result: "File content",
};
