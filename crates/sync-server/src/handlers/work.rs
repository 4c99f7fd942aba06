use contract::{Answer, workloads::work::Params};

use crate::{app::App, peers::Peer};

/// `GET /work`: waits, then computes. It looks for its client behind each of the two.
pub(crate) fn work(app: &App, peer: &Peer, query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    if let Some(wait) = params.wait() {
        app.waiting.wait(wait)?;
        peer.still_there(&app.counters)?;
    }
    params.compute();
    if params.cpu_units > 0 {
        peer.still_there(&app.counters)?;
    }
    Ok(params.answer())
}
