//! One connection: requests in, answers out, until one side has enough.

use std::{
    io::{self, ErrorKind, IoSlice, Read, Write},
    net::Shutdown,
    time::{Duration, Instant},
};

use http1::{Head, HttpDate, Length, ReadBuffer, ResponseHead, Version, response};
use tungstenite::handshake::derive_accept_key;
use workload::{Answer, workloads::websocket::Upgrade};

use crate::{
    app::App,
    body::{BodyReader, Unread},
    handlers,
    peers::Peer,
    reply::{Reply, Stream},
    request::Request,
    routes,
};

/// How long to read on behind an answer after which the connection closes with bytes unread.
/// Closing at once would reset it, and the client might never see the answer.
const LINGER: Duration = Duration::from_secs(1);

/// Up to this size a body is copied behind its head; a longer one is written from where it is.
const COPIED_BODY: usize = 16 * 1024;

/// Room for answers that an idle connection keeps.
const KEPT_OUTPUT: usize = 32 * 1024;

/// A connection with its buffers.
pub(crate) struct Connection<'a> {
    pub(crate) app: &'a App,
    pub(crate) peer: &'a Peer,
    pub(crate) input: ReadBuffer,
    output: Vec<u8>,
    date: HttpDate,
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
        input: ReadBuffer::default(),
        output: Vec::new(),
        date: HttpDate::default(),
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
                    return self.linger();
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
            if !self.input.is_empty() {
                match Head::parse(self.input.unread(), limits.max_head_bytes) {
                    Err(error) => return Ok(Next::Refused(error.status())),
                    Ok(Some((head, length))) => {
                        let request = Request::new(self.app, &head);
                        self.input.consume(length);
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
            if self.fill(1)? == 0 {
                return Ok(Next::Closed);
            }
        }
    }

    /// Reads once, with room for at least `room` bytes; 0 at the end of what the client sends.
    pub(crate) fn fill(&mut self, room: usize) -> io::Result<usize> {
        let mut stream = &self.peer.stream;
        loop {
            match stream.read(self.input.space_of(room)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.input.filled(count);
                    return Ok(count);
                }
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
        self.input.shrink();
        let keep_alive = request.keep_alive && !self.app.peers.stopping();
        match reply {
            Reply::Answer(answer) if answer.close => {
                self.write_answer(request, answer, false)?;
                self.linger()?;
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
        let mut body = BodyReader::new(self, request);
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
        self.output.clear();
        head.write(self.date.now(), &mut self.output);
        let mut stream = &self.peer.stream;
        stream.write_all(&self.output)?;
        request.answered(101);
        // From now on it can be stopped at any time.
        self.peer.finish();
        if !self.app.peers.stopping() {
            let unread = self.input.unread().to_vec();
            self.input = ReadBuffer::default();
            handlers::websocket(self.app, self.peer, unread, upgrade.room.as_deref());
        }
        self.linger()?;
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
        self.output.clear();
        head.write(self.date.now(), &mut self.output);
        let mut socket = &self.peer.stream;
        if request.head_only {
            socket.write_all(&self.output)?;
            request.answered(200);
            return Ok(keep_alive);
        }
        for piece in stream.pieces {
            if chunked {
                response::write_chunk(&piece, &mut self.output);
            } else {
                self.output.extend_from_slice(&piece);
            }
            socket.write_all(&self.output)?;
            self.output.clear();
            telemetry::trace!(bytes = piece.len(), "piece sent");
        }
        if chunked {
            socket.write_all(response::LAST_CHUNK)?;
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
        self.output.clear();
        encode(
            &answer,
            request.version,
            keep_alive,
            self.date.now(),
            &mut self.output,
        );
        let mut stream = &self.peer.stream;
        if !request.head_only && answer.body.len() > COPIED_BODY {
            let mut parts = [IoSlice::new(&self.output), IoSlice::new(&answer.body)];
            write_all_vectored(stream, &mut parts)?;
        } else {
            if !request.head_only {
                self.output.extend_from_slice(&answer.body);
            }
            stream.write_all(&self.output)?;
            self.output.shrink_to(KEPT_OUTPUT);
        }
        request.answered(answer.status);
        Ok(())
    }

    /// Tells a client that waits for it to send its body.
    pub(crate) fn send_continue(&self) -> io::Result<()> {
        let mut stream = &self.peer.stream;
        stream.write_all(response::CONTINUE)
    }

    /// Answers what is no request: a status, nothing else, as hyper does.
    fn refuse(&mut self, status: u16) -> io::Result<()> {
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
        let mut stream = &self.peer.stream;
        stream.write_all(&self.output)
    }

    /// Reads on for a while, after the last answer, so that the client gets to see it.
    fn linger(&mut self) -> io::Result<()> {
        let mut stream = &self.peer.stream;
        stream.shutdown(Shutdown::Write)?;
        let deadline = Instant::now() + LINGER;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            stream.set_read_timeout(Some(left))?;
            if stream.read(self.input.space())? == 0 {
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

fn write_all_vectored(mut stream: impl Write, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !parts.is_empty() {
        match stream.write_vectored(parts) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut parts, count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
