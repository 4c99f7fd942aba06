//! The bytes of a connection of `async-bare`: what came in and was not taken yet, what is to be
//! written.

use std::{
    future::poll_fn,
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http1::{HttpDate, ReadBuffer, ResponseHead, response};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};

use crate::{
    app::App,
    peers::{Peer, State},
    presence::Presence,
    timer::Timer,
};

/// How long to read on behind an answer after which the connection closes with bytes unread.
/// Closing at once would reset it, and the client might never see the answer.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// A connection's socket with its buffers and its timer.
pub(crate) struct Wire<'a> {
    /// What came in and was not taken yet.
    pub(crate) input: ReadBuffer,
    /// What is to be written.
    pub(crate) output: Vec<u8>,
    app: &'a App,
    peer: &'a Peer,
    stream: TcpStream,
    date: HttpDate,
    timer: Timer,
    /// Whether the client has closed its side, and what is known of it since.
    ended: bool,
    presence: Presence,
}

impl<'a> Wire<'a> {
    /// With buffers that are empty.
    pub(crate) fn new(app: &'a App, peer: &'a Peer, stream: TcpStream) -> Self {
        Self {
            input: ReadBuffer::default(),
            output: Vec::new(),
            app,
            peer,
            stream,
            date: HttpDate::default(),
            timer: Timer::default(),
            ended: false,
            presence: Presence::default(),
        }
    }

    /// Says whether what is written leaves at once.
    pub(crate) fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.stream.set_nodelay(nodelay)
    }

    /// Reads once; 0 at the end of what the client sends, or when an idle connection is to stop.
    /// Fails at `deadline`, or after the idle timeout if there is none.
    pub(crate) async fn fill(&mut self, deadline: Option<Instant>) -> io::Result<usize> {
        let mut deadline = deadline;
        poll_fn(|cx| {
            match self.poll_fill(cx) {
                Poll::Ready(result) => return Poll::Ready(result),
                Poll::Pending => self.peer.wake_to_stop(cx.waker()),
            }
            if self.peer.state() == State::Idle && self.app.peers.stopping() {
                return Poll::Ready(Ok(0));
            }
            let idle = self.app.config.limits.idle_timeout();
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + idle);
            self.timer
                .poll(deadline, cx)
                .map(|()| Err(ErrorKind::TimedOut.into()))
        })
        .await
    }

    /// Reads once, if there is something; 0 at the end of what the client sends.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        let mut space = ReadBuf::new(self.input.space());
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut space))?;
        let count = space.filled().len();
        self.input.filled(count);
        self.ended = count == 0;
        Poll::Ready(Ok(count))
    }

    /// Fails when the client is gone. Up to `most` bytes of the next request are read meanwhile.
    pub(crate) fn poll_gone(&mut self, most: usize, cx: &mut Context<'_>) -> Poll<io::Error> {
        while !self.ended && self.input.len() < most {
            if let Err(error) = ready!(self.poll_fill(cx)) {
                return Poll::Ready(error);
            }
        }
        if !self.ended {
            return Poll::Pending;
        }
        let gone = self.presence.poll_gone(&self.stream, &mut self.timer, cx);
        gone.map(|()| ErrorKind::ConnectionReset.into())
    }

    /// Makes `head` all that is to be written.
    pub(crate) fn put_head(&mut self, head: &ResponseHead<'_>) {
        self.output.clear();
        head.write(self.date.now(), &mut self.output);
    }

    /// Writes the output.
    pub(crate) async fn write_output(&mut self) -> io::Result<()> {
        let idle = self.app.config.limits.idle_timeout();
        let mut parts = [IoSlice::new(&self.output)];
        write_all(&mut self.stream, &mut parts, &mut self.timer, idle).await
    }

    /// Writes the output and `body` behind it, in one call if the socket takes them.
    pub(crate) async fn write_with_body(&mut self, body: &[u8]) -> io::Result<()> {
        let idle = self.app.config.limits.idle_timeout();
        let mut parts = [IoSlice::new(&self.output), IoSlice::new(body)];
        write_all(&mut self.stream, &mut parts, &mut self.timer, idle).await
    }

    /// Tells a client that waits for it to send its body.
    pub(crate) async fn send_continue(&mut self) -> io::Result<()> {
        self.output.clear();
        self.output.extend_from_slice(response::CONTINUE);
        self.write_output().await
    }

    /// Reads on for a while, after the last answer, so that the client gets to see it.
    pub(crate) async fn linger(&mut self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx)).await?;
        let deadline = Instant::now() + LINGER;
        loop {
            self.input = ReadBuffer::default();
            if self.fill(Some(deadline)).await? == 0 {
                return Ok(());
            }
        }
    }
}

/// Writes all `parts`, in one call if the socket takes them. Fails when it takes nothing for as
/// long as `idle`.
async fn write_all(
    stream: &mut TcpStream,
    mut parts: &mut [IoSlice<'_>],
    timer: &mut Timer,
    idle: Duration,
) -> io::Result<()> {
    while parts.iter().any(|part| !part.is_empty()) {
        let mut deadline = None;
        let count = poll_fn(|cx| {
            let written = match parts {
                [only] => Pin::new(&mut *stream).poll_write(cx, only),
                [first, rest] if rest.is_empty() => Pin::new(&mut *stream).poll_write(cx, first),
                _ => Pin::new(&mut *stream).poll_write_vectored(cx, parts),
            };
            if written.is_ready() {
                return written;
            }
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + idle);
            timer
                .poll(deadline, cx)
                .map(|()| Err(ErrorKind::TimedOut.into()))
        })
        .await?;
        if count == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut parts, count);
    }
    Ok(())
}
