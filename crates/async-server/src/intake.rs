//! What came in on a connection of `async`, and how far hyper may have it.

use contract::Route;
use http1::{BodyError, Head, HeadError, ReadBuffer, screen::Screen};
use server_core::Limits;
use tokio::io::ReadBuf;

/// What was read and is not hyper's yet. An ordinary request goes to hyper where it was read; only what has to wait is
/// kept here: half a head, and what came before the answer to the last request was written.
#[derive(Debug)]
pub(crate) struct Intake {
    screen: Screen,
    held: ReadBuffer,
    /// How much of it hyper may have.
    cleared: usize,
}

impl Intake {
    /// Nothing came in yet.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            screen: Screen::new(limits.max_head_bytes),
            held: ReadBuffer::default(),
            cleared: 0,
        }
    }

    /// Takes what was read behind the first `before` bytes of `buf`, and leaves there what hyper may have. A request
    /// may pass if the way is `open`.
    pub(crate) fn take(
        &mut self,
        buf: &mut ReadBuf<'_>,
        before: usize,
        open: bool,
        limits: &Limits,
    ) {
        let read = &buf.filled()[before..];
        if !self.held.is_empty() || self.screen.is_at_head() && !open {
            self.held.put(read);
            buf.set_filled(before);
            return self.look(open, limits);
        }
        let passed = self.screen.look(read, |head| longest_body(head, limits));
        let mut kept = before + passed.length;
        if let Some(instead) = passed.instead {
            kept = before;
            self.held.put(&instead.head);
            self.cleared = instead.head.len() + passed.length - instead.of;
            self.held.put(&read[instead.of..]);
        } else {
            self.held.put(&read[passed.length..]);
        }
        buf.set_filled(kept);
    }

    /// Looks how far hyper may have what is held. What it may have already it gets first: a request behind that has to
    /// wait for the answer.
    pub(crate) fn look(&mut self, open: bool, limits: &Limits) {
        let waits = self.screen.is_at_head() && !open;
        if self.cleared > 0 || waits || self.held.is_empty() {
            return;
        }
        let held = self.held.unread();
        let passed = self.screen.look(held, |head| longest_body(head, limits));
        self.cleared = passed.length;
        if let Some(instead) = passed.instead {
            let mut anew = ReadBuffer::default();
            anew.put(&instead.head);
            anew.put(&held[instead.of..]);
            self.cleared = instead.head.len() + passed.length - instead.of;
            self.held = anew;
        }
    }

    /// Lets all pass: what comes is not HTTP any more.
    pub(crate) fn release(&mut self) {
        self.cleared = self.held.len();
    }

    /// Moves to `buf` what hyper may have.
    pub(crate) fn hand_over(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.cleared.min(buf.remaining());
        if count > 0 {
            buf.put_slice(&self.held.unread()[..count]);
            self.held.consume(count);
            self.held.shrink();
            self.cleared -= count;
        }
    }

    /// Whether there is something that hyper does not have yet.
    pub(crate) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// How many bytes it does not have yet.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Whether what comes next belongs to a body.
    pub(crate) fn is_in_body(&self) -> bool {
        self.screen.is_in_body()
    }

    /// Why what came is no request, if it is none.
    pub(crate) fn refused(&self) -> Option<HeadError> {
        self.screen.refused()
    }

    /// Why what came is no body, if it is none.
    pub(crate) fn broken(&self) -> Option<BodyError> {
        self.screen.broken()
    }
}

/// The longest body that a request may have.
fn longest_body(head: &Head<'_>, limits: &Limits) -> u64 {
    let route = Route::find(head.path).filter(|route| route.takes(head.method_token));
    match route {
        Some(Route::Upload) => limits.max_upload_bytes,
        _ => limits.max_body_bytes,
    }
}
