//! A target made ready to be loaded: addresses resolved, requests checked and serialised once.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use reqwest::{Method, Url};

use crate::config::{Expect, ExpectBody, ExpectStatus, Request, Target};
use crate::endpoint::{Base, Endpoint};
use crate::error::ConnectError;

/// A [`Target`] made ready.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) endpoint: Endpoint,
    pub(crate) classes: Vec<PlannedRequest>,
    pub(crate) keep_alive: bool,
    pub(crate) timeout: Duration,
    pub(crate) record_first_byte: bool,
    pub(crate) record_chunk_gaps: bool,
}

/// A request class made ready for both clients.
#[derive(Debug)]
pub(crate) struct PlannedRequest {
    pub(crate) name: String,
    pub(crate) weight: u32,
    /// As it goes over the wire in HTTP/1.1.
    pub(crate) bytes: Vec<u8>,
    /// HEAD: the answer has no body.
    pub(crate) bodiless: bool,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) expect: Expect,
}

impl Plan {
    pub(crate) fn new(target: &Target, timeout: Duration) -> Result<Self, ConnectError> {
        for (count, what) in [
            (target.requests.len(), "requests"),
            (target.connections, "connections"),
        ] {
            if count == 0 {
                return Err(ConnectError::Empty {
                    target: target.name.clone(),
                    what,
                });
            }
        }
        let base = Base::parse(&target.url)?;
        let mut classes = Vec::with_capacity(target.requests.len());
        for class in &target.requests {
            let invalid = |reason| ConnectError::InvalidRequest {
                name: class.name.clone(),
                reason,
            };
            if class.weight == 0 {
                return Err(invalid("its weight is 0".to_owned()));
            }
            let mut planned = PlannedRequest::new(&base.url, &class.request, target.keep_alive)
                .map_err(invalid)?;
            planned.name.clone_from(&class.name);
            planned.weight = class.weight;
            planned.expect = class.expect.clone();
            classes.push(planned);
        }
        Ok(Self {
            endpoint: base.resolve(timeout)?,
            classes,
            keep_alive: target.keep_alive,
            timeout,
            record_first_byte: target.record_first_byte,
            record_chunk_gaps: target.record_chunk_gaps,
        })
    }
}

impl PlannedRequest {
    /// Checks and serialises a request to the server at `base`.
    pub(crate) fn new(base: &Url, request: &Request, keep_alive: bool) -> Result<Self, String> {
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| format!("{:?} is not a method", request.method))?;
        let url = join(base, &request.path)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("{name:?} is not a header name"))?;
            let value = HeaderValue::from_str(value)
                .map_err(|_| format!("{value:?} is not a value for the header {name}"))?;
            headers.append(name, value);
        }
        let expects_body = [Method::POST, Method::PUT, Method::PATCH].contains(&method);
        let sized = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
        if !sized && (expects_body || !request.body.is_empty()) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(request.body.len()));
        }
        if !keep_alive && !headers.contains_key(CONNECTION) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(Self {
            name: String::new(),
            weight: 1,
            bytes: serialise(&method, &url, &headers, &request.body),
            bodiless: method == Method::HEAD,
            method,
            url,
            headers,
            body: request.body.clone(),
            expect: Expect::default(),
        })
    }
}

impl ExpectStatus {
    /// Whether an answer may have this status.
    #[must_use]
    #[inline]
    pub fn accepts(&self, status: u16) -> bool {
        match self {
            Self::Any2xx => (200..300).contains(&status),
            Self::Exact(expected) => status == *expected,
            Self::OneOf(statuses) => statuses.contains(status),
        }
    }
}

/// Compares a body with what is expected while it arrives in pieces.
#[derive(Debug, Default)]
pub(crate) struct BodyCheck {
    seen: u64,
    differs: bool,
}

impl BodyCheck {
    #[inline]
    pub(crate) fn take(&mut self, expected: &ExpectBody, piece: &[u8]) {
        if let ExpectBody::Exact(body) = expected {
            let start = usize::try_from(self.seen).unwrap_or(usize::MAX);
            let part = body.get(start..start.saturating_add(piece.len()));
            self.differs |= part != Some(piece);
        }
        self.seen += piece.len() as u64;
    }

    #[inline]
    pub(crate) fn holds(&self, expected: &ExpectBody) -> bool {
        match expected {
            ExpectBody::Any => true,
            ExpectBody::Length(length) => self.seen == *length,
            ExpectBody::Exact(body) => !self.differs && self.seen == body.len() as u64,
        }
    }
}

/// Appends a request's path and query to the base URL's path.
fn join(base: &Url, path: &str) -> Result<Url, String> {
    if path.is_empty() {
        return Ok(base.clone());
    }
    if !path.starts_with(['/', '?']) || path.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(format!(
            "its path {path:?} must start with / or ? and have no spaces"
        ));
    }
    let prefix = base.path().trim_end_matches('/');
    let mut url = base.clone();
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    url.set_path(&format!("{prefix}{path}"));
    url.set_query(query);
    Ok(url)
}

fn serialise(method: &Method, url: &Url, headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {}", url.path()).into_bytes();
    if let Some(query) = url.query() {
        bytes.extend_from_slice(format!("?{query}").as_bytes());
    }
    bytes.extend_from_slice(b" HTTP/1.1\r\n");
    if !headers.contains_key(HOST) {
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map(|port| format!(":{port}"));
        let line = format!("host: {host}{}\r\n", port.unwrap_or_default());
        bytes.extend_from_slice(line.as_bytes());
    }
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(url: &str, request: &Request, keep_alive: bool) -> String {
        let planned =
            PlannedRequest::new(&Base::parse(url).unwrap().url, request, keep_alive).unwrap();
        String::from_utf8(planned.bytes).unwrap()
    }

    #[test]
    fn a_get_is_a_line_and_a_host() {
        assert_eq!(
            wire("http://127.0.0.1:8080", &Request::get("/a?b=c"), true),
            "GET /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n\r\n"
        );
        assert_eq!(
            wire("http://example.org/base/", &Request::get("/x"), false),
            "GET /base/x HTTP/1.1\r\nhost: example.org\r\nconnection: close\r\n\r\n"
        );
        assert_eq!(
            wire("unix:/a.sock:/base", &Request::get("/x"), true),
            "GET /base/x HTTP/1.1\r\nhost: localhost\r\n\r\n"
        );
        assert_eq!(
            wire("http://example.org/whole?q=1", &Request::get(""), true),
            "GET /whole?q=1 HTTP/1.1\r\nhost: example.org\r\n\r\n"
        );
    }

    #[test]
    fn bodies_get_a_length_and_given_headers_win() {
        let post = Request {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            headers: vec![("Host".to_owned(), "other".to_owned())],
            body: Bytes::from_static(b"data"),
        };
        assert_eq!(
            wire("http://h:1", &post, true),
            "POST / HTTP/1.1\r\nhost: other\r\ncontent-length: 4\r\n\r\ndata"
        );
        let empty = Request {
            body: Bytes::new(),
            ..post
        };
        assert!(wire("http://h:1", &empty, true).contains("content-length: 0"));
    }

    #[test]
    fn requests_that_would_break_the_protocol_are_refused() {
        let base = Base::parse("http://h").unwrap().url;
        let bad = [
            Request {
                method: "GET /".to_owned(),
                ..Request::get("/")
            },
            Request::get("/a b"),
            Request::get("/\r\nx: y"),
            Request::get("no-slash"),
            Request {
                headers: vec![("a b".to_owned(), String::new())],
                ..Request::get("/")
            },
            Request {
                headers: vec![("a".to_owned(), "b\r\nc: d".to_owned())],
                ..Request::get("/")
            },
        ];
        for request in bad {
            assert!(
                PlannedRequest::new(&base, &request, true).is_err(),
                "{request:?}"
            );
        }
    }

    #[test]
    fn bodies_are_compared_piece_by_piece() {
        let holds = |expected: &ExpectBody, pieces: &[&str]| {
            let mut check = BodyCheck::default();
            for piece in pieces {
                check.take(expected, piece.as_bytes());
            }
            check.holds(expected)
        };
        let exact = ExpectBody::Exact(Bytes::from_static(b"hello"));
        assert!(holds(&exact, &["he", "", "llo"]));
        for wrong in [&["hell"][..], &["hello", "!"], &["he", "xxo"], &[]] {
            assert!(!holds(&exact, wrong), "{wrong:?}");
        }
        assert!(holds(&ExpectBody::Length(3), &["a", "bc"]));
        assert!(!holds(&ExpectBody::Length(3), &["ab"]));
        assert!(holds(&ExpectBody::Any, &["x"]));
    }
}
