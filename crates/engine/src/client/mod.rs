//! *How* a request is sent: two clients behind one trait, chosen per target, never per request.

mod dial;
mod failure;
mod http;
mod raw;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::clock::{Clock, Nanos};
use crate::measurement::ErrorKind;
use crate::plan::Plan;

pub(crate) use dial::Dialer;
pub(crate) use http::{HttpClient, kind_of, reason_of, tls_config};
pub(crate) use raw::RawClient;

/// Bytes read at once. Larger than a usual answer, so that a short read tells Tokio that the socket is
/// drained and it need not ask the kernel again.
const SCRATCH: usize = 64 * 1024;

/// What the clients of one worker share. One read buffer serves all its connections, because only one
/// of them reads at a time; so an idle connection costs no buffer.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    scratch: Rc<RefCell<Box<[u8]>>>,
}

impl Shared {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            scratch: Rc::new(RefCell::new(vec![0; SCRATCH].into_boxed_slice())),
        }
    }
}

/// A connection that could not be made.
#[derive(Debug)]
pub(crate) struct ConnectFailure {
    pub(crate) kind: ErrorKind,
    pub(crate) reason: String,
}

/// A complete answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    /// The last byte was read.
    pub(crate) done: Nanos,
    /// The first bytes were read; 0 unless the plan asks for it.
    pub(crate) first_byte: Nanos,
    pub(crate) status: u16,
    /// Bytes of the answer, head included.
    pub(crate) bytes: u64,
    /// Status or body are not as expected.
    pub(crate) wrong: Option<ErrorKind>,
    /// The connection can take another request.
    pub(crate) reusable: bool,
    /// The answer says that its connection ends with it, although it was to be kept alive.
    pub(crate) announces_close: bool,
    /// From the first bytes to the last, ns; 0 for an answer that came at once, and where it is not known.
    pub(crate) spread: Nanos,
}

/// Makes connections to one target and asks on them.
pub(crate) trait Client: Sized + 'static {
    type Connection: 'static;

    /// Whether `connect` really connects, so that it can be timed.
    const CONNECTS: bool;

    /// A client of `plan` on the calling worker; the reason if it cannot be set up.
    fn new(plan: &Arc<Plan>, shared: &Shared) -> Result<Self, String>;

    /// Makes a connection.
    async fn connect(&self) -> Result<Self::Connection, ConnectFailure>;

    /// Makes sure that the connection really exists, where `connect` only prepared it; how many answers it has given by
    /// then.
    async fn establish(&self, connection: &mut Self::Connection) -> Result<u64, ConnectFailure>;

    /// Sends a request of this class and reads its answer.
    async fn exchange(
        &self,
        connection: &mut Self::Connection,
        class: usize,
    ) -> Result<Answer, ErrorKind>;

    /// Waits until the peer has closed a connection that is not to be kept alive.
    async fn part(&self, connection: &mut Self::Connection);

    /// Whether any byte of the last answer was read; true where it is not known.
    fn has_read(&self, connection: &Self::Connection) -> bool;

    /// Whether an idle connection can still be used, as far as is known without asking the peer.
    fn is_open(&self, connection: &mut Self::Connection) -> bool;

    /// Time between the chunks of the last answer, ns; empty unless the plan asks for it.
    fn chunk_gaps<'a>(&self, connection: &'a Self::Connection) -> &'a [u64];
}
