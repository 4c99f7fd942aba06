use std::thread;

use workload::{Answer, workloads::aggregate::Service};

/// `GET /backend`: stands for a service that somebody else runs.
pub(crate) fn backend(query: &str) -> Result<Answer, Answer> {
    let service = Service::parse(query)?;
    thread::sleep(service.wait());
    Ok(service.answer())
}
