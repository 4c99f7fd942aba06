//! What the engine saw of one target.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Largest value a histogram holds, in nanoseconds: one hour. Longer ones are recorded as this.
const HIGHEST_NS: u64 = 3_600_000_000_000;

/// An empty histogram of nanoseconds: 1 ns to 1 h at 3 significant digits (0 is recorded as 0).
#[must_use]
pub fn new_histogram() -> Histogram<u64> {
    // These bounds satisfy all conditions of the constructor (low ≥ 1, high ≥ 2 × low, digits ≤ 5).
    Histogram::new_with_bounds(1, HIGHEST_NS, 3).expect("the bounds are valid")
}

/// What came of the requests sent (open loop: intended) since the target was connected or its last book was closed.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// Number of the book, from 0: what was asked before it was closed belongs to it, whenever answers come.
    pub book: u32,
    /// Requests of the windows whose answer was read completely, with the status and body expected, whenever that was.
    pub requests: u64,
    /// Requests of the windows that failed.
    pub failed: u64,
    /// Those of them that were never answered: `timeout` and `unsent`. They are slower than every answer.
    pub unanswered: u64,
    /// Requests that were still under way when the book was closed, inside the windows or not;
    /// [`crate::Engine::late`] tells what became of them.
    pub under_way: u64,
    /// All requests that came to their end, however they did: in the windows or not, answered or not.
    pub ended: u64,
    /// Time from intended to done, or to being given up, of `requests` and `failed`, added up.
    pub waited: Duration,
    /// Right answers of lead-in and of the load behind the windows included: what CPU time is divided by.
    pub answers_total: u64,
    /// Right answers that arrived inside the windows, whenever they were due: what a server keeps up with. In an open loop
    /// `requests` are those that were due inside, however late they were answered.
    pub answers_in_window: u64,
    /// Sum of the windows, by the monotonic clock.
    pub measured: Duration,
    /// Done − intended, ns.
    pub latency: Histogram<u64>,
    /// Done − sent, ns. With keep-alive off, `latency` includes connecting and this does not
    /// (the reqwest client cannot tell them apart and includes it in both).
    pub service_time: Histogram<u64>,
    /// Sent − intended, ns.
    pub send_lag: Histogram<u64>,
    /// From asking for a connection to having it, ns; raw client only. Connections made by
    /// `Engine::connect` belong to the first measurement, later ones count inside windows.
    pub connect: Histogram<u64>,
    /// First byte of the answer − intended, ns, if the target asked for it.
    pub first_byte: Option<Histogram<u64>>,
    /// Time between arriving chunks, ns, if the target asked for it. Chunks that arrive together
    /// have a gap of 0 between them.
    pub chunk_gaps: Option<Histogram<u64>>,
    /// Wrong answers inside the windows, and what was not answered inside the windows or not: so a known number of lost
    /// answers is reported exactly.
    pub errors: ErrorCounts,
    /// Complete answers inside the window by status, wrong ones included.
    pub status_codes: BTreeMap<u16, u64>,
    /// Bytes of complete answers inside the window, heads included.
    pub bytes_received: u64,
    /// Right answers inside the windows whose second part came 30 to 60 ms after their first (raw client only): as
    /// when the server's system holds the second part back until the first is acknowledged.
    pub answers_in_two_parts: u64,
    /// Requests that were given up because the run was cancelled; else 0.
    pub in_flight_at_deadline: u64,
    /// Connections made, and how evenly they were served.
    pub connections: ConnectionCounts,
    /// Per wall second since the engine started; only seconds in which the target was loaded. A second
    /// cut by a collect appears in both measurements.
    pub series: Vec<SeriesPoint>,
    /// Per request class; empty when there is only one.
    pub classes: Vec<ClassMeasurement>,
}

impl Default for Measurement {
    fn default() -> Self {
        Self {
            book: 0,
            requests: 0,
            failed: 0,
            unanswered: 0,
            under_way: 0,
            ended: 0,
            waited: Duration::ZERO,
            answers_total: 0,
            answers_in_window: 0,
            measured: Duration::ZERO,
            latency: new_histogram(),
            service_time: new_histogram(),
            send_lag: new_histogram(),
            connect: new_histogram(),
            first_byte: None,
            chunk_gaps: None,
            errors: ErrorCounts::default(),
            status_codes: BTreeMap::new(),
            bytes_received: 0,
            answers_in_two_parts: 0,
            in_flight_at_deadline: 0,
            connections: ConnectionCounts::default(),
            series: Vec::new(),
            classes: Vec::new(),
        }
    }
}

impl Measurement {
    /// Whether there was an answer at all, a right or a wrong one.
    #[must_use]
    pub fn has_answers(&self) -> bool {
        self.answers_total > 0 || !self.status_codes.is_empty()
    }
}

/// Connections of a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Made since the last collect; those of `Engine::connect` belong to the first measurement.
    pub established: u64,
    /// Could not be made.
    pub failed: u64,
    /// Counted requests of each connection (a reconnected one goes on counting), for fairness. With
    /// keep-alive off: of each of the slots that connect one after another.
    pub requests_per_connection: Vec<u64>,
    /// What became of each of them since the target was connected, in earlier books too: one that hangs now is not one
    /// that was never served.
    pub service: Vec<Service>,
    /// Connections that the server was asked to close and did not within a second. They wait beside the load.
    pub left_open: u64,
    /// Connections that the client closed itself, because too many others (1,000) waited so.
    pub closed_by_client: u64,
    /// Connections that were to be kept alive and that the server closed after it had answered on them (raw client only).
    pub closed: ClosedConnections,
}

/// Whether a connection was served. What is merged is the most that happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Nothing was asked on it: an open loop, or a number of requests, did not need it.
    #[default]
    Unasked,
    /// It was asked, and never answered.
    Unanswered,
    /// It was answered, rightly or wrongly, counted or not.
    Answered,
}

/// Connections that a server closed although they were to be kept alive, by how it closed them: how many of them there
/// were after so many answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClosedConnections {
    /// The last answer said so: `Connection: close`, HTTP/1.0, or a body that ends with the connection.
    pub announced: BTreeMap<u64, u64>,
    /// Nothing said so: between two requests, or when the next one was under way.
    pub unannounced: BTreeMap<u64, u64>,
}

/// One second of the time series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesPoint {
    /// Whole seconds since the engine started.
    pub second: u64,
    /// How much of that second lay inside windows of this target.
    pub measured: Duration,
    /// Requests counted in it.
    pub requests: u64,
    /// Errors counted in it.
    pub errors: u64,
    /// Those of the errors that are complete answers of a server that works: another status, another body.
    pub wrong_answers: u64,
    /// Median latency in nanoseconds; none without requests.
    pub p50_ns: Option<u64>,
    /// 99th percentile of latency in nanoseconds; none without requests.
    pub p99_ns: Option<u64>,
}

/// What one class of a mixed load got.
#[derive(Debug, Clone)]
pub struct ClassMeasurement {
    /// Name of the class.
    pub name: String,
    /// Requests counted.
    pub requests: u64,
    /// Done − intended, ns.
    pub latency: Histogram<u64>,
}

/// What can go wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// A connection was refused or could not be made.
    Connect,
    /// A connection was not made in time.
    ConnectTimeout,
    /// No local address was left to connect from.
    Ports,
    /// The request could not be written.
    Send,
    /// The answer could not be read (a reset, for instance).
    Receive,
    /// The peer closed the connection before the answer was complete.
    Closed,
    /// A connection that had served before was closed before any byte of the answer. Clients that send such a
    /// request again never show it.
    Stale,
    /// No complete answer within the timeout.
    Timeout,
    /// Open loop: no connection became free within the timeout.
    Unsent,
    /// Another status than expected.
    Status,
    /// Not an HTTP answer, or more than one.
    Protocol,
    /// Another body than expected.
    Body,
}

impl ErrorKind {
    /// Whether there was an answer, though a wrong one.
    pub(crate) fn is_answer(self) -> bool {
        matches!(self, Self::Status | Self::Protocol | Self::Body)
    }
}

/// Errors by kind; see [`ErrorKind`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the kinds of ErrorKind")]
pub struct ErrorCounts {
    pub connect: u64,
    pub connect_timeout: u64,
    pub ports: u64,
    pub send: u64,
    pub receive: u64,
    pub closed: u64,
    pub stale: u64,
    pub timeout: u64,
    pub unsent: u64,
    pub status: u64,
    pub protocol: u64,
    pub body: u64,
}

impl ErrorCounts {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_kind().iter().map(|(_, count)| count).sum()
    }

    /// Those that brought no complete answer.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.total() - self.status - self.protocol - self.body
    }

    /// Name and count of every kind, in the order of the definitions.
    #[must_use]
    pub fn by_kind(&self) -> [(&'static str, u64); 12] {
        [
            ("connect", self.connect),
            ("connect_timeout", self.connect_timeout),
            ("ports", self.ports),
            ("send", self.send),
            ("receive", self.receive),
            ("closed", self.closed),
            ("stale", self.stale),
            ("timeout", self.timeout),
            ("unsent", self.unsent),
            ("status", self.status),
            ("protocol", self.protocol),
            ("body", self.body),
        ]
    }

    /// Adds `count` errors of one kind.
    pub fn add(&mut self, kind: ErrorKind, count: u64) {
        *match kind {
            ErrorKind::Connect => &mut self.connect,
            ErrorKind::ConnectTimeout => &mut self.connect_timeout,
            ErrorKind::Ports => &mut self.ports,
            ErrorKind::Send => &mut self.send,
            ErrorKind::Receive => &mut self.receive,
            ErrorKind::Closed => &mut self.closed,
            ErrorKind::Stale => &mut self.stale,
            ErrorKind::Timeout => &mut self.timeout,
            ErrorKind::Unsent => &mut self.unsent,
            ErrorKind::Status => &mut self.status,
            ErrorKind::Protocol => &mut self.protocol,
            ErrorKind::Body => &mut self.body,
        } += count;
    }
}

impl AddAssign for ErrorCounts {
    fn add_assign(&mut self, other: Self) {
        self.connect += other.connect;
        self.connect_timeout += other.connect_timeout;
        self.ports += other.ports;
        self.send += other.send;
        self.receive += other.receive;
        self.closed += other.closed;
        self.stale += other.stale;
        self.timeout += other.timeout;
        self.unsent += other.unsent;
        self.status += other.status;
        self.protocol += other.protocol;
        self.body += other.body;
    }
}

/// `3 connect, 1 timeout`: the kinds that occurred, or `none`.
impl fmt::Display for ErrorCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, count) in self.by_kind().into_iter().filter(|(_, count)| *count > 0) {
            write!(f, "{separator}{count} {name}")?;
            separator = ", ";
        }
        if separator.is_empty() {
            f.write_str("none")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_counter_and_the_total_is_their_sum() {
        let kinds = [
            ErrorKind::Connect,
            ErrorKind::ConnectTimeout,
            ErrorKind::Ports,
            ErrorKind::Send,
            ErrorKind::Receive,
            ErrorKind::Closed,
            ErrorKind::Stale,
            ErrorKind::Timeout,
            ErrorKind::Unsent,
            ErrorKind::Status,
            ErrorKind::Protocol,
            ErrorKind::Body,
        ];
        let mut counts = ErrorCounts::default();
        for (position, kind) in kinds.into_iter().enumerate() {
            counts.add(kind, 1 << position);
        }
        for (position, (_, count)) in counts.by_kind().into_iter().enumerate() {
            assert_eq!(count, 1 << position);
        }
        assert_eq!(counts.total(), (1 << kinds.len()) - 1);
        let mut doubled = counts;
        doubled += counts;
        assert_eq!(doubled.total(), 2 * counts.total());
    }

    #[test]
    fn only_kinds_that_occurred_are_shown() {
        let counts = ErrorCounts {
            connect: 3,
            timeout: 1,
            ..ErrorCounts::default()
        };
        assert_eq!(counts.to_string(), "3 connect, 1 timeout");
        assert_eq!(ErrorCounts::default().to_string(), "none");
    }

    #[test]
    fn histograms_hold_zero_and_cap_at_an_hour() {
        let mut histogram = new_histogram();
        histogram.saturating_record(0);
        histogram.saturating_record(u64::MAX);
        assert_eq!(histogram.min(), 0);
        assert!(histogram.max() >= HIGHEST_NS);
        assert_eq!(histogram.len(), 2);
    }
}
