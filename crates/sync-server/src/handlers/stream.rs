use std::{
    thread,
    time::{Duration, Instant},
};

use contract::{
    Answer,
    answer::TEXT,
    workloads::stream::{Buffer, Params, due, line},
};

use crate::reply::{Reply, Stream};

/// `GET /stream`: each line is written when it is due, or all when the last one is.
pub(crate) fn stream(query: &str) -> Result<Reply, Answer> {
    let params = Params::parse(query)?;
    let start = Instant::now();
    if params.buffer == Buffer::Whole {
        sleep_until(start, params.last_due());
        return Ok(params.whole().into());
    }
    let pieces = (0..params.chunks).map(move |index| {
        sleep_until(start, due(index));
        line(index)
    });
    Ok(Reply::Stream(Stream {
        content_type: TEXT,
        pieces: Box::new(pieces),
    }))
}

fn sleep_until(start: Instant, due: Duration) {
    thread::sleep(due.saturating_sub(start.elapsed()));
}
