//! Many tasks wait, each for an instant of its own, on one timer of the system per worker thread.
//!
//! A task that begins to wait puts itself on the list of the worker that runs it, and sets that list's timer if nobody on
//! it waits for an earlier instant. A task of the list's own awaits the timer and wakes whoever is due.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use crate::ticker::Ticker;

/// The lists of all workers. What is on them waits for ever once this is dropped.
#[derive(Debug)]
pub struct Alarms {
    lists: Vec<(Arc<List>, AbortHandle)>,
}

#[derive(Debug)]
struct List {
    waiting: Mutex<Waiting>,
    ticker: Ticker,
}

#[derive(Debug, Default)]
struct Waiting {
    wakers: BTreeMap<Place, Waker>,
    number: u64,
}

/// On a list: by instant, and by a number where instants are equal.
type Place = (Instant, u64);

impl Alarms {
    /// So many lists, one for each worker thread. Must be called inside the Tokio runtime whose tasks are going to wait.
    ///
    /// # Errors
    /// When the system has no timer left.
    pub fn start(workers: usize) -> io::Result<Self> {
        let list = |_| {
            let list = Arc::new(List {
                waiting: Mutex::default(),
                ticker: Ticker::new()?,
            });
            let driver = tokio::spawn(drive(Arc::clone(&list)));
            Ok((list, driver.abort_handle()))
        };
        let lists = (0..workers.max(1)).map(list).collect::<io::Result<_>>()?;
        Ok(Self { lists })
    }

    /// Ready after `duration` or shortly later, never earlier.
    pub fn sleep(&self, duration: Duration) -> Sleep<'_> {
        self.sleep_until(Instant::now() + duration)
    }

    /// Ready at `deadline` or shortly after, never before.
    pub fn sleep_until(&self, deadline: Instant) -> Sleep<'_> {
        let (list, _) = &self.lists[worker() % self.lists.len()];
        Sleep {
            list,
            deadline,
            place: None,
        }
    }
}

impl Drop for Alarms {
    fn drop(&mut self) {
        for (_, driver) in &self.lists {
            driver.abort();
        }
    }
}

/// A number for the thread that asks, the next one for every thread that asks for the first time.
fn worker() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: usize = THREADS.fetch_add(1, Ordering::Relaxed));
    NUMBER.with(|number| *number)
}

/// One wait. Dropping it ends it.
#[derive(Debug)]
pub struct Sleep<'a> {
    list: &'a List,
    deadline: Instant,
    place: Option<Place>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.deadline {
            // Its waker, if it is still on the list, is due: the list's task takes it off.
            self.place = None;
            return Poll::Ready(());
        }
        let place = self.list.put(self.place, self.deadline, context.waker());
        self.place = Some(place);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.list.lock().wakers.remove(&place);
        }
    }
}

impl List {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a waker on the list, or in the place it has there.
    fn put(&self, place: Option<Place>, deadline: Instant, waker: &Waker) -> Place {
        let mut waiting = self.lock();
        let place = place.unwrap_or_else(|| {
            waiting.number += 1;
            (deadline, waiting.number)
        });
        waiting.wakers.insert(place, waker.clone());
        let is_first = waiting.wakers.keys().next() == Some(&place);
        if is_first && self.ticker.set(deadline).is_err() {
            // The kernel refuses no valid timer; should it ever, asking again and again is better than waiting for ever.
            waker.wake_by_ref();
        }
        place
    }

    /// Takes off the list who is due, and sets the timer for who is first then.
    fn due(&self) -> Vec<Waker> {
        let mut waiting = self.lock();
        let (now, mut due) = (Instant::now(), Vec::new());
        while let Some(first) = waiting.wakers.first_entry() {
            // Whoever is woken too early asks again.
            let can_wait = first.key().0 > now && self.ticker.set(first.key().0).is_ok();
            if can_wait {
                break;
            }
            due.push(first.remove());
        }
        due
    }
}

/// Wakes whoever is due, for as long as the runtime runs.
async fn drive(list: Arc<List>) {
    while list.ticker.expired().await.is_ok() {
        list.due().into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[tokio::test]
    async fn never_early_and_in_any_order() {
        let alarms = Alarms::start(1).unwrap();
        let wait = async |duration| {
            let deadline = Instant::now() + duration;
            alarms.sleep(duration).await;
            assert!(Instant::now() >= deadline);
        };
        tokio::join!(wait(ms(9)), wait(ms(3)), wait(ms(0)), wait(ms(3)));
        assert!(alarms.lists[0].0.lock().wakers.is_empty());
    }

    #[tokio::test]
    async fn a_wait_that_is_dropped_leaves_the_list() {
        let alarms = Alarms::start(1).unwrap();
        let long = alarms.sleep(Duration::from_secs(3600));
        tokio::select! {
            biased;
            () = long => unreachable!("an hour has not passed"),
            () = alarms.sleep(ms(2)) => {}
        }
        assert!(alarms.lists[0].0.lock().wakers.is_empty());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn thousands_wait_on_all_workers() {
        let alarms = Arc::new(Alarms::start(4).unwrap());
        let wait = |number: u64| {
            let alarms = Arc::clone(&alarms);
            async move {
                for round in 0..10 {
                    let deadline =
                        Instant::now() + Duration::from_micros((number * 7 + round * 131) % 4000);
                    alarms.sleep_until(deadline).await;
                    assert!(Instant::now() >= deadline);
                }
            }
        };
        let tasks: Vec<_> = (0..5000).map(|number| tokio::spawn(wait(number))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}
