//! Whether the open-files limit allows the connections asked for.

use anyhow::{Context as _, bail};

use crate::server_spec::{ServerSource, ServerSpec};

/// Descriptors besides connections: files, pipes, timers, polls.
const OTHERS: u64 = 100;

/// How many servers can be connected at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// All.
    ForAll,
    /// One: they are connected anew for each turn.
    InTurns,
}

/// Raises the soft limit to the hard one and looks whether that is enough.
///
/// # Errors
/// When it is not, with the numbers.
pub fn room_for(servers: &[ServerSpec], connections: usize) -> anyhow::Result<Room> {
    let limit =
        engine::limits::raise_descriptor_limit().context("cannot read the limit on open files")?;
    let room = room(connections as u64, servers.len() as u64, limit.soft);
    let built_in = servers
        .iter()
        .any(|server| matches!(server.source, ServerSource::BuiltIn { .. }));
    match room {
        Some(room) => Ok(room),
        None if limit.soft <= OTHERS => bail!(
            "at most {} open files can be had, and the load generator needs {OTHERS} besides its connections: \
             raise the limit (ulimit -Hn, /etc/security/limits.conf)",
            limit.soft,
        ),
        None => bail!(
            "{} connections need {} open files in the load generator{}, but at most {} can be had: \
             raise it (ulimit -Hn, /etc/security/limits.conf) or use --concurrency {} or less",
            connections,
            connections as u64 + OTHERS,
            if built_in {
                " and as many in each server"
            } else {
                ""
            },
            limit.soft,
            limit.soft - OTHERS,
        ),
    }
}

/// How many of so many servers can be connected at a time under a limit on open files; `None`: not one.
pub fn room(concurrency: u64, servers: u64, limit: u64) -> Option<Room> {
    if concurrency.saturating_mul(servers).saturating_add(OTHERS) <= limit {
        return Some(Room::ForAll);
    }
    (concurrency.saturating_add(OTHERS) <= limit).then_some(Room::InTurns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_take_turns_where_not_all_can_be_connected() {
        assert_eq!(room(360, 3, 20_000), Some(Room::ForAll));
        assert_eq!(room(10_000, 3, 20_000), Some(Room::InTurns));
        assert_eq!(room(19_901, 1, 20_000), None);
        assert_eq!(room(u64::MAX, 3, 20_000), None);
    }
}
