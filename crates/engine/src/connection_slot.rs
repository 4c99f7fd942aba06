//! A connection's slot in its worker: what it waits for, its deadline, and how it is woken.
//!
//! A timer per request would cost more than many a request does. So every connection writes its
//! deadline down here, and the worker looks at all of them about fifty times a second
//! ([`ConnectionSlot::expire`]): a request is given up at most one look late, and an answer that comes late is told from its instants.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::active::Entered;
use crate::clock::{NEVER, Nanos};
use crate::send_slot::{Due, SendSlot};

/// Before every instant at which a deadline could be set.
const EXPIRED: Nanos = 0;

/// What was awaited did not happen in time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Elapsed;

#[derive(Default)]
pub(crate) struct ConnectionSlot {
    deadline: Cell<Nanos>,
    waker: RefCell<Option<Waker>>,
    /// A request handed to this connection while it waited for one.
    pub(crate) offered: Cell<Option<Due>>,
    /// The connection stands in the queue of free ones.
    pub(crate) waiting: Cell<bool>,
    /// The request under way.
    pub(crate) asked: Cell<Option<SendSlot>>,
    /// A request that outlasted its slice, until the connection may send again.
    pub(crate) carried: Cell<Option<Carried>>,
    /// The connection's part in the slice that began, until it takes it up.
    pub(crate) entered: Cell<Option<Entered>>,
}

/// A request that was under way when its slice was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) sent: Nanos,
    /// The server's clock at that moment: how long it had been loaded.
    pub(crate) sent_clock: Nanos,
    /// The server answered others long after it was sent: only this request was slow, not the server.
    pub(crate) went_on: bool,
    /// How long it took in the end, by the wall clock.
    pub(crate) took: Option<Nanos>,
}

impl Carried {
    /// The server's clock when the connection may send again. A slow answer costs its server as much as it would
    /// cost it alone: what fell into other servers' slices is rested in its own. Where the server was silent, the
    /// pause was not made by this request, would have come without it, and is met in other slices too.
    pub(crate) fn rests_until(&self) -> Nanos {
        let took = self.took.filter(|_| self.went_on);
        self.sent_clock + took.unwrap_or(0)
    }
}

impl ConnectionSlot {
    pub(crate) fn new() -> Self {
        Self {
            deadline: Cell::new(NEVER),
            ..Self::default()
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
        let connection_slot = ConnectionSlot::new();
        let mut wait = pin!(connection_slot.guard(100, pending::<()>()));
        assert!(poll_once(wait.as_mut()).is_pending());
        connection_slot.expire(99);
        assert!(poll_once(wait.as_mut()).is_pending());
        connection_slot.expire(100);
        assert_eq!(poll_once(wait.as_mut()), Poll::Ready(Err(Elapsed)));
    }

    #[test]
    fn what_is_ready_is_never_late() {
        let connection_slot = ConnectionSlot::new();
        let mut wait = pin!(connection_slot.guard(0, ready(7)));
        assert_eq!(poll_once(wait.as_mut()), Poll::Ready(Ok(7)));
        connection_slot.expire(NEVER);
        assert_eq!(
            connection_slot.deadline.get(),
            NEVER,
            "nothing waits, so nothing expires"
        );
    }

    #[test]
    fn a_wait_without_a_deadline_can_be_given_up() {
        let connection_slot = ConnectionSlot::new();
        let mut wait = pin!(connection_slot.guard(NEVER, pending::<()>()));
        assert!(poll_once(wait.as_mut()).is_pending());
        connection_slot.expire(u64::MAX / 2);
        assert!(poll_once(wait.as_mut()).is_pending());
        connection_slot.expire(NEVER);
        assert_eq!(poll_once(wait.as_mut()), Poll::Ready(Err(Elapsed)));
    }
}
