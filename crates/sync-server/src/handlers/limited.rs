use contract::{
    Answer,
    workloads::limited::{HELD, WhenTaken, answer, parse, refusal},
};

use crate::{app::App, peers::Peer};

/// `GET /limited`: takes one of the places, holds it for a while, and gives it back.
pub(crate) fn limited(app: &App, peer: &Peer, query: &str) -> Result<Answer, Answer> {
    let _place = match parse(query)? {
        WhenTaken::Wait => app.places.acquire(),
        WhenTaken::Refuse => app.places.try_acquire().ok_or_else(refusal)?,
    };
    // It may have waited for long.
    peer.still_there(&app.counters)?;
    app.waiting.wait(HELD)?;
    Ok(answer())
}
