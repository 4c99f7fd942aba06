//! An HTTP/1.1 answer as bytes arrive: head, framing, end. The body is handed on, not kept.

mod chunked;
mod head;
mod known;

use chunked::ChunkedDecoder;
pub(crate) use head::{Framing, Head};
pub(crate) use known::KnownHead;

/// Longest head accepted, in bytes; a peer that never ends its head is cut off here.
pub(crate) const MAX_HEAD: usize = 32 * 1024;

/// The bytes are not an HTTP answer that this client can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseError {
    #[error("the answer's head is malformed")]
    Head,
    #[error("the answer's head is longer than {MAX_HEAD} bytes")]
    HeadTooLong,
    #[error("the answer's content-length or transfer-encoding is malformed or contradictory")]
    Framing,
    #[error("the answer's chunked body is malformed")]
    Chunk,
    #[error("the peer switched protocols without being asked")]
    Upgrade,
}

/// How far the answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More bytes are needed.
    Partial,
    /// The answer is complete; so many bytes of the input lie behind it.
    Complete { excess: usize },
}

#[derive(Debug)]
enum State {
    Head,
    Sized { left: u64 },
    Chunked(ChunkedDecoder),
    UntilClose,
    Done,
}

/// Parses one answer, fed in pieces of any size. [`ResponseParser::begin`] makes it ready for the next.
#[derive(Debug)]
pub(crate) struct ResponseParser {
    state: State,
    /// The request was HEAD: there is no body whatever the head says.
    bodiless: bool,
    /// The beginning of a head that arrived in pieces; empty nearly always.
    unparsed: Vec<u8>,
    head: Head,
    chunks: u64,
}

impl ResponseParser {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Head,
            bodiless: false,
            unparsed: Vec::new(),
            head: Head::default(),
            chunks: 0,
        }
    }

    /// Forgets the last answer. `bodiless`: the next request is a HEAD.
    #[inline]
    pub(crate) fn begin(&mut self, bodiless: bool) {
        self.state = State::Head;
        self.bodiless = bodiless;
        self.unparsed.clear();
        self.chunks = 0;
    }

    /// The final head; meaningful once the answer is complete or its body has begun.
    #[inline]
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// Chunks that have begun to arrive so far.
    pub(crate) fn chunks(&self) -> u64 {
        self.chunks
    }

    /// Takes the next bytes of the connection. Pieces of the body go to `body` as they are. `known` is the
    /// last head seen, of this connection or another.
    #[inline]
    pub(crate) fn feed(
        &mut self,
        input: &[u8],
        known: &mut KnownHead,
        mut body: impl FnMut(&[u8]),
    ) -> Result<Progress, ParseError> {
        let mut rest = input;
        loop {
            match &mut self.state {
                State::Head => match self.take_head(rest, known)? {
                    Some(consumed) => rest = &rest[consumed..],
                    None => return Ok(Progress::Partial),
                },
                State::Sized { left } => {
                    let length = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    if length > 0 {
                        body(&rest[..length]);
                        rest = &rest[length..];
                        *left -= length as u64;
                    }
                    if *left > 0 {
                        return Ok(Progress::Partial);
                    }
                    self.state = State::Done;
                }
                State::Chunked(decoder) => {
                    let (consumed, finished) = decoder.feed(rest, &mut body)?;
                    self.chunks = decoder.chunks();
                    rest = &rest[consumed..];
                    if !finished {
                        return Ok(Progress::Partial);
                    }
                    self.state = State::Done;
                }
                State::UntilClose => {
                    if !rest.is_empty() {
                        body(rest);
                    }
                    return Ok(Progress::Partial);
                }
                State::Done => return Ok(Progress::Complete { excess: rest.len() }),
            }
        }
    }

    /// The peer closed the connection: does that complete the answer?
    pub(crate) fn end_of_stream(&mut self) -> bool {
        let complete = matches!(self.state, State::UntilClose | State::Done);
        if complete {
            self.state = State::Done;
        }
        complete
    }

    /// Consumes a head, interim ones included, and says how many bytes of `input` it took; none if
    /// it is not complete yet.
    #[inline]
    fn take_head(
        &mut self,
        input: &[u8],
        known: &mut KnownHead,
    ) -> Result<Option<usize>, ParseError> {
        if self.unparsed.is_empty() {
            let parsed = known.parse(input)?;
            if parsed.is_none() {
                self.unparsed.extend_from_slice(input);
            }
            return self.accept_head(parsed, 0);
        }
        let before = self.unparsed.len();
        self.unparsed.extend_from_slice(input);
        let parsed = head::parse(&self.unparsed)?;
        self.accept_head(parsed, before)
    }

    fn accept_head(
        &mut self,
        parsed: Option<(Head, usize)>,
        before: usize,
    ) -> Result<Option<usize>, ParseError> {
        let Some((head, length)) = parsed else {
            return Ok(None);
        };
        self.unparsed.clear();
        if head.status == 101 {
            return Err(ParseError::Upgrade);
        }
        if head.status >= 200 {
            self.state = match head.framing {
                _ if self.bodiless || head.status == 204 || head.status == 304 => State::Done,
                Framing::Sized(left) => State::Sized { left },
                Framing::Chunked => State::Chunked(ChunkedDecoder::new()),
                Framing::UntilClose => State::UntilClose,
            };
        }
        self.head = head;
        Ok(Some(length - before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, Eq)]
    struct Outcome {
        result: Result<bool, ParseError>,
        status: u16,
        keep_alive: bool,
        body: Vec<u8>,
        excess: usize,
    }

    /// Feeds `input` cut at `cuts` and then ends the stream.
    fn run(input: &[u8], cuts: &[usize], bodiless: bool) -> Outcome {
        run_knowing(input, cuts, bodiless, &mut KnownHead::default())
    }

    fn run_knowing(input: &[u8], cuts: &[usize], bodiless: bool, known: &mut KnownHead) -> Outcome {
        let mut parser = ResponseParser::new();
        parser.begin(bodiless);
        let mut body = Vec::new();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
        cuts.push(0);
        cuts.push(input.len());
        cuts.sort_unstable();
        let mut excess = None;
        let mut result = Ok(false);
        for pair in cuts.windows(2) {
            let piece = &input[pair[0]..pair[1]];
            if piece.is_empty() {
                continue;
            }
            match parser.feed(piece, known, |bytes| body.extend_from_slice(bytes)) {
                Ok(Progress::Partial) => {}
                Ok(Progress::Complete { excess: here }) => {
                    excess = Some(here + input.len() - pair[1]);
                    result = Ok(true);
                    break;
                }
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        if result == Ok(false) {
            result = Ok(parser.end_of_stream());
        }
        Outcome {
            result,
            status: parser.head().status,
            keep_alive: parser.head().keep_alive,
            body,
            excess: excess.unwrap_or(0),
        }
    }

    fn whole(input: &str) -> Outcome {
        run(input.as_bytes(), &[], false)
    }

    #[test]
    fn a_sized_answer_ends_with_its_last_byte() {
        let outcome = whole("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nHello");
        assert_eq!(outcome.result, Ok(true));
        assert_eq!((outcome.status, outcome.excess), (200, 0));
        assert!(outcome.keep_alive);
        assert_eq!(outcome.body, b"Hello");
        let long = whole("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nHello");
        assert_eq!((long.result, long.excess), (Ok(true), 1));
        let short = whole("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nHello");
        assert_eq!(short.result, Ok(false));
    }

    #[test]
    fn chunks_are_decoded_and_trailers_skipped() {
        let outcome = whole(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
             3;x=y\r\nabc\r\n0A\r\n0123456789\r\n0\r\nexpires: never\r\n\r\n",
        );
        assert_eq!(outcome.result, Ok(true));
        assert_eq!(outcome.body, b"abc0123456789");
    }

    #[test]
    fn without_a_length_the_body_lasts_until_the_end() {
        let outcome = whole("HTTP/1.0 200 OK\r\n\r\nall of it");
        assert_eq!(outcome.result, Ok(true));
        assert!(!outcome.keep_alive);
        assert_eq!(outcome.body, b"all of it");
    }

    #[test]
    fn some_answers_have_no_body_whatever_they_say() {
        for status in ["204 No Content", "304 Not Modified"] {
            let outcome = whole(&format!("HTTP/1.1 {status}\r\ncontent-length: 7\r\n\r\n"));
            assert_eq!(outcome.result, Ok(true), "{status}");
        }
        let head = run(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n", &[], true);
        assert_eq!(head.result, Ok(true));
    }

    #[test]
    fn interim_answers_are_passed_over() {
        let outcome = whole(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n\
             HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n",
        );
        assert_eq!((outcome.result, outcome.status), (Ok(true), 201));
        let upgrade = whole("HTTP/1.1 101 Switching Protocols\r\n\r\n");
        assert_eq!(upgrade.result, Err(ParseError::Upgrade));
    }

    #[test]
    fn malformed_answers_are_refused() {
        let cases = [
            ("SSH-2.0-OpenSSH_9\r\n", ParseError::Head),
            ("HTTP/1.1 2000 OK\r\n\r\n", ParseError::Head),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
                ParseError::Framing,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
                ParseError::Framing,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
                ParseError::Framing,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
                ParseError::Framing,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
                ParseError::Framing,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
                ParseError::Chunk,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n",
                ParseError::Chunk,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
                ParseError::Chunk,
            ),
        ];
        for (input, error) in cases {
            assert_eq!(whole(input).result, Err(error), "{input:?}");
        }
    }

    #[test]
    fn an_endless_head_is_cut_off() {
        let mut input = b"HTTP/1.1 200 OK\r\n".to_vec();
        while input.len() <= MAX_HEAD {
            input.extend_from_slice(b"a: b\r\n");
        }
        let cuts: Vec<usize> = (0..input.len()).step_by(1000).collect();
        assert_eq!(
            run(&input, &cuts, false).result,
            Err(ParseError::HeadTooLong)
        );
        assert_eq!(run(&input, &[], false).result, Err(ParseError::HeadTooLong));
    }

    /// Answers, right and wrong, out of parts that matter to the parser.
    fn answers() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
            Just(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
            Just(b"HTTP/1.0 404 Not Found\r\n".to_vec()),
            Just(b"content-length: 5\r\n".to_vec()),
            Just(b"transfer-encoding: chunked\r\n".to_vec()),
            Just(b"connection: close\r\n".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"5\r\nhello\r\n".to_vec()),
            Just(b"0\r\n\r\n".to_vec()),
            Just(b"hello".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..8),
        ];
        proptest::collection::vec(part, 0..10).prop_map(|parts| {
            let mut bytes = b"HTTP/1.1 200 OK\r\n".to_vec();
            bytes.extend(parts.concat());
            bytes
        })
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_result(
            input in answers(),
            cuts in proptest::collection::vec(any::<usize>(), 0..12),
            bodiless in any::<bool>(),
        ) {
            let expected = run(&input, &[], bodiless);
            prop_assert_eq!(&run(&input, &cuts, bodiless), &expected);
            let every_byte: Vec<usize> = (0..input.len()).collect();
            prop_assert_eq!(&run(&input, &every_byte, bodiless), &expected);
        }

        #[test]
        fn a_known_head_changes_nothing(
            answers in proptest::collection::vec(answers(), 1..6),
            again in any::<bool>(),
        ) {
            let mut known = KnownHead::default();
            for answer in &answers {
                for _ in 0..=u8::from(again) {
                    let expected = run(answer, &[], false);
                    prop_assert_eq!(&run_knowing(answer, &[], false, &mut known), &expected);
                }
            }
        }

        #[test]
        fn random_bytes_never_panic(
            input in proptest::collection::vec(any::<u8>(), 0..200),
            cuts in proptest::collection::vec(any::<usize>(), 0..5),
        ) {
            run(&input, &cuts, false);
        }
    }
}
