//! The loop of one connection: take a send slot, ask, record. It is the same for every kind of load and
//! every client.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::SmallRng;
use tokio::sync::Semaphore;

use crate::active::{Active, Entered};
use crate::client::{Answer, Client};
use crate::clock::{Clock, NEVER, Nanos, nanos};
use crate::connection_slot::{Carried, ConnectionSlot, Elapsed};
use crate::measurement::{ErrorKind, Service};
use crate::pacer::Pacer;
use crate::plan::Plan;
use crate::recorder::{Answered, Recorder};
use crate::send_slot::{Due, SendSlot};

/// First and longest pause before connecting again after failures in a row.
const BACK_OFF_FIRST: Duration = Duration::from_millis(1);
const BACK_OFF_LONGEST: Duration = Duration::from_secs(1);

/// How long a server may take to close a connection it was asked to close.
const PARTING: Duration = Duration::from_secs(1);
/// Connections of a target that may wait for that at a time.
pub(crate) const MOST_PARTING: usize = 1000;

/// One worker's share of a target.
pub(crate) struct LocalTarget<C: Client> {
    pub(crate) plan: Arc<Plan>,
    pub(crate) client: C,
    pub(crate) clock: Clock,
    pub(crate) timeout: Nanos,
    pub(crate) connection_slots: Rc<[ConnectionSlot]>,
    pub(crate) kept_connections: Box<[KeptConnection<C>]>,
    pub(crate) recorder: RefCell<Recorder>,
    pub(crate) rng: RefCell<SmallRng>,
    /// The slice under way.
    pub(crate) job: RefCell<Option<Rc<Job>>>,
    /// Number of the last slice that began, from 1.
    pub(crate) slice: Cell<u32>,
    /// How long the server had been loaded before the slice under way.
    pub(crate) loaded_before: Cell<Nanos>,
    /// Whether requests outlasted the last slice.
    pub(crate) is_carrying: Cell<bool>,
    /// Requests of an open loop that were due and got no connection in their slice.
    pub(crate) overdue: RefCell<VecDeque<Due>>,
    /// The run was cancelled and what is under way is given up.
    pub(crate) abandoned: Cell<bool>,
    /// Connects under way at once; without keep-alive connecting is the load itself and not limited.
    pub(crate) connecting: Semaphore,
    /// Connections that wait beside the load for the server to close them, and how many of them may.
    pub(crate) parting: Cell<usize>,
    pub(crate) most_parting: usize,
}

/// A connection between slices, and how often it was served.
pub(crate) struct KeptConnection<C: Client> {
    pub(crate) connection: Cell<Option<C::Connection>>,
    /// In the open book.
    pub(crate) served: Cell<u64>,
    /// Since the target was connected.
    pub(crate) service: Cell<Service>,
    /// Answers on the connection that is open now, counted or not.
    pub(crate) answers: Cell<u64>,
}

/// One load of a slice on one worker.
pub(crate) struct Job {
    /// Number of the target's slice.
    pub(crate) slice: u32,
    pub(crate) start: Nanos,
    pub(crate) pacer: Pacer,
    /// The first send slots of the connections begin here, and are spread over so much.
    pub(crate) first_send: Nanos,
    pub(crate) stagger: Stagger,
    pub(crate) active: Rc<Active>,
    /// Answers that came after the last request was sent.
    pub(crate) answered_behind: Cell<usize>,
    /// The run has moved on.
    pub(crate) over: Cell<bool>,
}

impl Job {
    #[inline]
    fn answered(&self, now: Nanos) {
        if now >= self.pacer.end() {
            self.answered_behind.set(self.answered_behind.get() + 1);
        }
    }
}

/// How the first send slots of a slice are spread over all connections of a target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stagger {
    pub(crate) over: Nanos,
    pub(crate) worker: u64,
    pub(crate) workers: u64,
    pub(crate) connections: u64,
}

impl Stagger {
    fn of(self, place: usize) -> Nanos {
        let number = place as u64 * self.workers + self.worker;
        self.over * number / self.connections
    }
}

/// The life of the connection at `place`: slice after slice, until its task is ended. A request that outlasts its
/// slice is awaited while other servers are loaded; its connection joins the slice under way afterwards.
pub(crate) async fn live<C: Client>(target: Rc<LocalTarget<C>>, place: usize) {
    let mut seen = 0;
    loop {
        let job = target.next_job(place, seen).await;
        seen = job.slice;
        if let Some(_entered) = Box::pin(target.join(&job, place)).await {
            target.drive(&job, place).await;
        }
    }
}

/// A request answered.
struct Exchange {
    class: usize,
    sent: Nanos,
    answer: Answer,
}

impl<C: Client> LocalTarget<C> {
    /// The slice under way, once there is one later than `seen`.
    async fn next_job(&self, place: usize, seen: u32) -> Rc<Job> {
        poll_fn(|context| match &*self.job.borrow() {
            Some(job) if job.slice > seen => Poll::Ready(Rc::clone(job)),
            _ => {
                self.connection_slots[place].remember(context);
                Poll::Pending
            }
        })
        .await
    }

    /// Waits until the connection may send in this slice; none if the slice was over before.
    async fn join(&self, job: &Rc<Job>, place: usize) -> Option<Entered> {
        let connection_slot = &self.connection_slots[place];
        if let Some(carried) = connection_slot.carried.get() {
            self.rest(job, connection_slot, carried.rests_until())
                .await?;
            connection_slot.carried.set(None);
            return Some(job.active.enter());
        }
        let entered = connection_slot.entered.take();
        let begin = job.first_send + job.stagger.of(place);
        if begin > self.clock.now() {
            let _ = self.pause(connection_slot, begin).await;
        }
        Some(entered.unwrap_or_else(|| job.active.enter()))
    }

    /// Until the server has been loaded for so long; none if the slice is over before.
    async fn rest(
        &self,
        job: &Job,
        connection_slot: &ConnectionSlot,
        until_loaded: Nanos,
    ) -> Option<()> {
        let left = |now| until_loaded.saturating_sub(self.loaded(job, now));
        let now = self.clock.now();
        if left(now) > 0 {
            let until = self.clock.instant(now + left(now));
            let mut sleep = pin!(tokio::time::sleep_until(until.into()));
            poll_fn(|context| {
                connection_slot.remember(context);
                match job.over.get() {
                    true => Poll::Ready(()),
                    false => sleep.as_mut().poll(context),
                }
            })
            .await;
        }
        // The clock of a slice that is over counts it twice.
        (!job.over.get() && left(self.clock.now()) == 0).then_some(())
    }

    /// The server's clock: for how long it has been loaded.
    pub(crate) fn loaded(&self, job: &Job, now: Nanos) -> Nanos {
        let until = now.min(job.pacer.end());
        self.loaded_before.get() + until.saturating_sub(job.start)
    }

    /// Drives the connection at `place` through a slice.
    ///
    /// What is awaited rarely is boxed, because it would nearly double the future of every connection, and with
    /// hundreds of connections per worker that decides whether they stay in the cache.
    async fn drive(self: &Rc<Self>, job: &Job, place: usize) {
        let connection_slot = &self.connection_slots[place];
        let kept = &self.kept_connections[place];
        let mut idle = kept.connection.take();
        // A server may close a connection while another one is being loaded; that is no error.
        if let Some(connection) = &mut idle
            && !self.client.is_open(connection)
        {
            idle = None;
            self.closed(kept, false);
        }
        let mut now = self.clock.now();
        let mut asked = 0;
        let mut failures = 0;
        while let Some(send_slot) = job.pacer.next(place, asked, now).await {
            asked += 1;
            kept.service
                .set(kept.service.get().max(Service::Unanswered));
            connection_slot.asked.set(Some(send_slot));
            let attempt = self
                .attempt((connection_slot, kept), &send_slot, &mut idle)
                .await;
            connection_slot.asked.set(None);
            if self.abandoned.get() && attempt.is_err() {
                self.recorder.borrow_mut().abandoned(&send_slot, &self.plan);
                break;
            }
            match attempt {
                Ok(exchange) => {
                    failures = 0;
                    now = exchange.answer.done;
                    job.answered(now);
                    let is_request = self.record(&send_slot, &exchange, idle.as_ref());
                    kept.served.set(kept.served.get() + u64::from(is_request));
                    kept.service.set(Service::Answered);
                    kept.answers.set(kept.answers.get() + 1);
                    if exchange.answer.announces_close {
                        self.closed(kept, true);
                    }
                    self.done(job, connection_slot, &send_slot, now);
                    if !exchange.answer.reusable {
                        self.part(idle.take());
                    }
                }
                Err(kind) => {
                    now = self.clock.now();
                    self.recorder
                        .borrow_mut()
                        .error(&send_slot, kind, now, &self.plan);
                    self.done(job, connection_slot, &send_slot, now);
                    if failures > 0 {
                        now = Box::pin(self.back_off(connection_slot, failures, job.pacer.end()))
                            .await;
                    }
                    failures += 1;
                }
            }
        }
        kept.connection.set(idle);
    }

    /// A request has come to its end at `now`.
    #[inline]
    fn done(&self, job: &Job, connection_slot: &ConnectionSlot, send_slot: &SendSlot, now: Nanos) {
        job.pacer.done(send_slot);
        if job.over.get()
            && let Some(carried) = connection_slot.carried.get()
        {
            let went_on = self.recorder.borrow().went_on(carried.sent, now);
            connection_slot.carried.set(Some(Carried {
                went_on: carried.went_on || went_on,
                took: Some(now.saturating_sub(carried.sent)),
                ..carried
            }));
        }
    }

    /// Asks once, on the open connection if there is one. After a failure there is none.
    #[inline]
    async fn attempt(
        &self,
        (connection_slot, kept): (&ConnectionSlot, &KeptConnection<C>),
        send_slot: &SendSlot,
        idle: &mut Option<C::Connection>,
    ) -> Result<Exchange, ErrorKind> {
        let deadline = send_slot.intended.saturating_add(self.timeout);
        let (mut connection, sent) = match idle.take() {
            Some(connection) => (connection, send_slot.taken),
            None => {
                kept.answers.set(0);
                Box::pin(self.connect(connection_slot, deadline)).await?
            }
        };
        let class = self.draw_class();
        let exchange = self.client.exchange(&mut connection, class);
        let answer = match connection_slot.guard(deadline, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(kind)) => return Err(self.failed(kind, &connection, kept)),
            Err(Elapsed) => return Err(ErrorKind::Timeout),
        };
        if answer.done > deadline {
            // It came between the deadline and the worker's next look at it.
            return Err(ErrorKind::Timeout);
        }
        *idle = Some(connection);
        Ok(Exchange {
            class,
            sent,
            answer,
        })
    }

    /// What kind of error it is that a connection failed before its answer was complete.
    #[cold]
    fn failed(
        &self,
        kind: ErrorKind,
        connection: &C::Connection,
        kept: &KeptConnection<C>,
    ) -> ErrorKind {
        let is_closed = matches!(
            kind,
            ErrorKind::Send | ErrorKind::Receive | ErrorKind::Closed
        );
        if !is_closed || kept.answers.get() == 0 || self.client.has_read(connection) {
            return kind;
        }
        self.closed(kept, false);
        ErrorKind::Stale
    }

    /// The server closed a connection that was to be kept alive.
    #[cold]
    fn closed(&self, kept: &KeptConnection<C>, announced: bool) {
        let answers = kept.answers.replace(0);
        if answers > 0 && self.plan.keep_alive {
            self.recorder.borrow_mut().closed(answers, announced);
        }
    }

    /// Records an answer; says whether it counts as a request.
    #[inline]
    fn record(
        &self,
        send_slot: &SendSlot,
        exchange: &Exchange,
        connection: Option<&C::Connection>,
    ) -> bool {
        let answered = Answered {
            class: exchange.class,
            sent: exchange.sent,
            answer: &exchange.answer,
            chunk_gaps: connection.map_or(&[], |connection| self.client.chunk_gaps(connection)),
        };
        self.recorder
            .borrow_mut()
            .answer(send_slot, &answered, &self.plan)
    }

    async fn connect(
        &self,
        connection_slot: &ConnectionSlot,
        deadline: Nanos,
    ) -> Result<(C::Connection, Nanos), ErrorKind> {
        let dial = async {
            let permit = match self.plan.keep_alive {
                true => self.connecting.acquire().await.ok(),
                false => None,
            };
            let begin = self.clock.now();
            let connected = self.client.connect().await;
            drop(permit);
            connected.map(|connection| (connection, begin))
        };
        let kind = match connection_slot.guard(deadline, dial).await {
            Ok(Ok((connection, begin))) => {
                let now = self.clock.now();
                let timing = C::CONNECTS.then_some((now - begin, now));
                self.recorder.borrow_mut().connected(timing);
                return Ok((connection, now));
            }
            Ok(Err(failure)) => failure.kind,
            Err(Elapsed) => ErrorKind::ConnectTimeout,
        };
        self.recorder.borrow_mut().connect_failed();
        Err(kind)
    }

    /// Which class of request is next, by weight.
    #[inline]
    fn draw_class(&self) -> usize {
        let classes = &self.plan.classes;
        if classes.len() == 1 {
            return 0;
        }
        let total: u32 = classes.iter().map(|class| class.weight).sum();
        let mut drawn = self.rng.borrow_mut().random_range(0..total);
        let is_drawn = |weight: u32| {
            let hit = drawn < weight;
            drawn = drawn.saturating_sub(weight);
            hit
        };
        classes
            .iter()
            .map(|class| class.weight)
            .position(is_drawn)
            .unwrap_or(0)
    }

    /// Lets the peer close a connection first, so that the closed connection's port stays reserved on its
    /// side (TIME_WAIT) and ours is free again. That is awaited beside the load, which it must not slow down.
    fn part(self: &Rc<Self>, connection: Option<C::Connection>) {
        let Some(mut connection) = connection.filter(|_| C::CONNECTS) else {
            return;
        };
        if self.parting.get() >= self.most_parting {
            self.recorder.borrow_mut().closed_by_client();
            return;
        }
        self.parting.set(self.parting.get() + 1);
        let target = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let parted = target.client.part(&mut connection);
            let in_time = tokio::time::timeout(PARTING, parted).await.is_ok();
            target.parting.set(target.parting.get() - 1);
            if !in_time {
                target.recorder.borrow_mut().left_open();
            }
        });
    }

    /// Pauses after the `failures`th failure in a row, but not beyond `end`. Returns the time.
    async fn back_off(&self, connection_slot: &ConnectionSlot, failures: u32, end: Nanos) -> Nanos {
        let doublings = failures.saturating_sub(1).min(16);
        let longest = nanos(
            BACK_OFF_FIRST
                .saturating_mul(1 << doublings)
                .min(BACK_OFF_LONGEST),
        );
        // Half of it is random, so that connections that failed together do not come back together.
        let random = self.rng.borrow_mut().random_range(0..=longest / 2);
        let until = self.clock.now() + longest / 2 + random;
        let _ = self.pause(connection_slot, until.min(end)).await;
        self.clock.now()
    }

    /// Sleeps, to the millisecond; shorter when the run is cancelled.
    async fn pause(&self, connection_slot: &ConnectionSlot, until: Nanos) -> Result<(), Elapsed> {
        let sleep = tokio::time::sleep_until(self.clock.instant(until).into());
        connection_slot.guard(NEVER, sleep).await
    }
}
