use std::thread;

use contract::{Answer, workloads::blocking::Params};

use crate::{app::App, peers::Peer};

/// `GET /block`: sleeps. A thread may be blocked here, so both modes are alike.
pub(crate) fn block(app: &App, peer: &Peer, query: &str) -> Result<Answer, Answer> {
    let params = Params::parse(query)?;
    thread::sleep(params.time());
    peer.still_there(&app.counters)?;
    Ok(params.answer())
}
