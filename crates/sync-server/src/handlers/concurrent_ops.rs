use std::{thread, time::Instant};

use contract::{
    Answer,
    workloads::concurrent_ops::{On, Piece, TASKS, answer, parse},
};

use crate::{app::App, offload, peers::Peer};

/// `GET /concurrent-ops`: a thread per piece of work, or the threads kept for computing.
pub(crate) fn concurrent_ops(app: &App, peer: &Peer, query: &str) -> Result<Answer, Answer> {
    let start = Instant::now();
    let successes = match parse(query)? {
        On::Spawn => offload::at_once(app, (0..TASKS).map(|_| add))?,
        On::Pool => {
            let started = (0..TASKS).map(|_| offload::on_pool(app, add));
            let pending = started.collect::<Result<Vec<_>, _>>()?;
            let results = pending.into_iter().map(offload::Pending::wait);
            results.collect::<Result<Vec<_>, _>>()?
        }
    };
    peer.still_there(&app.counters)?;
    let successful = successes.iter().filter(|&&succeeded| succeeded).count();
    Ok(answer(successful, start.elapsed()))
}

fn add() -> bool {
    let mut piece = Piece::default();
    while piece.step() {
        thread::yield_now();
    }
    piece.succeeded()
}
