//! Whether a client that has closed its side of the connection is still there.
//!
//! It may have closed the whole, or may only have nothing more to send; both look alike from here. So one byte is sent
//! that is urgent, beside the answer: nobody reads it who did not ask for such bytes, and the system of a client that
//! is gone answers it with a reset.

use std::{
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{net::TcpStream, time::Instant};

use crate::timer::Timer;

/// How long an answer may take before the client is asked. Most are written by then.
const PATIENCE: Duration = Duration::from_millis(10);

/// How long at most between two looks for the reset.
const LONGEST_STEP: Duration = Duration::from_secs(1);

/// What is known of a client that has closed its side.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    asked: bool,
    next_look: Option<(Instant, Duration)>,
}

impl Presence {
    /// Ready when it is gone. What can't be asked counts as gone.
    pub(crate) fn poll_gone(
        &mut self,
        stream: &TcpStream,
        timer: &mut Timer,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        loop {
            let first = || (Instant::now() + PATIENCE, PATIENCE);
            let (due, step) = *self.next_look.get_or_insert_with(first);
            ready!(timer.poll(due, cx));
            if !self.asked && SockRef::from(stream).send_out_of_band(&[0]).is_err() {
                return Poll::Ready(());
            }
            self.asked = true;
            if !matches!(stream.take_error(), Ok(None)) {
                return Poll::Ready(());
            }
            self.next_look = Some((Instant::now() + step, (2 * step).min(LONGEST_STEP)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        time::timeout,
    };

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        (client.unwrap(), accepted.unwrap().0)
    }

    async fn gone(server: &TcpStream) {
        let (mut presence, mut timer) = (Presence::default(), Timer::default());
        poll_fn(|cx| presence.poll_gone(server, &mut timer, cx)).await;
    }

    #[tokio::test]
    async fn who_has_nothing_more_to_send_is_there_and_sees_nothing_of_it() {
        let (mut client, mut server) = pair().await;
        client.shutdown().await.unwrap();
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
        let while_asked = timeout(10 * PATIENCE, gone(&server)).await;
        assert!(while_asked.is_err(), "it is there");
        server.write_all(b"answer").await.unwrap();
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "answer");
    }

    #[tokio::test]
    async fn who_has_closed_is_gone() {
        let (client, mut server) = pair().await;
        drop(client);
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
        gone(&server).await;
    }
}
