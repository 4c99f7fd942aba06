//! HTTP/1.1 on raw sockets. One write and one read per request; nothing is allocated for it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::dial::Dialer;
use super::failure::{connect_failure, receive_failure, send_failure};
use super::{Answer, Client, ConnectFailure, Shared};
use crate::clock::Nanos;
use crate::measurement::ErrorKind;
use crate::plan::{BodyCheck, Plan, PlannedRequest};
use crate::response::{Framing, KnownHead, Progress, ResponseParser};

pub(crate) struct RawClient {
    plan: Arc<Plan>,
    dialer: Dialer,
    shared: Shared,
    known_head: RefCell<KnownHead>,
}

/// An open connection and the exchange under way on it.
pub(crate) struct RawConnection {
    stream: TcpStream,
    parser: ResponseParser,
    body: BodyCheck,
    /// Bytes of the request that were written.
    written: usize,
    /// Writing failed with this; reported unless the peer has answered all the same.
    send_failure: Option<ErrorKind>,
    /// Bytes of the answer that were read.
    read: u64,
    first_byte: Nanos,
    /// A part of the answer was read and was not all; 0 before.
    first_part: Nanos,
    last_chunk: Nanos,
    chunk_gaps: Vec<u64>,
}

impl RawConnection {
    #[inline]
    fn begin(&mut self, request: &PlannedRequest) {
        self.parser.begin(request.bodiless);
        self.body = BodyCheck::default();
        self.written = 0;
        self.send_failure = None;
        self.read = 0;
        self.first_byte = 0;
        self.first_part = 0;
        self.last_chunk = 0;
        self.chunk_gaps.clear();
    }

    /// Writes as much as goes. A failure is kept, because the peer may have answered before it stopped
    /// reading (413 on a large upload); the answer then counts.
    #[inline]
    fn send(&mut self, context: &mut Context<'_>, request: &[u8]) {
        while self.written < request.len() && self.send_failure.is_none() {
            let stream = Pin::new(&mut self.stream);
            match stream.poll_write(context, &request[self.written..]) {
                Poll::Ready(Ok(length)) => self.written += length,
                Poll::Ready(Err(error)) => self.send_failure = Some(send_failure(&error)),
                Poll::Pending => return,
            }
        }
    }

    /// Reads once into `scratch`; 0 at the end of the stream.
    #[inline]
    fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(scratch);
        // Tokio's poll_read (unlike try_read) takes a short read as a sign that the socket is
        // drained, which saves a second read per answer.
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn note_chunks(&mut self, before: u64, now: Nanos) {
        let arrived = self.parser.chunks() - before;
        if arrived == 0 {
            return;
        }
        if self.last_chunk != 0 {
            self.chunk_gaps.push(now - self.last_chunk);
        }
        let together = usize::try_from(arrived - 1).unwrap_or(usize::MAX);
        self.chunk_gaps.resize(self.chunk_gaps.len() + together, 0);
        self.last_chunk = now;
    }
}

impl RawClient {
    fn poll_exchange(
        &self,
        connection: &mut RawConnection,
        request: &PlannedRequest,
        context: &mut Context<'_>,
    ) -> Poll<Result<Answer, ErrorKind>> {
        connection.send(context, &request.bytes);
        let mut scratch = self.shared.scratch.borrow_mut();
        loop {
            let length = match ready!(connection.poll_receive(context, &mut scratch)) {
                Ok(0) => return Poll::Ready(self.end_of_stream(connection, request)),
                Ok(length) => length,
                Err(error) => {
                    let kind = connection.send_failure.unwrap_or(receive_failure(&error));
                    return Poll::Ready(Err(kind));
                }
            };
            match self.take(connection, request, &scratch[..length]) {
                Ok(Progress::Partial) if connection.first_part == 0 => {
                    connection.first_part = self.shared.clock.now();
                }
                Ok(Progress::Partial) => {}
                Ok(Progress::Complete { excess: 0 }) => {
                    return Poll::Ready(Ok(self.answer(connection, request)));
                }
                // One request was sent, so there is no second answer to expect.
                Ok(Progress::Complete { .. }) | Err(_) => {
                    return Poll::Ready(Err(ErrorKind::Protocol));
                }
            }
        }
    }

    #[inline]
    fn take(
        &self,
        connection: &mut RawConnection,
        request: &PlannedRequest,
        input: &[u8],
    ) -> Result<Progress, crate::response::ParseError> {
        connection.read += input.len() as u64;
        if self.plan.record_first_byte && connection.first_byte == 0 {
            connection.first_byte = self.shared.clock.now();
        }
        let chunks = connection.parser.chunks();
        let body = &mut connection.body;
        let mut known_head = self.known_head.borrow_mut();
        let progress = connection.parser.feed(input, &mut known_head, |piece| {
            body.take(&request.expect.body, piece);
        });
        if self.plan.record_chunk_gaps {
            connection.note_chunks(chunks, self.shared.clock.now());
        }
        progress
    }

    fn end_of_stream(
        &self,
        connection: &mut RawConnection,
        request: &PlannedRequest,
    ) -> Result<Answer, ErrorKind> {
        if connection.parser.end_of_stream() {
            return Ok(self.answer(connection, request));
        }
        Err(connection.send_failure.unwrap_or(ErrorKind::Closed))
    }

    #[inline]
    fn answer(&self, connection: &RawConnection, request: &PlannedRequest) -> Answer {
        let head = connection.parser.head();
        let wrong = if !request.expect.status.accepts(head.status) {
            Some(ErrorKind::Status)
        } else if !connection.body.holds(&request.expect.body) && !request.bodiless {
            Some(ErrorKind::Body)
        } else {
            None
        };
        let done = self.shared.clock.now();
        let announces_close = !head.keep_alive || head.framing == Framing::UntilClose;
        Answer {
            done,
            first_byte: connection.first_byte,
            status: head.status,
            bytes: connection.read,
            wrong,
            reusable: self.plan.keep_alive
                && !announces_close
                && connection.written == request.bytes.len(),
            announces_close: self.plan.keep_alive && announces_close,
            spread: match connection.first_part {
                0 => 0,
                first => done - first,
            },
        }
    }
}

impl Client for RawClient {
    // Boxed, because it is handed from slice to slice and request to request.
    type Connection = Box<RawConnection>;

    const CONNECTS: bool = true;

    fn new(plan: &Arc<Plan>, shared: &Shared) -> Result<Self, String> {
        Ok(Self {
            plan: Arc::clone(plan),
            dialer: Dialer::new(plan.endpoint.address.clone()),
            shared: shared.clone(),
            known_head: RefCell::default(),
        })
    }

    async fn connect(&self) -> Result<Self::Connection, ConnectFailure> {
        let stream = self.dialer.dial().await;
        Ok(Box::new(RawConnection {
            stream: stream.map_err(|error| connect_failure(&error))?,
            parser: ResponseParser::new(),
            body: BodyCheck::default(),
            written: 0,
            send_failure: None,
            read: 0,
            first_byte: 0,
            first_part: 0,
            last_chunk: 0,
            chunk_gaps: Vec::new(),
        }))
    }

    async fn establish(&self, _: &mut Self::Connection) -> Result<u64, ConnectFailure> {
        Ok(0)
    }

    #[inline]
    async fn exchange(
        &self,
        connection: &mut Self::Connection,
        class: usize,
    ) -> Result<Answer, ErrorKind> {
        let request = &self.plan.classes[class];
        connection.begin(request);
        poll_fn(|context| self.poll_exchange(connection, request, context)).await
    }

    async fn part(&self, connection: &mut Self::Connection) {
        poll_fn(|context| {
            let mut scratch = self.shared.scratch.borrow_mut();
            // Ends at the peer's close or at an error; whatever else it sends is of no interest.
            while let Ok(1..) = ready!(connection.poll_receive(context, &mut scratch)) {}
            Poll::Ready(())
        })
        .await;
    }

    fn has_read(&self, connection: &Self::Connection) -> bool {
        connection.read > 0
    }

    fn is_open(&self, connection: &mut Self::Connection) -> bool {
        // Tokio knows whether anything happened to the socket, so this costs a read only if something did.
        let read = connection.stream.try_read(&mut [0]);
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    fn chunk_gaps<'a>(&self, connection: &'a Self::Connection) -> &'a [u64] {
        &connection.chunk_gaps
    }
}
