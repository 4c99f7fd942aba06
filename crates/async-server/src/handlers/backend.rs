use workload::{Answer, workloads::aggregate::Service};

/// `GET /backend`: stands for a service that somebody else runs.
pub(crate) async fn backend(query: &str) -> Result<Answer, Answer> {
    let service = Service::parse(query)?;
    tokio::time::sleep(service.wait()).await;
    Ok(service.answer())
}
