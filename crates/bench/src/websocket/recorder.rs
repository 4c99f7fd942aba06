//! What one lane saw.

use std::time::{Duration, Instant};

use engine::{ErrorKind, Measurement};

use super::Window;

/// Sums of one slice.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SliceSums {
    /// Messages counted.
    pub requests: u64,
    /// Their latencies added up.
    pub latency: Duration,
}

/// A lane's record: never shared while measuring.
#[derive(Default)]
pub(super) struct Recorder {
    pub(super) total: Measurement,
    pub(super) slice: SliceSums,
}

impl Recorder {
    /// A message of `bytes` has arrived as it should; whether it counts.
    pub(super) fn arrived(
        &mut self,
        window: &Window,
        sent: Instant,
        done: Instant,
        bytes: usize,
    ) -> bool {
        self.total.answers_total += 1;
        if !window.counts(sent) {
            return false;
        }
        let latency = done.saturating_duration_since(sent);
        self.total.waited += latency;
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.total.requests += 1;
        self.total.bytes_received += bytes as u64;
        self.total.latency.saturating_record(nanoseconds);
        self.total.service_time.saturating_record(nanoseconds);
        self.total.send_lag.saturating_record(0);
        self.slice.requests += 1;
        self.slice.latency += latency;
        true
    }

    /// `count` messages have not arrived, or not as they should.
    pub(super) fn failed(&mut self, kind: ErrorKind, count: u64) {
        self.total.errors.add(kind, count);
        self.total.failed += count;
        self.total.unanswered += if kind == ErrorKind::Timeout { count } else { 0 };
    }

    /// A connection was made, in this time.
    pub(super) fn connected(&mut self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.total.connections.established += 1;
        self.total.connect.saturating_record(nanoseconds);
    }
}
