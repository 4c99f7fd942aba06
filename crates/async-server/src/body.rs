//! A request's body as it arrives.

use std::io;

use contract::Answer;
use http1::{BodyDecoder, BodyError, Piece};
use server_core::Limits;

use crate::{request::Request, wire::Wire};

/// Reads one request's body from its connection.
pub(crate) struct BodyReader<'c, 'a> {
    wire: &'c mut Wire<'a>,
    decoder: Result<BodyDecoder, BodyError>,
    max_bytes: u64,
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

impl<'c, 'a> BodyReader<'c, 'a> {
    /// A reader of the body of `request`, which may have as much as `limits` say.
    pub(crate) fn new(wire: &'c mut Wire<'a>, request: &'c Request, limits: &Limits) -> Self {
        let max_bytes = limits.max_body_bytes;
        Self {
            decoder: BodyDecoder::new(request.framing, max_bytes),
            max_bytes,
            awaited: request.expect_continue,
            unwanted: request.route.as_ref().err(),
            wire,
        }
    }

    /// Reads the body to its end for a handler that does not want it, so that the next request
    /// can be read.
    pub(crate) async fn discard(mut self) -> Result<(), Unread> {
        while self.next().await?.is_some() {}
        Ok(())
    }

    /// The next bytes of the body as they come in; `None` at its end. The count is of bytes that
    /// stand at the start of what the connection has unread, to be consumed by the caller.
    async fn next(&mut self) -> Result<Option<usize>, Unread> {
        let max_bytes = self.max_bytes;
        let decoder = match &mut self.decoder {
            Ok(decoder) if decoder.is_done() => return Ok(None),
            Ok(decoder) => decoder,
            Err(error) => return Err(refused(*error, max_bytes)),
        };
        loop {
            let decoded = decoder.decode(self.wire.input.unread());
            let (consumed, piece) = decoded.map_err(|error| refused(error, max_bytes))?;
            let found = match piece {
                Piece::Data(data) => Some(data.len()),
                Piece::End => None,
                Piece::NeedMore => {
                    self.wire.input.consume(consumed);
                    if std::mem::take(&mut self.awaited) {
                        if let Some(answer) = self.unwanted {
                            return Err(Unread::Refused(answer.clone()));
                        }
                        self.wire.send_continue().await.map_err(Unread::Failed)?;
                    }
                    if self.wire.fill(None).await.map_err(Unread::Failed)? == 0 {
                        return Err(Unread::Failed(io::ErrorKind::UnexpectedEof.into()));
                    }
                    continue;
                }
            };
            self.wire.input.consume(consumed);
            return Ok(found);
        }
    }
}

fn refused(error: BodyError, max_bytes: u64) -> Unread {
    Unread::Refused(match error {
        BodyError::TooLarge => Answer::too_large(max_bytes),
        BodyError::Malformed(_) => Answer::error(400, "malformed body"),
    })
}
