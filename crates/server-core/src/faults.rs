//! The injected faults at work; sleeping is left to the servers, since each has its own way.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use contract::kernel;

use crate::config::Faults;

/// The faults of a server, ready to be applied.
#[derive(Debug)]
pub struct Injector {
    faults: Faults,
    requests: AtomicU64,
    tasks: AtomicU64,
    lock: Mutex<()>,
    began: Instant,
}

impl Injector {
    /// An injector, or `None` when there is nothing to inject: then a request pays one branch.
    pub fn new(faults: &Faults) -> Option<Self> {
        faults.any().then(|| Self {
            faults: faults.clone(),
            requests: AtomicU64::new(0),
            tasks: AtomicU64::new(0),
            lock: Mutex::new(()),
            began: Instant::now(),
        })
    }

    /// Stands still while the server does, computes, holds the lock, and returns how long the caller still has to sleep, if at all.
    ///
    /// # Panics
    ///
    /// On every n-th request, when asked to.
    pub fn apply(&self) -> Option<Duration> {
        panic_now_and_then(&self.requests, self.faults.panic_every, "request");
        if self.faults.pause_ms > 0 {
            std::thread::sleep(pause_left(self.faults.pause_ms, self.began.elapsed()));
        }
        if self.faults.cpu_units > 0 {
            kernel::compute(self.faults.cpu_units);
        }
        if self.faults.lock_us > 0 {
            self.hold_lock(Duration::from_micros(self.faults.lock_us));
        }
        (self.faults.sleep_us > 0).then(|| Duration::from_micros(self.faults.sleep_us))
    }

    /// What a piece of work on a thread or task of its own starts with.
    ///
    /// # Panics
    ///
    /// In every n-th one, when asked to.
    pub fn apply_to_task(&self) {
        panic_now_and_then(&self.tasks, self.faults.task_panic_every, "task");
    }

    /// Spins while it holds the lock: sleeping would make a lock of 20 µs one of 70 µs.
    fn hold_lock(&self, time: Duration) {
        let _held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        while start.elapsed() < time {
            std::hint::spin_loop();
        }
    }
}

/// What is left of the pause that holds so long after the start. A thread that sleeps it out is blocked with all that
/// it serves, in either model: that is what a pause of the whole process is.
fn pause_left(pause_ms: u64, since_start: Duration) -> Duration {
    let work = Duration::from_millis(Faults::WORK_BETWEEN_PAUSES_MS);
    let period = work + Duration::from_millis(pause_ms);
    let phase_ns = since_start.as_nanos() % period.as_nanos();
    let phase = Duration::from_nanos(u64::try_from(phase_ns).unwrap_or(u64::MAX));
    match phase < work {
        true => Duration::ZERO,
        false => period.saturating_sub(phase),
    }
}

fn panic_now_and_then(count: &AtomicU64, every: u64, what: &str) {
    if every > 0 {
        let number = count.fetch_add(1, Relaxed) + 1;
        assert!(
            !number.is_multiple_of(every),
            "injected panic in {what} {number}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_injected_by_default() {
        assert!(Injector::new(&Faults::default()).is_none());
    }

    #[test]
    fn the_lock_is_held_by_one_at_a_time() {
        let faults = Faults {
            lock_us: 2_000,
            sleep_us: 7,
            ..Faults::default()
        };
        let injector = Injector::new(&faults).unwrap();
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(injector.apply(), Some(Duration::from_micros(7))));
            }
        });
        assert!(start.elapsed() >= Duration::from_millis(8));
    }

    #[test]
    fn pauses_follow_each_stretch_of_work() {
        let left = |at_ms| pause_left(30, Duration::from_millis(at_ms)).as_millis();
        assert_eq!(
            [left(0), left(299), left(300), left(329), left(330)],
            [0, 0, 30, 1, 0]
        );
        assert_eq!(left(330 * 1000 + 310), 20);
    }

    #[test]
    #[should_panic(expected = "injected panic in request 2")]
    fn panics_when_asked_to() {
        let faults = Faults {
            panic_every: 2,
            ..Faults::default()
        };
        let injector = Injector::new(&faults).unwrap();
        injector.apply();
        injector.apply();
    }
}
