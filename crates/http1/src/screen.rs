//! One reading of requests for a server that parses with somebody else's code.
//!
//! Hyper reads a lone LF as a line end, follows `transfer-encoding` where `content-length` stands beside it, takes
//! blanks behind a chunk's size, and more; RFC 9112 allows some of that, and [`Head`] and [`BodyDecoder`] refuse all of
//! it. So that all servers answer alike, a [`Screen`] reads with those two what comes in, and lets hyper have what they
//! take. What they refuse hyper never sees: the server answers it as the others do.
//!
//! It lets pass one request at a time. The next one waits until the answer is written, so that its refusal does not
//! overtake that.

use crate::{BodyDecoder, BodyError, Framing, Head, HeadError, Piece, plain};

/// Reads what a client sends, in as many pieces as it arrives in.
#[derive(Debug, Clone)]
pub struct Screen {
    max_head_bytes: usize,
    stage: Stage,
}

/// Where in a client's bytes it is.
#[derive(Debug, Clone)]
enum Stage {
    Head,
    Body(BodyDecoder),
    /// What came is no request.
    Refused(HeadError),
    /// What came is no body, or too long a one.
    Broken(BodyError),
}

/// What of some bytes may be read on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passed {
    /// How many of them, from the start.
    pub length: usize,
    /// What is to be read instead of the first of them, which are a head.
    pub instead: Option<Instead>,
}

/// A head that stands for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instead {
    /// How many bytes it replaces.
    pub of: usize,
    /// Its own bytes.
    pub head: Vec<u8>,
}

impl Screen {
    /// For heads of at most `max_head_bytes`.
    pub fn new(max_head_bytes: usize) -> Self {
        Self {
            max_head_bytes,
            stage: Stage::Head,
        }
    }

    /// Reads `bytes`, which follow those that it let pass: the rest of a body, or a head and what is there of its
    /// body. They may be given again, with more behind them, as far as they did not pass. `max_body` says how long
    /// the body of a request may be.
    pub fn look(&mut self, bytes: &[u8], max_body: impl FnOnce(&Head<'_>) -> u64) -> Passed {
        if !self.is_at_head() {
            return Passed {
                length: self.body(bytes),
                instead: None,
            };
        }
        match Head::parse(bytes, self.max_head_bytes) {
            Ok(None) => Passed::default(),
            Ok(Some((head, length))) => {
                let max_body = match head.framing {
                    Framing::None => 0,
                    _ => max_body(&head),
                };
                self.request(&head, length, bytes, max_body)
            }
            Err(error) => {
                self.stage = Stage::Refused(error);
                Passed::default()
            }
        }
    }

    /// Whether what comes next is a request.
    pub fn is_at_head(&self) -> bool {
        matches!(self.stage, Stage::Head)
    }

    /// Whether what comes next belongs to a body.
    pub fn is_in_body(&self) -> bool {
        matches!(self.stage, Stage::Body(_))
    }

    /// Why what came is no request, if it is none.
    pub fn refused(&self) -> Option<HeadError> {
        match self.stage {
            Stage::Refused(error) => Some(error),
            _ => None,
        }
    }

    /// Why what came is no body, if it is none.
    pub fn broken(&self) -> Option<BodyError> {
        match self.stage {
            Stage::Broken(error) => Some(error),
            _ => None,
        }
    }

    fn request(&mut self, head: &Head<'_>, length: usize, bytes: &[u8], max_body: u64) -> Passed {
        self.stage = match BodyDecoder::new(head.framing, max_body) {
            Ok(decoder) if decoder.is_done() => Stage::Head,
            Ok(decoder) => Stage::Body(decoder),
            Err(error) => Stage::Broken(error),
        };
        let body = self.body(&bytes[length..]);
        let expects = head.expect_continue && head.framing != Framing::None;
        // Hyper would ask for the body even if it is there.
        let waits = expects && self.is_in_body();
        let is_plain = plain::is_plain(head) && expects == waits;
        Passed {
            length: length + body,
            instead: (!is_plain).then(|| Instead {
                of: length,
                head: plain::write(head, waits),
            }),
        }
    }

    /// Reads on in a body; returns how many bytes belong to it.
    fn body(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            let Stage::Body(decoder) = &mut self.stage else {
                break;
            };
            match decoder.decode(&bytes[at..]) {
                Err(error) => self.stage = Stage::Broken(error),
                Ok((consumed, piece)) => {
                    at += consumed;
                    if piece == Piece::End || decoder.is_done() {
                        self.stage = Stage::Head;
                    }
                }
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What passes of a text, given at once and in all ways in two, and the screen behind it.
    fn passed(text: &str) -> (String, Screen) {
        let outcomes: Vec<(String, Screen)> =
            (0..=text.len()).map(|cut| in_two(text, cut)).collect();
        for (passed, screen) in &outcomes {
            assert_eq!(passed, &outcomes[0].0, "{text:?}");
            assert_eq!(screen.refused(), outcomes[0].1.refused(), "{text:?}");
            assert_eq!(screen.broken(), outcomes[0].1.broken(), "{text:?}");
        }
        outcomes[0].clone()
    }

    fn in_two(text: &str, cut: usize) -> (String, Screen) {
        let mut screen = Screen::new(1024);
        let (mut out, mut at) = (Vec::new(), 0);
        for end in [cut, text.len()] {
            // As often as something passes: the answers are written at once.
            loop {
                let passed = screen.look(&text.as_bytes()[at..end], |_| 10);
                let start = at + passed.instead.as_ref().map_or(0, |instead| instead.of);
                out.extend(passed.instead.into_iter().flat_map(|instead| instead.head));
                out.extend_from_slice(&text.as_bytes()[start..at + passed.length]);
                at += passed.length;
                if passed.length == 0 || at == end {
                    break;
                }
            }
        }
        (String::from_utf8(out).unwrap(), screen)
    }

    #[test]
    fn what_is_a_request_passes() {
        for text in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n\n23456789\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\nX: y\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            let (out, screen) = passed(text);
            assert_eq!(out, text);
            assert!(screen.is_at_head(), "{text:?}");
        }
        let (out, screen) = passed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na");
        assert!(out.ends_with("\r\n\r\na") && screen.is_in_body());
    }

    #[test]
    fn what_is_none_does_not() {
        const FIRST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
        for text in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ] {
            let (out, screen) = passed(text);
            assert_eq!(out, "", "{text:?}");
            assert_eq!(
                screen.refused().map(HeadError::status),
                Some(400),
                "{text:?}"
            );
            let (out, screen) = passed(&format!("{FIRST}{text}"));
            assert_eq!(out, FIRST, "{text:?}");
            assert!(screen.refused().is_some(), "{text:?}");
        }
        let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(1024));
        assert_eq!(in_two(&long, 9).1.refused(), Some(HeadError::TooLarge));
    }

    #[test]
    fn a_body_passes_as_far_as_it_is_one() {
        let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (body, status) in [("1 \r\na\r\n", 400), ("b\r\n", 413), ("0\r\n\n", 400)] {
            let text = format!("{chunked}{body}");
            for cut in 0..=text.len() {
                let (out, screen) = in_two(&text, cut);
                assert!(text.starts_with(&out) && out.len() < text.len(), "{out:?}");
                let told = screen.broken().map(BodyError::status);
                assert_eq!(told, Some(status), "{body:?}");
            }
        }
        let (out, screen) = passed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nabc");
        assert!(out.ends_with("\r\n\r\n"), "the head alone: {out:?}");
        assert_eq!(screen.broken(), Some(BodyError::TooLarge));
    }

    #[test]
    fn who_has_sent_the_body_is_not_asked_for_it() {
        let head =
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
        let look = |text: &str| Screen::new(1024).look(text.as_bytes(), |_| 10);
        for waiting in [head.to_owned(), format!("{head}a")] {
            assert_eq!(look(&waiting).instead, None, "{waiting:?}");
        }
        let instead = look(&format!("{head}ab")).instead.expect("another head");
        assert_eq!(instead.of, head.len());
        let expected = "POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 2\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&instead.head), expected);
    }
}
