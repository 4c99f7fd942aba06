use std::thread;

use contract::{
    Answer,
    workloads::blocking::{Params, Place},
};

use crate::{app::App, offload};

/// `GET /block`: blocks the worker, and with it every connection that it serves; or a thread that
/// is there to be blocked.
pub(crate) async fn block(app: &App, query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    let blocking_call = move || thread::sleep(params.time());
    match params.mode {
        Place::Wrong => blocking_call(),
        Place::Right => offload::on_thread(app, &app.blocking, blocking_call).await?,
    }
    Ok(params.answer())
}
