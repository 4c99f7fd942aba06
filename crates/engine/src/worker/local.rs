//! A worker's share of a target behind one interface, whichever client it uses. Only here are the
//! clients' types forgotten; the loop of a connection is compiled for each of them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use timer::PreciseTimer;
use tokio::sync::{Notify, Semaphore};
use tokio::task::{AbortHandle, JoinHandle};

use super::{
    ConnectOrder, ConnectReport, LoadKind, LoadOrder, LoadReport, SliceOrder, WorkerSetup,
};
use crate::active::Active;
use crate::client::{Client, ConnectFailure, Shared};
use crate::clock::{NEVER, Nanos, nanos};
use crate::config::Arrivals;
use crate::connection_slot::{Carried, ConnectionSlot};
use crate::drive::{Job, KeptConnection, LocalTarget, MOST_PARTING, Stagger, live};
use crate::measurement::{ErrorKind, Measurement, Service};
use crate::pacer::{ClosedLoop, OpenLoop, Pacer};
use crate::recorder::Recorder;
use crate::schedule::{Schedule, Share};

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
    /// Told whenever the last connection of a load has ended its part.
    pub(super) idle: &'a Rc<Notify>,
}

/// A connected target.
pub(super) trait LoadedTarget {
    fn begin(self: Rc<Self>, context: &SliceContext<'_>) -> Box<dyn RunningLoad>;

    /// Gives up requests whose deadline has come; with `give_up`, all that are under way.
    fn look(&self, now: Nanos, give_up: bool);

    /// Everything recorded since the last call.
    fn close_book(&self) -> Measurement;

    /// What became since the last call of requests of closed books.
    fn take_late(&self) -> BTreeMap<usize, Measurement>;

    /// Closes all connections.
    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + '_>>;
}

/// A target under load.
pub(super) trait RunningLoad {
    /// Hands over a second that has passed; notes what never got a connection.
    fn look(&self, now: Nanos);

    /// When to look again at the latest.
    fn next_look(&self, now: Nanos) -> Nanos;

    /// Whether the run may move on.
    fn is_over(&self, now: Nanos) -> bool;

    /// The window ends now, and no request is sent any more.
    fn stop(&self, now: Nanos);

    /// The run moves on. What is under way is awaited meanwhile.
    fn finish(self: Box<Self>, now: Nanos) -> LoadReport;
}

/// A connected target with the tasks of its connections.
struct Connected<C: Client> {
    local: Rc<LocalTarget<C>>,
    tasks: RefCell<Vec<JoinHandle<()>>>,
}

struct Running<C: Client> {
    target: Rc<LocalTarget<C>>,
    job: Rc<Job>,
    pacing: Option<AbortHandle>,
    /// Mean response time before this slice, if it was known.
    mean_response: Option<Nanos>,
    window: (Nanos, Nanos),
}

/// Number of a target's first slice.
const FIRST_SLICE: u32 = 1;

/// A request that is still waiting when its server answers others so many mean response times after it was sent was
/// slow itself: the server was not silent.
const RESPONSES_WENT_ON: Nanos = 5;
/// The load stays on for at most so many mean response times after a window.
const RESPONSES_STAYED_ON: Nanos = 2;
/// And then the run waits for at most so many, and moves on.
const RESPONSES_AWAITED: Nanos = 1;

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
    if order.plan.keep_alive && !target.kept_connections.is_empty() {
        establish_all(&target, setup, &mut report).await;
    }
    let tasks = (0..target.kept_connections.len())
        .map(|place| tokio::task::spawn_local(live(Rc::clone(&target), place)))
        .collect();
    let connected = Connected {
        local: target,
        tasks: RefCell::new(tasks),
    };
    (Some(Rc::new(connected)), report)
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
    let kept = |_| KeptConnection {
        connection: Cell::new(None),
        served: Cell::new(0),
        service: Cell::new(Service::default()),
        answers: Cell::new(0),
    };
    let recorder = Recorder::new(
        order.id,
        &order.plan,
        Arc::clone(&setup.statistics),
        clock.now(),
    );
    let seed = super::mix(setup.seed, index as u64, u64::from(order.id.0) << 32);
    Ok(LocalTarget {
        plan: Arc::clone(&order.plan),
        client: C::new(&order.plan, shared)?,
        clock,
        timeout: nanos(setup.timeout),
        connection_slots: (0..places).map(|_| ConnectionSlot::new()).collect(),
        kept_connections: (0..places).map(kept).collect(),
        recorder: RefCell::new(recorder),
        rng: RefCell::new(SmallRng::seed_from_u64(seed)),
        job: RefCell::new(None),
        slice: Cell::new(0),
        loaded_before: Cell::new(0),
        overdue: RefCell::default(),
        is_carrying: Cell::new(false),
        abandoned: Cell::new(false),
        connecting: Semaphore::new((CONNECTS_AT_ONCE / workers).max(1)),
        parting: Cell::new(0),
        most_parting: (MOST_PARTING / workers).max(1),
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
    let idle = Rc::new(Notify::new());
    let work = Rc::new(Establishing {
        target: Rc::clone(target),
        next: Cell::new(0),
        established: Cell::new(0),
        failures: RefCell::new(Vec::new()),
        active: Active::new(&idle),
    });
    let at_once = target
        .connecting
        .available_permits()
        .min(target.kept_connections.len());
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
        let _ = tokio::time::timeout(CANCEL_LOOK, idle.notified()).await;
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
        if place >= self.target.kept_connections.len() || !self.failures.borrow().is_empty() {
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
            let answers = target.client.establish(&mut connection).await?;
            Ok((connection, connected, answers))
        };
        let failure = match tokio::time::timeout(timeout, connect).await {
            Ok(Ok((connection, connected, answers))) => {
                let timing = C::CONNECTS.then_some((connected - begin, connected));
                target.recorder.borrow_mut().connected(timing);
                let kept = &target.kept_connections[place];
                kept.connection.set(Some(connection));
                kept.answers.set(answers);
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
    fn pacer(&self, context: &SliceContext<'_>) -> Pacer {
        let SliceContext { slice, load, .. } = context;
        let number = self.slice.get();
        match &load.kind {
            LoadKind::Once => Pacer::Once(number),
            LoadKind::Closed { tickets, .. } => Pacer::Closed(ClosedLoop {
                slice: number,
                window_start: slice.window_start,
                window_end: Cell::new(slice.window_end),
                end: Cell::new(
                    load.mean_response
                        .map_or(NEVER, |mean| stays_on_until(slice.window_end, mean)),
                ),
                tickets: tickets.clone(),
                under_way: Cell::new(0),
            }),
            LoadKind::Open { .. } | LoadKind::Rest => Pacer::Open(Box::new(OpenLoop::new(
                self.clock,
                (number, (slice.window_start, slice.window_end)),
                schedule(context),
                self.overdue.take(),
                Rc::clone(&self.connection_slots),
                self.timeout,
            ))),
        }
    }

    /// Which connections take part from the beginning, and which join when they have had their answer, or their rest.
    fn enter_all(&self, job: &Rc<Job>, load: &LoadOrder) {
        let is_closed = matches!(load.kind, LoadKind::Closed { .. });
        let long_after = long_of(load);
        for connection_slot in self.connection_slots.iter() {
            if let Some(mut carried) = connection_slot.carried.get() {
                carried.went_on |= load.last_answer > carried.sent.saturating_add(long_after);
                let has_rested = carried.rests_until() <= self.loaded_before.get();
                let is_free = carried.took.is_some() && (has_rested || !is_closed);
                connection_slot.carried.set((!is_free).then_some(carried));
            }
            if connection_slot.carried.get().is_none() {
                connection_slot.entered.set(Some(job.active.enter()));
            }
            connection_slot.wake();
        }
    }

    /// Whether most requests that were sent behind the window have their answers: then the server was not silent when
    /// the run moved on, and what is missing is slow itself.
    fn went_on_behind(&self, job: &Job) -> bool {
        let Pacer::Closed(closed) = &job.pacer else {
            return false;
        };
        let asked = self
            .connection_slots
            .iter()
            .filter_map(|connection_slot| connection_slot.asked.get());
        let missing = asked.filter(|send_slot| send_slot.taken >= closed.window_end.get());
        job.answered_behind.get() > missing.count()
    }

    /// What has not come to its end when its slice is over is carried on.
    fn carry_all(&self, job: &Job) {
        self.is_carrying.set(false);
        let went_on = self.went_on_behind(job);
        for connection_slot in self.connection_slots.iter() {
            // A part that was not even taken up.
            drop(connection_slot.entered.take());
            if let Some(send_slot) = connection_slot.asked.get()
                && connection_slot.carried.get().is_none()
            {
                connection_slot.carried.set(Some(Carried {
                    sent: send_slot.taken,
                    sent_clock: self.loaded(job, send_slot.taken),
                    went_on: false,
                    took: None,
                }));
            }
            if let Some(carried) = connection_slot.carried.get() {
                let went_on = carried.went_on || (went_on && carried.took.is_none());
                connection_slot
                    .carried
                    .set(Some(Carried { went_on, ..carried }));
                self.is_carrying.set(true);
                connection_slot.wake(); // to stop resting
            }
        }
    }

    /// When the request that has waited longest was due; none if none waits.
    fn waits_since(&self) -> Option<Nanos> {
        let asked = self
            .connection_slots
            .iter()
            .filter_map(|connection_slot| connection_slot.asked.get());
        asked.map(|send_slot| send_slot.intended).min()
    }

    fn note_unsent(&self, pacer: &Pacer) {
        if let Pacer::Open(open) = pacer {
            let mut recorder = self.recorder.borrow_mut();
            for unsent in open.take_unsent() {
                recorder.unsent(unsent, &self.plan);
            }
        }
    }
}

/// An open loop that sends nothing new has a schedule that is over when it begins.
fn schedule(context: &SliceContext<'_>) -> Schedule {
    let SliceContext {
        setup, slice, load, ..
    } = context;
    let (rate_rps, arrivals, position, limit) = match load.kind {
        LoadKind::Open {
            rate_rps,
            arrivals,
            position,
            limit,
        } => (rate_rps, arrivals, position, limit),
        _ => (1.0, Arrivals::Constant, 0, Some(0)),
    };
    let share = Share {
        rate_rps,
        arrivals,
        index: setup.index as u64,
        workers: setup.workers.min(load.connections) as u64,
        position,
        start: slice.start,
        window_start: slice.window_start,
        end: slice.window_end,
        limit,
    };
    Schedule::new(share, SmallRng::seed_from_u64(context.seed))
}

/// How long after a request was sent an answer to another one says that the server goes on.
fn long_of(load: &LoadOrder) -> Nanos {
    load.mean_response
        .map_or(NEVER, |mean| RESPONSES_WENT_ON * mean)
}

/// Until when the load of a closed loop stays on after its window.
fn stays_on_until(window_end: Nanos, mean_response: Nanos) -> Nanos {
    window_end.saturating_add(RESPONSES_STAYED_ON * mean_response)
}

impl<C: Client> LoadedTarget for Connected<C> {
    fn begin(self: Rc<Self>, context: &SliceContext<'_>) -> Box<dyn RunningLoad> {
        let SliceContext {
            setup, slice, load, ..
        } = context;
        let target = &self.local;
        target.slice.set(target.slice.get() + 1);
        let window = (slice.window_start, slice.window_end);
        target.recorder.borrow_mut().begin_slice(
            target.slice.get(),
            slice.start,
            window,
            long_of(load),
        );
        let (first_send, over) = match load.kind {
            LoadKind::Closed { stagger, .. } => (slice.start, stagger),
            LoadKind::Once => (slice.window_start, 0),
            LoadKind::Open { .. } | LoadKind::Rest => (slice.start, 0),
        };
        let job = Rc::new(Job {
            slice: target.slice.get(),
            start: slice.start,
            pacer: target.pacer(context),
            first_send,
            stagger: Stagger {
                over,
                worker: setup.index as u64,
                workers: setup.workers as u64,
                connections: load.connections as u64,
            },
            active: Active::new(context.idle),
            answered_behind: Cell::new(0),
            over: Cell::new(false),
        });
        target.job.replace(Some(Rc::clone(&job)));
        target.enter_all(&job, load);
        let pacing = context
            .timer
            .filter(|_| !target.kept_connections.is_empty())
            .map(|timer| pace(Rc::clone(&job), Rc::clone(timer)));
        Box::new(Running {
            target: Rc::clone(target),
            job,
            pacing,
            mean_response: load.mean_response,
            window,
        })
    }

    fn look(&self, now: Nanos, give_up: bool) {
        let now = if give_up { NEVER } else { now };
        if give_up {
            self.local.abandoned.set(true);
        }
        // Thousands of connections that wait for nothing are not worth a look.
        if self.local.job.borrow().is_some() || self.local.is_carrying.get() {
            self.local
                .connection_slots
                .iter()
                .for_each(|connection_slot| connection_slot.expire(now));
        }
    }

    fn close_book(&self) -> Measurement {
        let target = &self.local;
        let mut recorder = target.recorder.borrow_mut();
        let first_slice = recorder.open_book();
        let mut taken = recorder.take(&target.plan);
        for kept in &target.kept_connections {
            let served = kept.served.take();
            taken.connections.requests_per_connection.push(served);
            taken.connections.service.push(kept.service.get());
        }
        let asked = target
            .connection_slots
            .iter()
            .filter_map(|connection_slot| connection_slot.asked.get());
        let overdue = target.overdue.borrow();
        let slices = asked
            .map(|send_slot| send_slot.slice)
            .chain(overdue.iter().map(|due| due.slice));
        taken.under_way = slices.filter(|slice| *slice >= first_slice).count() as u64;
        taken
    }

    fn take_late(&self) -> BTreeMap<usize, Measurement> {
        self.local.recorder.borrow_mut().take_late()
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(async move {
            let tasks = self.tasks.take();
            tasks.iter().for_each(JoinHandle::abort);
            for task in tasks {
                // It was ended: that is all there is to know of it.
                let _ = task.await;
            }
        })
    }
}

fn pace(job: Rc<Job>, timer: Rc<PreciseTimer>) -> AbortHandle {
    let task = tokio::task::spawn_local(async move {
        if let Pacer::Open(open) = &job.pacer {
            open.pace(&timer).await;
        }
    });
    task.abort_handle()
}

impl<C: Client> Running<C> {
    /// Mean response time, of this slice if it was not known before.
    fn mean_response(&self) -> Option<Nanos> {
        let so_far = || self.target.recorder.borrow().mean_latency().map(nanos);
        self.mean_response.or_else(so_far)
    }

    /// When the run moves on, whatever is still under way; [`NEVER`] if it waits for everything.
    fn moves_on(&self) -> Nanos {
        let (start, end) = self.window;
        match (&self.job.pacer, self.mean_response()) {
            _ if end == NEVER => NEVER,
            (Pacer::Once(_), _) => NEVER,
            // The first slice finds it out. Where nothing is answered in a whole timeout, no later slice waits again.
            (_, None) if self.job.slice == FIRST_SLICE => NEVER,
            (_, None) => end,
            (Pacer::Closed(closed), Some(mean)) => {
                closed.end.get().saturating_add(RESPONSES_AWAITED * mean)
            }
            (Pacer::Open(open), Some(mean)) => {
                let awaited = (RESPONSES_STAYED_ON + RESPONSES_AWAITED) * mean;
                if open.is_over() {
                    return end.saturating_add(awaited);
                }
                // While the server answers, what found no connection gets one in the end. A silent server is
                // waited for as long as the window was.
                let alive = self.target.recorder.borrow().silent_since();
                end.max(alive).saturating_add(awaited.max(end - start))
            }
        }
    }
}

impl<C: Client> RunningLoad for Running<C> {
    fn look(&self, now: Nanos) {
        self.target.recorder.borrow_mut().tick(now);
        self.target.note_unsent(&self.job.pacer);
        let window_end = self.window.1;
        if let Pacer::Closed(closed) = &self.job.pacer
            && [NEVER, window_end].contains(&closed.end.get())
            && now >= window_end
        {
            // Before the first answer nobody knows for how long, and nothing more is asked.
            let mean = self.mean_response().unwrap_or(0);
            closed.end.set(stays_on_until(window_end, mean));
        }
    }

    fn next_look(&self, now: Nanos) -> Nanos {
        let soon = |at: &Nanos| *at > now;
        let instants = [self.window.1, self.job.pacer.end(), self.moves_on()];
        instants.into_iter().filter(soon).min().unwrap_or(NEVER)
    }

    fn is_over(&self, now: Nanos) -> bool {
        if self.target.connection_slots.is_empty() {
            return true;
        }
        let idle = self.job.active.is_idle();
        // A window that no time ends is over when nothing is left to come.
        let all_in = || self.window.1 != NEVER || self.target.waits_since().is_none();
        let done = match &self.job.pacer {
            Pacer::Closed(closed) => now >= closed.end.get() || self.window.1 == NEVER,
            Pacer::Open(open) => open.is_over(),
            Pacer::Once(_) => true,
        };
        (idle && done && all_in()) || now >= self.moves_on()
    }

    fn stop(&self, now: Nanos) {
        self.job.pacer.stop(now);
        self.target.recorder.borrow_mut().cut_window(now);
    }

    fn finish(self: Box<Self>, now: Nanos) -> LoadReport {
        if let Some(pacing) = &self.pacing {
            pacing.abort();
        }
        let target = &self.target;
        self.job.over.set(true);
        let mut last_intended = 0;
        if let Pacer::Open(open) = &self.job.pacer
            && !target.connection_slots.is_empty()
        {
            last_intended = open.last_intended();
            target.overdue.replace(open.leave());
        }
        target.note_unsent(&self.job.pacer);
        target.carry_all(&self.job);
        target.loaded_before.set(target.loaded(&self.job, now));
        target.job.replace(None);
        let mut recorder = target.recorder.borrow_mut();
        let until = now.min(self.job.pacer.end());
        let (sums, silences) = recorder.end_slice(until, target.waits_since());
        LoadReport {
            sums,
            last_intended,
            silences: (!target.connection_slots.is_empty()).then_some(silences),
        }
    }
}
