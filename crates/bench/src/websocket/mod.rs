//! Messages over WebSocket: the loader beside the engine, for what is no request and answer.
//!
//! # Layout
//!
//! - this file: connections, slices, what was seen, behind the trait [`Loader`].
//! - `lane`: one thread with its runtime and its connections. `recorder`: what it saw.
//! - `echo`: a message out, the same message back. `room`: one message, all others in the room get it.
//! - `slow_reader`: what becomes of one who does not read.

mod echo;
mod lane;
mod recorder;
mod room;
pub mod slow_reader;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use engine::{Load, LoadOutcome, Measurement, Slice, SliceEnd, SliceOutcome, Target, TargetId};

use crate::interrupt;
use crate::loader::Loader;
use lane::{Job, Lane};

/// Who gets what one connection sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// Itself.
    Echo,
    /// All others in the room.
    Room,
}

/// Loads servers with messages in a closed loop.
pub struct WebSockets {
    pattern: Pattern,
    threads: usize,
    timeout: Duration,
    targets: BTreeMap<TargetId, Vec<Lane>>,
    made: u32,
}

/// Where to connect.
#[derive(Debug, Clone)]
pub struct Endpoint {
    address: SocketAddr,
    url: String,
}

/// The window of a slice, and how long one message may take.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    start: Instant,
    end: Instant,
    timeout: Duration,
}

impl Window {
    /// Whether no further message is to be sent.
    fn is_over(&self) -> bool {
        Instant::now() >= self.end || interrupt::requested()
    }

    /// Whether what was sent then counts.
    fn counts(&self, sent: Instant) -> bool {
        (self.start..self.end).contains(&sent)
    }
}

impl Endpoint {
    /// A path on the server at `base_url` (`http://host:port`).
    ///
    /// # Errors
    /// When that is no such address.
    pub fn new(base_url: &str, path: &str) -> anyhow::Result<Self> {
        use std::net::ToSocketAddrs as _;
        let host = base_url
            .strip_prefix("http://")
            .with_context(|| format!("{base_url}: WebSocket needs a server at http://host:port"))?;
        let address = host
            .to_socket_addrs()
            .ok()
            .and_then(|mut addresses| addresses.next())
            .with_context(|| format!("{base_url}: there is no address for {host}"))?;
        Ok(Self {
            address,
            url: format!("ws://{host}{path}"),
        })
    }
}

impl WebSockets {
    /// A loader that has not connected yet.
    pub fn new(pattern: Pattern, threads: usize, timeout: Duration) -> Self {
        Self {
            pattern,
            threads,
            timeout,
            targets: BTreeMap::new(),
            made: 0,
        }
    }

    fn lanes(&mut self, id: TargetId) -> anyhow::Result<&mut Vec<Lane>> {
        self.targets
            .get_mut(&id)
            .context("the target is not connected")
    }
}

impl Loader for WebSockets {
    fn connect(&mut self, target: Target) -> anyhow::Result<TargetId> {
        if self.pattern == Pattern::Room && target.connections < 2 {
            bail!("a room needs at least 2 connections: --concurrency 2 or more");
        }
        let path = target
            .requests
            .first()
            .map_or("/", |class| &class.request.path);
        let endpoint = Endpoint::new(&target.url, path)?;
        let threads = self.threads.min(target.connections);
        let mut lanes = (0..threads)
            .map(|lane| {
                let share =
                    target.connections / threads + usize::from(lane < target.connections % threads);
                Lane::new(share)
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let timeout = self.timeout;
        let results: Vec<anyhow::Result<()>> = in_parallel(&mut lanes, |lane, _| {
            lane.connect(&endpoint, timeout, threads)
        });
        results.into_iter().collect::<anyhow::Result<()>>()?;
        let id = TargetId::new(self.made);
        self.made += 1;
        self.targets.insert(id, lanes);
        Ok(id)
    }

    fn run_slice(&mut self, slice: &Slice) -> anyhow::Result<SliceOutcome> {
        let (&[(id, Load::ClosedLoop)], SliceEnd::After(length)) = (&slice.loads[..], slice.end)
        else {
            bail!("WebSocket is loaded in a closed loop, for a time");
        };
        let begin = Instant::now();
        let window = Window {
            start: begin + slice.lead_in,
            end: begin + slice.lead_in + length,
            timeout: self.timeout,
        };
        let pattern = self.pattern;
        let lanes = self.lanes(id)?;
        let connections: usize = lanes.iter().map(Lane::connections).sum();
        let job = Job::new(pattern, window, connections);
        let sums = in_parallel(lanes, |lane, number| lane.run(&job, number == 0));
        let requests: u64 = sums.iter().map(|sum| sum.requests).sum();
        let latency: Duration = sums.iter().map(|sum| sum.latency).sum();
        let counted = u32::try_from(requests)
            .ok()
            .filter(|&requests| requests > 0);
        Ok(SliceOutcome {
            measured: length,
            span: begin.elapsed(),
            interrupted: interrupt::requested(),
            longest_pause: Duration::ZERO,
            loads: vec![LoadOutcome {
                target: id,
                requests,
                mean_latency: counted.map(|requests| latency / requests),
                longest_silence: Duration::ZERO,
            }],
        })
    }

    fn close_book(&mut self, id: TargetId) -> anyhow::Result<Measurement> {
        let mut collected = Measurement::default();
        let mut per_connection = Vec::new();
        for lane in self.lanes(id)? {
            let mut part = lane.take();
            // Lanes ran at the same time: their time is not added up, and their connections are others.
            let measured = std::mem::take(&mut part.measured).max(collected.measured);
            per_connection.append(&mut part.connections.requests_per_connection);
            collected.append(part);
            collected.measured = measured;
        }
        collected.connections.requests_per_connection = per_connection;
        Ok(collected)
    }

    /// A slice of messages waits for all of them.
    fn settle(&mut self, _: TargetId) -> anyhow::Result<()> {
        Ok(())
    }

    fn late(&mut self, _: TargetId) -> anyhow::Result<Vec<Measurement>> {
        Ok(Vec::new())
    }

    fn disconnect(&mut self, id: TargetId) {
        self.targets.remove(&id);
    }
}

/// Whether two connections get what they should: their own messages, or each other's.
///
/// # Errors
/// When they do not, or cannot be made.
pub fn verify(
    pattern: Pattern,
    base_url: &str,
    path: &str,
    timeout: Duration,
) -> anyhow::Result<()> {
    const WHILE: Duration = Duration::from_millis(50);
    let mut sockets = WebSockets::new(pattern, 1, timeout);
    let id = sockets.connect(Target::get("verification", base_url, path, 2))?;
    sockets.run_slice(&Slice {
        loads: vec![(id, Load::ClosedLoop)],
        lead_in: Duration::ZERO,
        end: SliceEnd::After(WHILE),
    })?;
    let seen = sockets.collect(id)?;
    if seen.errors.total() > 0 || seen.answers_total == 0 {
        bail!(
            "of the messages to {path}, {} arrived as they should; what went wrong: {}",
            seen.answers_total,
            seen.errors
        );
    }
    Ok(())
}

/// Runs something on all lanes at once, a thread each.
fn in_parallel<T: Send>(lanes: &mut [Lane], work: impl Fn(&mut Lane, usize) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = lanes
            .iter_mut()
            .enumerate()
            .map(|(number, lane)| scope.spawn(move || work(lane, number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

#[cfg(test)]
mod tests;
