//! Memory, threads and descriptors of the processes, looked at ten times a second.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::counters::{self, ProcessMemory};
use crate::pids::Pids;

const INTERVAL: Duration = Duration::from_millis(100);
/// Looks until a server's tree of processes is read again: that takes a file for each of its threads.
const LOOKS_PER_TREE: u32 = 10;

/// A process at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// The moment.
    pub at: Instant,
    /// Number of the server under test; `None` is the load generator.
    pub sut: Option<usize>,
    /// CPU time used since it began.
    pub cpu: Option<Duration>,
    /// Number of the set of processes that was looked at: another one when some came or went.
    pub set: u32,
    /// Memory, threads, descriptors; added up over the processes of a server.
    pub memory: ProcessMemory,
}

/// Looks at processes until it is dropped.
pub struct Sampler {
    stop: Arc<AtomicBool>,
    samples: Arc<Mutex<Vec<Sample>>>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Starts looking at the load generator and at each server's processes.
    pub fn start(suts: Vec<Pids>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let samples = Arc::new(Mutex::new(Vec::new()));
        let thread = std::thread::spawn({
            let (stop, samples) = (Arc::clone(&stop), Arc::clone(&samples));
            move || {
                let mut due = Instant::now();
                let mut sets: Vec<Set> = suts.into_iter().map(Set::of).collect();
                let mut looks = 0_u32;
                while !stop.load(Ordering::Relaxed) {
                    looks += 1;
                    if looks.is_multiple_of(LOOKS_PER_TREE) {
                        sets.iter_mut().for_each(Set::read_again);
                    }
                    let round = look(&sets);
                    samples
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .extend(round);
                    due += INTERVAL;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                }
            }
        });
        Self {
            stop,
            samples,
            thread: Some(thread),
        }
    }

    /// Takes the samples since the last call.
    pub fn take(&self) -> Vec<Sample> {
        std::mem::take(&mut *self.samples.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// The processes of a server as they were read last.
struct Set {
    source: Pids,
    pids: Vec<u32>,
    number: u32,
}

impl Set {
    fn of(source: Pids) -> Self {
        Self {
            pids: source.now(),
            source,
            number: 0,
        }
    }

    fn read_again(&mut self) {
        let pids = self.source.now();
        if pids != self.pids {
            self.pids = pids;
            self.number += 1;
        }
    }
}

fn look(suts: &[Set]) -> Vec<Sample> {
    let at = Instant::now();
    let own = Sample {
        at,
        sut: None,
        cpu: Some(counters::own_cpu()),
        set: 0,
        memory: counters::process_memory(std::process::id()),
    };
    let servers = suts
        .iter()
        .enumerate()
        .filter(|(_, set)| !set.pids.is_empty())
        .map(|(sut, set)| Sample {
            at,
            sut: Some(sut),
            cpu: set.pids.iter().map(|&pid| counters::process_cpu(pid)).sum(),
            set: set.number,
            memory: set
                .pids
                .iter()
                .map(|&pid| counters::process_memory(pid))
                .fold(ProcessMemory::default(), add),
        });
    std::iter::once(own).chain(servers).collect()
}

/// Sums what is known: a process that has ended adds nothing.
fn add(a: ProcessMemory, b: ProcessMemory) -> ProcessMemory {
    let sum = |a: Option<u64>, b: Option<u64>| {
        if a.is_none() {
            b
        } else {
            a.map(|a| a + b.unwrap_or(0))
        }
    };
    ProcessMemory {
        rss_bytes: sum(a.rss_bytes, b.rss_bytes),
        threads: sum(a.threads, b.threads),
        fds: sum(a.fds, b.fds),
        fds_limit: sum(a.fds_limit, b.fds_limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_generator_is_looked_at_without_any_server() {
        let sampler = Sampler::start(Vec::new());
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut samples = Vec::new();
        while samples.is_empty() && Instant::now() < deadline {
            std::thread::yield_now();
            samples = sampler.take();
        }
        assert!(samples.iter().all(|sample| sample.sut.is_none()));
        assert!(samples[0].cpu.is_some());
    }
}
