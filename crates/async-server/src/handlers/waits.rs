use std::time::Instant;

use tokio::time::sleep;
use workload::{
    Answer, params,
    waits::{API, DATABASE, FILE},
    workloads::{Composition, waits::answer},
};

/// `GET /sync-data`: one wait after another.
pub(crate) async fn sync_data(query: &str) -> Result<Answer, Answer> {
    params::none(query)?;
    let start = Instant::now();
    for wait in [DATABASE, API, FILE] {
        sleep(wait.duration()).await;
    }
    Ok(answer(Composition::Sequential, start.elapsed()))
}

/// `GET /async-data`: all waits at once, on this task.
pub(crate) async fn async_data(query: &str) -> Result<Answer, Answer> {
    params::none(query)?;
    let start = Instant::now();
    tokio::join!(
        sleep(DATABASE.duration()),
        sleep(API.duration()),
        sleep(FILE.duration()),
    );
    Ok(answer(Composition::Concurrent, start.elapsed()))
}
