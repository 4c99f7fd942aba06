//! The end of a server, with what was in flight finished.

/// What became of the connections that were open when the server was told to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// Connections cut because their request took longer than the drain timeout.
    pub cut: usize,
}
