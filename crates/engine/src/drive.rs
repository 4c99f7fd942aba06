//! The loop of one connection: take a turn, ask, record. It is the same for every kind of load and
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
use tokio::sync::{Notify, Semaphore};

use crate::client::{Answer, Client};
use crate::clock::{Clock, NEVER, Nanos, nanos};
use crate::measurement::ErrorKind;
use crate::plan::Plan;
use crate::recorder::{Answered, Recorder};
use crate::seat::{Carried, Elapsed, Seat};
use crate::turns::{Due, Turn, Turns};

/// First and longest pause before connecting again after failures in a row.
const BACK_OFF_FIRST: Duration = Duration::from_millis(1);
const BACK_OFF_LONGEST: Duration = Duration::from_secs(1);

/// How long a server may take to close a connection it was asked to close.
const PARTING: Duration = Duration::from_secs(1);

/// One worker's share of a target.
pub(crate) struct LocalTarget<C: Client> {
    pub(crate) plan: Arc<Plan>,
    pub(crate) client: C,
    pub(crate) clock: Clock,
    pub(crate) timeout: Nanos,
    pub(crate) seats: Rc<[Seat]>,
    pub(crate) slots: Box<[Slot<C>]>,
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
    /// Whether the server closes connections it is asked to close; once it did not, nobody waits for it.
    pub(crate) server_closes: Cell<bool>,
}

/// A connection between slices, and how often it was served.
pub(crate) struct Slot<C: Client> {
    pub(crate) connection: Cell<Option<C::Connection>>,
    /// In the open book.
    pub(crate) served: Cell<u64>,
    /// In any book that is closed.
    pub(crate) ever_served: Cell<bool>,
}

/// One load of a slice on one worker.
pub(crate) struct Job {
    /// Number of the target's slice.
    pub(crate) slice: u32,
    pub(crate) start: Nanos,
    pub(crate) turns: Turns,
    /// The first turns of the connections begin here, and are spread over so much.
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
        if now >= self.turns.end() {
            self.answered_behind.set(self.answered_behind.get() + 1);
        }
    }
}

/// How the first turns of a slice are spread over all connections of a target.
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

/// Counts the connections at work in a slice.
#[derive(Debug)]
pub(crate) struct Active {
    count: Cell<usize>,
    idle: Rc<Notify>,
}

/// Leaves the count when the connection's part in the slice ends, however it ends.
#[derive(Debug)]
pub(crate) struct Entered(Rc<Active>);

impl Active {
    /// Tells `idle` whenever the last connection has left.
    pub(crate) fn new(idle: &Rc<Notify>) -> Rc<Self> {
        Rc::new(Self {
            count: Cell::new(0),
            idle: Rc::clone(idle),
        })
    }

    pub(crate) fn enter(self: &Rc<Self>) -> Entered {
        self.count.set(self.count.get() + 1);
        Entered(Rc::clone(self))
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.count.get() == 0
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let left = self.0.count.get() - 1;
        self.0.count.set(left);
        if left == 0 {
            self.0.idle.notify_one();
        }
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
                self.seats[place].remember(context);
                Poll::Pending
            }
        })
        .await
    }

    /// Waits until the connection may send in this slice; none if the slice was over before.
    async fn join(&self, job: &Rc<Job>, place: usize) -> Option<Entered> {
        let seat = &self.seats[place];
        if let Some(carried) = seat.carried.get() {
            self.rest(job, seat, carried.rests_until()).await?;
            seat.carried.set(None);
            return Some(job.active.enter());
        }
        let entered = seat.entered.take();
        let begin = job.first_send + job.stagger.of(place);
        if begin > self.clock.now() {
            let _ = self.pause(seat, begin).await;
        }
        Some(entered.unwrap_or_else(|| job.active.enter()))
    }

    /// Until the server has been loaded for so long; none if the slice is over before.
    async fn rest(&self, job: &Job, seat: &Seat, until_loaded: Nanos) -> Option<()> {
        let left = |now| until_loaded.saturating_sub(self.loaded(job, now));
        let now = self.clock.now();
        if left(now) > 0 {
            let until = self.clock.instant(now + left(now));
            let mut sleep = pin!(tokio::time::sleep_until(until.into()));
            poll_fn(|context| {
                seat.remember(context);
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
        let until = now.min(job.turns.end());
        self.loaded_before.get() + until.saturating_sub(job.start)
    }

    /// Drives the connection at `place` through a slice.
    ///
    /// What is awaited rarely is boxed, because it would nearly double the future of every connection, and with
    /// hundreds of connections per worker that decides whether they stay in the cache.
    async fn drive(&self, job: &Job, place: usize) {
        let seat = &self.seats[place];
        let slot = &self.slots[place];
        let mut idle = slot.connection.take();
        // A server may close a connection while another one is being loaded; that is no error.
        if let Some(connection) = &mut idle
            && !self.client.is_open(connection)
        {
            idle = None;
        }
        let mut now = self.clock.now();
        let mut asked = 0;
        let mut failures = 0;
        while let Some(turn) = job.turns.next(place, asked, now).await {
            asked += 1;
            seat.asked.set(Some(turn));
            let attempt = self.attempt(seat, &turn, &mut idle).await;
            seat.asked.set(None);
            if self.abandoned.get() && attempt.is_err() {
                self.recorder.borrow_mut().abandoned(&turn, &self.plan);
                break;
            }
            match attempt {
                Ok(exchange) => {
                    failures = 0;
                    now = exchange.answer.done;
                    job.answered(now);
                    let is_request = self.record(&turn, &exchange, idle.as_ref());
                    slot.served.set(slot.served.get() + u64::from(is_request));
                    self.done(job, seat, &turn, now);
                    if !exchange.answer.reusable {
                        now = Box::pin(self.part(seat, idle.take())).await;
                    }
                }
                Err(kind) => {
                    now = self.clock.now();
                    self.recorder
                        .borrow_mut()
                        .error(&turn, kind, now, &self.plan);
                    self.done(job, seat, &turn, now);
                    if failures > 0 {
                        now = Box::pin(self.back_off(seat, failures, job.turns.end())).await;
                    }
                    failures += 1;
                }
            }
        }
        slot.connection.set(idle);
    }

    /// A request has come to its end at `now`.
    #[inline]
    fn done(&self, job: &Job, seat: &Seat, turn: &Turn, now: Nanos) {
        job.turns.done(turn);
        if job.over.get()
            && let Some(carried) = seat.carried.get()
        {
            let went_on = self.recorder.borrow().went_on(carried.sent, now);
            seat.carried.set(Some(Carried {
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
        seat: &Seat,
        turn: &Turn,
        idle: &mut Option<C::Connection>,
    ) -> Result<Exchange, ErrorKind> {
        let deadline = turn.intended.saturating_add(self.timeout);
        let (mut connection, sent) = match idle.take() {
            Some(connection) => (connection, turn.taken),
            None => Box::pin(self.connect(seat, deadline)).await?,
        };
        let class = self.draw_class();
        let exchange = self.client.exchange(&mut connection, class);
        let answer = match seat.guard(deadline, exchange).await {
            Ok(answer) => answer?,
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

    /// Records an answer; says whether it counts as a request.
    #[inline]
    fn record(&self, turn: &Turn, exchange: &Exchange, connection: Option<&C::Connection>) -> bool {
        let answered = Answered {
            class: exchange.class,
            sent: exchange.sent,
            answer: &exchange.answer,
            chunk_gaps: connection.map_or(&[], |connection| self.client.chunk_gaps(connection)),
        };
        self.recorder
            .borrow_mut()
            .answer(turn, &answered, &self.plan)
    }

    async fn connect(
        &self,
        seat: &Seat,
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
        let kind = match seat.guard(deadline, dial).await {
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
    /// side (TIME_WAIT) and ours is free again. Returns the time.
    async fn part(&self, seat: &Seat, connection: Option<C::Connection>) -> Nanos {
        if let Some(mut connection) = connection
            && self.server_closes.get()
        {
            let deadline = self.clock.now() + nanos(PARTING);
            let parted = seat
                .guard(deadline, self.client.part(&mut connection))
                .await;
            self.server_closes.set(parted.is_ok());
        }
        self.clock.now()
    }

    /// Pauses after the `failures`th failure in a row, but not beyond `end`. Returns the time.
    async fn back_off(&self, seat: &Seat, failures: u32, end: Nanos) -> Nanos {
        let doublings = failures.saturating_sub(1).min(16);
        let longest = nanos(
            BACK_OFF_FIRST
                .saturating_mul(1 << doublings)
                .min(BACK_OFF_LONGEST),
        );
        // Half of it is random, so that connections that failed together do not come back together.
        let random = self.rng.borrow_mut().random_range(0..=longest / 2);
        let until = self.clock.now() + longest / 2 + random;
        let _ = self.pause(seat, until.min(end)).await;
        self.clock.now()
    }

    /// Sleeps, to the millisecond; shorter when the run is cancelled.
    async fn pause(&self, seat: &Seat, until: Nanos) -> Result<(), Elapsed> {
        let sleep = tokio::time::sleep_until(self.clock.instant(until).into());
        seat.guard(NEVER, sleep).await
    }
}
