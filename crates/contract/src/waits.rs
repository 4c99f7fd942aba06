//! The one table of simulated waits, which are the article's, and how a peer is told to wait.

use std::time::Duration;

use crate::Answer;

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

/// What the peer for waits is sent: the time in microseconds, in network order. It answers with [`PEER_ANSWER`] after it.
pub fn told(time: Duration) -> [u8; 4] {
    u32::try_from(time.as_micros())
        .unwrap_or(u32::MAX)
        .to_be_bytes()
}

/// The time that the peer was told.
pub fn time(told: [u8; 4]) -> Duration {
    Duration::from_micros(u32::from_be_bytes(told).into())
}

/// What the peer answers after the time.
pub const PEER_ANSWER: [u8; 1] = [b'.'];

/// 502: what stands for I/O has failed.
pub fn failed(error: &std::io::Error) -> Answer {
    Answer::error(502, &format!("the peer for waits: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_is_told_up_to_an_hour_to_the_microsecond() {
        for time_us in [0, 1, 1_500, 3_600_000_000] {
            let duration = Duration::from_micros(time_us);
            assert_eq!(time(told(duration)), duration);
        }
    }
}
