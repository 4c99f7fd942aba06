//! How a server says that it serves: one line of JSON on its standard output.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The line. `C` is the server's own configuration; the harness keeps it as it came, in the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ready<C = serde_json::Value> {
    /// The server's name, such as `sync`.
    pub server: String,
    /// Where it listens, the real port included.
    pub addr: SocketAddr,
    /// Its process.
    pub pid: u32,
    /// Every tunable.
    pub config: C,
}

impl<C: Serialize> Ready<C> {
    /// The line of this process.
    pub fn new(server: &str, addr: SocketAddr, config: C) -> Self {
        Self {
            server: server.to_owned(),
            addr,
            pid: std::process::id(),
            config,
        }
    }

    /// Writes the line and flushes: the reader waits for it.
    ///
    /// # Errors
    ///
    /// When `out` can't be written.
    pub fn announce(&self, mut out: impl std::io::Write) -> std::io::Result<()> {
        serde_json::to_writer(&mut out, self)?;
        out.write_all(b"\n")?;
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_line_that_reads_back() {
        let addr = SocketAddr::from(([127, 0, 0, 1], 80));
        let ready = Ready::new("sync", addr, serde_json::json!({"a": 1}));
        let mut line = Vec::new();
        ready.announce(&mut line).unwrap();
        let pid = std::process::id();
        let expected = format!(
            "{{\"server\":\"sync\",\"addr\":\"127.0.0.1:80\",\"pid\":{pid},\"config\":{{\"a\":1}}}}\n"
        );
        assert_eq!(String::from_utf8_lossy(&line), expected);
        assert_eq!(serde_json::from_slice::<Ready>(&line).unwrap(), ready);
    }
}
