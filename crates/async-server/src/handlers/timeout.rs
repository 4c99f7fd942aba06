use contract::{
    Answer,
    workloads::timeout::{Params, answer},
};
use tokio::select;

use crate::app::App;

/// `GET /timeout`: waits for the work up to the limit. Then the work is dropped, and stops.
pub(crate) async fn timeout(app: &App, query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    select! {
        waited = app.waiting.wait(params.work) => waited.map(|()| answer(true)),
        () = app.waiting.pause(params.limit) => Ok(answer(false)),
    }
}
