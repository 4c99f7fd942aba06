use contract::{Answer, workloads};

/// `GET /scenarios`
pub(crate) async fn scenarios(query: &str) -> Result<Answer, Answer> {
    Ok(workloads::scenarios::answer(query)?)
}
