//! The loop of one connection: take a turn, ask, record. It is the same for every kind of load and
//! every client.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::SmallRng;
use tokio::sync::{Notify, Semaphore};

use crate::client::{Answer, Client};
use crate::clock::{Clock, NEVER, Nanos, nanos};
use crate::measurement::ErrorKind;
use crate::plan::Plan;
use crate::recorder::Recorder;
use crate::seat::{Elapsed, Seat};
use crate::turns::{Turn, Turns};

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
    /// Connects under way at once; without keep-alive connecting is the load itself and not limited.
    pub(crate) connecting: Semaphore,
    /// Whether the server closes connections it is asked to close; once it did not, nobody waits for it.
    pub(crate) server_closes: Cell<bool>,
}

/// A connection between slices, and how often it was served.
pub(crate) struct Slot<C: Client> {
    pub(crate) connection: Cell<Option<C::Connection>>,
    pub(crate) served: Cell<u64>,
}

/// One load of a slice on one worker.
pub(crate) struct Job<C: Client> {
    pub(crate) target: Rc<LocalTarget<C>>,
    pub(crate) turns: Turns,
    /// The run was cancelled and what is under way is given up.
    pub(crate) abandoned: Cell<bool>,
}

/// Counts the connections at work in a slice.
#[derive(Default)]
pub(crate) struct Active {
    count: Cell<usize>,
    idle: Notify,
}

/// Leaves the count when the connection's task ends, however it ends.
pub(crate) struct Entered(Rc<Active>);

impl Active {
    pub(crate) fn enter(self: &Rc<Self>) -> Entered {
        self.count.set(self.count.get() + 1);
        Entered(Rc::clone(self))
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.count.get() == 0
    }

    pub(crate) async fn idle(&self) {
        self.idle.notified().await;
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

/// Drives the connection at `place` through a slice; its first turn is not before `begin`.
///
/// What is awaited rarely is boxed, because it would nearly double the future of every connection, and with
/// hundreds of connections per worker that decides whether they stay in the cache.
pub(crate) async fn drive<C: Client>(job: Rc<Job<C>>, place: usize, begin: Nanos, _: Entered) {
    let target = &*job.target;
    let seat = &target.seats[place];
    let slot = &target.slots[place];
    let mut idle = slot.connection.take();
    // A server may close a connection while another one is being loaded; that is no error.
    if let Some(connection) = &mut idle
        && !target.client.is_open(connection)
    {
        idle = None;
    }
    if begin > target.clock.now() {
        let _ = Box::pin(target.pause(seat, begin)).await;
    }
    let mut now = target.clock.now();
    let mut asked = 0;
    let mut failures = 0;
    let mut served = slot.served.get();
    while let Some(turn) = job.turns.next(place, asked, now).await {
        asked += 1;
        let attempt = target.attempt(seat, &turn, &mut idle).await;
        if job.abandoned.get() && attempt.is_err() {
            target.recorder.borrow_mut().abandoned();
            break;
        }
        match attempt {
            Ok(exchange) => {
                failures = 0;
                now = exchange.answer.done;
                served += u64::from(target.record(&turn, &exchange, idle.as_ref()));
                if !exchange.answer.reusable {
                    now = Box::pin(target.part(seat, idle.take())).await;
                }
            }
            Err(kind) => {
                now = target.clock.now();
                target.recorder.borrow_mut().error(&turn, kind, now);
                if failures > 0 {
                    now = Box::pin(target.back_off(seat, failures, job.turns.end())).await;
                }
                failures += 1;
            }
        }
    }
    slot.served.set(served);
    slot.connection.set(idle);
}

/// A request answered.
struct Exchange {
    class: usize,
    sent: Nanos,
    answer: Answer,
}

impl<C: Client> LocalTarget<C> {
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
        let gaps = connection.map_or(&[][..], |connection| self.client.chunk_gaps(connection));
        let Exchange {
            class,
            sent,
            answer,
        } = exchange;
        let mut recorder = self.recorder.borrow_mut();
        recorder.answer(turn, *class, *sent, answer, gaps)
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
        let sleep = tokio::time::sleep_until(self.clock.instant(until));
        seat.guard(NEVER, sleep).await
    }
}
