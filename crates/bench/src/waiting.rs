//! What the built-in servers' simulated waits are, for a whole run: a timer, or a [`servers::peer`] process that answers
//! late.

use std::time::Duration;

use anyhow::Context as _;
use record::Lateness;

use crate::process::ServerProcess;
use crate::values::Wait;

/// How long its account may be awaited.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What the servers wait for. Its processes end when this is dropped.
pub struct Waiting {
    wait: Wait,
    /// One for each server, so that none has more connections than the server it waits for.
    peers: Vec<ServerProcess>,
}

impl Waiting {
    /// Starts what so many servers need.
    ///
    /// # Errors
    /// When a peer does not start.
    pub fn start(wait: Wait, servers: usize, cpus: &[usize]) -> anyhow::Result<Self> {
        let peers = if wait == Wait::Socket { servers } else { 0 };
        let peer = |_| ServerProcess::start_built_in("waits", &[], cpus);
        Ok(Self {
            wait,
            peers: (0..peers).map(peer).collect::<anyhow::Result<_>>()?,
        })
    }

    /// The flag, with its value, for the server of a number, if it is built in and has not been given one.
    pub fn flag(&self, server: usize) -> (&'static str, String) {
        let value = match self.peers.get(server) {
            Some(peer) => peer.url().replacen("http://", "", 1),
            None => self.wait.name().to_owned(),
        };
        ("--wait", value)
    }

    /// How late the peers were; empty where there are none, or they do not tell.
    pub fn lateness(&self) -> Vec<Lateness> {
        let told = self.peers.iter().filter_map(|peer| ask(&peer.url()).ok());
        told.filter(|lateness| lateness.waits > 0).collect()
    }
}

fn ask(url: &str) -> anyhow::Result<Lateness> {
    let answer = engine::fetch(url, &engine::Request::get("/"), TIMEOUT)
        .context("the peer for waits does not tell how late it was")?;
    serde_json::from_slice(&answer.body).context("the peer for waits tells what is no account")
}
