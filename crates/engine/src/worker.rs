//! A worker thread: its runtime, its targets, and one slice until the run moves on.

use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use timer::PreciseTimer;
use tokio::runtime::LocalRuntime;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::client::{HttpClient, RawClient, Shared};
use crate::clock::{Clock, NEVER, Nanos, nanos};
use crate::config::{Arrivals, ClientKind, TargetId};
use crate::live::LiveStatistics;
use crate::measurement::{ErrorCounts, Measurement};
use crate::plan::Plan;
use crate::recorder::SliceSums;
use crate::stillness::{self, Stretch};

mod local;

use local::{LoadedTarget, RunningLoad};

/// How often a worker looks at deadlines, at most and at least; a request is given up at most one such
/// look after its timeout.
const LOOK_LONGEST: Duration = Duration::from_millis(20);
const LOOK_SHORTEST: Duration = Duration::from_millis(1);

/// How long requests under way are still awaited after the run was cancelled.
const CANCEL_GRACE_NS: Nanos = 200_000_000;

/// What every worker is started with.
#[derive(Clone)]
pub(crate) struct WorkerSetup {
    pub(crate) index: usize,
    pub(crate) workers: usize,
    pub(crate) clock: Clock,
    pub(crate) timeout: Duration,
    pub(crate) seed: u64,
    pub(crate) statistics: Arc<LiveStatistics>,
    pub(crate) cancelled: Arc<AtomicBool>,
}

/// What the engine asks a worker to do.
pub(crate) enum Command {
    Connect(ConnectOrder),
    Run(Arc<SliceOrder>),
    CloseBook(TargetId),
    Late(TargetId),
    Disconnect(TargetId),
}

/// What a worker says when it has done it.
pub(crate) enum Reply {
    Connected(ConnectReport),
    Ran(Result<SliceReport, io::Error>),
    Collected(Box<Measurement>),
    Late(BTreeMap<usize, Measurement>),
    Disconnected,
}

#[derive(Clone)]
pub(crate) struct ConnectOrder {
    pub(crate) id: TargetId,
    pub(crate) plan: Arc<Plan>,
    pub(crate) client: ClientKind,
    /// Connections over all workers; this one makes every `workers`th.
    pub(crate) connections: usize,
}

#[derive(Debug, Default)]
pub(crate) struct ConnectReport {
    pub(crate) established: usize,
    pub(crate) errors: ErrorCounts,
    /// The first failure in words.
    pub(crate) first: Option<String>,
    /// The client could not be set up at all.
    pub(crate) unusable: Option<String>,
    pub(crate) cancelled: bool,
}

/// One slice, the same for all workers.
pub(crate) struct SliceOrder {
    pub(crate) start: Nanos,
    pub(crate) window_start: Nanos,
    /// [`crate::clock::NEVER`] if a number of requests ends it.
    pub(crate) window_end: Nanos,
    pub(crate) loads: Vec<LoadOrder>,
}

pub(crate) struct LoadOrder {
    pub(crate) id: TargetId,
    pub(crate) connections: usize,
    pub(crate) kind: LoadKind,
    /// Mean response time, as far as it is known.
    pub(crate) mean_response: Option<Nanos>,
    /// When the server gave its last answer in its slice before this one; 0 if it gave none.
    pub(crate) last_answer: Nanos,
}

pub(crate) enum LoadKind {
    Closed {
        tickets: Option<Arc<AtomicU64>>,
        /// The first sends are spread over this.
        stagger: Nanos,
    },
    Once,
    Open {
        rate_rps: f64,
        arrivals: Arrivals,
        position: Nanos,
        limit: Option<u64>,
    },
    /// Nothing new: only what is still under way, or due since an earlier slice.
    Rest,
}

pub(crate) struct SliceReport {
    pub(crate) loads: Vec<LoadReport>,
    /// Where the window was cut, if the run was cancelled.
    pub(crate) cut: Option<Nanos>,
    /// When this worker did not run though it should have.
    pub(crate) pauses: Vec<Stretch>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct LoadReport {
    pub(crate) sums: SliceSums,
    /// Open loop: the last intended instant; 0 otherwise.
    pub(crate) last_intended: Nanos,
    /// When the server answered nobody though it was asked; none from a worker that has no connection to it.
    pub(crate) silences: Option<Vec<Stretch>>,
}

/// Runs a worker on the calling thread until its commands end.
pub(crate) fn run(
    runtime: &LocalRuntime,
    setup: WorkerSetup,
    mut commands: UnboundedReceiver<Command>,
    replies: &mpsc::Sender<Reply>,
) {
    runtime.block_on(async {
        let mut worker = Worker::new(setup);
        while let Some(command) = commands.recv().await {
            if replies.send(worker.obey(command).await).is_err() {
                return;
            }
        }
    });
}

struct Worker {
    setup: WorkerSetup,
    shared: Shared,
    targets: BTreeMap<TargetId, Rc<dyn LoadedTarget>>,
    /// Kept from slice to slice, one for each open loop running at the same time.
    timers: Vec<Rc<PreciseTimer>>,
    slices: u64,
}

impl Worker {
    fn new(setup: WorkerSetup) -> Self {
        Self {
            shared: Shared::new(setup.clock),
            setup,
            targets: BTreeMap::new(),
            timers: Vec::new(),
            slices: 0,
        }
    }

    async fn obey(&mut self, command: Command) -> Reply {
        match command {
            Command::Connect(order) => Reply::Connected(self.connect(&order).await),
            Command::Run(order) => Reply::Ran(self.run(&order).await),
            Command::CloseBook(id) => {
                let measurement = self.targets.get(&id).map(|target| target.close_book());
                Reply::Collected(Box::new(measurement.unwrap_or_default()))
            }
            Command::Late(id) => {
                let late = self.targets.get(&id).map(|target| target.take_late());
                Reply::Late(late.unwrap_or_default())
            }
            Command::Disconnect(id) => {
                if let Some(target) = self.targets.remove(&id) {
                    target.close().await;
                }
                Reply::Disconnected
            }
        }
    }

    async fn connect(&mut self, order: &ConnectOrder) -> ConnectReport {
        let (setup, shared) = (&self.setup, &self.shared);
        let (target, report) = match order.client {
            ClientKind::Raw => local::connect::<RawClient>(order, setup, shared).await,
            ClientKind::Reqwest => local::connect::<HttpClient>(order, setup, shared).await,
        };
        if let Some(target) = target {
            self.targets.insert(order.id, target);
        }
        report
    }

    /// One slice: begin all loads, look after the deadlines of all targets, move on when all loads are over.
    async fn run(&mut self, order: &SliceOrder) -> io::Result<SliceReport> {
        self.slices += 1;
        let idle = Rc::new(Notify::new());
        let loads = self.begin(order, &idle)?;
        let longest = (self.setup.timeout / 20).clamp(LOOK_SHORTEST, LOOK_LONGEST);
        let clock = self.setup.clock;
        let mut pauses = Pauses::default();
        let mut cut = None;
        loop {
            let now = clock.now();
            if cut.is_none() && self.setup.cancelled.load(Ordering::Relaxed) {
                cut = Some(now);
                loads.iter().for_each(|load| load.stop(now));
            }
            let give_up = cut.is_some_and(|cut| now > cut + CANCEL_GRACE_NS);
            for target in self.targets.values() {
                target.look(now, give_up);
            }
            for load in &loads {
                load.look(now);
            }
            if loads.iter().all(|load| load.is_over(now)) {
                break;
            }
            let next = loads.iter().map(|load| load.next_look(now)).min();
            let look = Duration::from_nanos(next.unwrap_or(NEVER).saturating_sub(now));
            let look = look.clamp(LOOK_SHORTEST, longest);
            let _ = tokio::time::timeout(look, idle.notified()).await;
            pauses.add(now + nanos(look), clock.now());
        }
        let now = clock.now();
        Ok(SliceReport {
            loads: loads.into_iter().map(|load| load.finish(now)).collect(),
            cut,
            pauses: pauses.stretches,
        })
    }

    fn begin(
        &mut self,
        order: &SliceOrder,
        idle: &Rc<Notify>,
    ) -> io::Result<Vec<Box<dyn RunningLoad>>> {
        let open = |load: &&LoadOrder| matches!(load.kind, LoadKind::Open { .. } | LoadKind::Rest);
        while self.timers.len() < order.loads.iter().filter(open).count() {
            self.timers.push(Rc::new(PreciseTimer::new()?));
        }
        let mut timers = self.timers.iter();
        let mut loads = Vec::with_capacity(order.loads.len());
        for load in &order.loads {
            let timer = match load.kind {
                LoadKind::Open { .. } | LoadKind::Rest => timers.next(),
                _ => None,
            };
            if let Some(target) = self.targets.get(&load.id) {
                let seed = mix(self.setup.seed, self.setup.index as u64, self.slices);
                let context = local::SliceContext {
                    setup: &self.setup,
                    slice: order,
                    load,
                    timer,
                    seed,
                    idle,
                };
                loads.push(Rc::clone(target).begin(&context));
            }
        }
        Ok(loads)
    }
}

/// When a worker did not run though it should have: its process was stopped, or had no CPU.
#[derive(Default)]
struct Pauses {
    stretches: Vec<Stretch>,
}

impl Pauses {
    fn add(&mut self, expected: Nanos, now: Nanos) {
        if now.saturating_sub(expected) >= stillness::SHORTEST {
            self.stretches.push((expected, now));
        }
    }
}

/// One seed out of three numbers (splitmix64's finaliser), so that no two workers or slices share one.
fn mix(seed: u64, worker: u64, slice: u64) -> u64 {
    let mut z = seed
        .wrapping_add(worker.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .wrapping_add(slice.wrapping_mul(0xd1b5_4a32_d192_ed03));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
