use std::thread;

use workload::{Answer, workloads::blocking::Params};

/// `GET /block`: sleeps. A thread may be blocked here, so both modes are alike.
pub(crate) fn block(query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    thread::sleep(params.time());
    Ok(params.answer())
}
