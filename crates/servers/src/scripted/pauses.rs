//! When the server stands still: by the clock, and for a while from some instant on.
//!
//! A worker that stands still sleeps as a whole, its connections with it. What it had begun takes as much longer.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::script::Freeze;

/// The stalls of all workers, one after the other.
pub(super) struct Stalls {
    epoch: Instant,
    last: Mutex<Stall>,
}

/// The latest stall, in time since the epoch, and how long those before it were together.
#[derive(Debug, Clone, Copy, Default)]
struct Stall {
    from: Duration,
    until: Duration,
    before: Duration,
}

impl Stalls {
    pub(super) fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            last: Mutex::default(),
        }
    }

    /// Adds a stall; one that is not over is gone on with.
    pub(super) fn add(&self, from: Instant, length: Duration) {
        let from = from.saturating_duration_since(self.epoch);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let from = from.max(last.until);
        *last = Stall {
            from,
            until: from + length,
            before: last.before + (last.until - last.from),
        };
    }

    fn last(&self) -> Stall {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stall {
    fn end(self, at: Duration) -> Option<Duration> {
        (self.from..self.until).contains(&at).then_some(self.until)
    }

    fn stood(self, at: Duration) -> Duration {
        self.before + at.min(self.until).saturating_sub(self.from)
    }
}

impl Freeze {
    /// Whole periods before, and time in this one.
    fn phase(self, at: Duration) -> (u32, Duration) {
        let period = self.period.as_nanos().max(1);
        let periods = u32::try_from(at.as_nanos() / period).unwrap_or(u32::MAX);
        (periods, at.saturating_sub(self.period * periods))
    }

    fn end(self, at: Duration) -> Option<Duration> {
        let (periods, phase) = self.phase(at);
        (phase >= self.period.saturating_sub(self.length)).then(|| self.period * (periods + 1))
    }

    fn stood(self, at: Duration) -> Duration {
        let (periods, phase) = self.phase(at);
        let awake = self.period.saturating_sub(self.length);
        self.length * periods + phase.saturating_sub(awake)
    }
}

/// When one worker stands still. A freeze by the clock and stalls are not meant to be used together: time in which both
/// hold would count twice.
pub(super) struct Pauses {
    stalls: Arc<Stalls>,
    freeze: Option<Freeze>,
}

impl Pauses {
    pub(super) fn new(stalls: Arc<Stalls>, freeze: Option<Freeze>) -> Self {
        Self { stalls, freeze }
    }

    /// Blocks this thread until it may work.
    pub(super) fn stand_still(&self) {
        loop {
            let now = self.stalls.epoch.elapsed();
            let frozen = self.freeze.and_then(|it| it.end(now));
            match self.stalls.last().end(now).max(frozen) {
                Some(end) => thread::sleep(end.saturating_sub(now)),
                None => return,
            }
        }
    }

    /// How long this worker stood still until now, all in all.
    pub(super) fn stood(&self) -> Duration {
        let now = self.stalls.epoch.elapsed();
        let frozen = self.freeze.map_or(Duration::ZERO, |it| it.stood(now));
        self.stalls.last().stood(now) + frozen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn the_clock_freezes_the_end_of_each_period() {
        let freeze = Freeze {
            length: ms(200),
            period: ms(1000),
        };
        for (at, end, stood) in [
            (0, None, 0),
            (799, None, 0),
            (800, Some(1000), 0),
            (900, Some(1000), 100),
            (1000, None, 200),
            (2999, Some(3000), 599),
        ] {
            assert_eq!(freeze.end(ms(at)), end.map(ms), "at {at} ms");
            assert_eq!(freeze.stood(ms(at)), ms(stood), "at {at} ms");
        }
    }

    #[test]
    fn stalls_add_up() {
        let stalls = Stalls::new(Instant::now());
        stalls.add(stalls.epoch + ms(100), ms(50));
        let first = stalls.last();
        assert_eq!(
            (first.end(ms(99)), first.end(ms(100))),
            (None, Some(ms(150)))
        );
        assert_eq!(
            (first.stood(ms(120)), first.stood(ms(900))),
            (ms(20), ms(50))
        );
        stalls.add(stalls.epoch + ms(120), ms(50));
        let second = stalls.last();
        assert_eq!(second.end(ms(150)), Some(ms(200)), "gone on with");
        assert_eq!(second.stood(ms(900)), ms(100));
    }
}
