//! Strictness for a server that parses with somebody else's code.
//!
//! Hyper reads a lone LF as a line end, and where a request has both `content-length` and
//! `transfer-encoding` it follows the latter; RFC 9112 allows both, and [`Head`](crate::Head)
//! refuses both. So that all servers answer alike, a [`Screen`] looks at the bytes of a head
//! before hyper does and spoils those that we would refuse: hyper then answers 400 by itself.
//!
//! It sees heads as they arrive. A request that was pipelined behind a body, in one packet with
//! it, passes unscreened, and is read as the RFC allows.

/// Not allowed anywhere in a head.
const SPOILED: u8 = 0;

/// Looks at the bytes of one request head, in as many pieces as they arrive in.
#[derive(Debug, Clone, Default)]
pub struct Screen {
    /// The last byte seen.
    previous: u8,
    /// Bytes in the present line, its end not counted.
    line: usize,
    /// The present line's first bytes, in lower case, as far as a field's name may reach.
    name: [u8; 18],
    has_length: bool,
    has_encoding: bool,
    /// Whether a request line was seen: empty lines before it are skipped.
    started: bool,
}

impl Screen {
    /// Looks at the next bytes of a head, and spoils what would be refused. Returns how many of
    /// them belong to the head if it ended in them.
    pub fn look(&mut self, bytes: &mut [u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(length) = memchr::memchr(b'\n', &bytes[at..]) {
            let end = at + length;
            self.extend(&bytes[at..end]);
            if self.previous != b'\r' {
                bytes[end] = SPOILED;
                return Some(end + 1);
            }
            if self.line == 1 && self.started {
                return Some(end + 1);
            }
            self.started |= self.line > 1;
            self.has_length |= self.name.starts_with(b"content-length:");
            self.has_encoding |= self.name.starts_with(b"transfer-encoding:");
            if self.has_length && self.has_encoding {
                bytes[end] = SPOILED;
                return Some(end + 1);
            }
            (self.line, self.previous) = (0, b'\n');
            self.name[0] = 0;
            at = end + 1;
        }
        self.extend(&bytes[at..]);
        None
    }

    /// Whether it saw a part of a head.
    pub fn is_inside(&self) -> bool {
        self.started || self.line > 0
    }

    /// Whether the head that ended announced a body.
    pub fn has_body(&self) -> bool {
        self.has_length || self.has_encoding
    }

    fn extend(&mut self, part: &[u8]) {
        if let Some(room) = self.name.get_mut(self.line..) {
            for (kept, byte) in room.iter_mut().zip(part) {
                *kept = byte.to_ascii_lowercase();
            }
        }
        self.line += part.len();
        if let Some(&last) = part.last() {
            self.previous = last;
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
                let ended = screen.look(first).or_else(|| screen.look(second));
                assert!(ended.is_some(), "the head ends: {text:?}");
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
        ] {
            assert!(spoils(text), "{text:?}");
        }
    }
}
