//! One connection of `async-bare`: requests in, answers out, until one side has enough.

use std::{
    future::{Future, poll_fn},
    io::{self, ErrorKind, IoSlice},
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use http1::{Head, HttpDate, Length, ReadBuffer, ResponseHead, Version, response};
use telemetry::Instrument;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};
use workload::Answer;

use crate::{
    app::App,
    body::{BodyReader, Unread},
    peers::{Peer, State},
    reply::{Reply, Stream},
    request::Request,
    routes,
    timer::Timer,
};

/// How long to read on behind an answer after which the connection closes with bytes unread.
/// Closing at once would reset it, and the client might never see the answer.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// Up to this size a body is copied behind its head; a longer one is written from where it is.
const COPIED_BODY: usize = 16 * 1024;

/// Room for answers that an idle connection keeps.
const KEPT_OUTPUT: usize = 32 * 1024;

/// A connection with its buffers.
pub(crate) struct Connection<'a> {
    pub(crate) app: &'a App,
    pub(crate) peer: &'a Peer,
    pub(crate) input: ReadBuffer,
    stream: TcpStream,
    output: Vec<u8>,
    date: HttpDate,
    timer: Timer,
}

/// What became of waiting for a request.
enum Next {
    Request(Request),
    /// It is no request; a bare status is the answer, and the connection closes.
    Refused(u16),
    /// The client is gone, or the server is to stop.
    Closed,
}

/// Serves a connection until it closes. Errors end it; there is nobody to tell.
pub(crate) async fn serve(app: &App, peer: &Peer, stream: TcpStream) {
    let mut connection = Connection {
        app,
        peer,
        input: ReadBuffer::default(),
        stream,
        output: Vec::new(),
        date: HttpDate::default(),
        timer: Timer::default(),
    };
    telemetry::debug!("connection opened");
    let _ = connection.serve().await;
    telemetry::debug!("connection closed");
}

impl Connection<'_> {
    async fn serve(&mut self) -> io::Result<()> {
        self.stream.set_nodelay(!self.app.config.nagle)?;
        while !self.app.peers.stopping() {
            match self.next_request().await? {
                Next::Closed => break,
                Next::Refused(status) => {
                    telemetry::debug!(status, "refused what is no request");
                    self.refuse(status).await?;
                    return self.linger().await;
                }
                Next::Request(request) => {
                    let kept = match request.span.as_deref() {
                        None => self.answer_request(&request).await?,
                        // On the heap, so that a connection without a span has no room for one.
                        Some(span) => {
                            let answering = Box::pin(self.answer_request(&request));
                            answering.instrument(span.span().clone()).await?
                        }
                    };
                    if !kept {
                        break;
                    }
                }
            }
            self.peer.set(State::Idle);
        }
        Ok(())
    }

    /// Reads until a request's head is complete: one read for an ordinary request.
    async fn next_request(&mut self) -> io::Result<Next> {
        let limits = &self.app.config.limits;
        let mut deadline = None;
        loop {
            if !self.input.is_empty() {
                match Head::parse(self.input.unread(), limits.max_head_bytes) {
                    Err(error) => return Ok(Next::Refused(error.status())),
                    Ok(Some((head, length))) => {
                        let request = Request::new(self.app, &head);
                        self.input.consume(length);
                        self.peer.set(State::Answering);
                        return Ok(Next::Request(request));
                    }
                    Ok(None) => {
                        deadline.get_or_insert_with(|| Instant::now() + limits.head_timeout());
                    }
                }
            }
            if self.fill(deadline).await? == 0 {
                return Ok(Next::Closed);
            }
        }
    }

    /// Reads once; 0 at the end of what the client sends, or when an idle connection is to stop.
    /// Fails at `deadline`, or after the idle timeout if there is none.
    pub(crate) async fn fill(&mut self, deadline: Option<Instant>) -> io::Result<usize> {
        let mut deadline = deadline;
        poll_fn(|cx| {
            match poll_fill(&mut self.stream, &mut self.input, cx) {
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

    /// Answers; returns whether the connection is kept.
    async fn answer_request(&mut self, request: &Request) -> io::Result<bool> {
        let reply = match BodyReader::new(self, request).discard().await {
            Ok(()) => {
                self.unless_gone(routes::dispatch(self.app, request))
                    .await?
            }
            Err(Unread::Refused(answer)) => answer.closing().into(),
            Err(Unread::Failed(error)) => return Err(error),
        };
        let keep_alive = request.keep_alive && !self.app.peers.stopping();
        match reply {
            Reply::Answer(answer) if answer.close => {
                self.write_answer(request, answer, false).await?;
                self.linger().await?;
                Ok(false)
            }
            Reply::Answer(answer) => {
                self.write_answer(request, answer, keep_alive).await?;
                Ok(keep_alive)
            }
            Reply::Stream(stream) => self.write_stream(request, stream, keep_alive).await,
        }
    }

    /// Each piece in one write, the first together with the head. Returns whether the connection is
    /// kept.
    async fn write_stream(
        &mut self,
        request: &Request,
        mut stream: Stream,
        keep_alive: bool,
    ) -> io::Result<bool> {
        let chunked = request.version == Version::Http11;
        let keep_alive = keep_alive && chunked;
        let head = ResponseHead {
            version: request.version,
            status: 200,
            content_type: Some(stream.content_type),
            fields: request.fields(),
            length: match chunked && !request.head_only {
                true => Length::Chunked,
                false => Length::Unsaid,
            },
            keep_alive,
        };
        self.output.clear();
        head.write(self.date.now(), &mut self.output);
        if request.head_only {
            self.write_output().await?;
            request.answered(200);
            return Ok(keep_alive);
        }
        while let Some(piece) = self
            .unless_gone(poll_fn(|cx| stream.pieces.poll_next(cx)))
            .await?
        {
            if chunked {
                response::write_chunk(&piece, &mut self.output);
            } else {
                self.output.extend_from_slice(&piece);
            }
            self.write_output().await?;
            self.output.clear();
            telemetry::trace!(bytes = piece.len(), "piece sent");
        }
        if chunked {
            self.output.extend_from_slice(response::LAST_CHUNK);
            self.write_output().await?;
        }
        request.answered(200);
        Ok(keep_alive)
    }

    /// Runs a handler, and drops it when the client goes away: what is done for it stops then.
    async fn unless_gone<T>(&mut self, handler: impl Future<Output = T>) -> io::Result<T> {
        let mut handler = pin!(handler);
        let most = self.app.config.limits.max_head_bytes;
        poll_fn(|cx| {
            if let Poll::Ready(answer) = handler.as_mut().poll(cx) {
                return Poll::Ready(Ok(answer));
            }
            // What comes in meanwhile is the next request; it has to wait.
            while self.input.len() < most {
                match poll_fill(&mut self.stream, &mut self.input, cx) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(ErrorKind::UnexpectedEof.into())),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => break,
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Head and body in one write.
    async fn write_answer(
        &mut self,
        request: &Request,
        mut answer: Answer,
        keep_alive: bool,
    ) -> io::Result<()> {
        answer.fields.extend_from_slice(request.fields());
        self.output.clear();
        encode(
            &answer,
            request.version,
            keep_alive,
            self.date.now(),
            &mut self.output,
        );
        let mut body = &*answer.body;
        if request.head_only {
            body = &[];
        } else if body.len() <= COPIED_BODY {
            self.output.extend_from_slice(body);
            body = &[];
        }
        let mut parts = [IoSlice::new(&self.output), IoSlice::new(body)];
        let idle = self.app.config.limits.idle_timeout();
        write_all(&mut self.stream, &mut parts, &mut self.timer, idle).await?;
        self.output.shrink_to(KEPT_OUTPUT);
        request.answered(answer.status);
        Ok(())
    }

    /// Tells a client that waits for it to send its body.
    pub(crate) async fn send_continue(&mut self) -> io::Result<()> {
        self.output.clear();
        self.output.extend_from_slice(response::CONTINUE);
        self.write_output().await
    }

    async fn write_output(&mut self) -> io::Result<()> {
        let idle = self.app.config.limits.idle_timeout();
        let mut parts = [IoSlice::new(&self.output)];
        write_all(&mut self.stream, &mut parts, &mut self.timer, idle).await
    }

    /// Answers what is no request: a status, nothing else, as hyper does.
    async fn refuse(&mut self, status: u16) -> io::Result<()> {
        let head = ResponseHead {
            version: Version::Http11,
            status,
            content_type: None,
            fields: &[],
            length: Length::Known(0),
            keep_alive: false,
        };
        self.output.clear();
        head.write(self.date.now(), &mut self.output);
        self.write_output().await
    }

    /// Reads on for a while, after the last answer, so that the client gets to see it.
    async fn linger(&mut self) -> io::Result<()> {
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

/// Appends the head of `answer` to `out`.
pub(crate) fn encode(
    answer: &Answer,
    version: Version,
    keep_alive: bool,
    date: &str,
    out: &mut Vec<u8>,
) {
    let head = ResponseHead {
        version,
        status: answer.status,
        content_type: Some(answer.content_type),
        fields: &answer.fields,
        length: Length::Known(answer.body.len() as u64),
        keep_alive,
    };
    head.write(date, out);
}

fn poll_fill(
    stream: &mut TcpStream,
    input: &mut ReadBuffer,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut space = ReadBuf::new(input.space());
    ready!(Pin::new(stream).poll_read(cx, &mut space))?;
    let count = space.filled().len();
    input.filled(count);
    Poll::Ready(Ok(count))
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
