use std::sync::Arc;

use contract::{
    Answer,
    workloads::{
        Composition,
        errors::{OPERATION_TIME, OPERATIONS, Params, Simulated, answer},
    },
};

use crate::{app::App, offload, waiting::Waiting};

/// `GET /errors`: one operation after another, or each on a task of its own.
pub(crate) async fn errors(app: &App, query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    let outcomes = match params.mode {
        Composition::Sequential => {
            let mut outcomes = Vec::new();
            for id in 0..OPERATIONS {
                outcomes.push(operation(&app.waiting, params, id).await?);
            }
            outcomes
        }
        Composition::Concurrent => {
            let operations = (0..OPERATIONS).map(|id| {
                let waiting = Arc::clone(&app.waiting);
                async move { operation(&waiting, params, id).await }
            });
            let outcomes = offload::on_tasks(app, usize::MAX, operations).await?;
            outcomes.into_iter().collect::<Result<_, Answer>>()?
        }
    };
    Ok(answer(&outcomes))
}

async fn operation(
    waiting: &Waiting,
    params: Params,
    id: u64,
) -> Result<Result<(), Simulated>, Answer> {
    waiting.wait(OPERATION_TIME).await?;
    Ok(params.outcome(id))
}
