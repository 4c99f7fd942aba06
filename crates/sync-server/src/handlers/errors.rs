use contract::{
    Answer,
    workloads::{
        Composition,
        errors::{OPERATION_TIME, OPERATIONS, Params, Simulated, answer},
    },
};

use crate::{app::App, offload, peers::Peer};

/// `GET /errors`: one operation after another, or each on a thread of its own.
pub(crate) fn errors(app: &App, peer: &Peer, query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    let outcomes = match params.mode {
        Composition::Sequential => {
            let mut outcomes = Vec::new();
            for id in 0..OPERATIONS {
                outcomes.push(operation(app, params, id)?);
                peer.still_there(&app.counters)?;
            }
            outcomes
        }
        Composition::Concurrent => {
            let operations = (0..OPERATIONS).map(|id| move || operation(app, params, id));
            let outcomes = offload::at_once(app, operations)?;
            peer.still_there(&app.counters)?;
            outcomes.into_iter().collect::<Result<_, Answer>>()?
        }
    };
    Ok(answer(&outcomes))
}

fn operation(app: &App, params: Params, id: u64) -> Result<Result<(), Simulated>, Answer> {
    app.waiting.wait(OPERATION_TIME)?;
    Ok(params.outcome(id))
}
