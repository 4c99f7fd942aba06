//! Elsewhere than on Linux: a thread that sleeps until the next instant.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::sync::Notify;

/// Its thread ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Ticker(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    next: Mutex<Next>,
    changed: Condvar,
    expired: Notify,
}

#[derive(Debug, Default)]
struct Next {
    at: Option<Instant>,
    ended: bool,
}

impl Ticker {
    pub(crate) fn new() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        thread::Builder::new().name("timer".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.run()
        })?;
        Ok(Self(shared))
    }

    pub(crate) fn set(&self, at: Instant) -> io::Result<()> {
        self.0.lock().at = Some(at);
        self.0.changed.notify_one();
        Ok(())
    }

    pub(crate) async fn expired(&self) -> io::Result<()> {
        self.0.expired.notified().await;
        Ok(())
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Next> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut next = self.lock();
        while !next.ended {
            let left = next
                .at
                .map(|at| at.saturating_duration_since(Instant::now()));
            next = match left {
                None => self
                    .changed
                    .wait(next)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => {
                    next.at = None;
                    self.expired.notify_one();
                    next
                }
                Some(left) => {
                    let woken = self.changed.wait_timeout(next, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}
