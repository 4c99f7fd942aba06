use tokio::time::{sleep, timeout as within};
use workload::{
    Answer,
    workloads::timeout::{Params, answer},
};

/// `GET /timeout`: waits for the work up to the limit. Then the work is dropped, and stops.
pub(crate) async fn timeout(query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    let done = within(params.limit, sleep(params.work)).await.is_ok();
    Ok(answer(done))
}
