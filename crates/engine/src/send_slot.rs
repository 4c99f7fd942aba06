//! Permission to send one request, and what is due.

use crate::clock::Nanos;

/// Permission to send one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SendSlot {
    pub(crate) intended: Nanos,
    /// Now.
    pub(crate) taken: Nanos,
    /// Number of the target's slice that the request belongs to, whenever its answer comes.
    pub(crate) slice: u32,
    /// Whether it belongs to the window of that slice: it was sent there (open loop: intended).
    pub(crate) counts: bool,
}

/// A request of an open loop that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) intended: Nanos,
    pub(crate) slice: u32,
    pub(crate) counts: bool,
}
