//! `/stats` of the servers, read while they are loaded.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use server_core::Stats;

use bench::server_under_test::ServerUnderTest;

const INTERVAL: Duration = Duration::from_millis(100);

/// What `/stats` of one server told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peaks {
    /// Most requests that were being answered at once.
    pub in_flight_peak: u64,
    /// Most pieces of work that ran at once on threads or tasks of their own.
    pub work_running_peak: u64,
    /// Pieces of work that went on although nobody waited for them any more.
    pub work_abandoned: u64,
}

/// Reads until it is ended.
pub struct Watch {
    stop: Arc<AtomicBool>,
    before: Vec<Option<Stats>>,
    peaks: Arc<Mutex<Vec<Peaks>>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Starts to read `/stats` of each server ten times a second.
    pub fn start(suts: &[ServerUnderTest]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let peaks = Arc::new(Mutex::new(vec![Peaks::default(); suts.len()]));
        let readers: Vec<_> = suts.iter().map(ServerUnderTest::stats_reader).collect();
        let before = readers.iter().map(|read| read()).collect();
        let thread = std::thread::spawn({
            let (stop, peaks) = (Arc::clone(&stop), Arc::clone(&peaks));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    for (sut, read) in readers.iter().enumerate() {
                        if let Some(stats) = read() {
                            let mut peaks = peaks.lock().unwrap_or_else(PoisonError::into_inner);
                            peaks[sut].see(stats);
                        }
                    }
                    std::thread::sleep(INTERVAL);
                }
            }
        });
        Self {
            stop,
            before,
            peaks,
            thread: Some(thread),
        }
    }

    /// Ends reading; one entry for each server, `None` where `/stats` did not answer.
    pub fn end(mut self, suts: &[ServerUnderTest]) -> Vec<Option<Peaks>> {
        self.stop();
        let peaks = self.peaks.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = suts.iter().zip(&self.before).zip(peaks.iter());
        ends.map(|((sut, before), &peak)| {
            let (before, after) = ((*before)?, sut.stats()?);
            Some(Peaks {
                work_abandoned: after.work_abandoned.saturating_sub(before.work_abandoned),
                ..peak
            })
        })
        .collect()
    }

    fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok(); // a reader that panicked has told its last already
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Peaks {
    /// This request to `/stats` is in flight too.
    fn see(&mut self, stats: Stats) {
        self.in_flight_peak = self.in_flight_peak.max(stats.in_flight.saturating_sub(1));
        self.work_running_peak = self.work_running_peak.max(stats.work_running);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_that_looks_is_not_counted() {
        let stats = |in_flight, work_running| Stats {
            connections: 0,
            in_flight,
            work_running,
            work_abandoned: 0,
            panics: 0,
            cpu_us: 0,
            context_switches: 0,
        };
        let mut peaks = Peaks::default();
        for (in_flight, work_running) in [(1, 0), (8, 3), (2, 5)] {
            peaks.see(stats(in_flight, work_running));
        }
        assert_eq!((peaks.in_flight_peak, peaks.work_running_peak), (7, 5));
    }
}
