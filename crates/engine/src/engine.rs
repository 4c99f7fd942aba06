//! The caller's side: commands to the workers, their answers merged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::{Clock, NEVER, Nanos, nanos};
use crate::config::{ClientKind, EngineConfig, Load, Slice, SliceEnd, Target, TargetId};
use crate::error::{ConnectError, EngineError};
use crate::limits;
use crate::live::{LiveStatistics, LiveView};
use crate::measurement::Measurement;
use crate::plan::Plan;
use crate::pool::WorkerPool;
use crate::stillness::{self, Stretch};
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
    pool: WorkerPool,
    targets: BTreeMap<TargetId, Connected>,
    next_id: u32,
    statistics: Arc<LiveStatistics>,
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
    /// When it gave its last answer in its last slice.
    last_answer: Nanos,
    /// Books closed so far.
    books: u32,
}

/// What a slice came to.
#[derive(Debug, Clone, PartialEq)]
pub struct SliceOutcome {
    /// The window, by the monotonic clock.
    pub measured: Duration,
    /// From the slice's start until the run could move on.
    pub span: Duration,
    /// It was cancelled.
    pub interrupted: bool,
    /// The longest time in which no worker ran though each should have: the process was stopped, or had no CPU.
    pub longest_pause: Duration,
    /// In the order of [`Slice::loads`].
    pub loads: Vec<LoadOutcome>,
}

/// What one load of a slice came to.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadOutcome {
    /// What was loaded.
    pub target: TargetId,
    /// Requests of the window that were answered when the run moved on.
    pub requests: u64,
    /// Of those; of lead-in and of what was sent behind the window where there is none; none without any right answer.
    pub mean_latency: Option<Duration>,
    /// The longest time in which the server answered nobody though it was asked; those below 10 ms are not told.
    pub longest_silence: Duration,
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
        let statistics = Arc::default();
        let cancelled = Arc::default();
        Ok(Self {
            pool: WorkerPool::start(&config, clock, &statistics, &cancelled)?,
            config,
            clock,
            targets: BTreeMap::new(),
            next_id: 0,
            statistics,
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
        self.statistics.add(id, &target.name, senders);
        self.targets.insert(
            id,
            Connected {
                connections: target.connections,
                measured: Duration::ZERO,
                mean_latency: target.mean_response,
                position: 0,
                last_answer: 0,
                books: 0,
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
        for reply in self.pool.ask_all(|| Command::Connect(order.clone()))? {
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

    /// Runs one slice.
    ///
    /// A timed one ends soon after its window: the load stays on, uncounted, until the window's requests are answered
    /// or for two mean response times; then what was sent is awaited for one more, and the run moves on. A connection
    /// whose answer is missing keeps waiting while other targets are loaded, and its request still counts in the
    /// window in which it was sent. If its server answered others meanwhile, it then rests as long as it had
    /// waited in other targets' time, so that a slow answer costs its target what it would have cost alone. A slice
    /// that a number of requests ends waits for all of them.
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
        let replies = self.pool.ask_all(|| Command::Run(Arc::clone(&order)))?;
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
            target.load_order(*id, kind)
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
            .map(|load| sum(reports.iter().map(|report| &report.loads[load])))
            .collect();
        // A worker without connections has ended its part at once.
        let has_connections =
            |report: &&SliceReport| report.loads.iter().any(|load| load.silences.is_some());
        let working = reports.iter().filter(has_connections);
        let pauses: Vec<&[Stretch]> = working.map(|report| &*report.pauses).collect();
        let cut = reports.iter().filter_map(|report| report.cut).max();
        let end = window_end(slice, order, &loads).min(cut.unwrap_or(NEVER));
        let measured = Duration::from_nanos(end.saturating_sub(order.window_start));
        let mut outcomes = Vec::with_capacity(loads.len());
        for (number, ((id, _), load)) in slice.loads.iter().zip(&loads).enumerate() {
            let mean_latency = load.sums.mean_latency();
            let silences = reports.iter().map(|report| &report.loads[number].silences);
            let silences: Vec<&[Stretch]> = silences.filter_map(Option::as_deref).collect();
            if let Some(target) = self.targets.get_mut(id) {
                target.measured += measured;
                target.mean_latency = mean_latency.or(target.mean_latency);
                target.position += end.saturating_sub(order.start);
                target.last_answer = load.sums.last_answer;
            }
            outcomes.push(LoadOutcome {
                target: *id,
                requests: load.sums.requests,
                mean_latency,
                longest_silence: stillness::longest_common(&silences),
            });
        }
        SliceOutcome {
            measured,
            span,
            longest_pause: stillness::longest_common(&pauses),
            interrupted: cut.is_some(),
            loads: outcomes,
        }
    }

    /// Waits until nothing of a target is under way any more, one timeout at most. Nothing new is sent.
    ///
    /// # Errors
    /// If the target is not connected.
    pub fn settle(&mut self, id: TargetId) -> Result<(), EngineError> {
        let target = self.targets.get(&id);
        let target = target.ok_or(EngineError::UnknownTarget(id.0))?;
        let now = self.clock.now();
        let order = Arc::new(SliceOrder {
            start: now,
            window_start: now,
            window_end: NEVER,
            loads: vec![target.load_order(id, LoadKind::Rest)],
        });
        self.pool.ask_all(|| Command::Run(Arc::clone(&order)))?;
        Ok(())
    }

    /// Waits until nothing of a target is under way, and closes its book.
    ///
    /// # Errors
    /// If the target is not connected.
    pub fn collect(&mut self, id: TargetId) -> Result<Measurement, EngineError> {
        self.settle(id)?;
        self.close_book(id)
    }

    /// Everything recorded of a target since it was connected or its last book was closed, over all workers. What is
    /// still under way goes on; [`Engine::late`] tells what became of it.
    ///
    /// # Errors
    /// If the target is not connected.
    pub fn close_book(&mut self, id: TargetId) -> Result<Measurement, EngineError> {
        let target = self.targets.get_mut(&id);
        let target = target.ok_or(EngineError::UnknownTarget(id.0))?;
        let mut merged = Measurement {
            book: target.books,
            measured: std::mem::take(&mut target.measured),
            ..Measurement::default()
        };
        target.books += 1;
        for reply in self.pool.ask_all(|| Command::CloseBook(id))? {
            if let Reply::Collected(part) = reply {
                merged.merge(*part);
            }
        }
        merged.series = self.statistics.take_series(id);
        Ok(merged)
    }

    /// What became, since the last call, of requests that were under way when their book was closed: a
    /// measurement for each such book, to be given to [`Measurement::add_late`].
    ///
    /// # Errors
    /// If the target is not connected.
    pub fn late(&mut self, id: TargetId) -> Result<Vec<Measurement>, EngineError> {
        if !self.targets.contains_key(&id) {
            return Err(EngineError::UnknownTarget(id.0));
        }
        let mut books: BTreeMap<usize, Measurement> = BTreeMap::new();
        for reply in self.pool.ask_all(|| Command::Late(id))? {
            let Reply::Late(late) = reply else { continue };
            for (number, part) in late {
                let book = books.entry(number).or_insert_with(|| Measurement {
                    book: u32::try_from(number).unwrap_or(u32::MAX),
                    ..Measurement::default()
                });
                book.merge(part);
            }
        }
        Ok(books.into_values().collect())
    }

    /// Closes a target's connections and forgets what was not collected. An unknown one is ignored.
    pub fn disconnect(&mut self, id: TargetId) {
        if self.targets.remove(&id).is_some() {
            // A worker that is gone has closed its connections.
            let _ = self.pool.ask_all(|| Command::Disconnect(id));
            self.statistics.remove(id);
        }
    }

    /// How the targets are doing now.
    #[must_use]
    pub fn live(&self) -> LiveView {
        self.statistics.view()
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

fn sum<'a>(parts: impl Iterator<Item = &'a LoadReport>) -> LoadReport {
    parts.fold(LoadReport::default(), |mut sum, part| {
        sum.sums.add(part.sums);
        sum.last_intended = sum.last_intended.max(part.last_intended);
        sum
    })
}

impl Connected {
    fn load_order(&self, id: TargetId, kind: LoadKind) -> LoadOrder {
        LoadOrder {
            id,
            connections: self.connections,
            kind,
            mean_response: self.mean_latency.map(nanos),
            last_answer: self.last_answer,
        }
    }
}
