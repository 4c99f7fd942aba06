use std::time::Instant;

use contract::{
    Answer, params,
    waits::{API, DATABASE, FILE},
    workloads::{Composition, waits::answer},
};

use crate::{app::App, offload, peers::Peer};

/// `GET /sync-data`: one wait after another.
pub(crate) fn sync_data(app: &App, peer: &Peer, query: &str) -> Result<Answer, Answer> {
    params::none(query)?;
    let start = Instant::now();
    for wait in [DATABASE, API, FILE] {
        app.waiting.wait(wait.duration())?;
        peer.still_there(&app.counters)?;
    }
    Ok(answer(Composition::Sequential, start.elapsed()))
}

/// `GET /async-data`: all waits at once, each on a thread of its own.
pub(crate) fn async_data(app: &App, peer: &Peer, query: &str) -> Result<Answer, Answer> {
    params::none(query)?;
    let start = Instant::now();
    let waits = [DATABASE, API, FILE].into_iter();
    let waits = waits.map(|wait| move || app.waiting.wait(wait.duration()));
    for waited in offload::at_once(app, waits)? {
        waited?;
    }
    peer.still_there(&app.counters)?;
    Ok(answer(Composition::Concurrent, start.elapsed()))
}
