//! One connection: requests in, answers out, until one side has enough.

use std::{io, time::Instant};

use contract::{Answer, workloads::websocket::Upgrade};
use http1::{Head, Length, ReadBuffer, ResponseHead, Version, response};
use server_core::response::{head_of, refusal};
use tungstenite::handshake::derive_accept_key;

use crate::{
    app::App,
    body::{BodyReader, Unread},
    handlers,
    peers::Peer,
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
pub(crate) fn serve(app: &App, peer: &Peer) {
    let mut connection = Connection {
        app,
        peer,
        wire: Wire::new(&peer.stream),
    };
    telemetry::debug!("connection opened");
    let _ = connection.serve();
    telemetry::debug!("connection closed");
}

impl Connection<'_> {
    fn serve(&mut self) -> io::Result<()> {
        let stream = &self.peer.stream;
        let idle = self.app.config.limits.idle_timeout();
        stream.set_nodelay(!self.app.config.nagle)?;
        stream.set_read_timeout(Some(idle))?;
        stream.set_write_timeout(Some(idle))?;
        while !self.app.peers.stopping() {
            match self.next_request()? {
                Next::Closed => break,
                Next::Refused(status) => {
                    telemetry::debug!(status, "refused what is no request");
                    self.refuse(status)?;
                    return self.wire.linger();
                }
                Next::Request(request) => {
                    if !self.answer_request(&request)? {
                        break;
                    }
                }
            }
            self.peer.finish();
        }
        Ok(())
    }

    /// Reads until a request's head is complete. The socket's read timeout is the idle timeout; it
    /// is changed only when a head arrives in pieces, so that an ordinary request costs one read.
    fn next_request(&mut self) -> io::Result<Next> {
        let limits = &self.app.config.limits;
        let mut deadline = None;
        loop {
            if !self.wire.input.is_empty() {
                match Head::parse(self.wire.input.unread(), limits.max_head_bytes) {
                    Err(error) => return Ok(Next::Refused(error.status())),
                    Ok(Some((head, length))) => {
                        let request = Request::new(self.app, &head);
                        self.wire.input.consume(length);
                        if deadline.is_some() {
                            let idle = limits.idle_timeout();
                            self.peer.stream.set_read_timeout(Some(idle))?;
                        }
                        return Ok(if self.peer.begin() {
                            Next::Request(request)
                        } else {
                            Next::Closed
                        });
                    }
                    Ok(None) => {
                        let now = Instant::now();
                        let deadline = *deadline.get_or_insert(now + limits.head_timeout());
                        let left = deadline.saturating_duration_since(now);
                        if left.is_zero() {
                            return Ok(Next::Closed);
                        }
                        self.peer.stream.set_read_timeout(Some(left))?;
                    }
                }
            }
            if self.wire.fill(1)? == 0 {
                return Ok(Next::Closed);
            }
        }
    }

    /// Answers; returns whether the connection is kept.
    fn answer_request(&mut self, request: &Request) -> io::Result<bool> {
        let _within = request.span.as_ref().map(|span| span.span().enter());
        let reply = match self.reply(request) {
            Ok(reply) => reply,
            Err(Unread::Refused(answer)) => answer.closing().into(),
            Err(Unread::Failed(error)) => return Err(error),
        };
        self.wire.input.shrink();
        let keep_alive = request.keep_alive && !self.app.peers.stopping();
        match reply {
            Reply::Answer(answer) if answer.close => {
                self.write_answer(request, answer, false)?;
                self.wire.linger()?;
                Ok(false)
            }
            Reply::Answer(answer) => {
                self.write_answer(request, answer, keep_alive)?;
                Ok(keep_alive)
            }
            Reply::Stream(stream) => self.write_stream(request, stream, keep_alive),
            Reply::WebSocket(upgrade) => self.upgrade(request, &upgrade),
        }
    }

    /// Has the request handled. A body that the handler did not read to its end leaves a connection
    /// on which no further request can be read.
    fn reply(&mut self, request: &Request) -> Result<Reply, Unread> {
        let (app, peer) = (self.app, self.peer);
        let mut body = BodyReader::new(&mut self.wire, request, &app.config.limits);
        if !request.reads_body() {
            body.discard()?;
        }
        let reply = routes::dispatch(app, peer, request, &mut body)?;
        Ok(match reply {
            Reply::Answer(answer) if !body.is_done() => answer.closing().into(),
            reply => reply,
        })
    }

    /// Goes on with WebSocket, until that ends and with it the connection.
    fn upgrade(&mut self, request: &Request, upgrade: &Upgrade) -> io::Result<bool> {
        let accept = derive_accept_key(upgrade.key.as_bytes());
        let fields = [("connection", "upgrade"), ("upgrade", "websocket")];
        let mut fields = fields
            .map(|(name, value)| (name, value.to_owned()))
            .to_vec();
        fields.push(("sec-websocket-accept", accept));
        fields.extend_from_slice(request.fields());
        let head = ResponseHead {
            version: Version::Http11,
            status: 101,
            content_type: None,
            fields: &fields,
            length: Length::Unsaid,
            keep_alive: true,
        };
        self.wire.put_head(&head);
        self.wire.write_output()?;
        request.answered(101);
        // From now on it can be stopped at any time.
        self.peer.finish();
        if !self.app.peers.stopping() {
            let unread = self.wire.input.unread().to_vec();
            self.wire.input = ReadBuffer::default();
            handlers::websocket(self.app, self.peer, unread, upgrade.room.as_deref());
        }
        self.wire.linger()?;
        Ok(false)
    }

    /// Each piece in one write, the first together with the head. Returns whether the connection is
    /// kept.
    fn write_stream(
        &mut self,
        request: &Request,
        stream: Stream,
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
            self.wire.write_output()?;
            request.answered(200);
            return Ok(keep_alive);
        }
        for piece in stream.pieces {
            if chunked {
                response::write_chunk(&piece, &mut self.wire.output);
            } else {
                self.wire.output.extend_from_slice(&piece);
            }
            self.wire.write_output()?;
            self.wire.output.clear();
            telemetry::trace!(bytes = piece.len(), "piece sent");
        }
        if chunked {
            self.wire.output.extend_from_slice(response::LAST_CHUNK);
            self.wire.write_output()?;
        }
        request.answered(200);
        Ok(keep_alive)
    }

    /// Head and body in one write.
    fn write_answer(
        &mut self,
        request: &Request,
        mut answer: Answer,
        keep_alive: bool,
    ) -> io::Result<()> {
        answer.fields.extend_from_slice(request.fields());
        let head = head_of(&answer, request.version, keep_alive);
        self.wire.put_head(&head);
        if !request.head_only && answer.body.len() > COPIED_BODY {
            self.wire.write_with_body(&answer.body)?;
        } else {
            if !request.head_only {
                self.wire.output.extend_from_slice(&answer.body);
            }
            self.wire.write_output()?;
            self.wire.output.shrink_to(KEPT_OUTPUT);
        }
        request.answered(answer.status);
        Ok(())
    }

    /// Answers what is no request.
    fn refuse(&mut self, status: u16) -> io::Result<()> {
        self.wire.put_head(&refusal(status));
        self.wire.write_output()
    }
}
