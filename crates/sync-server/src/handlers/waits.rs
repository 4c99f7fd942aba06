use std::{io, thread, time::Instant};

use workload::{
    Answer, params,
    waits::{API, DATABASE, FILE},
    workloads::waits::{Composition, answer},
};

use crate::app::App;

/// `GET /sync-data`: one wait after another.
pub(crate) fn sync_data(query: &str) -> Result<Answer, Answer> {
    params::none(query)?;
    let start = Instant::now();
    for wait in [DATABASE, API, FILE] {
        thread::sleep(wait.duration());
    }
    Ok(answer(Composition::Sequential, start.elapsed()))
}

/// `GET /async-data`: all waits at once, each on a thread of its own.
pub(crate) fn async_data(app: &App, query: &str) -> Result<Answer, Answer> {
    params::none(query)?;
    let start = Instant::now();
    let waited = thread::scope(|scope| -> io::Result<()> {
        for wait in [DATABASE, API, FILE] {
            thread::Builder::new()
                .stack_size(app.config.stack_size_bytes)
                .spawn_scoped(scope, move || thread::sleep(wait.duration()))?;
        }
        Ok(())
    });
    match waited {
        Ok(()) => Ok(answer(Composition::Concurrent, start.elapsed())),
        Err(error) => Err(no_thread(&error)),
    }
}

/// 503: the machine has no thread left for a part of the work.
fn no_thread(error: &io::Error) -> Answer {
    Answer::error(503, &format!("no thread can be started: {error}"))
        .with("retry-after", "1".to_owned())
}
