//! Work on other tasks and threads than the connection's. All of it is counted while it runs, and
//! a panic in it is counted and answered with 500. A task stops when nobody waits for it any more;
//! a thread can't be stopped, and is counted as abandoned then.

use std::{future::Future, sync::Arc};

use contract::Answer;
use server_core::Counters;
use telemetry::Instrument;
use tokio::{
    sync::Semaphore,
    task::{JoinError, JoinSet, spawn_blocking},
};

use crate::app::App;

/// Runs all pieces, each on a task of its own and at most `most` at a time; waits for all. The
/// results come in no particular order. When one fails the others are cancelled.
pub(crate) async fn on_tasks<T, P>(
    app: &App,
    most: usize,
    pieces: impl Iterator<Item = P>,
) -> Result<Vec<T>, Answer>
where
    T: Send + 'static,
    P: Future<Output = T> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    let mut results = Vec::new();
    for piece in pieces {
        if tasks.len() >= most
            && let Some(joined) = tasks.join_next().await
        {
            results.push(joined.map_err(|error| failed(&error))?);
        }
        let running = Counters::running(app.counters.clone());
        let injector = app.injector.clone();
        let work = async move {
            let _running = running;
            if let Some(injector) = &injector {
                injector.apply_to_task();
            }
            piece.await
        };
        tasks.spawn(work.instrument(telemetry::work("task")));
    }
    while let Some(joined) = tasks.join_next().await {
        results.push(joined.map_err(|error| failed(&error))?);
    }
    Ok(results)
}

/// Runs `work` on a thread that may be blocked, once there is a place for it.
pub(crate) async fn on_thread<T: Send + 'static>(
    app: &App,
    places: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Answer> {
    // Waiting here, and not in Tokio's queue, which has no bound. Never closed, so never an error.
    let place = places.clone().acquire_owned().await;
    let running = Counters::running(app.counters.clone());
    let injector = app.injector.clone();
    let mut waiting = Waiting {
        counters: &app.counters,
        done: false,
    };
    let span = telemetry::work("thread");
    let joined = spawn_blocking(move || {
        // The place is taken until the work is done, whether somebody waits for it or not.
        let _taken = (place, running);
        let _within = span.entered();
        if let Some(injector) = &injector {
            injector.apply_to_task();
        }
        work()
    });
    let result = joined.await;
    waiting.done = true;
    result.map_err(|error| failed(&error))
}

/// Someone who waits for a thread.
struct Waiting<'a> {
    counters: &'a Counters,
    done: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.counters.abandoned();
        }
    }
}

/// 500; a panic was counted where it happened.
pub(crate) fn failed(error: &JoinError) -> Answer {
    if error.is_panic() {
        return Answer::error(500, "a part of the work panicked");
    }
    Answer::error(500, "a part of the work was cancelled")
}
