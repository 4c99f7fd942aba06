//! The head of a request: request line and header fields.

use std::mem::MaybeUninit;

use crate::{body::Framing, syntax, target};

/// Header fields a request may carry; more are answered with 431. Hyper's limit too.
pub const MAX_FIELDS: usize = 100;

/// The longest target, in bytes; a longer one is answered with 431. The longest that Axum's `Uri` holds.
const MAX_TARGET: usize = u16::MAX as usize - 1;

/// A request's method, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`: answered like `GET`, without the body.
    Head,
    /// `POST`
    Post,
    /// Any other token.
    Other,
}

/// The version a request was made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: closes after the answer unless asked to keep the connection.
    Http10,
    /// HTTP/1.1, or a later minor version: keeps the connection unless asked to close it.
    Http11,
}

/// The head of a request, borrowed from the bytes it was read into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'b> {
    /// The method.
    pub method: Method,
    /// The method as the client wrote it.
    pub method_token: &'b str,
    /// The path, without the query. Not percent-decoded: no path of ours needs it. `*` with `OPTIONS` only.
    pub path: &'b str,
    /// What follows the `?`, if there is one.
    pub query: Option<&'b str>,
    /// The version.
    pub version: Version,
    /// Whether the client wants the connection kept after the answer.
    pub keep_alive: bool,
    /// How the body that follows is framed.
    pub framing: Framing,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expect_continue: bool,
    /// Whether the request line is one that every parser reads: a path alone, and a version that all know.
    pub(crate) is_plain: bool,
    /// The header lines, each ended by CRLF, without the empty line.
    pub(crate) fields: &'b [u8],
}

/// A request line, taken apart.
struct Line<'b> {
    method: &'b str,
    target: &'b str,
    minor_version: u8,
}

/// Why the bytes are no request head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not HTTP/1.x, or ambiguous.
    #[error("malformed request head: {0}")]
    Malformed(&'static str),
    /// More bytes or more fields than allowed.
    #[error("request head too large")]
    TooLarge,
}

impl HeadError {
    /// The status to answer with before the connection is closed.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::TooLarge => 431,
        }
    }
}

impl<'b> Head<'b> {
    /// Parses the head at the start of `bytes`. Returns it with its length in bytes, or `None`
    /// when it is still incomplete.
    ///
    /// # Errors
    ///
    /// [`HeadError`] when it is malformed, ambiguous, or longer than `max_bytes`.
    pub fn parse(bytes: &'b [u8], max_bytes: usize) -> Result<Option<(Self, usize)>, HeadError> {
        let mut storage = [const { MaybeUninit::uninit() }; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut []);
        let length = match request.parse_with_uninit_headers(bytes, &mut storage) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return incomplete(bytes, max_bytes),
            Err(httparse::Error::Version) => return Self::parse_later(bytes, max_bytes),
            Err(error) => return Err(reason(error)),
        };
        if length > max_bytes {
            return Err(HeadError::TooLarge);
        }
        let line = Line {
            method: request.method.unwrap_or_default(),
            target: request.path.unwrap_or_default(),
            minor_version: request.version.unwrap_or(1),
        };
        let head = Self::new(&bytes[..length], &line, request.headers)?;
        Ok(Some((head, length)))
    }

    /// The same for a minor version later than 1, which RFC 9110 has us read as the last that we know. The library
    /// knows none, so the request line is taken apart here, as far as it did not do so.
    fn parse_later(bytes: &'b [u8], max_bytes: usize) -> Result<Option<(Self, usize)>, HeadError> {
        let Some((line, line_end)) = later_line(bytes)? else {
            return incomplete(bytes, max_bytes);
        };
        let mut storage = [httparse::EMPTY_HEADER; MAX_FIELDS];
        match httparse::parse_headers(&bytes[line_end..], &mut storage).map_err(reason)? {
            httparse::Status::Partial => incomplete(bytes, max_bytes),
            httparse::Status::Complete((length, _)) if line_end + length > max_bytes => {
                Err(HeadError::TooLarge)
            }
            httparse::Status::Complete((length, fields)) => {
                let length = line_end + length;
                let head = Self::new(&bytes[..length], &line, fields)?;
                Ok(Some((head, length)))
            }
        }
    }

    /// Checks what the library took apart: `bytes` is all of the head.
    fn new(
        bytes: &'b [u8],
        line: &Line<'b>,
        headers: &[httparse::Header<'_>],
    ) -> Result<Self, HeadError> {
        refuse_bare_line_feeds(bytes)?;
        if line.target.len() > MAX_TARGET {
            return Err(HeadError::TooLarge);
        }
        let target = target::read(line.method, line.target).map_err(HeadError::Malformed)?;
        let version = match line.minor_version {
            0 => Version::Http10,
            _ => Version::Http11,
        };
        let fields = Fields::read(headers)?;
        if version == Version::Http11 && fields.hosts != 1 || fields.hosts > 1 {
            return Err(HeadError::Malformed("exactly one host is needed"));
        }
        if version == Version::Http10 && fields.chunked {
            return Err(HeadError::Malformed("transfer-encoding in HTTP/1.0"));
        }
        Ok(Head {
            method: method(line.method),
            method_token: line.method,
            path: target.path,
            query: target.query,
            version,
            keep_alive: match version {
                Version::Http11 => !fields.close,
                Version::Http10 => fields.keep_alive && !fields.close,
            },
            framing: fields.framing()?,
            expect_continue: fields.expect_continue && version == Version::Http11,
            is_plain: !target.is_absolute && line.minor_version <= 1,
            fields: field_lines(bytes),
        })
    }

    /// The first value of the field `name` (any case), if it is there.
    pub fn value(&self, name: &str) -> Option<&'b [u8]> {
        let mut lines = self.fields.split(|&byte| byte == b'\n');
        lines.find_map(|line| {
            let colon = memchr::memchr(b':', line)?;
            let is_it = line[..colon].eq_ignore_ascii_case(name.as_bytes());
            is_it.then(|| line[colon + 1..].trim_ascii())
        })
    }

    /// The same as text; `None` too when it holds bytes that are no visible ASCII.
    pub fn field(&self, name: &str) -> Option<&'b str> {
        syntax::text(self.value(name)?)
    }
}

/// More is to come, unless there is too much already, or something that no more can mend.
fn incomplete<T>(bytes: &[u8], max_bytes: usize) -> Result<Option<T>, HeadError> {
    refuse_bare_line_feeds(bytes)?;
    match bytes.len() >= max_bytes {
        true => Err(HeadError::TooLarge),
        false => Ok(None),
    }
}

/// A request line in which the library read a method, a target and no version that it knows, and where it ends; `None`
/// when it is still incomplete.
fn later_line(bytes: &[u8]) -> Result<Option<(Line<'_>, usize)>, HeadError> {
    const WRONG: HeadError = HeadError::Malformed("version");
    let start = line_start(bytes);
    let text = std::str::from_utf8(match memchr::memchr(b'\n', &bytes[start..]) {
        Some(end) => &bytes[start..=start + end],
        None => &bytes[start..],
    });
    let mut words = text.map_err(|_| WRONG)?.splitn(3, ' ');
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next())
    else {
        return Err(WRONG);
    };
    let minor = version.strip_prefix("HTTP/1.").and_then(|minor| {
        let digit = minor.bytes().next().filter(u8::is_ascii_digit)?;
        Some((digit - b'0', &minor[1..]))
    });
    let line = |minor_version| Line {
        method,
        target,
        minor_version,
    };
    match minor {
        Some((minor, "\r\n")) if minor > 1 => {
            let end = start + method.len() + target.len() + version.len() + 2;
            Ok(Some((line(minor), end)))
        }
        Some((minor, "" | "\r")) if minor > 1 => Ok(None),
        _ => Err(WRONG),
    }
}

/// What the header fields say about the message.
#[derive(Default)]
struct Fields {
    hosts: usize,
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    expect_continue: bool,
}

impl Fields {
    fn read(headers: &[httparse::Header<'_>]) -> Result<Self, HeadError> {
        let mut fields = Self::default();
        for header in headers {
            // The length sorts out nearly all fields before their names are compared.
            match header.name.len() {
                4 if header.name.eq_ignore_ascii_case("host") => {
                    if !target::is_host(header.value) {
                        return Err(HeadError::Malformed("host"));
                    }
                    fields.hosts += 1;
                }
                6 if header.name.eq_ignore_ascii_case("expect") => {
                    fields.expect_continue = header.value.eq_ignore_ascii_case(b"100-continue");
                }
                10 if header.name.eq_ignore_ascii_case("connection") => {
                    fields.connection(header.value)?;
                }
                14 if header.name.eq_ignore_ascii_case("content-length") => {
                    fields.content_length(header.value)?;
                }
                17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                    if fields.chunked || !header.value.eq_ignore_ascii_case(b"chunked") {
                        return Err(HeadError::Malformed("transfer-encoding is not `chunked`"));
                    }
                    fields.chunked = true;
                }
                _ => {}
            }
        }
        Ok(fields)
    }

    fn connection(&mut self, value: &[u8]) -> Result<(), HeadError> {
        if !value.is_ascii() {
            return Err(HeadError::Malformed("connection"));
        }
        for token in value.split(|&byte| byte == b',') {
            let token = token.trim_ascii();
            self.close |= token.eq_ignore_ascii_case(b"close");
            self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
        }
        Ok(())
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), HeadError> {
        let length = decimal(value).ok_or(HeadError::Malformed("content-length is no number"))?;
        // RFC 9112 allows to accept the same length said twice; two lengths never.
        if self.length.is_some_and(|known| known != length) {
            return Err(HeadError::Malformed("two content-lengths"));
        }
        self.length = Some(length);
        Ok(())
    }

    fn framing(&self) -> Result<Framing, HeadError> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(HeadError::Malformed("content-length with chunked")),
            (true, None) => Ok(Framing::Chunked),
            (false, None | Some(0)) => Ok(Framing::None),
            (false, Some(length)) => Ok(Framing::Length(length)),
        }
    }
}

fn reason(error: httparse::Error) -> HeadError {
    match error {
        httparse::Error::TooManyHeaders => HeadError::TooLarge,
        httparse::Error::HeaderName => HeadError::Malformed("header name"),
        httparse::Error::HeaderValue => HeadError::Malformed("header value"),
        httparse::Error::NewLine => HeadError::Malformed("line end"),
        httparse::Error::Token => HeadError::Malformed("request line"),
        httparse::Error::Version => HeadError::Malformed("version"),
        _ => HeadError::Malformed("syntax"),
    }
}

fn method(token: &str) -> Method {
    match token {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        _ => Method::Other,
    }
}

/// Digits only: no sign, no space, no list, no overflow.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// `httparse` takes a lone LF for a line end, as RFC 9112 allows. A proxy in front may not.
fn refuse_bare_line_feeds(head: &[u8]) -> Result<(), HeadError> {
    for at in memchr::memchr_iter(b'\n', head) {
        if at == 0 || head[at - 1] != b'\r' {
            return Err(HeadError::Malformed("line feed without carriage return"));
        }
    }
    Ok(())
}

/// Where the request line begins: behind empty lines.
fn line_start(head: &[u8]) -> usize {
    let mut bytes = head.iter();
    let is_of_a_line = |byte: &u8| !matches!(byte, b'\r' | b'\n');
    bytes.position(is_of_a_line).unwrap_or(0)
}

/// The header lines of a complete head: all but the request line (and empty lines before it).
fn field_lines(head: &[u8]) -> &[u8] {
    let start = line_start(head);
    let line_end = memchr::memchr(b'\n', &head[start..]).map_or(head.len(), |at| start + at + 1);
    &head[line_end..head.len().saturating_sub(2).max(line_end)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<(Head<'_>, usize)>, HeadError> {
        Head::parse(text.as_bytes(), 16 * 1024)
    }

    fn head(text: &str) -> Head<'_> {
        parse(text).expect("well formed").expect("complete").0
    }

    #[test]
    fn reads_a_plain_request() {
        let text = "GET /work?bytes=3 HTTP/1.1\r\nHost: a\r\nX-Id:  7 \r\n\r\nrest";
        let (head, length) = parse(text).unwrap().unwrap();
        assert_eq!(&text[length..], "rest");
        assert_eq!((head.method, head.path), (Method::Get, "/work"));
        assert_eq!(head.query, Some("bytes=3"));
        assert!(head.keep_alive);
        assert_eq!(head.framing, Framing::None);
        assert_eq!(head.field("x-id"), Some("7"));
        assert_eq!(head.field("id"), None);
    }

    #[test]
    fn a_later_minor_version_is_read_as_the_last_we_know() {
        let text = "\r\nGET /a?b HTTP/1.2\r\nHost: a\r\nConnection: close\r\n\r\nrest";
        let (head, length) = parse(text).unwrap().unwrap();
        assert_eq!(&text[length..], "rest");
        assert_eq!((head.version, head.path), (Version::Http11, "/a"));
        assert!(!head.keep_alive && !head.is_plain);
        assert_eq!(head.field("host"), Some("a"));
        for end in 0..length {
            assert_eq!(parse(&text[..end]), Ok(None), "{:?}", &text[..end]);
        }
        for version in ["1.10", "1.2 ", "1.x", "1.", "2.0", "1.2\n"] {
            let text = format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n");
            assert!(parse(&text).is_err(), "{version}");
        }
    }

    #[test]
    fn values_are_text_or_bytes() {
        let bytes = b"GET / HTTP/1.1\r\nHost: a\r\nX:  \xff\r\nx: b\r\n\r\n";
        let (head, _) = Head::parse(bytes, 1024).unwrap().unwrap();
        assert_eq!(head.value("X"), Some(&b"\xff"[..]));
        assert_eq!(head.field("x"), None, "the first is no text");
    }

    #[test]
    fn keeps_or_closes_by_version_and_field() {
        let keeps = |text| head(text).keep_alive;
        assert!(!keeps(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n"
        ));
        assert!(!keeps("GET / HTTP/1.0\r\n\r\n"));
        assert!(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
        assert!(!keeps(
            "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"
        ));
    }

    #[test]
    fn refuses_what_two_parsers_could_read_in_two_ways() {
        for fields in [
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 18446744073709551616\r\n",
            "Content-Length:\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding : chunked\r\n",
            "X: a\rY: b\r\n",
            "X: a\nY: b\r\n",
            "X: a\r\n folded\r\n",
            "Host: b\r\n",
            "Connection: close\u{e9}\r\n",
        ] {
            let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            let error = parse(&text).expect_err(fields);
            assert_eq!(error.status(), 400, "{fields}");
        }
        for text in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET  HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET x HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\n\n",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn does_not_wait_where_no_more_can_mend_it() {
        for text in ["\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nHost: a\n"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn limits_the_head() {
        let long = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
            "x".repeat(100)
        );
        assert_eq!(Head::parse(long.as_bytes(), 100), Err(HeadError::TooLarge));
        let open_ended = &long.as_bytes()[..100];
        assert_eq!(Head::parse(open_ended, 100), Err(HeadError::TooLarge));
        assert_eq!(Head::parse(open_ended, 101), Ok(None));
        let many = format!(
            "GET / HTTP/1.1\r\n{}\r\n",
            "X: y\r\n".repeat(MAX_FIELDS + 1)
        );
        assert_eq!(parse(&many), Err(HeadError::TooLarge));
        let target = |bytes| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(bytes - 1));
        let long = target(MAX_TARGET);
        assert!(Head::parse(long.as_bytes(), 1 << 20).is_ok());
        let long = target(MAX_TARGET + 1);
        assert_eq!(
            Head::parse(long.as_bytes(), 1 << 20),
            Err(HeadError::TooLarge)
        );
    }
}
