//! The chunked transfer coding (RFC 9112, section 7.1), decoded as it arrives.

use super::ParseError;

/// Longest line of chunk size and extensions, and longest trailer section, in bytes.
const MAX_LINE: u32 = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the hexadecimal digits of a chunk's size.
    Size,
    /// Behind the size: extensions, up to the line's end.
    Extension,
    /// The line of the size ended with CR; LF must follow.
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// At the beginning of a trailer line, or of the empty line that ends the body.
    TrailerStart,
    Trailer,
    TrailerLf,
    EndLf,
}

#[derive(Debug)]
pub(super) struct ChunkedDecoder {
    state: State,
    /// Of the size while it is read, then bytes of data still to come.
    size: u64,
    digits: u8,
    line: u32,
    chunks: u64,
}

impl ChunkedDecoder {
    pub(super) fn new() -> Self {
        Self {
            state: State::Size,
            size: 0,
            digits: 0,
            line: 0,
            chunks: 0,
        }
    }

    /// Chunks with data that have begun.
    pub(super) fn chunks(&self) -> u64 {
        self.chunks
    }

    /// Takes bytes up to the end of the body; returns how many, and whether the end was reached.
    pub(super) fn feed(
        &mut self,
        input: &[u8],
        body: &mut impl FnMut(&[u8]),
    ) -> Result<(usize, bool), ParseError> {
        let mut position = 0;
        while position < input.len() {
            if self.state == State::Data {
                let left = usize::try_from(self.size).unwrap_or(usize::MAX);
                let end = input.len().min(position.saturating_add(left));
                body(&input[position..end]);
                self.size -= (end - position) as u64;
                position = end;
                if self.size == 0 {
                    self.state = State::DataCr;
                }
                continue;
            }
            let finished = self.step(input[position])?;
            position += 1;
            if finished {
                return Ok((position, true));
            }
        }
        Ok((position, false))
    }

    /// One byte outside the data; true at the end of the body.
    fn step(&mut self, byte: u8) -> Result<bool, ParseError> {
        self.line += 1;
        if self.line > MAX_LINE {
            return Err(ParseError::Chunk);
        }
        self.state = match (self.state, byte) {
            (State::Size, b'\r') if self.digits > 0 => State::SizeLf,
            (State::Size, b';' | b' ' | b'\t') if self.digits > 0 => State::Extension,
            (State::Size, _) => self.size_digit(byte)?,
            (State::Extension, b'\r') => State::SizeLf,
            (State::Extension, b'\n') => return Err(ParseError::Chunk),
            (State::Extension, _) => State::Extension,
            (State::SizeLf, b'\n') if self.size == 0 => State::TrailerStart,
            (State::SizeLf, b'\n') => {
                self.chunks += 1;
                State::Data
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => {
                (self.digits, self.line) = (0, 0);
                State::Size
            }
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::TrailerStart | State::Trailer, byte) if byte != b'\n' => match byte {
                b'\r' => State::TrailerLf,
                _ => State::Trailer,
            },
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::EndLf, b'\n') => return Ok(true),
            _ => return Err(ParseError::Chunk),
        };
        Ok(false)
    }

    fn size_digit(&mut self, byte: u8) -> Result<State, ParseError> {
        let digit = char::from(byte).to_digit(16).ok_or(ParseError::Chunk)?;
        self.digits += 1;
        // 16 hexadecimal digits fill a u64; no honest chunk is that large.
        if self.digits > 15 {
            return Err(ParseError::Chunk);
        }
        self.size = self.size * 16 + u64::from(digit);
        Ok(State::Size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_counted_as_they_begin() {
        let mut decoder = ChunkedDecoder::new();
        let mut length = 0;
        let mut sink = |bytes: &[u8]| length += bytes.len();
        decoder.feed(b"2\r\nab\r\n3\r\n", &mut sink).unwrap();
        assert_eq!(decoder.chunks(), 2);
        let (consumed, finished) = decoder.feed(b"cde\r\n0\r\n\r\nHTTP", &mut sink).unwrap();
        assert_eq!((consumed, finished, decoder.chunks()), (10, true, 2));
        assert_eq!(length, 5);
    }

    #[test]
    fn endless_lines_are_cut_off() {
        let long = vec![b'x'; MAX_LINE as usize + 1];
        for start in ["1;", "0\r\n"] {
            let mut decoder = ChunkedDecoder::new();
            decoder.feed(start.as_bytes(), &mut |_| {}).unwrap();
            assert_eq!(decoder.feed(&long, &mut |_| {}), Err(ParseError::Chunk));
        }
    }
}
