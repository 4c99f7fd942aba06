use contract::{Answer, workloads};

/// `GET /`
pub(crate) async fn hello(query: &str) -> Result<Answer, Answer> {
    Ok(workloads::hello::answer(query)?)
}
