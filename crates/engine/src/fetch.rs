//! One request and its answer: for verification and readiness, never for measuring.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::client::{Dialer, kind_of, reason_of, tls_config};
use crate::config::Request;
use crate::endpoint::{Address, Base};
use crate::error::ConnectError;
use crate::measurement::ErrorKind;
use crate::plan::PlannedRequest;
use crate::response::{KnownHead, Progress, ResponseParser};

/// Largest body that [`fetch`] keeps, in bytes.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// Bytes of an answer's heads, interim ones included, that are looked at for fields.
const LONGEST_HEADS: usize = 1024 * 1024;

/// Pause between two attempts to connect to a server that is starting.
const RETRY: Duration = Duration::from_millis(5);

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 200, …
    pub status: u16,
    /// Names in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
    /// Decoded from its transfer coding; its beginning where it has more bytes than were to be kept.
    pub body: Bytes,
    /// Bytes of the whole body.
    pub body_bytes: u64,
    /// FNV-1a of the whole body (64 bits). It tells bodies apart that differ by accident, not by intent.
    pub body_hash: u64,
}

impl Answer {
    /// The value of the first header of this name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Whether all of its body was kept.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.body.len() as u64 == self.body_bytes
    }
}

/// A body while it is read: its beginning kept, all of it counted.
struct Body {
    start: Vec<u8>,
    most: usize,
    bytes: u64,
    hash: u64,
}

impl Body {
    fn new(most: usize) -> Self {
        const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
        Self {
            start: Vec::new(),
            most,
            bytes: 0,
            hash: OFFSET_BASIS,
        }
    }

    fn take(&mut self, piece: &[u8]) {
        const PRIME: u64 = 0x0100_0000_01b3;
        let kept = piece.len().min(self.most - self.start.len());
        self.start.extend_from_slice(&piece[..kept]);
        self.bytes += piece.len() as u64;
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        self.hash = piece.iter().fold(self.hash, step);
    }

    fn answer(self, status: u16, headers: Vec<(String, String)>) -> Answer {
        Answer {
            status,
            headers,
            body: self.start.into(),
            body_bytes: self.bytes,
            body_hash: self.hash,
        }
    }
}

/// No answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The URL or the request is not one.
    #[error(transparent)]
    Invalid(#[from] ConnectError),
    /// It was sent, or could not be, and no complete answer came back.
    #[error("{method} {url}: {reason}")]
    Failed {
        /// Of the request.
        method: String,
        /// Of the request.
        url: String,
        /// As it would be counted.
        kind: ErrorKind,
        /// In words.
        reason: String,
    },
}

type Failure = (ErrorKind, String);

/// Sends one request to the server at `url` (a base, as in [`crate::Target::url`]) on a connection of its
/// own and returns the whole answer, whatever its status.
///
/// # Errors
/// If there is no complete answer within `timeout`, or its body has more than 64 MiB.
pub fn fetch(url: &str, request: &Request, timeout: Duration) -> Result<Answer, FetchError> {
    let answer = fetch_start(url, request, LARGEST_BODY, timeout)?;
    if answer.is_whole() {
        return Ok(answer);
    }
    let bytes = answer.body_bytes;
    Err(FetchError::Failed {
        method: request.method.clone(),
        url: format!("{url}{}", request.path),
        kind: ErrorKind::Body,
        reason: format!("the body has {bytes} bytes, and {LARGEST_BODY} are the most that is kept"),
    })
}

/// The same, but of the body only the first `kept_bytes` are kept. All of it is read, counted and hashed.
///
/// # Errors
/// If there is no complete answer within `timeout`.
pub fn fetch_start(
    url: &str,
    request: &Request,
    kept_bytes: usize,
    timeout: Duration,
) -> Result<Answer, FetchError> {
    let base = Base::parse(url)?;
    let planned = PlannedRequest::new(&base.url, request, false);
    let planned = planned.map_err(|reason| ConnectError::InvalidRequest {
        name: request.path.clone(),
        reason,
    })?;
    let deadline = Instant::now() + timeout;
    let typed = base.typed(&planned.url);
    let endpoint = base.resolve(timeout)?;
    let body = Body::new(kept_bytes);
    let result = match &endpoint.address {
        Address::Tcp(address) if endpoint.is_https() => {
            fetch_tls((&endpoint.host, *address), &planned, body, timeout)
        }
        address => fetch_plain(address, &planned, body, deadline),
    };
    result.map_err(|(kind, reason)| {
        let reason = match kind {
            ErrorKind::Timeout => format!("no complete answer within {timeout:?}"),
            ErrorKind::ConnectTimeout => format!("no connection within {timeout:?}"),
            _ => reason,
        };
        failed(planned.method.as_str(), typed, kind, reason)
    })
}

/// Waits until the server at `url` accepts connections.
///
/// # Errors
/// If it does not within `timeout`; the reason is the last attempt's.
pub fn wait_until_accepting(url: &str, timeout: Duration) -> Result<(), FetchError> {
    let deadline = Instant::now() + timeout;
    let address = Base::parse(url)?.resolve(timeout)?.address;
    loop {
        let left = left(deadline).unwrap_or(RETRY);
        match connect(&address, left) {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() + RETRY >= deadline => {
                let (kind, reason) = connect_failure(&error);
                return Err(failed("CONNECT", url.to_owned(), kind, reason));
            }
            Err(_) => thread::sleep(RETRY),
        }
    }
}

/// A connection that blocks.
fn connect(address: &Address, time: Duration) -> io::Result<TcpStream> {
    if let Address::Tcp(address) = address {
        return TcpStream::connect_timeout(address, time);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let dialer = Dialer::new(address.clone());
    let dialled = runtime.block_on(async { tokio::time::timeout(time, dialer.dial()).await });
    let stream = dialled.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn failed(method: &str, url: String, kind: ErrorKind, reason: String) -> FetchError {
    FetchError::Failed {
        method: method.to_owned(),
        url,
        kind,
        reason,
    }
}

fn fetch_plain(
    address: &Address,
    request: &PlannedRequest,
    body: Body,
    deadline: Instant,
) -> Result<Answer, Failure> {
    let time = left(deadline).ok_or_else(timed_out)?;
    let mut stream = connect(address, time).map_err(|error| connect_failure(&error))?;
    // A server may answer before it has read all of a large request, and read no more of it.
    let mut writer = stream
        .try_clone()
        .and_then(|writer| writer.set_write_timeout(Some(time)).map(|()| writer))
        .map_err(|error| (ErrorKind::Send, error.to_string()))?;
    thread::scope(|scope| {
        let written = scope.spawn(move || writer.write_all(&request.bytes));
        let answer = read_answer(&mut stream, request, body, deadline);
        stream.shutdown(Shutdown::Both).ok(); // ends the writing, too
        match (written.join(), answer) {
            (_, Ok(answer)) => Ok(answer),
            (Ok(Err(error)), Err((ErrorKind::Closed | ErrorKind::Receive, _))) => {
                Err((ErrorKind::Send, error.to_string()))
            }
            (_, Err(failure)) => Err(failure),
        }
    })
}

/// The answer to a request, as it comes.
fn read_answer(
    stream: &mut TcpStream,
    request: &PlannedRequest,
    mut body: Body,
    deadline: Instant,
) -> Result<Answer, Failure> {
    let mut parser = ResponseParser::new();
    parser.begin(request.bodiless);
    let mut known = KnownHead::default();
    // The head is read once more at the end, for its fields: it is what comes before the body.
    let mut head = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let time = left(deadline).ok_or_else(timed_out)?;
        let read = stream
            .set_read_timeout(Some(time))
            .and_then(|()| stream.read(&mut buffer));
        let length = match read {
            Ok(0) if parser.end_of_stream() => break,
            Ok(0) => {
                let reason = "the server closed the connection before its answer was complete";
                return Err((ErrorKind::Closed, reason.to_owned()));
            }
            Ok(length) => length,
            Err(error) if is_timeout(&error) => return Err(timed_out()),
            Err(error) => return Err((ErrorKind::Receive, error.to_string())),
        };
        if body.bytes == 0 && head.len() < LONGEST_HEADS {
            head.extend_from_slice(&buffer[..length]);
        }
        let progress = parser.feed(&buffer[..length], &mut known, |piece| body.take(piece));
        match progress.map_err(|error| (ErrorKind::Protocol, error.to_string()))? {
            Progress::Partial => {}
            Progress::Complete { excess: 0 } => break,
            Progress::Complete { excess } => {
                let reason = format!("{excess} bytes follow the end of the answer");
                return Err((ErrorKind::Protocol, reason));
            }
        }
    }
    Ok(body.answer(parser.head().status, headers(&head)))
}

/// The fields of the final head in bytes that the parser has accepted.
fn headers(mut raw: &[u8]) -> Vec<(String, String)> {
    loop {
        let mut fields = vec![httparse::EMPTY_HEADER; 128];
        let mut head = httparse::Response::new(&mut fields);
        let Ok(httparse::Status::Complete(length)) = head.parse(raw) else {
            return Vec::new();
        };
        if head.code.is_some_and(|status| status >= 200) {
            let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            let fields = head.headers.iter();
            return fields
                .map(|field| (field.name.to_ascii_lowercase(), text(field.value)))
                .collect();
        }
        raw = &raw[length..];
    }
}

fn fetch_tls(
    (host, address): (&str, SocketAddr),
    request: &PlannedRequest,
    mut body: Body,
    timeout: Duration,
) -> Result<Answer, Failure> {
    let connect = |reason: String| (ErrorKind::Connect, reason);
    let tls = tls_config(true).map_err(|error| connect(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| connect(error.to_string()))?;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .resolve(host, address)
        .timeout(timeout)
        .build();
    let exchange = async {
        let mut answer = client?
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone())
            .send()
            .await?;
        let status = answer.status().as_u16();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let fields = answer.headers().iter();
        let headers = fields
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
            .collect();
        while let Some(piece) = answer.chunk().await? {
            body.take(&piece);
        }
        Ok(body.answer(status, headers))
    };
    runtime.block_on(exchange).map_err(|error: reqwest::Error| {
        let kind = match error.is_timeout() {
            true => ErrorKind::Timeout,
            false => kind_of(&error),
        };
        (kind, reason_of(&error))
    })
}

/// Time left until `deadline`; none when it has passed, because a socket's timeout may not be 0.
fn left(deadline: Instant) -> Option<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left)
}

fn timed_out() -> Failure {
    let reason = "no complete answer in time".to_owned();
    (ErrorKind::Timeout, reason)
}

fn is_timeout(error: &io::Error) -> bool {
    use io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}

fn connect_failure(error: &io::Error) -> Failure {
    let kind = match is_timeout(error) {
        true => ErrorKind::ConnectTimeout,
        false => ErrorKind::Connect,
    };
    (kind, error.to_string())
}
