//! The head of a request: request line and header fields.

use std::mem::MaybeUninit;

use crate::body::Framing;

/// Header fields a request may carry; more are answered with 431. Hyper's limit too.
pub const MAX_FIELDS: usize = 100;

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
    /// HTTP/1.1: keeps the connection unless asked to close it.
    Http11,
}

/// The head of a request, borrowed from the bytes it was read into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'b> {
    /// The method.
    pub method: Method,
    /// The method as the client wrote it.
    pub method_token: &'b str,
    /// The path, without the query. Not percent-decoded: no path of ours needs it.
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
    /// The header lines, each ended by CRLF, without the empty line.
    fields: &'b [u8],
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
        let parsed = request.parse_with_uninit_headers(bytes, &mut storage);
        let length = match parsed.map_err(reason)? {
            httparse::Status::Partial if bytes.len() >= max_bytes => {
                return Err(HeadError::TooLarge);
            }
            httparse::Status::Partial => return Ok(None),
            httparse::Status::Complete(length) if length > max_bytes => {
                return Err(HeadError::TooLarge);
            }
            httparse::Status::Complete(length) => length,
        };
        refuse_bare_line_feeds(&bytes[..length])?;

        let method_token = request.method.unwrap_or_default();
        let (path, query) = split_target(request.path.unwrap_or_default())?;
        let version = match request.version {
            Some(0) => Version::Http10,
            _ => Version::Http11,
        };
        let fields = Fields::read(request.headers)?;
        if version == Version::Http11 && fields.hosts != 1 || fields.hosts > 1 {
            return Err(HeadError::Malformed("exactly one host is needed"));
        }
        if version == Version::Http10 && fields.chunked {
            return Err(HeadError::Malformed("transfer-encoding in HTTP/1.0"));
        }
        let head = Head {
            method: method(method_token),
            method_token,
            path,
            query,
            version,
            keep_alive: match version {
                Version::Http11 => !fields.close,
                Version::Http10 => fields.keep_alive && !fields.close,
            },
            framing: fields.framing()?,
            expect_continue: fields.expect_continue && version == Version::Http11,
            fields: field_lines(&bytes[..length]),
        };
        Ok(Some((head, length)))
    }

    /// The first value of the field `name` (any case), if it is there and is text.
    pub fn field(&self, name: &str) -> Option<&'b str> {
        self.fields
            .split(|&byte| byte == b'\n')
            .filter_map(|line| std::str::from_utf8(line).ok()?.split_once(':'))
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
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
                4 if header.name.eq_ignore_ascii_case("host") => fields.hosts += 1,
                6 if header.name.eq_ignore_ascii_case("expect") => {
                    fields.expect_continue |= header.value.eq_ignore_ascii_case(b"100-continue");
                }
                10 if header.name.eq_ignore_ascii_case("connection") => {
                    fields.connection(header.value);
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

    fn connection(&mut self, value: &[u8]) {
        for token in value.split(|&byte| byte == b',') {
            let token = token.trim_ascii();
            self.close |= token.eq_ignore_ascii_case(b"close");
            self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
        }
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

/// Splits a request target (origin form, absolute form or `*`) into path and query.
fn split_target(target: &str) -> Result<(&str, Option<&str>), HeadError> {
    let origin = if target.starts_with('/') || target == "*" {
        target
    } else if let Some(rest) = strip_scheme(target) {
        match rest.find(['/', '?']) {
            Some(at) if rest[at..].starts_with('/') => &rest[at..],
            Some(at) => return Ok(("/", Some(&rest[at + 1..]))),
            None => "/",
        }
    } else {
        return Err(HeadError::Malformed("request target"));
    };
    if !origin.is_ascii() {
        return Err(HeadError::Malformed("request target is not ASCII"));
    }
    Ok(match origin.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (origin, None),
    })
}

fn strip_scheme(target: &str) -> Option<&str> {
    ["http://", "https://"].iter().find_map(|scheme| {
        let start = target.get(..scheme.len())?;
        start
            .eq_ignore_ascii_case(scheme)
            .then(|| &target[scheme.len()..])
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

/// The header lines of a complete head: all but the request line (and empty lines before it).
fn field_lines(head: &[u8]) -> &[u8] {
    let start = head
        .iter()
        .position(|byte| !matches!(byte, b'\r' | b'\n'))
        .unwrap_or(0);
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
    fn takes_the_absolute_form() {
        assert_eq!(
            head("GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n").path,
            "/b"
        );
        assert_eq!(head("GET HTTP://a HTTP/1.1\r\nHost: a\r\n\r\n").path, "/");
        let bare = head("GET http://a?c HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((bare.path, bare.query), ("/", Some("c")));
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
        ] {
            let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            let error = parse(&text).expect_err(fields);
            assert_eq!(error.status(), 400, "{fields}");
        }
        for text in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET  HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET x HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\n\n",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
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
    }
}
