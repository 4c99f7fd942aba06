use std::time::Instant;

use contract::{
    Answer, params,
    waits::{API, DATABASE, FILE},
    workloads::{Composition, waits::answer},
};

use crate::app::App;

/// `GET /sync-data`: one wait after another.
pub(crate) async fn sync_data(app: &App, query: &str) -> Result<Answer, Answer> {
    params::none(query)?;
    let start = Instant::now();
    for wait in [DATABASE, API, FILE] {
        app.waiting.wait(wait.duration()).await?;
    }
    Ok(answer(Composition::Sequential, start.elapsed()))
}

/// `GET /async-data`: all waits at once, on this task.
pub(crate) async fn async_data(app: &App, query: &str) -> Result<Answer, Answer> {
    params::none(query)?;
    let start = Instant::now();
    tokio::try_join!(
        app.waiting.wait(DATABASE.duration()),
        app.waiting.wait(API.duration()),
        app.waiting.wait(FILE.duration()),
    )?;
    Ok(answer(Composition::Concurrent, start.elapsed()))
}
