use std::thread;

use workload::{Answer, workloads::work::Params};

/// `GET /work`: sleeps, then computes.
pub(crate) fn work(query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    if let Some(wait) = params.wait() {
        thread::sleep(wait);
    }
    params.compute();
    Ok(params.answer())
}
