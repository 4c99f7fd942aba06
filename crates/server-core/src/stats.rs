//! The counters behind `/stats`.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};
use serde::{Deserialize, Serialize};

use contract::Answer;

/// What `/stats` answers: leaks and cancelled work show here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Connections open now.
    pub connections: u64,
    /// Requests that are being answered now, this one included.
    pub in_flight: u64,
    /// Pieces of work running now on threads or tasks of their own.
    pub work_running: u64,
    /// Pieces of work that went on although nobody waited for their result any more, since start.
    pub work_abandoned: u64,
    /// Handlers and pieces of work that panicked, since start.
    pub panics: u64,
    /// CPU time of the process, user and system, ended threads included, in microseconds.
    pub cpu_us: u64,
    /// Context switches of the process, voluntary and involuntary.
    pub context_switches: u64,
}

impl Stats {
    /// The answer to `GET /stats`.
    pub fn answer(&self) -> Answer {
        Answer::json(self)
    }
}

/// Counts that handlers keep; connections are counted by the servers.
#[derive(Debug, Default)]
pub struct Counters {
    work_running: AtomicU64,
    work_abandoned: AtomicU64,
    panics: AtomicU64,
}

impl Counters {
    /// Counts a panic.
    pub fn panicked(&self) {
        self.panics.fetch_add(1, Relaxed);
    }

    /// Counts a piece of work that goes on although nobody waits for its result any more.
    pub fn abandoned(&self) {
        self.work_abandoned.fetch_add(1, Relaxed);
    }

    /// Counts a piece of work as running until the guard is dropped, and a panic if that is why:
    /// hold the guard where the work is done.
    pub fn running<C: std::ops::Deref<Target = Self>>(counters: C) -> Running<C> {
        counters.work_running.fetch_add(1, Relaxed);
        Running { counters }
    }

    /// Pieces of work running now.
    pub fn work_running(&self) -> u64 {
        self.work_running.load(Relaxed)
    }

    /// All of it, with what the server and the operating system know.
    pub fn snapshot(&self, connections: u64, in_flight: u64) -> Stats {
        let (cpu_us, context_switches) = usage();
        Stats {
            connections,
            in_flight,
            work_running: self.work_running(),
            work_abandoned: self.work_abandoned.load(Relaxed),
            panics: self.panics.load(Relaxed),
            cpu_us,
            context_switches,
        }
    }
}

/// A piece of work that is running.
#[derive(Debug)]
pub struct Running<C: std::ops::Deref<Target = Counters>> {
    counters: C,
}

impl<C: std::ops::Deref<Target = Counters>> Drop for Running<C> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.counters.panicked();
        }
        self.counters.work_running.fetch_sub(1, Relaxed);
    }
}

/// CPU time in microseconds and context switches of this process. `getrusage` on oneself can't
/// fail; should it, both are 0.
fn usage() -> (u64, u64) {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else {
        return (0, 0);
    };
    let cpu_us = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    let switches = usage.voluntary_context_switches() + usage.involuntary_context_switches();
    (
        u64::try_from(cpu_us).unwrap_or(0),
        u64::try_from(switches).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_stand_in_the_order_of_the_contract() {
        let counters = Counters::default();
        counters.panicked();
        let running = Counters::running(&counters);
        let stats = Stats {
            cpu_us: 5,
            context_switches: 6,
            ..counters.snapshot(2, 1)
        };
        assert_eq!(
            String::from_utf8_lossy(&stats.answer().body),
            r#"{"connections":2,"in_flight":1,"work_running":1,"work_abandoned":0,"panics":1,"cpu_us":5,"context_switches":6}"#
        );
        drop(running);
        assert_eq!(counters.snapshot(0, 0).work_running, 0);
    }

    #[test]
    fn cpu_time_grows_with_work() {
        let before = usage().0;
        while usage().0 == before {
            std::hint::black_box(contract::kernel::compute(100));
        }
    }
}
