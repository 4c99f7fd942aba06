//! Strictness for a server that parses with somebody else's code.
//!
//! Hyper reads a lone LF as a line end, and where a request has both `content-length` and
//! `transfer-encoding` it follows the latter; RFC 9112 allows both, and [`Head`](crate::Head)
//! refuses both. So that all servers answer alike, a [`Screen`] looks at the bytes of a head
//! before hyper does and spoils those that we would refuse: hyper then answers 400 by itself.
//!
//! It follows the bytes as they arrive, from head to body to head, so that a request pipelined behind a body is
//! screened like any other.

use crate::{BodyDecoder, Framing, Piece};

/// Not allowed anywhere in a head.
const SPOILED: u8 = 0;

const CONTENT_LENGTH: &[u8] = b"content-length:";

/// Looks at all that a client sends, in as many pieces as it arrives in.
#[derive(Debug, Clone, Default)]
pub struct Screen {
    stage: Stage,
    head: HeadScreen,
}

/// Where in a client's bytes it is.
#[derive(Debug, Clone, Default)]
enum Stage {
    #[default]
    Head,
    Body(BodyDecoder),
    /// What comes next is not read as a request any more.
    Passing,
}

impl Screen {
    /// Looks at the next bytes, and spoils what would be refused in a head. Returns whether a head ended in
    /// them.
    pub fn look(&mut self, bytes: &mut [u8]) -> bool {
        let (mut at, mut ended) = (0, false);
        while at < bytes.len() {
            match &mut self.stage {
                Stage::Passing => break,
                Stage::Body(decoder) => match decoder.decode(&bytes[at..]) {
                    Ok((consumed, Piece::End)) => {
                        at += consumed;
                        self.stage = Stage::Head;
                    }
                    Ok((consumed, _)) => at += consumed,
                    Err(_) => self.stage = Stage::Passing,
                },
                Stage::Head => {
                    let Some(length) = self.head.look(&mut bytes[at..]) else {
                        break;
                    };
                    (at, ended) = (at + length, true);
                    let head = std::mem::take(&mut self.head);
                    self.stage = head.followed_by();
                    if head.has_upgrade && matches!(self.stage, Stage::Head) {
                        break; // what came along with it may be another protocol already
                    }
                }
            }
        }
        ended
    }

    /// Whether it saw a part of a head.
    pub fn is_inside(&self) -> bool {
        matches!(self.stage, Stage::Head) && (self.head.started || self.head.line > 0)
    }
}

/// Looks at the bytes of one head.
#[derive(Debug, Clone, Default)]
struct HeadScreen {
    /// The last byte seen.
    previous: u8,
    /// Bytes in the present line, its end not counted.
    line: usize,
    /// The present line's first bytes, in lower case, as far as a field's name may reach.
    name: [u8; 18],
    /// The value of `content-length`, in bytes.
    length: Option<Length>,
    has_encoding: bool,
    has_upgrade: bool,
    /// Whether a request line was seen: empty lines before it are skipped.
    started: bool,
    spoiled: bool,
}

#[derive(Debug, Clone, Copy)]
enum Length {
    Bytes(u64),
    /// No number, or too large a one: hyper refuses it by itself.
    Unreadable,
}

impl HeadScreen {
    /// Looks at the next bytes of a head, and spoils what would be refused. Returns how many of
    /// them belong to the head if it ended in them.
    fn look(&mut self, bytes: &mut [u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(length) = memchr::memchr(b'\n', &bytes[at..]) {
            let end = at + length;
            self.extend(&bytes[at..end]);
            if self.line == 1 && self.started && self.previous == b'\r' {
                return Some(end + 1);
            }
            self.started |= self.line > 1;
            self.has_encoding |= self.name.starts_with(b"transfer-encoding:");
            self.has_upgrade |= self.name.starts_with(b"upgrade:");
            if self.previous != b'\r' || self.length.is_some() && self.has_encoding {
                bytes[end] = SPOILED;
                self.spoiled = true;
                return Some(end + 1);
            }
            (self.line, self.previous) = (0, b'\n');
            self.name[0] = 0;
            at = end + 1;
        }
        self.extend(&bytes[at..]);
        None
    }

    /// What the head says that follows it.
    fn followed_by(&self) -> Stage {
        if self.spoiled {
            return Stage::Passing;
        }
        let framing = match self.length {
            Some(Length::Unreadable) => return Stage::Passing,
            Some(Length::Bytes(length)) if length > 0 => Framing::Length(length),
            _ if self.has_encoding => Framing::Chunked,
            _ => return Stage::Head,
        };
        // Whoever reads the body limits it.
        BodyDecoder::new(framing, u64::MAX).map_or(Stage::Passing, Stage::Body)
    }

    fn extend(&mut self, part: &[u8]) {
        if let Some(room) = self.name.get_mut(self.line..) {
            for (kept, byte) in room.iter_mut().zip(part) {
                *kept = byte.to_ascii_lowercase();
            }
        }
        if self.line + part.len() >= CONTENT_LENGTH.len() && self.name.starts_with(CONTENT_LENGTH) {
            let value = CONTENT_LENGTH.len().saturating_sub(self.line);
            if self.line <= CONTENT_LENGTH.len() {
                self.length = Some(Length::Bytes(0));
            }
            for &byte in &part[value..] {
                self.length = self.length.map(|length| length.then(byte));
            }
        }
        self.line += part.len();
        if let Some(&last) = part.last() {
            self.previous = last;
        }
    }
}

impl Length {
    /// With one more byte of the field's value.
    fn then(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Bytes(bytes), b'0'..=b'9') => bytes
                .checked_mul(10)
                .and_then(|bytes| bytes.checked_add(u64::from(byte - b'0')))
                .map_or(Self::Unreadable, Self::Bytes),
            (Self::Bytes(_), b' ' | b'\t' | b'\r') => self,
            _ => Self::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the screen spoils the head, with every way to split it in two alike.
    fn spoils(text: &str) -> bool {
        let outcomes: Vec<bool> = (0..=text.len())
            .map(|at| {
                let mut bytes = text.as_bytes().to_vec();
                let mut screen = Screen::default();
                let (first, second) = bytes.split_at_mut(at);
                let ended = [screen.look(first), screen.look(second)];
                assert!(ended.contains(&true), "a head ends: {text:?}");
                bytes != text.as_bytes()
            })
            .collect();
        assert!(outcomes.iter().all(|&one| one == outcomes[0]), "{text:?}");
        outcomes[0]
    }

    #[test]
    fn passes_what_is_unambiguous() {
        for text in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX-Content-Length: 1\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length:  12\t\r\n\r\n\nGET / HTTP\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\n\n\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            assert!(!spoils(text), "{text:?}");
        }
    }

    #[test]
    fn spoils_what_is_not() {
        for text in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "\nGET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nX: a\nY: b\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nCONTENT-LENGTH: 1\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\nHost: a\r\n\r\n",
        ] {
            assert!(spoils(text), "{text:?}");
        }
    }

    #[test]
    fn what_comes_along_with_an_upgrade_is_left_alone() {
        let text = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x82\n\n\n\n\n\n";
        let mut bytes = text.to_vec();
        assert!(Screen::default().look(&mut bytes));
        assert_eq!(bytes, text);
    }

    #[test]
    fn a_head_is_told_from_a_body() {
        let mut screen = Screen::default();
        let mut inside = |text: &str| {
            screen.look(&mut text.as_bytes().to_vec());
            screen.is_inside()
        };
        assert!(!inside(""));
        assert!(inside("POST / HTTP/1.1\r\ncontent-len"));
        assert!(inside("gth: 4\r\n\r"));
        assert!(!inside("\n"));
        assert!(!inside("abc"));
        assert!(!inside("d"));
        assert!(inside("G"));
    }
}
