//! What hyper reads from and writes to: the connection with our timeouts, our strictness about
//! request heads, and our way to stop.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http1::screen::Screen;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};

use crate::{
    app::App,
    connection::LINGER,
    peers::{Peer, State},
    timer::Timer,
};

/// A connection as hyper sees it.
pub(crate) struct Socket {
    stream: TcpStream,
    app: Arc<App>,
    peer: Arc<Peer>,
    /// Looks at what comes in.
    screen: Screen,
    /// When that head has to be complete, once it was seen to be incomplete.
    head_deadline: Option<Instant>,
    /// Since when nothing of a body came in.
    quiet_since: Option<Instant>,
    /// Since when the client takes nothing.
    stuck_since: Option<Instant>,
    /// When to stop reading behind the last answer.
    linger_until: Option<Instant>,
    timer: Timer,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, app: Arc<App>, peer: Arc<Peer>) -> Self {
        Self {
            stream,
            app,
            peer,
            screen: Screen::default(),
            head_deadline: None,
            quiet_since: None,
            stuck_since: None,
            linger_until: None,
            timer: Timer::default(),
        }
    }

    /// Bytes came in. Those of requests are screened.
    fn received(&mut self, bytes: &mut [u8]) {
        self.quiet_since = None;
        if self.peer.state() != State::Upgraded && self.screen.look(bytes) {
            self.head_deadline = None;
        }
    }

    /// Nothing came in: ready when that has lasted too long.
    fn poll_too_long(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limits = &self.app.config.limits;
        let deadline = match self.peer.state() {
            // The client waits for us. Yet the timer is set, because hyper does not ask again when
            // the connection becomes idle: then this has to wake it.
            State::Answering => Instant::now() + limits.idle_timeout(),
            State::Idle if self.screen.is_inside() => {
                let head_timeout = limits.head_timeout();
                *self
                    .head_deadline
                    .get_or_insert_with(|| Instant::now() + head_timeout)
            }
            State::Idle => self.peer.idle_since() + limits.idle_timeout(),
            // Its handler asks for signs of life.
            State::Upgraded => return Poll::Pending,
            State::Reading => {
                *self.quiet_since.get_or_insert_with(Instant::now) + limits.idle_timeout()
            }
        };
        self.timer.poll(deadline, cx)
    }

    /// An answer was not taken: ready when that has lasted too long.
    fn poll_stuck(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let since = *self.stuck_since.get_or_insert_with(Instant::now);
        let deadline = since + self.app.config.limits.idle_timeout();
        self.timer
            .poll(deadline, cx)
            .map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if let Poll::Ready(result) = Pin::new(&mut this.stream).poll_read(cx, buf) {
            this.received(&mut buf.filled_mut()[before..]);
            return Poll::Ready(result);
        }
        this.peer.wake_to_stop(cx.waker());
        let may_stop = match this.peer.state() {
            State::Idle => this.stuck_since.is_none(),
            State::Reading | State::Answering => false,
            State::Upgraded => true,
        };
        if may_stop && this.app.peers.stopping() {
            return Poll::Ready(Ok(()));
        }
        this.poll_too_long(cx)
            .map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_write(cx, buf) {
            Poll::Pending => this.poll_stuck(cx),
            ready => {
                this.stuck_since = None;
                ready
            }
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_write_vectored(cx, bufs) {
            Poll::Pending => this.poll_stuck(cx),
            ready => {
                this.stuck_since = None;
                ready
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Behind the last message over WebSocket nobody asks for a shutdown; so it is done here.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.peer.state() == State::Upgraded && self.peer.lingers() {
            return self.poll_shutdown(cx);
        }
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    /// Behind an answer that may not have been read, reads on for a while: closing with bytes
    /// unread would reset the connection, and the client might never see the answer.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let deadline = match this.linger_until {
            Some(deadline) => deadline,
            None => {
                ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                if !this.screen.is_inside() && !this.peer.lingers() {
                    return Poll::Ready(Ok(()));
                }
                *this.linger_until.insert(Instant::now() + LINGER)
            }
        };
        let mut ignored = [0; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut ignored);
            match Pin::new(&mut this.stream).poll_read(cx, &mut buf) {
                Poll::Pending => return this.timer.poll(deadline, cx).map(Ok),
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}
