use tokio::time::sleep;
use workload::{
    Answer,
    workloads::{
        Composition,
        errors::{OPERATION_TIME, OPERATIONS, Params, Simulated, answer},
    },
};

use crate::{app::App, offload};

/// `GET /errors`: one operation after another, or each on a task of its own.
pub(crate) async fn errors(app: &App, query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    let outcomes = match params.mode {
        Composition::Sequential => {
            let mut outcomes = Vec::new();
            for id in 0..OPERATIONS {
                outcomes.push(operation(params, id).await);
            }
            outcomes
        }
        Composition::Concurrent => {
            let operations = (0..OPERATIONS).map(|id| operation(params, id));
            offload::on_tasks(app, usize::MAX, operations).await?
        }
    };
    Ok(answer(&outcomes))
}

async fn operation(params: Params, id: u64) -> Result<(), Simulated> {
    sleep(OPERATION_TIME).await;
    params.outcome(id)
}
