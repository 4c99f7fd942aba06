use contract::{Answer, workloads};

/// `GET /health`
pub(crate) async fn health(query: &str) -> Result<Answer, Answer> {
    Ok(workloads::health::answer(query)?)
}
