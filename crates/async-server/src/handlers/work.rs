use contract::{Answer, workloads::work::Params};

use crate::app::App;

/// `GET /work`: waits, then computes on the worker.
pub(crate) async fn work(app: &App, query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    if let Some(wait) = params.wait() {
        app.waiting.wait(wait).await?;
    }
    params.compute();
    Ok(params.answer())
}
