//! *When* to send: whose turn it is. The connections of one target on one worker ask here for their
//! next turn, whatever the kind of load.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::sync::Notify;

use crate::clock::{Clock, NEVER, Nanos};
use crate::schedule::Schedule;
use crate::seat::Seat;
use crate::timer::PreciseTimer;

/// When a request belongs to the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// If it is done inside the window.
    WhenDone,
    Always,
    Never,
}

/// Permission to send one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) intended: Nanos,
    /// Now.
    pub(crate) taken: Nanos,
    pub(crate) counts: Counts,
}

/// The turns of one load on one worker.
pub(crate) enum Turns {
    Closed(ClosedLoop),
    Once,
    Open(Box<OpenLoop>),
}

impl Turns {
    /// The next turn of the connection at `place`, which has had `asked` turns in this slice; none when
    /// the slice is over. `now` may be as old as the connection's last answer: one clock reading
    /// serves as the end of one request and the beginning of the next.
    #[inline]
    pub(crate) async fn next(&self, place: usize, asked: u64, now: Nanos) -> Option<Turn> {
        match self {
            Self::Closed(closed) => closed.next(now),
            Self::Once => (asked == 0).then_some(Turn {
                intended: now,
                taken: now,
                counts: Counts::Always,
            }),
            Self::Open(open) => poll_fn(|context| open.poll_next(place, now, context)).await,
        }
    }

    /// No turn begins at `now` or later.
    pub(crate) fn stop(&self, now: Nanos) {
        match self {
            Self::Closed(closed) => closed.end.set(closed.end.get().min(now)),
            Self::Once => {}
            Self::Open(open) => open.stop(now),
        }
    }

    /// When the last turn can begin, if that is known.
    pub(crate) fn end(&self) -> Nanos {
        match self {
            Self::Closed(closed) => closed.end.get(),
            Self::Once | Self::Open(_) => NEVER,
        }
    }
}

/// Every connection sends its next request as soon as it has its answer.
pub(crate) struct ClosedLoop {
    pub(crate) window_start: Nanos,
    pub(crate) end: Cell<Nanos>,
    /// Requests left in the window, over all workers; shared only when a number of requests was asked for.
    pub(crate) tickets: Option<Arc<AtomicU64>>,
}

impl ClosedLoop {
    #[inline]
    fn next(&self, now: Nanos) -> Option<Turn> {
        if now >= self.end.get() {
            return None;
        }
        let counts = match &self.tickets {
            None => Counts::WhenDone,
            Some(_) if now < self.window_start => Counts::Never,
            Some(tickets) => {
                let take = |left: u64| left.checked_sub(1);
                tickets
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                    .ok()?;
                Counts::Always
            }
        };
        Some(Turn {
            intended: now,
            taken: now,
            counts,
        })
    }
}

/// Requests are sent at their intended instants; those due while no connection is free wait in the
/// schedule itself, which takes no memory however many they are.
pub(crate) struct OpenLoop {
    clock: Clock,
    schedule: RefCell<Schedule>,
    seats: Rc<[Seat]>,
    timeout: Nanos,
    window_start: Nanos,
    /// Free connections, the longest waiting first, so that all of them are used.
    free: RefCell<VecDeque<usize>>,
    unsent: Cell<u64>,
    last_intended: Cell<Nanos>,
    over: Cell<bool>,
    /// The pacer waits for a connection to become free.
    blocked: Cell<bool>,
    unblocked: Notify,
}

/// The pacer rests at least this long. Every wake costs more CPU time than a request does, so where more than ten
/// thousand requests a second leave from one worker, those due within a rest leave together (measured at
/// 20,000/s from each of two workers: a fifth less CPU time per request, p50 of send lag up by 5 µs).
const SHORTEST_REST: Nanos = 100_000;

/// What the pacer has to wait for.
#[derive(Debug, PartialEq, Eq)]
enum Wait {
    Until(Nanos),
    Free,
    Over,
}

impl OpenLoop {
    pub(crate) fn new(
        clock: Clock,
        schedule: Schedule,
        seats: Rc<[Seat]>,
        timeout: Nanos,
        window_start: Nanos,
    ) -> Self {
        Self {
            clock,
            schedule: RefCell::new(schedule),
            free: RefCell::new(VecDeque::with_capacity(seats.len())),
            seats,
            timeout,
            window_start,
            unsent: Cell::new(0),
            last_intended: Cell::new(0),
            over: Cell::new(false),
            blocked: Cell::new(false),
            unblocked: Notify::new(),
        }
    }

    /// Requests of the window that never got a connection, since the last call.
    pub(crate) fn take_unsent(&self) -> u64 {
        self.unsent.take()
    }

    /// The latest intended instant handed out or given up.
    pub(crate) fn last_intended(&self) -> Nanos {
        self.last_intended.get()
    }

    /// Wakes free connections at the intended instants, until the schedule is over.
    pub(crate) async fn pace(&self, timer: &PreciseTimer) {
        loop {
            let now = self.clock.now();
            match self.hand_out(now) {
                Wait::Until(next) => timer.sleep_until(next.max(now + SHORTEST_REST)).await,
                Wait::Free => self.unblocked.notified().await,
                Wait::Over => return self.close(),
            }
        }
    }

    /// Gives every request that is due to a free connection.
    fn hand_out(&self, now: Nanos) -> Wait {
        self.blocked.set(false);
        loop {
            self.give_up_late(now);
            let Some(intended) = self.peek() else {
                return Wait::Over;
            };
            if intended > now {
                return Wait::Until(intended);
            }
            let Some(place) = self.free.borrow_mut().pop_front() else {
                self.blocked.set(true);
                return Wait::Free;
            };
            self.advance(intended);
            let seat = &self.seats[place];
            seat.offered.set(Some(intended));
            seat.wake();
        }
    }

    fn peek(&self) -> Option<Nanos> {
        self.schedule.borrow().peek()
    }

    fn advance(&self, intended: Nanos) {
        self.last_intended.set(intended);
        self.schedule.borrow_mut().advance();
    }

    /// Counts what has waited for a connection as long as an answer may take.
    fn give_up_late(&self, now: Nanos) {
        while let Some(intended) = self.peek() {
            if intended.saturating_add(self.timeout) > now {
                return;
            }
            self.give_up(intended);
        }
    }

    fn give_up(&self, intended: Nanos) {
        self.advance(intended);
        if intended >= self.window_start {
            self.unsent.set(self.unsent.get() + 1);
        }
    }

    /// A connection became free: it takes what is due, or waits to be offered something.
    fn poll_next(&self, place: usize, now: Nanos, context: &Context<'_>) -> Poll<Option<Turn>> {
        let seat = &self.seats[place];
        if let Some(intended) = seat.offered.take() {
            seat.waiting.set(false);
            return Poll::Ready(Some(self.turn(intended, self.clock.now())));
        }
        if seat.waiting.get() {
            if self.over.get() {
                seat.waiting.set(false);
                return Poll::Ready(None);
            }
            seat.remember(context);
            return Poll::Pending;
        }
        self.give_up_late(now);
        let next = self.peek();
        match next {
            Some(intended) if intended <= now => {
                self.advance(intended);
                self.unblock(now);
                return Poll::Ready(Some(self.turn(intended, now)));
            }
            None if self.over.get() => return Poll::Ready(None),
            _ => {}
        }
        seat.waiting.set(true);
        seat.remember(context);
        self.free.borrow_mut().push_back(place);
        self.unblock(now);
        Poll::Pending
    }

    fn turn(&self, intended: Nanos, taken: Nanos) -> Turn {
        let counts = if intended >= self.window_start {
            Counts::Always
        } else {
            Counts::Never
        };
        Turn {
            intended,
            taken,
            counts,
        }
    }

    /// Wakes the pacer if it waits for a connection but nothing is due any more.
    fn unblock(&self, now: Nanos) {
        let due = self.peek().is_some_and(|at| at <= now);
        if self.blocked.get() && !due {
            self.unblocked.notify_one();
        }
    }

    /// Ends the schedule at `now`. What is due and has no connection yet never gets one.
    fn stop(&self, now: Nanos) {
        self.schedule.borrow_mut().cut(now);
        while let Some(intended) = self.peek() {
            self.give_up(intended);
        }
        self.close();
        self.unblocked.notify_one();
    }

    /// Sends the free connections home.
    fn close(&self) {
        self.over.set(true);
        for place in self.free.borrow_mut().drain(..) {
            self.seats[place].wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Arrivals;
    use crate::schedule::Share;
    use rand::SeedableRng;
    use rand::rngs::SmallRng;
    use std::task::Waker;

    const MS: Nanos = 1_000_000;

    /// One request per millisecond from 0 to 10 ms, the first two being lead-in; timeout 4 ms.
    fn open_loop(connections: usize) -> OpenLoop {
        let share = Share {
            rate_rps: 1000.0,
            arrivals: Arrivals::Constant,
            index: 0,
            workers: 1,
            position: 0,
            start: 0,
            window_start: 2 * MS,
            end: 10 * MS,
            limit: None,
        };
        let schedule = Schedule::new(share, SmallRng::seed_from_u64(1));
        let seats = (0..connections).map(|_| Seat::new()).collect();
        OpenLoop::new(Clock::start(), schedule, seats, 4 * MS, 2 * MS)
    }

    fn poll(open: &OpenLoop, place: usize, now: Nanos) -> Poll<Option<(Nanos, Counts)>> {
        let context = Context::from_waker(Waker::noop());
        open.poll_next(place, now, &context)
            .map(|turn| turn.map(|turn| (turn.intended, turn.counts)))
    }

    #[test]
    fn free_connections_are_offered_requests_in_turn() {
        let open = open_loop(2);
        assert_eq!(poll(&open, 0, 0), Poll::Ready(Some((0, Counts::Never))));
        assert!(poll(&open, 1, 0).is_pending());
        assert!(poll(&open, 0, MS / 2).is_pending());
        assert_eq!(open.hand_out(MS), Wait::Until(2 * MS));
        assert!(poll(&open, 0, MS).is_pending(), "the other waited longer");
        assert_eq!(poll(&open, 1, MS), Poll::Ready(Some((MS, Counts::Never))));
        assert_eq!(open.hand_out(2 * MS), Wait::Until(3 * MS));
        assert_eq!(
            poll(&open, 0, 2 * MS),
            Poll::Ready(Some((2 * MS, Counts::Always)))
        );
    }

    #[test]
    fn what_is_due_waits_for_a_connection_and_is_given_up_after_the_timeout() {
        let open = open_loop(1);
        assert_eq!(open.hand_out(3 * MS), Wait::Free);
        assert_eq!(
            poll(&open, 0, 5 * MS),
            Poll::Ready(Some((2 * MS, Counts::Always)))
        );
        assert_eq!(open.take_unsent(), 0, "only lead-in was given up");
        assert_eq!(open.hand_out(8 * MS), Wait::Free);
        assert_eq!(open.take_unsent(), 2, "3 ms and 4 ms are late at 8 ms");
        assert_eq!(open.hand_out(20 * MS), Wait::Over);
        assert_eq!(open.take_unsent(), 5);
        assert_eq!(open.last_intended(), 9 * MS);
    }

    #[test]
    fn at_the_end_free_connections_go_home() {
        let open = open_loop(1);
        assert!(poll(&open, 0, 0).is_ready());
        assert!(poll(&open, 0, MS / 2).is_pending());
        open.stop(MS);
        assert_eq!(poll(&open, 0, MS), Poll::Ready(None));
        assert_eq!(open.take_unsent(), 0, "nothing was due");
    }

    #[test]
    fn a_stop_counts_what_was_due_as_unsent() {
        let open = open_loop(1);
        open.stop(5 * MS + 1);
        assert_eq!(open.take_unsent(), 4, "2, 3, 4 and 5 ms");
        assert_eq!(poll(&open, 0, 6 * MS), Poll::Ready(None));
    }

    #[test]
    fn tickets_are_used_up_exactly() {
        let closed = ClosedLoop {
            window_start: 10,
            end: Cell::new(NEVER),
            tickets: Some(Arc::new(AtomicU64::new(2))),
        };
        assert_eq!(closed.next(5).map(|turn| turn.counts), Some(Counts::Never));
        assert_eq!(
            closed.next(10).map(|turn| turn.counts),
            Some(Counts::Always)
        );
        assert!(closed.next(11).is_some());
        assert!(closed.next(12).is_none());
    }
}
