//! What is to be loaded, how, and for how long: plain data, no behaviour.

use std::time::Duration;

use bytes::Bytes;

/// How the engine itself is set up.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Worker threads, at least 1. More than the connections of a target leaves some of them idle.
    pub threads: usize,
    /// The HTTP client; `https` targets use [`ClientKind::Reqwest`] whatever stands here.
    pub client: ClientKind,
    /// How long a request may take, counted from its intended instant; also the limit for one connect.
    pub timeout: Duration,
    /// Seed of everything random: Poisson arrivals, the order of mixed requests, back-off.
    pub seed: u64,
    /// Worker `i` is pinned to `cpus[i % len]`; empty = not pinned. Pinning is available on Linux only.
    pub cpus: Vec<usize>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            threads: 1,
            client: ClientKind::Raw,
            timeout: Duration::from_secs(10),
            seed: 0,
            cpus: Vec::new(),
        }
    }
}

/// Which HTTP client sends the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientKind {
    /// HTTP/1.1 on raw sockets: the fast one.
    #[default]
    Raw,
    /// `reqwest`, for TLS, HTTP/2 and what an application's own client would see.
    Reqwest,
}

/// Names a connected target of one [`crate::Engine`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub(crate) u32);

impl TargetId {
    /// A name for a target of another load generator that runs this one's slices.
    #[must_use]
    pub fn new(number: u32) -> Self {
        Self(number)
    }
}

/// A server, the requests it is to be asked, and the connections to ask them on.
#[derive(Debug, Clone)]
pub struct Target {
    /// Shown in the live view and in errors.
    pub name: String,
    /// Base: `http://host:port`, `https://…`, or `unix:SOCKET` for a Unix socket (raw client only); a path in it
    /// (`unix:SOCKET:/path`) is put before every request's path.
    pub url: String,
    /// The kinds of request; usually one.
    pub requests: Vec<RequestClass>,
    /// Connections kept open; with `keep_alive` off, requests under way at once.
    pub connections: usize,
    /// Off: every request has a connection of its own and asks the server to close it.
    pub keep_alive: bool,
    /// Record the time from the intended instant to the first byte of the answer.
    pub record_first_byte: bool,
    /// Record the time between arriving chunks of a chunked answer (raw client only).
    pub record_chunk_gaps: bool,
    /// Mean response time, where it is known beforehand. Otherwise the first slice waits for answers, a timeout at the
    /// longest, to find it out.
    pub mean_response: Option<Duration>,
}

impl Target {
    /// `GET path` on `connections` keep-alive connections, where any 2xx answer is right.
    #[must_use]
    pub fn get(name: &str, url: &str, path: &str, connections: usize) -> Self {
        Self {
            name: name.to_owned(),
            url: url.to_owned(),
            requests: vec![RequestClass {
                name: "default".to_owned(),
                weight: 1,
                request: Request::get(path),
                expect: Expect::default(),
            }],
            connections,
            keep_alive: true,
            record_first_byte: false,
            record_chunk_gaps: false,
            mean_response: None,
        }
    }
}

/// One kind of request, its share of all requests and the answer it must get.
#[derive(Debug, Clone)]
pub struct RequestClass {
    /// Names the class in [`crate::ClassMeasurement`].
    pub name: String,
    /// Share of the requests, relative to the other classes' weights; at least 1.
    pub weight: u32,
    /// What is sent.
    pub request: Request,
    /// What must come back.
    pub expect: Expect,
}

/// An HTTP request as the caller sees it. `host`, `content-length` and, with keep-alive off,
/// `connection: close` are added where they are missing.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query, appended to the path of the target's URL; may be empty.
    pub path: String,
    /// Further headers, in order.
    pub headers: Vec<(String, String)>,
    /// Empty = none.
    pub body: Bytes,
}

impl Request {
    /// A `GET` without further headers.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self {
            method: "GET".to_owned(),
            path: path.to_owned(),
            ..Self::default()
        }
    }
}

/// What makes an answer a right one. It is checked while reading; the body is not kept.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// A wrong status is an error of kind `status`.
    pub status: ExpectStatus,
    /// A wrong body is an error of kind `body`; looked at only where the status is right.
    pub body: ExpectBody,
}

/// The status an answer must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExpectStatus {
    /// 200 to 299.
    #[default]
    Any2xx,
    /// This one.
    Exact(u16),
    /// One of these.
    OneOf(StatusSet),
}

/// Some of the statuses from 0 to 999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusSet([u64; 16]);

impl StatusSet {
    /// Adds a status; one beyond 999 is none.
    pub fn insert(&mut self, status: u16) {
        if let Some(word) = self.0.get_mut(usize::from(status / 64)) {
            *word |= 1 << (status % 64);
        }
    }

    /// Whether it holds a status.
    #[must_use]
    #[inline]
    pub fn contains(&self, status: u16) -> bool {
        let word = self.0.get(usize::from(status / 64)).copied();
        word.unwrap_or(0) >> (status % 64) & 1 == 1
    }
}

/// The body an answer must have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ExpectBody {
    /// Anything.
    #[default]
    Any,
    /// So many bytes.
    Length(u64),
    /// These bytes.
    Exact(Bytes),
}

/// When requests are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// Every connection sends its next request as soon as it has its answer.
    ClosedLoop,
    /// Requests are sent at their intended instants, whatever the server does.
    OpenLoop {
        /// Requests per second over all connections; more than 0, at most 10 million.
        rate_rps: f64,
        /// How the intended instants are spread.
        arrivals: Arrivals,
    },
    /// Every connection sends one request when the window begins; all of them count.
    OnceEach,
}

/// How the intended instants of an open loop are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// Evenly.
    Constant,
    /// With exponentially distributed gaps, as independent users make them.
    Poisson,
}

/// One stretch of load. The window in which requests count begins `lead_in` after the slice.
#[derive(Debug, Clone)]
pub struct Slice {
    /// Usually one; several run at the same time (probes beside blockers), each on its own target.
    pub loads: Vec<(TargetId, Load)>,
    /// Loaded but not counted.
    pub lead_in: Duration,
    /// When the window ends.
    pub end: SliceEnd,
}

/// When a slice's window ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SliceEnd {
    /// This long after it began (earlier if every load is through with its requests).
    After(Duration),
    /// When so many requests (per load, over all workers) have been sent and answered or failed.
    Requests(u64),
}
