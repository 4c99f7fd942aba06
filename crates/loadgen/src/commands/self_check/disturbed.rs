//! A load generator that is stopped, and a machine that is busy with something else: what a run must notice by itself.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use analysis::comparisons::{Standing, standing};
use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use record::{Comparison, Record};

use super::child::{self, Measuring, Scripted};
use super::finding::Finding;
use super::{Observations, Situation};
use bench::counters;

/// The load generator is stopped so long after its start, in the middle of what it measures, and for so long.
const STOPPED_AFTER: Duration = Duration::from_millis(2500);
const STOPPED: Duration = Duration::from_millis(700);
/// A pause may be seen longer or shorter by what the scheduler takes to stop and wake it.
const SLACK_MS: f64 = 50.0;
/// Busy loops for each core: enough that no server has its core for itself.
const LOOPS_PER_CORE: usize = 2;

/// Both.
pub fn situations() -> impl Iterator<Item = Situation> {
    let stopped = Situation {
        name: "load generator stopped",
        check: Box::new(stopped_generator),
    };
    let busy = Situation {
        name: "2 busy loops on each core",
        check: Box::new(busy_machine),
    };
    [stopped, busy].into_iter()
}

fn stopped_generator() -> anyhow::Result<Observations> {
    let server = Scripted::start("--delay 2ms")?;
    let measuring = Measuring::start(&format!("{} -c 8 -d 4s --warmup 500ms", server.url()))?;
    thread::sleep(STOPPED_AFTER);
    let stopped = stop(&measuring)?;
    let record = measuring.record()?;
    Ok(Observations {
        findings: pause_findings(&record, stopped),
        others_percent: child::others_percent(&record),
    })
}

/// Stops a process for a while; how long it stood.
fn stop(measuring: &Measuring) -> anyhow::Result<Duration> {
    let pid = Pid::from_raw(i32::try_from(measuring.pid())?);
    let begun = Instant::now();
    kill(pid, Signal::SIGSTOP).context("cannot stop the load generator")?;
    thread::sleep(STOPPED);
    kill(pid, Signal::SIGCONT).context("cannot let the load generator go on")?;
    Ok(begun.elapsed())
}

/// The pause is told, and is nobody's latency.
fn pause_findings(record: &Record, stopped: Duration) -> Vec<Finding> {
    let stopped_ms = stopped.as_secs_f64() * 1e3;
    let blocks = || record.results.iter().flat_map(|cell| &cell.blocks);
    let longest_ms = blocks()
        .filter_map(|it| it.client_pause_ms)
        .reduce(f64::max);
    let mut slowest_us = record.results.iter().filter_map(|cell| cell.latency_us.max);
    let is_latency = slowest_us.any(|us| us / 1e3 > stopped_ms / 2.0);
    let served = blocks()
        .filter(|it| it.client_pause_ms.is_some_and(|ms| ms > stopped_ms / 2.0))
        .filter(|it| it.p50_us.is_some() || it.mean_us.is_some() || it.p99_us.is_some());
    let word = |is: bool| if is { "yes" } else { "no" }.to_owned();
    vec![
        Finding::time_ms("longest own pause", stopped_ms, longest_ms, SLACK_MS),
        Finding::new(
            "pause is latency",
            word(false),
            word(is_latency),
            !is_latency,
        ),
        Finding::count("latency beside it, blocks", 0, served.count() as u64),
    ]
}

fn busy_machine() -> anyhow::Result<Observations> {
    let loops = BusyLoops::start(counters::available_cores() * LOOPS_PER_CORE);
    let arguments = "-s sync -s async-bare -c 64 -d 4s --same-rate off";
    let record = Measuring::start(arguments)?.record()?;
    drop(loops);
    Ok(Observations {
        findings: busy_findings(&record),
        // Others' work is what this is about; it excuses nothing.
        others_percent: None,
    })
}

fn busy_findings(record: &Record) -> Vec<Finding> {
    let is_winner = |it: &Comparison| standing(it) == Standing::Winner;
    let names_winner = child::throughput(record).is_some_and(is_winner);
    let winner = if names_winner { "one" } else { "none" };
    let mut findings = vec![Finding::new(
        "winner",
        "none".to_owned(),
        winner.to_owned(),
        !names_winner,
    )];
    if let Some(percent) = child::others_percent(record) {
        // Fair shares are two thirds and more; what the servers leave idle is theirs too.
        findings.push(Finding::new(
            "CPU of others",
            "over 20 %".to_owned(),
            format::percent(percent),
            percent > 20.0,
        ));
    }
    findings
}

/// Threads of this process that compute until they are dropped. To a child that measures they are another program.
struct BusyLoops {
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl BusyLoops {
    fn start(count: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let busy = |stop: Arc<AtomicBool>| {
            while !stop.load(Ordering::Relaxed) {
                black_box(contract::kernel::compute(1000));
            }
        };
        let threads = (0..count).map(|_| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || busy(stop))
        });
        Self {
            threads: threads.collect(),
            stop,
        }
    }
}

impl Drop for BusyLoops {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A loop cannot fail.
            thread.join().ok();
        }
    }
}
