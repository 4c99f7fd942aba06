//! Work on other threads than the connection's. All of it is counted while it runs, a panic in it
//! is counted and answered with 500, and what nobody waits for any more is counted as abandoned: a
//! thread can't be stopped from outside.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread::{self, ScopedJoinHandle},
    time::Duration,
};

use contract::Answer;
use server_core::Counters;

use crate::app::App;

/// Work on threads of its own that may go on at once. Work that was given up goes on, so that the number of
/// connections does not limit it.
const MOST_RUNNING: u64 = 16_384;

/// A piece of work on another thread, and the way to its result.
#[derive(Debug)]
pub(crate) struct Pending<T> {
    result: Receiver<thread::Result<T>>,
    counters: Arc<Counters>,
    awaited: bool,
}

/// Runs all pieces at once, each on a thread of its own, and waits for all.
pub(crate) fn at_once<T, P>(app: &App, pieces: impl Iterator<Item = P>) -> Result<Vec<T>, Answer>
where
    T: Send,
    P: FnOnce() -> T + Send,
{
    thread::scope(|scope| join(start(app, scope, pieces)))
}

/// Runs all pieces, each on a thread of its own, and `main` on this one meanwhile; waits for all.
/// If there are not threads enough, `main` is dropped instead: the pieces should end then. `main` can ask
/// whether a piece has ended already.
pub(crate) fn beside<R, P>(
    app: &App,
    pieces: impl Iterator<Item = P>,
    main: impl FnOnce(&dyn Fn() -> bool) -> R,
) -> Result<R, Answer>
where
    P: FnOnce() + Send,
{
    thread::scope(|scope| {
        let threads = start(app, scope, pieces);
        let result = if threads.iter().all(Result::is_ok) {
            let handles = || threads.iter().flatten();
            Some(main(&|| handles().any(ScopedJoinHandle::is_finished)))
        } else {
            drop(main);
            None
        };
        join(threads)?;
        result.ok_or_else(|| no_thread(&io::ErrorKind::WouldBlock.into()))
    })
}

type Started<'scope, T> = Vec<io::Result<ScopedJoinHandle<'scope, T>>>;

fn start<'scope, T, P>(
    app: &'scope App,
    scope: &'scope thread::Scope<'scope, '_>,
    pieces: impl Iterator<Item = P>,
) -> Started<'scope, T>
where
    T: Send + 'scope,
    P: FnOnce() -> T + Send + 'scope,
{
    let start = |piece: P| {
        let thread = thread::Builder::new().stack_size(app.config.stack_size_bytes);
        let span = telemetry::work("thread");
        thread.spawn_scoped(scope, move || {
            let _running = Counters::running(&*app.counters);
            let _within = span.entered();
            if let Some(injector) = &app.injector {
                injector.apply_to_task();
            }
            piece()
        })
    };
    pieces.map(start).collect()
}

/// Joins all, and only then looks at the first error.
fn join<T>(threads: Started<'_, T>) -> Result<Vec<T>, Answer> {
    let join = |thread: io::Result<ScopedJoinHandle<'_, T>>| {
        let thread = thread.map_err(|error| no_thread(&error))?;
        thread.join().map_err(|_| panicked())
    };
    let results: Vec<_> = threads.into_iter().map(join).collect();
    results.into_iter().collect()
}

/// Starts a piece of work on a thread of its own, unless too much goes on already.
pub(crate) fn on_thread<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Pending<T>, Answer> {
    if app.counters.work_running() >= MOST_RUNNING {
        return Err(Answer::no_room("too much work goes on already"));
    }
    let (job, mut pending) = piece(app, "thread", work);
    let thread = thread::Builder::new().stack_size(app.config.stack_size_bytes);
    if let Err(error) = thread.spawn(job) {
        pending.awaited = true; // nothing goes on
        return Err(no_thread(&error));
    }
    Ok(pending)
}

/// Starts a piece of work on the threads kept for computing; blocks while they have too much to do.
pub(crate) fn on_pool<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Pending<T>, Answer> {
    let jobs = app.compute.jobs(app.config.stack_size_bytes);
    let jobs = jobs.map_err(|error| no_thread(&error))?;
    let (job, pending) = piece(app, "pool", work);
    // Fails when the threads are gone, which they never are; then the result never comes either.
    let _ = jobs.send(Box::new(job));
    Ok(pending)
}

/// 503: the machine has no thread left for a part of the work.
fn no_thread(error: &io::Error) -> Answer {
    let answer = Answer::error(503, &format!("no thread can be started: {error}"));
    answer.with("retry-after", "1".to_owned())
}

/// 500; the panic was counted where it happened.
fn panicked() -> Answer {
    Answer::error(500, "a part of the work panicked")
}

/// A piece of work as a thread wants it, and as the one who waits for it does.
fn piece<T: Send + 'static>(
    app: &App,
    on: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> (impl FnOnce() + Send + 'static, Pending<T>) {
    let (sender, result) = sync_channel(1);
    let running = Counters::running(app.counters.clone());
    let injector = app.injector.clone();
    let span = telemetry::work(on);
    let job = move || {
        let outcome = catch_unwind(AssertUnwindSafe(move || {
            let _running = running;
            let _within = span.entered();
            if let Some(injector) = &injector {
                injector.apply_to_task();
            }
            work()
        }));
        // Fails when nobody waits any more; that was counted by the one who does not.
        let _ = sender.send(outcome);
    };
    let pending = Pending {
        result,
        counters: app.counters.clone(),
        awaited: false,
    };
    (job, pending)
}

impl<T> Pending<T> {
    /// Waits for the result.
    pub(crate) fn wait(mut self) -> Result<T, Answer> {
        self.awaited = true;
        match self.result.recv() {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) | Err(_) => Err(panicked()),
        }
    }

    /// Waits for the result, but not longer than `limit`; `None` when it takes longer, and goes on.
    pub(crate) fn wait_for(mut self, limit: Duration) -> Result<Option<T>, Answer> {
        match self.result.recv_timeout(limit) {
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Ok(Ok(result)) => {
                self.awaited = true;
                Ok(Some(result))
            }
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                self.awaited = true;
                Err(panicked())
            }
        }
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        if !self.awaited {
            self.counters.abandoned();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::Config;

    #[test]
    fn so_much_goes_on_and_no_more() {
        let app = App::new(Config::default(), PathBuf::new());
        let mut running: Vec<_> = (0..MOST_RUNNING)
            .map(|_| Counters::running(app.counters.clone()))
            .collect();
        let refused = on_thread(&app, || ()).expect_err("too much goes on");
        assert_eq!(refused.status, 503);
        running.pop();
        assert!(on_thread(&app, || 7).and_then(Pending::wait) == Ok(7));
    }

    #[test]
    fn what_never_started_was_not_abandoned() {
        let config = Config {
            // More than there is address space.
            stack_size_bytes: 1 << 50,
            ..Config::default()
        };
        let app = App::new(config, PathBuf::new());
        let refused = on_thread(&app, || ()).expect_err("no thread");
        assert_eq!(refused.status, 503);
        let stats = app.counters.snapshot(0, 0);
        assert_eq!((stats.work_running, stats.work_abandoned), (0, 0));
    }
}
