//! *When* to send: whose turn it is. The connections of one target on one worker ask here for their
//! next send slot, whatever the kind of load.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use timer::PreciseTimer;
use tokio::sync::Notify;

use crate::clock::{Clock, NEVER, Nanos};
use crate::connection_slot::ConnectionSlot;
use crate::schedule::Schedule;
use crate::send_slot::{Due, SendSlot};

/// Hands out the send slots of one load on one worker.
pub(crate) enum Pacer {
    Closed(ClosedLoop),
    Once(u32),
    Open(Box<OpenLoop>),
}

impl Pacer {
    /// The next send slot of the connection at `place`, which has had `asked` of them in this slice; none when
    /// the slice is over. `now` may be as old as the connection's last answer: one clock reading
    /// serves as the end of one request and the beginning of the next.
    #[inline]
    pub(crate) async fn next(&self, place: usize, asked: u64, now: Nanos) -> Option<SendSlot> {
        match self {
            Self::Closed(closed) => closed.next(now),
            Self::Once(slice) => (asked == 0).then_some(SendSlot {
                intended: now,
                taken: now,
                slice: *slice,
                counts: true,
            }),
            Self::Open(open) => poll_fn(|context| open.poll_next(place, now, context)).await,
        }
    }

    /// A send slot has come to its end, with an answer or without one.
    #[inline]
    pub(crate) fn done(&self, send_slot: &SendSlot) {
        if let Self::Closed(closed) = self {
            closed.done(send_slot);
        }
    }

    /// The window ends at `now`, and no send slot begins from then on.
    pub(crate) fn stop(&self, now: Nanos) {
        match self {
            Self::Closed(closed) => closed.stop(now),
            Self::Once(_) => {}
            Self::Open(open) => open.stop(now),
        }
    }

    /// When the last send slot can begin, if that is known.
    pub(crate) fn end(&self) -> Nanos {
        match self {
            Self::Closed(closed) => closed.end.get(),
            Self::Once(_) | Self::Open(_) => NEVER,
        }
    }
}

/// Every connection sends its next request as soon as it has its answer.
///
/// The load stays on after the window until the window's requests are answered, so that they meet the same load as
/// all others. What is sent meanwhile does not count.
pub(crate) struct ClosedLoop {
    pub(crate) slice: u32,
    pub(crate) window_start: Nanos,
    pub(crate) window_end: Cell<Nanos>,
    /// No send slot begins from here on.
    pub(crate) end: Cell<Nanos>,
    /// Requests left in the window, over all workers; shared only when a number of requests was asked for.
    pub(crate) tickets: Option<Arc<AtomicU64>>,
    /// Requests of the window that have no answer yet.
    pub(crate) under_way: Cell<u64>,
}

impl ClosedLoop {
    #[inline]
    fn next(&self, now: Nanos) -> Option<SendSlot> {
        let counts = now >= self.window_start && now < self.window_end.get();
        if now >= self.window_end.get() && self.under_way.get() == 0 {
            self.end.set(self.end.get().min(now));
        }
        if now >= self.end.get() {
            return None;
        }
        if counts && let Some(tickets) = &self.tickets {
            let take = |left: u64| left.checked_sub(1);
            tickets
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .ok()?;
        }
        self.under_way.set(self.under_way.get() + u64::from(counts));
        Some(SendSlot {
            intended: now,
            taken: now,
            slice: self.slice,
            counts,
        })
    }

    #[inline]
    fn done(&self, send_slot: &SendSlot) {
        if send_slot.counts {
            self.under_way.set(self.under_way.get() - 1);
        }
    }

    fn stop(&self, now: Nanos) {
        self.window_end.set(self.window_end.get().min(now));
        self.end.set(self.end.get().min(now));
    }
}

/// Requests are sent at their intended instants; those due while no connection is free wait in the
/// schedule itself, which takes no memory however many they are.
pub(crate) struct OpenLoop {
    clock: Clock,
    slice: u32,
    schedule: RefCell<Schedule>,
    /// What was due in earlier slices and got no connection there.
    overdue: RefCell<VecDeque<Due>>,
    connection_slots: Rc<[ConnectionSlot]>,
    timeout: Nanos,
    window_start: Nanos,
    window_end: Nanos,
    /// Free connections, the longest waiting first, so that all of them are used.
    free: RefCell<VecDeque<usize>>,
    unsent: RefCell<Vec<(u32, u64)>>,
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
        (slice, window): (u32, (Nanos, Nanos)),
        schedule: Schedule,
        overdue: VecDeque<Due>,
        connection_slots: Rc<[ConnectionSlot]>,
        timeout: Nanos,
    ) -> Self {
        Self {
            clock,
            slice,
            schedule: RefCell::new(schedule),
            overdue: RefCell::new(overdue),
            free: RefCell::new(VecDeque::with_capacity(connection_slots.len())),
            connection_slots,
            timeout,
            window_start: window.0,
            window_end: window.1,
            unsent: RefCell::default(),
            last_intended: Cell::new(0),
            over: Cell::new(false),
            blocked: Cell::new(false),
            unblocked: Notify::new(),
        }
    }

    /// Requests of windows that never got a connection, by their slice, since the last call.
    pub(crate) fn take_unsent(&self) -> Vec<(u32, u64)> {
        self.unsent.take()
    }

    /// Whether all that was due has a connection, or was given up.
    pub(crate) fn is_over(&self) -> bool {
        self.over.get()
    }

    /// Ends the send slots of this slice. What is due in its window and has no connection yet is left for a later one.
    pub(crate) fn leave(&self) -> VecDeque<Due> {
        let mut overdue = self.overdue.take();
        let mut schedule = self.schedule.borrow_mut();
        while let Some(intended) = schedule.peek() {
            overdue.push_back(self.due(intended));
            schedule.advance();
        }
        overdue.retain(|due| due.counts);
        drop(schedule);
        self.close();
        self.unblocked.notify_one();
        overdue
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
                Wait::Until(next) => {
                    let next = self.clock.instant(next.max(now + SHORTEST_REST));
                    timer.sleep_until(next).await;
                }
                Wait::Free => self.unblocked.notified().await,
                Wait::Over => {
                    // At a low rate the last request is answered long before its window ends.
                    if self.window_end != NEVER {
                        let end = self.clock.instant(self.window_end);
                        timer.sleep_until(end).await;
                    }
                    return self.close();
                }
            }
        }
    }

    /// Gives every request that is due to a free connection.
    fn hand_out(&self, now: Nanos) -> Wait {
        self.blocked.set(false);
        loop {
            self.give_up_late(now);
            let Some(due) = self.peek() else {
                return Wait::Over;
            };
            if due.intended > now {
                return Wait::Until(due.intended);
            }
            let Some(place) = self.free.borrow_mut().pop_front() else {
                self.blocked.set(true);
                return Wait::Free;
            };
            self.advance(due);
            let connection_slot = &self.connection_slots[place];
            connection_slot.offered.set(Some(due));
            connection_slot.wake();
        }
    }

    /// What is due next: what is overdue, before the schedule.
    fn peek(&self) -> Option<Due> {
        if let Some(due) = self.overdue.borrow().front() {
            return Some(*due);
        }
        self.schedule.borrow().peek().map(|at| self.due(at))
    }

    /// The schedule ends with the window.
    fn due(&self, intended: Nanos) -> Due {
        Due {
            intended,
            slice: self.slice,
            counts: intended >= self.window_start,
        }
    }

    fn advance(&self, due: Due) {
        if self.overdue.borrow_mut().pop_front().is_none() {
            self.last_intended.set(due.intended);
            self.schedule.borrow_mut().advance();
        }
    }

    /// Counts what has waited for a connection as long as an answer may take.
    fn give_up_late(&self, now: Nanos) {
        while let Some(due) = self.peek() {
            if due.intended.saturating_add(self.timeout) > now {
                return;
            }
            self.give_up(due);
        }
    }

    fn give_up(&self, due: Due) {
        self.advance(due);
        if !due.counts {
            return;
        }
        let mut unsent = self.unsent.borrow_mut();
        match unsent.last_mut() {
            Some((slice, count)) if *slice == due.slice => *count += 1,
            _ => unsent.push((due.slice, 1)),
        }
    }

    /// A connection became free: it takes what is due, or waits to be offered something.
    fn poll_next(&self, place: usize, now: Nanos, context: &Context<'_>) -> Poll<Option<SendSlot>> {
        let connection_slot = &self.connection_slots[place];
        if let Some(due) = connection_slot.offered.take() {
            connection_slot.waiting.set(false);
            return Poll::Ready(Some(send_slot(due, self.clock.now())));
        }
        if connection_slot.waiting.get() {
            if self.over.get() {
                connection_slot.waiting.set(false);
                return Poll::Ready(None);
            }
            connection_slot.remember(context);
            return Poll::Pending;
        }
        self.give_up_late(now);
        match self.peek() {
            _ if self.over.get() => return Poll::Ready(None),
            Some(due) if due.intended <= now => {
                self.advance(due);
                self.unblock(now);
                return Poll::Ready(Some(send_slot(due, now)));
            }
            _ => {}
        }
        connection_slot.waiting.set(true);
        connection_slot.remember(context);
        self.free.borrow_mut().push_back(place);
        self.unblock(now);
        Poll::Pending
    }

    /// Wakes the pacer if it waits for a connection but nothing is due any more.
    fn unblock(&self, now: Nanos) {
        let due = self.peek().is_some_and(|due| due.intended <= now);
        if self.blocked.get() && !due {
            self.unblocked.notify_one();
        }
    }

    /// Ends the schedule at `now`. What is due and has no connection yet never gets one.
    fn stop(&self, now: Nanos) {
        self.schedule.borrow_mut().cut(now);
        while let Some(due) = self.peek() {
            self.give_up(due);
        }
        self.close();
        self.unblocked.notify_one();
    }

    /// Sends the free connections home.
    fn close(&self) {
        self.over.set(true);
        for place in self.free.borrow_mut().drain(..) {
            self.connection_slots[place].wake();
        }
    }
}

fn send_slot(due: Due, taken: Nanos) -> SendSlot {
    SendSlot {
        intended: due.intended,
        taken,
        slice: due.slice,
        counts: due.counts,
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
        let connection_slots = (0..connections).map(|_| ConnectionSlot::new()).collect();
        OpenLoop::new(
            Clock::start(),
            (7, (2 * MS, 10 * MS)),
            schedule,
            VecDeque::new(),
            connection_slots,
            4 * MS,
        )
    }

    fn poll(open: &OpenLoop, place: usize, now: Nanos) -> Poll<Option<(Nanos, bool)>> {
        let context = Context::from_waker(Waker::noop());
        open.poll_next(place, now, &context)
            .map(|send_slot| send_slot.map(|send_slot| (send_slot.intended, send_slot.counts)))
    }

    #[test]
    fn free_connections_are_offered_requests_in_turn() {
        let open = open_loop(2);
        assert_eq!(poll(&open, 0, 0), Poll::Ready(Some((0, false))));
        assert!(poll(&open, 1, 0).is_pending());
        assert!(poll(&open, 0, MS / 2).is_pending());
        assert_eq!(open.hand_out(MS), Wait::Until(2 * MS));
        assert!(poll(&open, 0, MS).is_pending(), "the other waited longer");
        assert_eq!(poll(&open, 1, MS), Poll::Ready(Some((MS, false))));
        assert_eq!(open.hand_out(2 * MS), Wait::Until(3 * MS));
        assert_eq!(poll(&open, 0, 2 * MS), Poll::Ready(Some((2 * MS, true))));
    }

    #[test]
    fn what_is_due_waits_for_a_connection_and_is_given_up_after_the_timeout() {
        let open = open_loop(1);
        assert_eq!(open.hand_out(3 * MS), Wait::Free);
        assert_eq!(poll(&open, 0, 5 * MS), Poll::Ready(Some((2 * MS, true))));
        assert_eq!(open.take_unsent(), [], "only lead-in was given up");
        assert_eq!(open.hand_out(8 * MS), Wait::Free);
        assert_eq!(
            open.take_unsent(),
            [(7, 2)],
            "3 ms and 4 ms are late at 8 ms"
        );
        assert_eq!(open.hand_out(20 * MS), Wait::Over);
        assert_eq!(open.take_unsent(), [(7, 5)]);
        assert_eq!(open.last_intended(), 9 * MS);
    }

    #[test]
    fn at_the_end_free_connections_go_home() {
        let open = open_loop(1);
        assert!(poll(&open, 0, 0).is_ready());
        assert!(poll(&open, 0, MS / 2).is_pending());
        open.stop(MS);
        assert_eq!(poll(&open, 0, MS), Poll::Ready(None));
        assert_eq!(open.take_unsent(), [], "nothing was due");
    }

    #[test]
    fn a_stop_counts_what_was_due_as_unsent() {
        let open = open_loop(1);
        open.stop(5 * MS + 1);
        assert_eq!(open.take_unsent(), [(7, 4)], "2, 3, 4 and 5 ms");
        assert_eq!(poll(&open, 0, 6 * MS), Poll::Ready(None));
    }

    #[test]
    fn what_was_due_and_not_sent_goes_first_in_the_next_slice() {
        let first = open_loop(1);
        let overdue = first.leave();
        assert_eq!(overdue.len(), 8, "the lead-in is not sent later");
        assert_eq!(poll(&first, 0, 10 * MS), Poll::Ready(None));
        let next = open_loop(1);
        *next.overdue.borrow_mut() = overdue.into_iter().skip(6).collect();
        assert_eq!(poll(&next, 0, 9 * MS), Poll::Ready(Some((8 * MS, true))));
        assert_eq!(next.last_intended(), 0, "that is the schedule's own");
    }

    fn closed_loop(window: (Nanos, Nanos), tickets: Option<u64>) -> ClosedLoop {
        ClosedLoop {
            slice: 1,
            window_start: window.0,
            window_end: Cell::new(window.1),
            end: Cell::new(NEVER),
            tickets: tickets.map(|tickets| Arc::new(AtomicU64::new(tickets))),
            under_way: Cell::new(0),
        }
    }

    #[test]
    fn tickets_are_used_up_exactly() {
        let closed = closed_loop((10, NEVER), Some(2));
        assert_eq!(
            closed.next(5).map(|send_slot| send_slot.counts),
            Some(false)
        );
        assert_eq!(
            closed.next(10).map(|send_slot| send_slot.counts),
            Some(true)
        );
        assert!(closed.next(11).is_some());
        assert!(closed.next(12).is_none());
    }

    #[test]
    fn the_load_stays_on_until_the_window_s_requests_are_answered() {
        let closed = closed_loop((10, 20), None);
        let send_slot = |now| closed.next(now).expect("a send slot");
        let (first, second) = (send_slot(10), send_slot(19));
        closed.done(&first);
        let behind = send_slot(21);
        assert!(!behind.counts, "sent behind the window");
        closed.done(&behind);
        assert!(closed.next(23).is_some());
        closed.done(&second);
        assert!(closed.next(30).is_none());
    }
}
