//! What hyper reads from and writes to: the connection with our timeouts, our reading of requests, and our way to
//! stop.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http1::HttpDate;
use server_core::response::refusal;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};

use crate::{
    app::App,
    intake::Intake,
    peers::{Peer, State},
    presence::Presence,
    timer::Timer,
    wire::LINGER,
};

/// A connection as hyper sees it.
pub(crate) struct Socket {
    stream: TcpStream,
    app: Arc<App>,
    peer: Arc<Peer>,
    /// What came in and is not hyper's yet.
    intake: Intake,
    /// Whether the client has closed its side, and what is known of it since.
    ended: bool,
    presence: Presence,
    /// What is left to write of the answer to what was no request.
    refusal: Option<Vec<u8>>,
    /// When a head has to be complete, once it was seen to be incomplete.
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
            intake: Intake::new(&app.config.limits),
            stream,
            app,
            peer,
            ended: false,
            presence: Presence::default(),
            refusal: None,
            head_deadline: None,
            quiet_since: None,
            stuck_since: None,
            linger_until: None,
            timer: Timer::default(),
        }
    }

    /// Whether the next request may pass: the answer to the last one is written.
    fn is_open(&self) -> bool {
        self.peer.state() == State::Idle && self.stuck_since.is_none()
    }

    /// Reads until hyper may have something, is to be told something, or there is nothing.
    fn poll_input(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        loop {
            let open = self.is_open();
            if buf.filled().len() == before {
                self.intake.look(open, &self.app.config.limits);
                self.intake.hand_over(buf);
            }
            if buf.filled().len() > before {
                self.quiet_since = None;
                self.head_deadline = None;
                return Poll::Ready(Ok(()));
            }
            if let Some(error) = self.intake.broken() {
                return Poll::Ready(Err(io::Error::new(ErrorKind::InvalidData, error)));
            }
            if let Some(error) = self.intake.refused() {
                return self.poll_refuse(error.status(), cx);
            }
            if self.ended {
                let is_awaited = open || self.intake.is_in_body();
                return if is_awaited {
                    Poll::Ready(Ok(()))
                } else {
                    Poll::Pending
                };
            }
            if !open && self.intake.held() >= self.app.config.limits.max_head_bytes {
                return Poll::Pending;
            }
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
            self.ended = buf.filled().len() == before;
            self.intake.take(buf, before, open, &self.app.config.limits);
        }
    }

    /// Reads what is not HTTP any more.
    fn poll_messages(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.intake.release();
        if !self.intake.holds() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        self.intake.hand_over(buf);
        Poll::Ready(Ok(()))
    }

    /// Answers what is no request, as the other servers do. Behind that hyper reads no more.
    fn poll_refuse(&mut self, status: u16, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let left = self.refusal.get_or_insert_with(|| {
            telemetry::debug!(status, "refused what is no request");
            self.peer.linger();
            let mut head = Vec::new();
            refusal(status).write(HttpDate::default().now(), &mut head);
            head
        });
        while !left.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, left) {
                Poll::Ready(written) => drop(left.drain(..written?)),
                Poll::Pending => return self.poll_stuck(cx).map_ok(|_| ()),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The client takes what is written again: if that was the end of an answer, the next request may pass, and hyper
    /// does not ask by itself.
    fn unstick(&mut self, cx: &Context<'_>) {
        if self.stuck_since.take().is_some() && (self.ended || self.intake.holds()) {
            cx.waker().wake_by_ref();
        }
    }

    /// Nothing came in: ready when that has lasted too long.
    fn poll_too_long(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limits = &self.app.config.limits;
        let deadline = match self.peer.state() {
            // The client waits for us. Yet the timer is set, because hyper does not ask again when
            // the connection becomes idle: then this has to wake it.
            State::Answering => Instant::now() + limits.idle_timeout(),
            State::Idle if self.is_open() && self.intake.holds() => {
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
        let read = match this.peer.state() {
            State::Upgraded => this.poll_messages(cx, buf),
            State::Idle | State::Reading | State::Answering => this.poll_input(cx, buf),
        };
        if read.is_ready() {
            return read;
        }
        if this.ended || this.intake.holds() {
            this.peer.call_at_rest();
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
        if this.ended {
            let gone = this.presence.poll_gone(&this.stream, &mut this.timer, cx);
            return gone.map(|()| Err(ErrorKind::ConnectionReset.into()));
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
                this.unstick(cx);
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
                this.unstick(cx);
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
                if !this.intake.holds() && !this.peer.lingers() {
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
