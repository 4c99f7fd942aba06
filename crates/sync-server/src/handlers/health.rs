use contract::{Answer, workloads};

/// `GET /health`
pub(crate) fn health(query: &str) -> Result<Answer, Answer> {
    Ok(workloads::health::answer(query)?)
}
