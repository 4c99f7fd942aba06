use contract::{Answer, workloads};

/// `GET /json`
pub(crate) fn json(query: &str) -> Result<Answer, Answer> {
    Ok(workloads::json::answer(query)?)
}
