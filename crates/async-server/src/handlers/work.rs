use workload::{Answer, workloads::work::Params};

/// `GET /work`: awaits a timer, then computes on the worker.
pub(crate) async fn work(query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    if let Some(wait) = params.wait() {
        tokio::time::sleep(wait).await;
    }
    params.compute();
    Ok(params.answer())
}
