use contract::{Answer, workloads};

/// `GET /json`
pub(crate) async fn json(query: &str) -> Result<Answer, Answer> {
    Ok(workloads::json::answer(query)?)
}
