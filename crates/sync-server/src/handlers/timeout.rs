use std::sync::Arc;

use contract::{
    Answer,
    workloads::timeout::{Params, answer},
};

use crate::{app::App, offload};

/// `GET /timeout`: works on another thread and waits for it up to the limit. Then it answers, but
/// the thread works on: it can't be stopped from outside.
pub(crate) fn timeout(app: &App, query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    let waiting = Arc::clone(&app.waiting);
    let work = offload::on_thread(app, move || waiting.wait(params.work))?;
    let done = work.wait_for(params.limit)?.transpose()?;
    Ok(answer(done.is_some()))
}
