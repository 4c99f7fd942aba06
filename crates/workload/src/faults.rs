//! The injected faults at work; sleeping is left to the servers, since each has its own way.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::{config::Faults, kernel};

/// The faults of a server, ready to be applied.
#[derive(Debug)]
pub struct Injector {
    faults: Faults,
    requests: AtomicU64,
    tasks: AtomicU64,
    lock: Mutex<()>,
}

impl Injector {
    /// An injector, or `None` when there is nothing to inject: then a request pays one branch.
    pub fn new(faults: &Faults) -> Option<Self> {
        faults.any().then(|| Self {
            faults: faults.clone(),
            requests: AtomicU64::new(0),
            tasks: AtomicU64::new(0),
            lock: Mutex::new(()),
        })
    }

    /// Computes, holds the lock, and returns how long the caller still has to sleep, if at all.
    ///
    /// # Panics
    ///
    /// On every n-th request, when asked to.
    pub fn apply(&self) -> Option<Duration> {
        panic_now_and_then(&self.requests, self.faults.panic_every, "request");
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
