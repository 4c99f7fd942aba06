//! One connection of `async-bare`: requests in, answers out, until one side has enough.

use std::{
    future::{Future, poll_fn},
    io,
    pin::pin,
    task::Poll,
};

use contract::Answer;
use http1::{Head, Length, ResponseHead, Version, response};
use server_core::response::{head_of, refusal};
use telemetry::Instrument;
use tokio::{net::TcpStream, time::Instant};

use crate::{
    app::App,
    body::{BodyReader, Unread},
    peers::{Peer, State},
    reply::{Reply, Stream},
    request::Request,
    routes,
    wire::Wire,
};

/// Up to this size a body is copied behind its head; a longer one is written from where it is.
const COPIED_BODY: usize = 16 * 1024;

/// Room for answers that an idle connection keeps.
const KEPT_OUTPUT: usize = 32 * 1024;

/// A connection and what its requests need.
struct Connection<'a> {
    app: &'a App,
    peer: &'a Peer,
    wire: Wire<'a>,
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
        wire: Wire::new(app, peer, stream),
    };
    telemetry::debug!("connection opened");
    let _ = connection.serve().await;
    telemetry::debug!("connection closed");
}

impl Connection<'_> {
    async fn serve(&mut self) -> io::Result<()> {
        self.wire.set_nodelay(!self.app.config.nagle)?;
        while !self.app.peers.stopping() {
            match self.next_request().await? {
                Next::Closed => break,
                Next::Refused(status) => {
                    telemetry::debug!(status, "refused what is no request");
                    self.refuse(status).await?;
                    return self.wire.linger().await;
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
            if !self.wire.input.is_empty() {
                match Head::parse(self.wire.input.unread(), limits.max_head_bytes) {
                    Err(error) => return Ok(Next::Refused(error.status())),
                    Ok(Some((head, length))) => {
                        let request = Request::new(self.app, &head);
                        self.wire.input.consume(length);
                        self.peer.set(State::Answering);
                        return Ok(Next::Request(request));
                    }
                    Ok(None) => {
                        deadline.get_or_insert_with(|| Instant::now() + limits.head_timeout());
                    }
                }
            }
            if self.wire.fill(deadline).await? == 0 {
                return Ok(Next::Closed);
            }
        }
    }

    /// Answers; returns whether the connection is kept.
    async fn answer_request(&mut self, request: &Request) -> io::Result<bool> {
        let body = BodyReader::new(&mut self.wire, request, &self.app.config.limits);
        let reply = match body.discard().await {
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
                self.wire.linger().await?;
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
        self.wire.put_head(&head);
        if request.head_only {
            self.wire.write_output().await?;
            request.answered(200);
            return Ok(keep_alive);
        }
        while let Some(piece) = self
            .unless_gone(poll_fn(|cx| stream.pieces.poll_next(cx)))
            .await?
        {
            if chunked {
                response::write_chunk(&piece, &mut self.wire.output);
            } else {
                self.wire.output.extend_from_slice(&piece);
            }
            self.wire.write_output().await?;
            self.wire.output.clear();
            telemetry::trace!(bytes = piece.len(), "piece sent");
        }
        if chunked {
            self.wire.output.extend_from_slice(response::LAST_CHUNK);
            self.wire.write_output().await?;
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
            self.wire.poll_gone(most, cx).map(Err)
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
        let head = head_of(&answer, request.version, keep_alive);
        self.wire.put_head(&head);
        let mut body = &*answer.body;
        if request.head_only {
            body = &[];
        } else if body.len() <= COPIED_BODY {
            self.wire.output.extend_from_slice(body);
            body = &[];
        }
        self.wire.write_with_body(body).await?;
        self.wire.output.shrink_to(KEPT_OUTPUT);
        request.answered(answer.status);
        Ok(())
    }

    /// Answers what is no request.
    async fn refuse(&mut self, status: u16) -> io::Result<()> {
        self.wire.put_head(&refusal(status));
        self.wire.write_output().await
    }
}
