use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::time::{Instant, Sleep, sleep_until};
use workload::{
    Answer,
    answer::TEXT,
    workloads::stream::{Buffer, Params, due, line},
};

use crate::reply::{Pieces, Reply, Stream};

/// `GET /stream`: each line is sent when it is due, or all when the last one is.
pub(crate) async fn stream(query: &str) -> Result<Reply, Answer> {
    let params = Params::parse(query)?;
    let start = Instant::now();
    if params.buffer == Buffer::Whole {
        sleep_until(start + params.last_due()).await;
        return Ok(params.whole().into());
    }
    Ok(Reply::Stream(Stream {
        content_type: TEXT,
        pieces: Box::new(Lines {
            start,
            next: 0,
            count: params.chunks,
            timer: Box::pin(sleep_until(start)),
        }),
    }))
}

/// Lines, each when it is due.
struct Lines {
    start: Instant,
    next: u32,
    count: u32,
    timer: Pin<Box<Sleep>>,
}

impl Pieces for Lines {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        if self.next == self.count {
            return Poll::Ready(None);
        }
        ready!(self.timer.as_mut().poll(cx));
        let piece = line(self.next);
        self.next += 1;
        self.timer.as_mut().reset(self.start + due(self.next));
        Poll::Ready(Some(piece))
    }
}
