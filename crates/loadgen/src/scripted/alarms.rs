//! Waiting for an instant more precisely than Tokio's timer, which ticks in whole milliseconds: one thread sleeps until
//! the next instant, as precisely as the system can, and wakes whoever waits for it.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Instant;

/// The thread ends when this is dropped.
pub(super) struct Alarms(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// By instant, and by a number of their own where instants are equal.
    wakers: BTreeMap<(Instant, u64), Waker>,
    number: u64,
    ended: bool,
}

impl Alarms {
    pub(super) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        thread::Builder::new().name("alarms".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.run()
        })?;
        Ok(Self(shared))
    }

    /// Returns at `deadline` or shortly after, never before.
    pub(super) async fn sleep_until(&self, deadline: Instant) {
        let mut is_set = false;
        poll_fn(|context| {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            if !std::mem::replace(&mut is_set, true) {
                self.0.set(deadline, context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Alarms {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, deadline: Instant, waker: Waker) {
        let mut waiting = self.lock();
        let number = waiting.number;
        waiting.number += 1;
        let first = waiting.wakers.keys().next();
        let is_first = first.is_none_or(|(first, _)| deadline < *first);
        waiting.wakers.insert((deadline, number), waker);
        if is_first {
            self.changed.notify_one();
        }
    }

    fn run(&self) {
        let mut waiting = self.lock();
        while !waiting.ended {
            let now = Instant::now();
            let first = waiting.wakers.first_entry();
            waiting = match first {
                Some(first) if first.key().0 <= now => {
                    first.remove().wake();
                    waiting
                }
                Some(first) => {
                    let left = first.key().0 - now;
                    let woken = self.changed.wait_timeout(waiting, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let woken = self.changed.wait(waiting);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn never_early_and_in_any_order() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let alarms = Alarms::start().unwrap();
            let wait = async |ms: u64| {
                let deadline = Instant::now() + Duration::from_millis(ms);
                alarms.sleep_until(deadline).await;
                assert!(Instant::now() >= deadline);
                ms
            };
            tokio::join!(wait(9), wait(3), wait(0), wait(3));
            assert!(alarms.0.lock().wakers.is_empty());
        });
    }
}
