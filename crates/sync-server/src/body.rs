//! A request's body as it arrives.

use std::io;

use contract::Answer;
use http1::{BodyDecoder, BodyError, Framing, Piece};
use server_core::Limits;

use crate::{request::Request, wire::Wire};

/// Room for reading a body that does not fit into an ordinary read, in bytes.
const BODY_READ: usize = 64 * 1024;

/// Reads one request's body from its connection.
pub(crate) struct BodyReader<'c, 'a> {
    wire: &'c mut Wire<'a>,
    decoder: Result<BodyDecoder, BodyError>,
    max_bytes: u64,
    /// How much to read at a time.
    read: usize,
    /// Whether the client waits for a word before it sends the body.
    awaited: bool,
    /// That word, where nobody wants the body because there is no such route.
    unwanted: Option<&'c Answer>,
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
    /// A reader of the body of `request`, which may have as much as `limits` say.
    pub(crate) fn new(wire: &'c mut Wire<'a>, request: &'c Request, limits: &Limits) -> Self {
        let max_bytes = request.max_body_bytes(limits);
        let ordinary = wire.input.len() as u64 + 1024;
        Self {
            decoder: BodyDecoder::new(request.framing, max_bytes),
            max_bytes,
            read: match request.framing {
                Framing::Length(length) if length < ordinary => 1,
                _ => BODY_READ,
            },
            awaited: request.expect_continue,
            unwanted: request.route.as_ref().err(),
            wire,
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
            let decoded = decoder.decode(self.wire.input.unread());
            let (consumed, piece) = decoded.map_err(|error| refused(error, max_bytes))?;
            if let Piece::Data(data) = piece {
                take(data)?;
            }
            let needs_more = piece == Piece::NeedMore;
            self.wire.input.consume(consumed);
            if needs_more {
                if std::mem::take(&mut self.awaited) {
                    if let Some(answer) = self.unwanted {
                        return Err(answer.clone().into());
                    }
                    self.wire.send_continue().map_err(Unread::Failed)?;
                }
                if self.wire.fill(self.read).map_err(Unread::Failed)? == 0 {
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
