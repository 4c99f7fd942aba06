//! How a request's body is framed, and its bytes out of that frame.

use crate::syntax::{is_token, is_value};

/// Most bytes of chunk extensions and of trailers in a body, and most trailer fields. Hyper takes as many fields, and
/// twice the bytes.
const MAX_EXTENSIONS: usize = 8 * 1024;
const MAX_TRAILERS: usize = 8 * 1024;
const MAX_TRAILER_FIELDS: usize = 100;

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// `content-length`, in bytes; never 0.
    Length(u64),
    /// `transfer-encoding: chunked`
    Chunked,
}

/// Why the bytes are no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The chunked framing is broken.
    #[error("malformed chunked body: {0}")]
    Malformed(&'static str),
    /// The body is longer than allowed.
    #[error("body too large")]
    TooLarge,
}

impl BodyError {
    /// The status to answer with before the connection is closed.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::TooLarge => 413,
        }
    }
}

/// What [`BodyDecoder::decode`] found at the start of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'b> {
    /// Bytes of the body.
    Data(&'b [u8]),
    /// All of the input is consumed and the body goes on.
    NeedMore,
    /// The body is complete.
    End,
}

/// Takes a body out of its framing, piece by piece, without copying.
#[derive(Debug, Clone)]
pub struct BodyDecoder {
    state: State,
    /// Body bytes that may still come before the body is too large.
    allowance: u64,
    /// Bytes of chunk extensions and of trailers, and trailer fields, so far.
    extensions: usize,
    trailers: usize,
    trailer_fields: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Length { left: u64 },
    Size { size: u64, digits: usize },
    Extension { size: u64 },
    SizeLineFeed { size: u64 },
    Data { left: u64 },
    DataReturn,
    DataLineFeed,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    LastLineFeed,
    Done,
}

impl BodyDecoder {
    /// A decoder of a body that may have at most `max_bytes`.
    ///
    /// # Errors
    ///
    /// [`BodyError::TooLarge`] when its length is known to exceed that.
    pub fn new(framing: Framing, max_bytes: u64) -> Result<Self, BodyError> {
        let state = match framing {
            Framing::None => State::Done,
            Framing::Length(left) if left > max_bytes => return Err(BodyError::TooLarge),
            Framing::Length(left) => State::Length { left },
            Framing::Chunked => State::Size { size: 0, digits: 0 },
        };
        Ok(Self {
            state,
            allowance: max_bytes,
            extensions: 0,
            trailers: 0,
            trailer_fields: 0,
        })
    }

    /// Whether the whole body was decoded.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Decodes from the start of `input`; returns how many of its bytes are consumed, framing
    /// included, and what they hold.
    ///
    /// # Errors
    ///
    /// [`BodyError`]; the connection can't be used any more then.
    pub fn decode<'b>(&mut self, input: &'b [u8]) -> Result<(usize, Piece<'b>), BodyError> {
        let mut at = 0;
        while at < input.len() {
            match self.state {
                State::Done => break,
                State::Length { left } | State::Data { left } => {
                    let taken = usize::try_from(left)
                        .map_or(input.len() - at, |left| left.min(input.len() - at));
                    self.take(left, taken as u64)?;
                    return Ok((at + taken, Piece::Data(&input[at..at + taken])));
                }
                _ => {
                    self.state = self.step(input[at])?;
                    at += 1;
                }
            }
        }
        let piece = if self.is_done() {
            Piece::End
        } else {
            Piece::NeedMore
        };
        Ok((at, piece))
    }

    fn take(&mut self, left: u64, taken: u64) -> Result<(), BodyError> {
        self.allowance = self
            .allowance
            .checked_sub(taken)
            .ok_or(BodyError::TooLarge)?;
        let left = left - taken;
        self.state = match self.state {
            State::Length { .. } if left > 0 => State::Length { left },
            State::Length { .. } => State::Done,
            _ if left > 0 => State::Data { left },
            _ => State::DataReturn,
        };
        Ok(())
    }

    /// One byte of chunked framing.
    fn step(&mut self, byte: u8) -> Result<State, BodyError> {
        let malformed = |what| Err(BodyError::Malformed(what));
        Ok(match (self.state, byte) {
            (State::Size { digits: 0, .. }, b'\r' | b';') => return malformed("no chunk size"),
            (State::Size { size, .. }, b'\r') => State::SizeLineFeed { size },
            (State::Size { size, .. }, b';') => State::Extension { size },
            (State::Size { size, digits }, _) => match (byte as char).to_digit(16) {
                Some(digit) if digits < 16 => State::Size {
                    size: size << 4 | u64::from(digit),
                    digits: digits + 1,
                },
                _ => return malformed("chunk size"),
            },
            (State::Extension { size }, b'\r') => State::SizeLineFeed { size },
            (State::Extension { .. }, _) if !is_value(byte) => {
                return malformed("control in a chunk extension");
            }
            (State::Extension { size }, _) => {
                count(
                    &mut self.extensions,
                    MAX_EXTENSIONS,
                    "chunk extensions too long",
                )?;
                State::Extension { size }
            }
            (State::SizeLineFeed { size: 0 }, b'\n') => State::TrailerStart,
            (State::SizeLineFeed { size }, b'\n') if size > self.allowance => {
                return Err(BodyError::TooLarge);
            }
            (State::SizeLineFeed { size }, b'\n') => State::Data { left: size },
            (State::DataReturn, b'\r') => State::DataLineFeed,
            (State::DataLineFeed, b'\n') => State::Size { size: 0, digits: 0 },
            (State::LastLineFeed, b'\n') => State::Done,
            _ => return self.trailer_step(byte),
        })
    }

    /// One byte of the fields behind the last chunk. Nobody wants them, but what is none must not pass for one.
    fn trailer_step(&mut self, byte: u8) -> Result<State, BodyError> {
        count(&mut self.trailers, MAX_TRAILERS, "trailers too long")?;
        Ok(match (self.state, byte) {
            (State::TrailerStart, b'\r') => State::LastLineFeed,
            (State::TrailerStart, _) if is_token(byte) => {
                let fields = &mut self.trailer_fields;
                count(fields, MAX_TRAILER_FIELDS, "too many trailers")?;
                State::TrailerName
            }
            (State::TrailerName, b':') => State::TrailerValue,
            (State::TrailerName, _) if is_token(byte) => State::TrailerName,
            (State::TrailerValue, b'\r') => State::TrailerLineFeed,
            (State::TrailerValue, _) if is_value(byte) => State::TrailerValue,
            (State::TrailerLineFeed, b'\n') => State::TrailerStart,
            _ => return Err(BodyError::Malformed("line end or trailer")),
        })
    }
}

/// Counts one more, up to `most`.
fn count(counted: &mut usize, most: usize, too_many: &'static str) -> Result<(), BodyError> {
    *counted += 1;
    match *counted > most {
        true => Err(BodyError::Malformed(too_many)),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(framing: Framing, max: u64, input: &[u8]) -> Result<(Vec<u8>, usize), BodyError> {
        let mut decoder = BodyDecoder::new(framing, max)?;
        let (mut body, mut at) = (Vec::new(), 0);
        loop {
            let (consumed, piece) = decoder.decode(&input[at..])?;
            at += consumed;
            match piece {
                Piece::Data(data) => body.extend_from_slice(data),
                Piece::NeedMore | Piece::End => return Ok((body, at)),
            }
        }
    }

    #[test]
    fn stops_where_the_body_ends() {
        let by_length = decode(Framing::Length(3), 10, b"abcGET /").unwrap();
        assert_eq!(by_length, (b"abc".to_vec(), 3));
        let text = b"3;a=b\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX: y\r\n\r\nGET /";
        let (body, consumed) = decode(Framing::Chunked, 100, text).unwrap();
        assert_eq!(
            (&body[..], &text[consumed..]),
            (&b"abc0123456789"[..], &b"GET /"[..])
        );
    }

    #[test]
    fn refuses_broken_chunks() {
        for text in [
            "\r\nabc",
            ";x\r\n",
            "g\r\n",
            "1\nab\r\n",
            "1 \r\na\r\n",
            "-1\r\n",
            "0x1\r\na\r\n",
            "1\r\nab\r\n",
            "1\r\na\n0\r\n\r\n",
            "1;\n\r\na\r\n",
            "11111111111111111\r\n",
            "0\r\nX: y\nZ: a\r\n\r\n",
            "0\r\n\r\r",
            "0\r\nx\ry",
            "0\r\nx\r\n\r\n",
            "0\r\nx y: z\r\n\r\n",
            "0\r\n: z\r\n\r\n",
            "0\r\n x: z\r\n\r\n",
            "0\r\nx: a\0b\r\n\r\n",
            "0\r\n\n",
            "1;a\0\r\n",
            "1;a\x7f\r\n",
        ] {
            let error = decode(Framing::Chunked, 100, text.as_bytes()).expect_err(text);
            assert_eq!(error.status(), 400, "{text:?}");
        }
    }

    #[test]
    fn limits_the_body_by_what_arrives_and_by_what_is_announced() {
        assert_eq!(
            decode(Framing::Length(11), 10, b""),
            Err(BodyError::TooLarge)
        );
        assert_eq!(
            decode(Framing::Chunked, 10, b"b\r\n"),
            Err(BodyError::TooLarge)
        );
        let twice = b"6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n";
        assert_eq!(
            decode(Framing::Chunked, 10, twice),
            Err(BodyError::TooLarge)
        );
        assert!(decode(Framing::Chunked, 12, twice).is_ok());
    }

    #[test]
    fn limits_extensions_and_trailers() {
        let extension = format!("1;{}", "x".repeat(MAX_EXTENSIONS + 1));
        let extensions = "1;abcdefg\r\na\r\n".repeat(MAX_EXTENSIONS / 7 + 1);
        let trailers = format!("0\r\nX: {}", "y".repeat(MAX_TRAILERS));
        let fields = format!("0\r\n{}", "X: y\r\n".repeat(MAX_TRAILER_FIELDS + 1));
        for text in [extension, extensions, trailers, fields] {
            assert!(decode(Framing::Chunked, u64::MAX, text.as_bytes()).is_err());
        }
        let most = format!("0\r\n{}\r\n", "X: \t\u{e9}\r\n".repeat(MAX_TRAILER_FIELDS));
        assert!(decode(Framing::Chunked, 10, most.as_bytes()).is_ok());
    }
}
