//! The caller's side: commands to the workers, their answers merged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::board::{Board, LiveView};
use crate::clock::{Clock, NEVER, Nanos, nanos};
use crate::config::{ClientKind, EngineConfig, Load, Slice, SliceEnd, Target, TargetId};
use crate::crew::Crew;
use crate::error::{ConnectError, EngineError};
use crate::limits;
use crate::measurement::Measurement;
use crate::plan::Plan;
use crate::worker::{
    Command, ConnectOrder, ConnectReport, LoadKind, LoadOrder, LoadReport, Reply, SliceOrder,
    SliceReport,
};

/// Faster schedules than this could not even be counted through while catching up.
const HIGHEST_RATE_RPS: f64 = 10e6;

/// Answers slower than this make the first sends of a closed loop be staggered.
const STAGGER_FROM: Duration = Duration::from_millis(5);

/// The load generator: worker threads, and the targets they are connected to.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    clock: Clock,
    crew: Crew,
    targets: BTreeMap<TargetId, Connected>,
    next_id: u32,
    board: Arc<Board>,
    cancelled: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Connected {
    connections: usize,
    /// Since the last collect.
    measured: Duration,
    /// Mean response time of its last slice.
    mean_latency: Option<Duration>,
    /// How far its open-loop schedule has come.
    position: Nanos,
}

/// What a slice came to.
#[derive(Debug, Clone, PartialEq)]
pub struct SliceOutcome {
    /// The window, by the monotonic clock.
    pub measured: Duration,
    /// From the slice's start to the last answer drained.
    pub span: Duration,
    /// It was cancelled.
    pub interrupted: bool,
    /// In the order of [`Slice::loads`].
    pub loads: Vec<LoadOutcome>,
}

/// What one load of a slice came to.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadOutcome {
    /// What was loaded.
    pub target: TargetId,
    /// Requests counted.
    pub requests: u64,
    /// Of the requests counted; of lead-in and drain where none counted; none without any right answer.
    pub mean_latency: Option<Duration>,
}

/// Ends the running slice, and every later one at once. What was measured stays and can be collected.
#[derive(Debug, Clone)]
pub struct CancelHandle {
    cancelled: Arc<AtomicBool>,
}

impl CancelHandle {
    /// Takes effect within some 20 ms; requests under way are awaited for another 200 ms.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether [`CancelHandle::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

impl Engine {
    /// Starts the workers.
    ///
    /// # Errors
    /// If a thread or its runtime cannot be created or pinned.
    pub fn start(config: EngineConfig) -> Result<Self, EngineError> {
        let clock = Clock::start();
        let board = Arc::default();
        let cancelled = Arc::default();
        Ok(Self {
            crew: Crew::start(&config, clock, &board, &cancelled)?,
            config,
            clock,
            targets: BTreeMap::new(),
            next_id: 0,
            board,
            cancelled,
        })
    }

    /// Connects a target. With keep-alive every connection is made before this returns, at most 128
    /// at once; should one fail, the others are closed and the target is not connected.
    ///
    /// # Errors
    /// What is wrong with the target, or how many connections failed and why.
    pub fn connect(&mut self, target: Target) -> Result<TargetId, ConnectError> {
        let plan = Arc::new(Plan::new(&target, self.config.timeout)?);
        let client = match plan.endpoint.is_https() {
            true => ClientKind::Reqwest,
            false => self.config.client,
        };
        self.check_descriptors(target.connections)?;
        let id = TargetId(self.next_id);
        self.next_id += 1;
        let senders = self.config.threads.min(target.connections);
        self.board.add(id, &target.name, senders);
        self.targets.insert(
            id,
            Connected {
                connections: target.connections,
                measured: Duration::ZERO,
                mean_latency: None,
                position: 0,
            },
        );
        let order = ConnectOrder {
            id,
            plan,
            client,
            connections: target.connections,
        };
        let result = self.connect_workers(order, &target);
        if result.is_err() {
            self.disconnect(id);
        }
        result.map(|()| id)
    }

    fn connect_workers(
        &mut self,
        order: ConnectOrder,
        target: &Target,
    ) -> Result<(), ConnectError> {
        let mut sum = ConnectReport::default();
        for reply in self.crew.ask_all(|| Command::Connect(order.clone()))? {
            if let Reply::Connected(report) = reply {
                sum.established += report.established;
                sum.errors += report.errors;
                sum.first = sum.first.or(report.first);
                sum.unusable = sum.unusable.or(report.unusable);
                sum.cancelled |= report.cancelled;
            }
        }
        let name = target.name.clone();
        if let Some(reason) = sum.unusable {
            return Err(ConnectError::Client {
                target: name,
                reason,
            });
        }
        if sum.cancelled {
            return Err(ConnectError::Cancelled(name));
        }
        match sum.first {
            None => Ok(()),
            Some(first) => Err(ConnectError::Connections {
                target: name,
                wanted: target.connections,
                established: sum.established,
                errors: Box::new(sum.errors),
                first,
            }),
        }
    }

    fn check_descriptors(&self, wanted: usize) -> Result<(), ConnectError> {
        let connected: usize = self.targets.values().map(|target| target.connections).sum();
        match limits::descriptor_limit() {
            Ok(limit) => Ok(limit.check((connected + wanted) as u64)?),
            // A system that does not tell its limit will tell when it is reached.
            Err(_) => Ok(()),
        }
    }

    /// Runs one slice and returns when its last answer is in, or given up.
    ///
    /// In a closed loop whose answers take 5 ms or more (known from the target's last slice), the first
    /// sends are spread over one mean response time inside the lead-in. Otherwise all connections
    /// would ask at once and be answered at once, again and again, and a window of a few response
    /// times would hold a whole number of such volleys: throughput would be quantised by how many fit.
    ///
    /// # Errors
    /// If the slice cannot be run as it stands.
    pub fn run_slice(&mut self, slice: &Slice) -> Result<SliceOutcome, EngineError> {
        self.check(slice)?;
        let order = Arc::new(self.order(slice));
        let replies = self.crew.ask_all(|| Command::Run(Arc::clone(&order)))?;
        let mut reports = Vec::with_capacity(replies.len());
        for (worker, reply) in replies.into_iter().enumerate() {
            if let Reply::Ran(report) = reply {
                reports.push(report.map_err(|source| EngineError::Timer { worker, source })?);
            }
        }
        let span = Duration::from_nanos(self.clock.now() - order.start);
        Ok(self.conclude(slice, &order, &reports, span))
    }

    fn check(&self, slice: &Slice) -> Result<(), EngineError> {
        let invalid = |reason: &str| Err(EngineError::InvalidSlice(reason.to_owned()));
        if slice.loads.is_empty() {
            return invalid("it has no load");
        }
        match slice.end {
            SliceEnd::After(length) if length.is_zero() => return invalid("its window is empty"),
            SliceEnd::Requests(0) => return invalid("it has no requests"),
            _ => {}
        }
        for (position, (id, load)) in slice.loads.iter().enumerate() {
            if !self.targets.contains_key(id) {
                return Err(EngineError::UnknownTarget(id.0));
            }
            if slice.loads[..position].iter().any(|(other, _)| other == id) {
                return invalid("it loads a target twice");
            }
            if let Load::OpenLoop { rate_rps, .. } = load
                && !(*rate_rps > 0.0 && *rate_rps <= HIGHEST_RATE_RPS)
            {
                return Err(EngineError::InvalidSlice(format!(
                    "its rate of {rate_rps} requests/s is not above 0 and at most {HIGHEST_RATE_RPS}"
                )));
            }
        }
        Ok(())
    }

    fn order(&self, slice: &Slice) -> SliceOrder {
        let limit = match slice.end {
            SliceEnd::After(_) => None,
            SliceEnd::Requests(requests) => Some(requests),
        };
        let loads = slice.loads.iter().map(|(id, load)| {
            let target = &self.targets[id];
            let kind = match *load {
                Load::ClosedLoop => LoadKind::Closed {
                    tickets: limit.map(|limit| Arc::new(AtomicU64::new(limit))),
                    stagger: target
                        .mean_latency
                        .filter(|mean| *mean >= STAGGER_FROM)
                        .map_or(0, |mean| nanos(mean.min(slice.lead_in))),
                },
                Load::OnceEach => LoadKind::Once,
                Load::OpenLoop { rate_rps, arrivals } => LoadKind::Open {
                    rate_rps,
                    arrivals,
                    position: target.position,
                    limit,
                },
            };
            LoadOrder {
                id: *id,
                connections: target.connections,
                kind,
            }
        });
        let loads = loads.collect();
        let start = self.clock.now();
        let window_start = start.saturating_add(nanos(slice.lead_in));
        let window_end = match slice.end {
            SliceEnd::After(length) => window_start.saturating_add(nanos(length)),
            SliceEnd::Requests(_) => NEVER,
        };
        SliceOrder {
            start,
            window_start,
            window_end,
            loads,
        }
    }

    fn conclude(
        &mut self,
        slice: &Slice,
        order: &SliceOrder,
        reports: &[SliceReport],
        span: Duration,
    ) -> SliceOutcome {
        let loads: Vec<LoadReport> = (0..order.loads.len())
            .map(|load| sum(reports.iter().map(|report| report.loads[load])))
            .collect();
        let cut = reports.iter().filter_map(|report| report.cut).max();
        let end = window_end(slice, order, &loads).min(cut.unwrap_or(NEVER));
        let measured = Duration::from_nanos(end.saturating_sub(order.window_start));
        let mut outcomes = Vec::with_capacity(loads.len());
        for ((id, _), load) in slice.loads.iter().zip(&loads) {
            let mean_latency = load.sums.mean_latency();
            if let Some(target) = self.targets.get_mut(id) {
                target.measured += measured;
                target.mean_latency = mean_latency.or(target.mean_latency);
                target.position += end.saturating_sub(order.start);
            }
            outcomes.push(LoadOutcome {
                target: *id,
                requests: load.sums.requests,
                mean_latency,
            });
        }
        SliceOutcome {
            measured,
            span,
            interrupted: cut.is_some(),
            loads: outcomes,
        }
    }

    /// Everything recorded of a target since it was connected or last collected, over all workers.
    ///
    /// # Errors
    /// If the target is not connected.
    pub fn collect(&mut self, id: TargetId) -> Result<Measurement, EngineError> {
        let target = self.targets.get_mut(&id);
        let target = target.ok_or(EngineError::UnknownTarget(id.0))?;
        let measured = std::mem::take(&mut target.measured);
        let mut merged = Measurement {
            measured,
            ..Measurement::default()
        };
        for reply in self.crew.ask_all(|| Command::Collect(id))? {
            if let Reply::Collected(part) = reply {
                merged.merge(*part);
            }
        }
        merged.series = self.board.take_series(id);
        Ok(merged)
    }

    /// Closes a target's connections and forgets what was not collected. An unknown one is ignored.
    pub fn disconnect(&mut self, id: TargetId) {
        if self.targets.remove(&id).is_some() {
            // A worker that is gone has closed its connections.
            let _ = self.crew.ask_all(|| Command::Disconnect(id));
            self.board.remove(id);
        }
    }

    /// How the targets are doing now.
    #[must_use]
    pub fn live(&self) -> LiveView {
        self.board.view()
    }

    /// Ends slices from another thread.
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle {
            cancelled: Arc::clone(&self.cancelled),
        }
    }
}

/// When the window ended: as planned, or with the last request where a number of them ends it.
fn window_end(slice: &Slice, order: &SliceOrder, loads: &[LoadReport]) -> Nanos {
    let timed = matches!(slice.end, SliceEnd::After(_));
    let ends = slice
        .loads
        .iter()
        .zip(loads)
        .map(|((_, load), report)| match load {
            Load::ClosedLoop | Load::OpenLoop { .. } if timed => order.window_end,
            // The last request occupies its interval like all others.
            Load::OpenLoop { rate_rps, .. } => report.last_intended + (1e9 / rate_rps) as Nanos,
            Load::ClosedLoop | Load::OnceEach => report.sums.last_done,
        });
    ends.max().unwrap_or(0)
}

fn sum(parts: impl Iterator<Item = LoadReport>) -> LoadReport {
    parts.fold(LoadReport::default(), |mut sum, part| {
        sum.sums.add(part.sums);
        sum.last_intended = sum.last_intended.max(part.last_intended);
        sum
    })
}
