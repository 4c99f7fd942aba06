//! How many files, and so connections, this process may open.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors beside the connections: standard streams, listeners, epoll, pipes to servers.
const RESERVE: u64 = 64;

/// macOS reports an unlimited hard limit but refuses a soft one above `OPEN_MAX`.
#[cfg(target_os = "macos")]
const MACOS_OPEN_MAX: u64 = 10_240;

/// The limit on open files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescriptorLimit {
    /// What is allowed now.
    pub soft: u64,
    /// What an ordinary user can raise it to.
    pub hard: u64,
}

/// More connections are wanted than files may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{connections} connections need {needed} open files, but this process may open {soft} \
     (hard limit {hard}): ask for fewer connections or raise the limit (`ulimit -Hn`)"
)]
pub struct DescriptorShortage {
    /// Connections asked for.
    pub connections: u64,
    /// Files they need.
    pub needed: u64,
    /// The soft limit.
    pub soft: u64,
    /// The hard limit.
    pub hard: u64,
}

/// The present limit.
///
/// # Errors
/// As the operating system says.
pub fn descriptor_limit() -> io::Result<DescriptorLimit> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(DescriptorLimit { soft, hard })
}

/// Raises the soft limit to the hard one and returns what is allowed then.
///
/// # Errors
/// As the operating system says.
pub fn raise_descriptor_limit() -> io::Result<DescriptorLimit> {
    let limit = descriptor_limit()?;
    let wanted = highest_soft(limit.hard);
    if limit.soft < wanted {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, limit.hard)?;
    }
    descriptor_limit()
}

#[cfg(target_os = "macos")]
fn highest_soft(hard: u64) -> u64 {
    hard.min(MACOS_OPEN_MAX)
}

#[cfg(not(target_os = "macos"))]
fn highest_soft(hard: u64) -> u64 {
    hard
}

impl DescriptorLimit {
    /// Whether so many connections (of all targets together) fit under the soft limit.
    ///
    /// # Errors
    /// [`DescriptorShortage`] with the numbers, if not.
    pub fn check(self, connections: u64) -> Result<(), DescriptorShortage> {
        let needed = connections.saturating_add(RESERVE);
        if needed <= self.soft {
            return Ok(());
        }
        Err(DescriptorShortage {
            connections,
            needed,
            soft: self.soft,
            hard: self.hard,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_counts_the_reserve() {
        let limit = DescriptorLimit {
            soft: 1024,
            hard: 4096,
        };
        assert_eq!(limit.check(1024 - RESERVE), Ok(()));
        let shortage = limit.check(1000).unwrap_err();
        assert_eq!(shortage.needed, 1000 + RESERVE);
        assert!(shortage.to_string().contains("may open 1024"));
    }

    #[test]
    fn raising_reaches_the_hard_limit_and_never_lowers() {
        let before = descriptor_limit().unwrap();
        let after = raise_descriptor_limit().unwrap();
        assert!(after.soft >= before.soft);
        assert_eq!(after.soft, highest_soft(after.hard).max(before.soft));
    }
}
