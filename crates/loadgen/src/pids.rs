//! The processes of a server: one, or a tree that may change while it serves.

use crate::counters;

/// The processes whose CPU and memory are a server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pids {
    /// Not known: it was running already.
    Unknown,
    /// One process.
    One(u32),
    /// A process and all its descendants.
    Tree(u32),
}

impl Pids {
    /// Those there are at this moment, in the order of their numbers.
    pub fn now(self) -> Vec<u32> {
        match self {
            Self::Unknown => Vec::new(),
            Self::One(pid) => vec![pid],
            Self::Tree(root) => {
                let mut pids = counters::process_tree(root);
                pids.sort_unstable();
                pids
            }
        }
    }
}
