//! A connection's seat in its worker: its deadline, and how it is woken.
//!
//! A timer per request would cost more than many a request does. So every connection writes its
//! deadline down here, and the worker looks at all of them about fifty times a second ([`Seat::expire`]):
//! a request is given up at most one look late, and an answer that comes late is told from its instants.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::clock::{NEVER, Nanos};

/// Before every instant at which a deadline could be set.
const EXPIRED: Nanos = 0;

/// What was awaited did not happen in time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Elapsed;

#[derive(Debug)]
pub(crate) struct Seat {
    deadline: Cell<Nanos>,
    waker: RefCell<Option<Waker>>,
    /// An intended instant handed to this connection while it waited for one.
    pub(crate) offered: Cell<Option<Nanos>>,
    /// The connection stands in the queue of free ones.
    pub(crate) waiting: Cell<bool>,
}

impl Seat {
    pub(crate) fn new() -> Self {
        Self {
            deadline: Cell::new(NEVER),
            waker: RefCell::new(None),
            offered: Cell::new(None),
            waiting: Cell::new(false),
        }
    }

    /// Notes whom to wake; clones the waker only when it is another one than before.
    #[inline]
    pub(crate) fn remember(&self, context: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        match &*waker {
            Some(known) if known.will_wake(context.waker()) => {}
            _ => *waker = Some(context.waker().clone()),
        }
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Ends the wait under way if its deadline has come; with `now` = [`NEVER`], in any case.
    pub(crate) fn expire(&self, now: Nanos) {
        let deadline = self.deadline.get();
        let waits = deadline != NEVER && deadline != EXPIRED;
        if waits && deadline <= now {
            self.deadline.set(EXPIRED);
            self.wake();
        }
    }

    /// Awaits `future`, but no longer than until `deadline`.
    #[inline]
    pub(crate) async fn guard<F: Future>(
        &self,
        deadline: Nanos,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let mut future = pin!(future);
        // One below NEVER still waits forever, but can be ended by `expire(NEVER)`.
        self.deadline.set(deadline.clamp(EXPIRED + 1, NEVER - 1));
        let result = poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            if self.deadline.get() == EXPIRED {
                return Poll::Ready(Err(Elapsed));
            }
            self.remember(context);
            Poll::Pending
        })
        .await;
        self.deadline.set(NEVER);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_wait_ends_at_its_deadline_and_not_before() {
        let seat = Seat::new();
        let mut wait = pin!(seat.guard(100, pending::<()>()));
        assert!(poll_once(wait.as_mut()).is_pending());
        seat.expire(99);
        assert!(poll_once(wait.as_mut()).is_pending());
        seat.expire(100);
        assert_eq!(poll_once(wait.as_mut()), Poll::Ready(Err(Elapsed)));
    }

    #[test]
    fn what_is_ready_is_never_late() {
        let seat = Seat::new();
        let mut wait = pin!(seat.guard(0, ready(7)));
        assert_eq!(poll_once(wait.as_mut()), Poll::Ready(Ok(7)));
        seat.expire(NEVER);
        assert_eq!(
            seat.deadline.get(),
            NEVER,
            "nothing waits, so nothing expires"
        );
    }

    #[test]
    fn a_wait_without_a_deadline_can_be_given_up() {
        let seat = Seat::new();
        let mut wait = pin!(seat.guard(NEVER, pending::<()>()));
        assert!(poll_once(wait.as_mut()).is_pending());
        seat.expire(u64::MAX / 2);
        assert!(poll_once(wait.as_mut()).is_pending());
        seat.expire(NEVER);
        assert_eq!(poll_once(wait.as_mut()), Poll::Ready(Err(Elapsed)));
    }
}
