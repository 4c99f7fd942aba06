//! Who listens at an address or a Unix socket of this machine.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use procfs::net::{TcpNetEntry, TcpState, UnixState};
use procfs::process::{FDTarget, Process, all_processes};

/// The processes that hold the socket listening at an address; none where that cannot be told of each such socket,
/// as of those of other users.
pub fn listeners(address: SocketAddr) -> Vec<u32> {
    owners(&listening(address))
}

/// The same for a Unix socket, by its path.
pub fn listeners_at_socket(path: &Path) -> Vec<u32> {
    owners(&listening_at_socket(path))
}

/// Numbers of the Unix sockets that listen at a path, as it is or as it was when they were bound.
fn listening_at_socket(path: &Path) -> HashSet<u64> {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let bound: Vec<(PathBuf, u64)> = procfs::net::unix()
        .into_iter()
        .flatten()
        // A connection that was accepted there has the same path.
        .filter(|it| it.state == UnixState::UNCONNECTED)
        .filter_map(|it| Some((it.path?, it.inode)))
        .collect();
    let at = |is_it: &dyn Fn(&Path) -> bool| -> HashSet<u64> {
        let sockets = bound.iter().filter(|(path, _)| is_it(path));
        sockets.map(|(_, inode)| *inode).collect()
    };
    let same = at(&|bound| bound == path || bound == whole);
    if !same.is_empty() {
        return same;
    }
    // Bound by a path relative to a folder that is not known. Of several that may be it, nobody can tell which is.
    let relative = at(&|bound| bound.is_relative() && whole.ends_with(bound));
    match relative.len() {
        1 => relative,
        _ => HashSet::new(),
    }
}

/// The processes that hold these sockets; none where not each of them has one that is known.
fn owners(sockets: &HashSet<u64>) -> Vec<u32> {
    let mut owned = HashSet::new();
    let mut owners = Vec::new();
    for process in all_processes().into_iter().flatten().flatten() {
        let held = held_by(&process, sockets);
        if let (false, Ok(pid)) = (held.is_empty(), u32::try_from(process.pid)) {
            owners.push(pid);
            owned.extend(held);
        }
    }
    if owned.len() < sockets.len() {
        owners.clear();
    }
    owners
}

/// The process itself, its parent, and so on.
pub fn lineage(pid: u32) -> Vec<u32> {
    let parent = |pid: &u32| {
        let stat = Process::new(i32::try_from(*pid).ok()?).ok()?.stat().ok()?;
        u32::try_from(stat.ppid).ok().filter(|parent| *parent > 0)
    };
    std::iter::successors(Some(pid), parent).collect()
}

/// Numbers of the sockets that get what is sent to an address: those bound to it, else those bound to all addresses.
fn listening(address: SocketAddr) -> HashSet<u64> {
    let at_port: Vec<TcpNetEntry> = [procfs::net::tcp(), procfs::net::tcp6()]
        .into_iter()
        .flatten()
        .flatten()
        .filter(|it| it.state == TcpState::Listen && it.local_address.port() == address.port())
        .collect();
    let bound = |is_it: &dyn Fn(&TcpNetEntry) -> bool| -> HashSet<u64> {
        let sockets = at_port.iter().filter(|it| is_it(it));
        sockets.map(|it| it.inode).collect()
    };
    let own = bound(&|it| it.local_address.ip().to_canonical() == address.ip().to_canonical());
    if own.is_empty() {
        bound(&|it| it.local_address.ip().is_unspecified())
    } else {
        own
    }
}

fn held_by(process: &Process, sockets: &HashSet<u64>) -> Vec<u64> {
    let descriptors = process.fd().into_iter().flatten().flatten();
    let held = descriptors.filter_map(|it| match it.target {
        FDTarget::Socket(number) => Some(number),
        _ => None,
    });
    held.filter(|number| sockets.contains(number)).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_listener_of_a_port_is_found_by_any_of_its_addresses() {
        let own = std::process::id();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        assert_eq!(listeners(address), [own]);
        let everywhere = TcpListener::bind("0.0.0.0:0").expect("a free port");
        let port = everywhere.local_addr().expect("it is bound").port();
        assert_eq!(listeners(SocketAddr::from(([127, 0, 0, 1], port))), [own]);
        drop(listener);
        assert!(listeners(address).is_empty());
    }

    #[test]
    fn the_listener_of_a_unix_socket_is_found_by_its_path() {
        let own = std::process::id();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.sock");
        assert!(listeners_at_socket(&path).is_empty());
        let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        let _connected = std::os::unix::net::UnixStream::connect(&path).expect("it listens");
        assert_eq!(listeners_at_socket(&path), [own]);
        let linked = folder.path().join("link.sock");
        std::os::unix::fs::symlink(&path, &linked).expect("a link");
        assert_eq!(listeners_at_socket(&linked), [own]);
        drop(listener);
        assert!(listeners_at_socket(&path).is_empty());
    }

    #[test]
    fn a_process_descends_from_its_parent() {
        let lineage = lineage(std::process::id());
        assert_eq!(lineage[0], std::process::id());
        assert_eq!(lineage.get(1), Some(&std::os::unix::process::parent_id()));
    }
}
