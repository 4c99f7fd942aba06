use contract::{Answer, workloads};

/// `GET /scenarios`
pub(crate) fn scenarios(query: &str) -> Result<Answer, Answer> {
    Ok(workloads::scenarios::answer(query)?)
}
