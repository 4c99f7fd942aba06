use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use contract::{
    Answer,
    answer::TEXT,
    workloads::stream::{Buffer, Params, due, line},
};

use crate::{
    app::App,
    reply::{Pieces, Reply, Stream},
    waiting::Waiting,
};

/// `GET /stream`: each line is sent when it is due, or all when the last one is.
pub(crate) async fn stream(app: &App, query: &str) -> Result<Reply, Answer> {
    let params = Params::parse(query)?;
    let start = Instant::now();
    if params.buffer == Buffer::Whole {
        app.waiting.pause(params.last_due()).await;
        return Ok(params.whole().into());
    }
    Ok(Reply::Stream(Stream {
        content_type: TEXT,
        pieces: Box::new(Lines {
            start,
            next: 0,
            count: params.chunks,
            timer: until(&app.waiting, start, Duration::ZERO),
            waiting: Arc::clone(&app.waiting),
        }),
    }))
}

/// Lines, each when it is due.
struct Lines {
    start: Instant,
    next: u32,
    count: u32,
    timer: Pin<Box<dyn Future<Output = ()> + Send>>,
    waiting: Arc<Waiting>,
}

/// Ready when a line is due, so long after the start.
fn until(
    waiting: &Arc<Waiting>,
    start: Instant,
    due: Duration,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let waiting = Arc::clone(waiting);
    Box::pin(async move { waiting.pause(due.saturating_sub(start.elapsed())).await })
}

impl Pieces for Lines {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        if self.next == self.count {
            return Poll::Ready(None);
        }
        ready!(self.timer.as_mut().poll(cx));
        let piece = line(self.next);
        self.next += 1;
        self.timer = until(&self.waiting, self.start, due(self.next));
        Poll::Ready(Some(piece))
    }
}
