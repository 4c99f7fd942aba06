//! One monotonic clock for all workers, in nanoseconds since the engine started.

use std::time::{Duration, Instant};

/// Nanoseconds since the engine started. A plain number, because it is compared on every request.
pub(crate) type Nanos = u64;

/// Later than every instant of a run.
pub(crate) const NEVER: Nanos = Nanos::MAX;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    epoch: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            epoch: Instant::now(),
        }
    }

    #[inline]
    pub(crate) fn now(self) -> Nanos {
        nanos(self.epoch.elapsed())
    }

    /// The instant `at` as timers want it.
    pub(crate) fn instant(self, at: Nanos) -> Instant {
        self.epoch + Duration::from_nanos(at)
    }
}

/// A duration in nanoseconds; 584 years are enough, so longer ones saturate.
#[inline]
pub(crate) fn nanos(duration: Duration) -> Nanos {
    duration
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::from(duration.subsec_nanos()))
}
