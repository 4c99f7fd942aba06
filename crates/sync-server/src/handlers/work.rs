use workload::{Answer, workloads::work::Params};

use crate::app::App;

/// `GET /work`: waits, then computes.
pub(crate) fn work(app: &App, query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    if let Some(wait) = params.wait() {
        app.waiting.wait(wait)?;
    }
    params.compute();
    Ok(params.answer())
}
