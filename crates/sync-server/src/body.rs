//! A request's body as it arrives.

use std::io;

use http1::{BodyDecoder, BodyError, Framing, Piece};
use workload::Answer;

use crate::{connection::Connection, request::Request};

/// Room for reading a body that does not fit into an ordinary read, in bytes.
const BODY_READ: usize = 64 * 1024;

/// Reads one request's body from its connection.
pub(crate) struct BodyReader<'c, 'a> {
    connection: &'c mut Connection<'a>,
    decoder: Result<BodyDecoder, BodyError>,
    max_bytes: u64,
    /// How much to read at a time.
    read: usize,
    /// Whether the client waits for a word before it sends the body.
    awaited: bool,
}

/// Why a body was not read to its end.
#[derive(Debug)]
pub(crate) enum Unread {
    /// This is the answer, and the connection closes after it.
    Refused(Answer),
    /// The connection failed.
    Failed(io::Error),
}

impl From<Answer> for Unread {
    fn from(answer: Answer) -> Self {
        Self::Refused(answer)
    }
}

impl<'c, 'a> BodyReader<'c, 'a> {
    pub(crate) fn new(connection: &'c mut Connection<'a>, request: &Request) -> Self {
        let limits = &connection.app.config.limits;
        let max_bytes = request.max_body_bytes(limits);
        let ordinary = connection.input.len() as u64 + 1024;
        Self {
            decoder: BodyDecoder::new(request.framing, max_bytes),
            max_bytes,
            read: match request.framing {
                Framing::Length(length) if length < ordinary => 1,
                _ => BODY_READ,
            },
            awaited: request.expect_continue,
            connection,
        }
    }

    /// Whether all of the body was read.
    pub(crate) fn is_done(&self) -> bool {
        self.decoder.as_ref().is_ok_and(BodyDecoder::is_done)
    }

    /// Reads the body to its end for a handler that does not want it, so that the next request
    /// can be read.
    pub(crate) fn discard(&mut self) -> Result<(), Unread> {
        self.pieces(|_| Ok(()))
    }

    /// Reads the body to its end, and hands over its bytes as they come in.
    pub(crate) fn pieces(
        &mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), Answer>,
    ) -> Result<(), Unread> {
        let max_bytes = self.max_bytes;
        let decoder = match &mut self.decoder {
            Ok(decoder) => decoder,
            Err(error) => return Err(refused(*error, max_bytes)),
        };
        while !decoder.is_done() {
            let decoded = decoder.decode(self.connection.input.unread());
            let (consumed, piece) = decoded.map_err(|error| refused(error, max_bytes))?;
            if let Piece::Data(data) = piece {
                take(data)?;
            }
            let needs_more = piece == Piece::NeedMore;
            self.connection.input.consume(consumed);
            if needs_more {
                if std::mem::take(&mut self.awaited) {
                    self.connection.send_continue().map_err(Unread::Failed)?;
                }
                if self.connection.fill(self.read).map_err(Unread::Failed)? == 0 {
                    return Err(Unread::Failed(io::ErrorKind::UnexpectedEof.into()));
                }
            }
        }
        Ok(())
    }
}

fn refused(error: BodyError, max_bytes: u64) -> Unread {
    Unread::Refused(match error {
        BodyError::TooLarge => Answer::too_large(max_bytes),
        BodyError::Malformed(_) => Answer::error(400, "malformed body"),
    })
}
