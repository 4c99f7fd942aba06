//! Deadlines that cost nothing while they are kept.
//!
//! A connection's deadline moves with every request, and is hardly ever reached. So the runtime's
//! timer is moved only when it fires too early or would fire too late, never per request.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep, sleep_until};

/// One connection's timer.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// Ready at `deadline`. The task is woken by then, and perhaps earlier.
    pub(crate) fn poll(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if sleep.deadline() >= deadline || Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::poll_fn, time::Duration};

    #[tokio::test]
    async fn keeps_a_deadline_that_moves() {
        let mut timer = Timer::default();
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        assert!(
            poll_fn(|cx| Poll::Ready(timer.poll(after(20), cx)))
                .await
                .is_pending()
        );
        poll_fn(|cx| timer.poll(after(40), cx)).await;
        assert!(start.elapsed() >= Duration::from_millis(40));
        // An hour would not end within this test: the deadline must have moved forward.
        assert!(
            poll_fn(|cx| Poll::Ready(timer.poll(after(3_600_000), cx)))
                .await
                .is_pending()
        );
        poll_fn(|cx| timer.poll(after(60), cx)).await;
        assert!(start.elapsed() >= Duration::from_millis(60));
    }
}
