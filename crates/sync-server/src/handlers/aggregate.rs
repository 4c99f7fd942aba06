use contract::{
    Answer,
    workloads::{
        Composition,
        aggregate::{answer, no_backend, parse, services},
    },
};

use crate::{app::App, offload, peers::Peer};

/// `GET /aggregate`: asks one service after another, or each on a thread of its own. When one
/// fails, those asked at once can't be stopped; they end by themselves.
pub(crate) fn aggregate(app: &App, peer: &Peer, query: &str) -> Result<Answer, Answer> {
    let mode = parse(query)?;
    let backend = app.backend.as_ref().ok_or_else(no_backend)?;
    let answered = match mode {
        Composition::Sequential => {
            let mut answered = Vec::new();
            for service in services() {
                answered.push(backend.ask(&service)?);
                peer.still_there(&app.counters)?;
            }
            answered
        }
        Composition::Concurrent => {
            let ask = |service| move || backend.ask(&service);
            let answered = offload::at_once(app, services().into_iter().map(ask))?;
            peer.still_there(&app.counters)?;
            answered.into_iter().collect::<Result<_, _>>()?
        }
    };
    Ok(answer(&answered))
}
