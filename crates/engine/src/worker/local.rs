//! A worker's share of a target behind one interface, whichever client it uses. Only here are the
//! clients' types forgotten; the loop of a connection is compiled for each of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinHandle};

use super::{
    ConnectOrder, ConnectReport, LoadKind, LoadOrder, LoadReport, SliceOrder, WorkerSetup,
};
use crate::client::{Client, ConnectFailure, Shared};
use crate::clock::{NEVER, Nanos, nanos};
use crate::drive::{Active, Job, LocalTarget, Slot, drive};
use crate::measurement::{ErrorKind, Measurement};
use crate::recorder::Recorder;
use crate::schedule::{Schedule, Share};
use crate::seat::Seat;
use crate::timer::PreciseTimer;
use crate::turns::{ClosedLoop, OpenLoop, Turns};

/// Connects under way at once, over all workers.
const CONNECTS_AT_ONCE: usize = 128;

/// How often a worker that connects looks whether the run was cancelled.
const CANCEL_LOOK: Duration = Duration::from_millis(20);

/// What a target needs to begin its part of a slice.
pub(super) struct SliceContext<'a> {
    pub(super) setup: &'a WorkerSetup,
    pub(super) slice: &'a SliceOrder,
    pub(super) load: &'a LoadOrder,
    pub(super) timer: Option<&'a Rc<PreciseTimer>>,
    pub(super) seed: u64,
    pub(super) active: &'a Rc<Active>,
}

/// A connected target.
pub(super) trait LoadedTarget {
    fn begin(self: Rc<Self>, context: &SliceContext<'_>) -> Box<dyn RunningLoad>;

    /// Everything recorded since the last call.
    fn take(&self) -> Measurement;
}

/// A target under load.
pub(super) trait RunningLoad {
    /// Gives up requests whose deadline has come; hands over a second that has passed.
    fn look(&self, now: Nanos);

    /// The window ends now, and no request is sent any more.
    fn stop(&self, now: Nanos);

    /// Gives up whatever is under way.
    fn abandon(&self);

    /// Called when every connection has ended its part.
    fn finish(self: Box<Self>) -> LoadReport;
}

struct Running<C: Client> {
    job: Rc<Job<C>>,
    pacer: Option<AbortHandle>,
}

/// Makes this worker's share of a target's connections. Stops at the first failure, because a target
/// that is not wholly connected is not loaded at all.
pub(super) async fn connect<C: Client>(
    order: &ConnectOrder,
    setup: &WorkerSetup,
    shared: &Shared,
) -> (Option<Rc<dyn LoadedTarget>>, ConnectReport) {
    let mut report = ConnectReport::default();
    let target = match local_target::<C>(order, setup, shared) {
        Ok(target) => Rc::new(target),
        Err(reason) => {
            report.unusable = Some(reason);
            return (None, report);
        }
    };
    if order.plan.keep_alive && !target.slots.is_empty() {
        establish_all(&target, setup, &mut report).await;
    }
    (Some(target), report)
}

fn local_target<C: Client>(
    order: &ConnectOrder,
    setup: &WorkerSetup,
    shared: &Shared,
) -> Result<LocalTarget<C>, String> {
    let &WorkerSetup {
        index,
        workers,
        clock,
        ..
    } = setup;
    // Connection i of the target is number i / workers of worker i % workers.
    let places = (order.connections + workers - 1 - index) / workers;
    let slot = |_| Slot {
        connection: Cell::new(None),
        served: Cell::new(0),
    };
    let recorder = Recorder::new(order.id, &order.plan, Arc::clone(&setup.board), clock.now());
    let seed = super::mix(setup.seed, index as u64, u64::from(order.id.0) << 32);
    Ok(LocalTarget {
        plan: Arc::clone(&order.plan),
        client: C::new(&order.plan, shared)?,
        clock,
        timeout: nanos(setup.timeout),
        seats: (0..places).map(|_| Seat::new()).collect(),
        slots: (0..places).map(slot).collect(),
        recorder: RefCell::new(recorder),
        rng: RefCell::new(SmallRng::seed_from_u64(seed)),
        connecting: Semaphore::new((CONNECTS_AT_ONCE / workers).max(1)),
        server_closes: Cell::new(true),
    })
}

/// The connects under way on one worker, and what has become of the others.
struct Establishing<C: Client> {
    target: Rc<LocalTarget<C>>,
    next: Cell<usize>,
    established: Cell<usize>,
    failures: RefCell<Vec<ConnectFailure>>,
    active: Rc<Active>,
}

async fn establish_all<C: Client>(
    target: &Rc<LocalTarget<C>>,
    setup: &WorkerSetup,
    report: &mut ConnectReport,
) {
    let work = Rc::new(Establishing {
        target: Rc::clone(target),
        next: Cell::new(0),
        established: Cell::new(0),
        failures: RefCell::new(Vec::new()),
        active: Rc::new(Active::default()),
    });
    let at_once = target
        .connecting
        .available_permits()
        .min(target.slots.len());
    let tasks: Vec<JoinHandle<()>> = (0..at_once)
        .map(|_| {
            let entered = work.active.enter();
            let work = Rc::clone(&work);
            tokio::task::spawn_local(async move {
                let _entered = entered;
                while work.establish_next().await {}
            })
        })
        .collect();
    while !work.active.is_idle() {
        let _ = tokio::time::timeout(CANCEL_LOOK, work.active.idle()).await;
        if setup.cancelled.load(Ordering::Relaxed) {
            report.cancelled = true;
            tasks.iter().for_each(JoinHandle::abort);
        }
    }
    report.established = work.established.get();
    for failure in work.failures.take() {
        report.errors.add(failure.kind, 1);
        report.first.get_or_insert(failure.reason);
    }
}

impl<C: Client> Establishing<C> {
    /// Makes the next connection; false when there is none to make, or one has failed.
    async fn establish_next(&self) -> bool {
        let place = self.next.get();
        if place >= self.target.slots.len() || !self.failures.borrow().is_empty() {
            return false;
        }
        self.next.set(place + 1);
        let target = &self.target;
        let timeout = target.plan.timeout;
        let begin = target.clock.now();
        let connect = async {
            let mut connection = match target.client.connect().await {
                // The client goes on from other source addresses, so this can be put right.
                Err(failure) if failure.kind == ErrorKind::Ports => target.client.connect().await?,
                connected => connected?,
            };
            let connected = target.clock.now();
            target.client.establish(&mut connection).await?;
            Ok((connection, connected))
        };
        let failure = match tokio::time::timeout(timeout, connect).await {
            Ok(Ok((connection, connected))) => {
                let timing = C::CONNECTS.then_some((connected - begin, connected));
                target.recorder.borrow_mut().connected(timing);
                target.slots[place].connection.set(Some(connection));
                self.established.set(self.established.get() + 1);
                return true;
            }
            Ok(Err(failure)) => failure,
            Err(_) => ConnectFailure {
                kind: ErrorKind::ConnectTimeout,
                reason: format!("no connection within {timeout:?}"),
            },
        };
        self.failures.borrow_mut().push(failure);
        false
    }
}

impl<C: Client> LocalTarget<C> {
    fn turns(&self, context: &SliceContext<'_>) -> Turns {
        let SliceContext {
            setup, slice, load, ..
        } = context;
        let &SliceOrder {
            start,
            window_start,
            window_end,
            ..
        } = *slice;
        match &load.kind {
            LoadKind::Once => Turns::Once,
            LoadKind::Closed { tickets, .. } => Turns::Closed(ClosedLoop {
                window_start,
                end: Cell::new(window_end),
                tickets: tickets.clone(),
            }),
            &LoadKind::Open {
                rate_rps,
                arrivals,
                position,
                limit,
            } => {
                let share = Share {
                    rate_rps,
                    arrivals,
                    index: setup.index as u64,
                    workers: setup.workers.min(load.connections) as u64,
                    position,
                    start,
                    window_start,
                    end: window_end,
                    limit,
                };
                let schedule = Schedule::new(share, SmallRng::seed_from_u64(context.seed));
                let seats = Rc::clone(&self.seats);
                let open = OpenLoop::new(self.clock, schedule, seats, self.timeout, window_start);
                Turns::Open(Box::new(open))
            }
        }
    }
}

impl<C: Client> LoadedTarget for LocalTarget<C> {
    fn begin(self: Rc<Self>, context: &SliceContext<'_>) -> Box<dyn RunningLoad> {
        let SliceContext {
            setup, slice, load, ..
        } = context;
        self.recorder
            .borrow_mut()
            .begin_slice(slice.window_start, slice.window_end);
        let job = Rc::new(Job {
            turns: self.turns(context),
            target: Rc::clone(&self),
            abandoned: Cell::new(false),
        });
        let first_send = |number: u64| match load.kind {
            LoadKind::Closed { stagger, .. } => {
                slice.start + stagger * number / load.connections as u64
            }
            LoadKind::Once => slice.window_start,
            LoadKind::Open { .. } => slice.start,
        };
        for place in 0..self.slots.len() {
            let begin = first_send((place * setup.workers + setup.index) as u64);
            let entered = context.active.enter();
            tokio::task::spawn_local(drive(Rc::clone(&job), place, begin, entered));
        }
        let pacer = context
            .timer
            .filter(|_| !self.slots.is_empty())
            .map(|timer| pace(Rc::clone(&job), Rc::clone(timer)));
        Box::new(Running { job, pacer })
    }

    fn take(&self) -> Measurement {
        let mut taken = self.recorder.borrow_mut().take(&self.plan);
        let served = self.slots.iter().map(|slot| slot.served.take());
        taken.connections.requests_per_connection = served.collect();
        taken
    }
}

fn pace<C: Client>(job: Rc<Job<C>>, timer: Rc<PreciseTimer>) -> AbortHandle {
    let task = tokio::task::spawn_local(async move {
        if let Turns::Open(open) = &job.turns {
            open.pace(&timer).await;
        }
    });
    task.abort_handle()
}

impl<C: Client> RunningLoad for Running<C> {
    fn look(&self, now: Nanos) {
        let target = &self.job.target;
        let now = if self.job.abandoned.get() { NEVER } else { now };
        target.seats.iter().for_each(|seat| seat.expire(now));
        if now != NEVER {
            let mut recorder = target.recorder.borrow_mut();
            recorder.tick(now);
            self.count_unsent(&mut recorder);
        }
    }

    fn stop(&self, now: Nanos) {
        self.job.turns.stop(now);
        self.job.target.recorder.borrow_mut().cut_window(now);
    }

    fn abandon(&self) {
        self.job.abandoned.set(true);
    }

    fn finish(self: Box<Self>) -> LoadReport {
        // Every connection has ended its part, so there is nothing left to pace.
        if let Some(pacer) = &self.pacer {
            pacer.abort();
        }
        let mut recorder = self.job.target.recorder.borrow_mut();
        self.count_unsent(&mut recorder);
        let last_intended = match &self.job.turns {
            Turns::Open(open) => open.last_intended(),
            _ => 0,
        };
        LoadReport {
            sums: recorder.end_slice(),
            last_intended,
        }
    }
}

impl<C: Client> Running<C> {
    fn count_unsent(&self, recorder: &mut Recorder) {
        if let Turns::Open(open) = &self.job.turns {
            recorder.unsent(open.take_unsent());
        }
    }
}
