//! The processes of a server: one, or a tree that may change while it serves.

use std::net::{SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::path::Path;

use crate::{counters, url};

/// The processes whose CPU and memory are a server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pids {
    /// Not known: it runs on this machine, and who listens there cannot be told.
    Unknown,
    /// None here: it runs on another machine.
    Elsewhere,
    /// One process.
    One(u32),
    /// Processes and all their descendants, but not this program and what it started.
    Trees(Vec<u32>),
}

impl Pids {
    /// Those of a server that runs already: whoever listens there, if that is on this machine.
    pub fn of_url(base_url: &str) -> Self {
        if let Some(socket) = url::socket(base_url) {
            return match counters::listeners_at_socket(Path::new(socket)) {
                owners if owners.is_empty() => Self::Unknown,
                owners => of_owners(owners),
            };
        }
        let host = base_url
            .split_once("://")
            .map_or(base_url, |(_, host)| host);
        let addresses: Vec<SocketAddr> = host.to_socket_addrs().into_iter().flatten().collect();
        let here: Vec<&SocketAddr> = addresses
            .iter()
            .filter(|it| is_of_this_machine(it))
            .collect();
        if here.is_empty() && !addresses.is_empty() {
            return Self::Elsewhere;
        }
        let found = here.into_iter().map(|it| counters::listeners(*it));
        found
            .into_iter()
            .find(|owners| !owners.is_empty())
            .map_or(Self::Unknown, of_owners)
    }

    /// Those there are at this moment, in the order of their numbers.
    pub fn now(&self) -> Vec<u32> {
        match self {
            Self::Unknown | Self::Elsewhere => Vec::new(),
            Self::One(pid) => vec![*pid],
            Self::Trees(roots) => {
                let tree = |&root| counters::process_tree(root, &[std::process::id()]);
                let mut pids: Vec<u32> = roots.iter().flat_map(tree).collect();
                pids.sort_unstable();
                pids.dedup();
                pids
            }
        }
    }
}

/// Nobody can bind to an address of another machine.
fn is_of_this_machine(address: &SocketAddr) -> bool {
    UdpSocket::bind((address.ip(), 0)).is_ok()
}

/// The trees of those owners that descend from no other. Of one that started this program only the process itself
/// is known to be the server: whatever else it started may be anything.
fn of_owners(owners: Vec<u32>) -> Pids {
    let above_us = counters::lineage(std::process::id());
    if owners.iter().any(|owner| above_us.contains(owner)) {
        return match owners[..] {
            [owner] => Pids::One(owner),
            _ => Pids::Unknown,
        };
    }
    let is_root = |pid: &u32| {
        let mut above = counters::lineage(*pid).into_iter().skip(1);
        !above.any(|it| owners.contains(&it))
    };
    Pids::Trees(owners.iter().copied().filter(is_root).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_s_server_is_who_listens_there() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let found = Pids::of_url(&url);
        if cfg!(target_os = "linux") {
            assert_eq!(found, Pids::One(std::process::id()), "this program's own");
        }
        drop(listener);
        assert_eq!(Pids::of_url(&url), Pids::Unknown, "nobody listens");
    }

    #[test]
    fn an_address_of_another_machine_has_no_processes_here() {
        // Addresses of documentation (RFC 5737): no machine has them.
        assert_eq!(Pids::of_url("http://192.0.2.1:80"), Pids::Elsewhere);
    }

    #[test]
    fn of_several_owners_the_trees_of_those_above_are_the_server() {
        let mut child = std::process::Command::new("sleep")
            .arg("30")
            .spawn()
            .expect("sleep");
        let pids = of_owners(vec![child.id()]);
        child.kill().expect("sleep can be ended");
        child.wait().expect("sleep has ended");
        assert_eq!(pids, Pids::Trees(vec![child.id()]));
        assert_eq!(
            of_owners(vec![std::process::id(), child.id()]),
            Pids::Unknown
        );
    }
}
