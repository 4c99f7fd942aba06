//! `loadgen serve waits`: who answers after the time it is told. For the servers it stands for whatever they wait for: a
//! database, another service.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use contract::waits;
use hdrhistogram::Histogram;
use record::Lateness;
use timer::Alarms;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::lanes::{self, Lanes};

/// What begins a request for the account instead of a time; as one, it would be 20 minutes.
const ASKS_FOR_ACCOUNT: [u8; 4] = *b"GET ";
/// Threads: one carries about a hundred thousand waits a second.
const THREADS: usize = 2;

/// Flags of the peer for waits.
#[derive(Debug, Args)]
pub struct WaitsArgs {
    /// Address to listen on; port 0 lets the system choose
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    addr: SocketAddr,
}

/// Serves the connections of one thread.
struct Worker {
    alarms: Alarms,
    late_ns: Arc<Mutex<Histogram<u64>>>,
}

impl lanes::Serve for Worker {
    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut told = [0; 4];
        loop {
            stream.read_exact(&mut told).await?;
            let asked = Instant::now();
            if told == ASKS_FOR_ACCOUNT {
                return self.account(&mut stream).await;
            }
            let due = asked + waits::time(told);
            self.alarms.sleep_until(due).await;
            self.note(due.elapsed());
            stream.write_all(&waits::PEER_ANSWER).await?;
        }
    }
}

impl Worker {
    fn note(&self, late: Duration) {
        let late_ns = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
        self.late_ns().saturating_record(late_ns);
    }

    async fn account(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let body = serde_json::to_string(&lateness(&self.late_ns()))?;
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // Closing with bytes unread would reset the connection, and the answer with it.
        tokio::io::copy(stream, &mut tokio::io::sink())
            .await
            .map(drop)
    }

    fn late_ns(&self) -> std::sync::MutexGuard<'_, Histogram<u64>> {
        self.late_ns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lateness(late_ns: &Histogram<u64>) -> Lateness {
    let us = |ns: u64| ns as f64 / 1e3;
    Lateness {
        waits: late_ns.len(),
        p50_us: us(late_ns.value_at_quantile(0.5)),
        p99_us: us(late_ns.value_at_quantile(0.99)),
        max_us: us(late_ns.max()),
    }
}

/// Starts it.
///
/// # Errors
/// When the address cannot be listened on, or no thread be started.
fn start(addr: SocketAddr) -> std::io::Result<Lanes> {
    let late_ns = Arc::new(Mutex::new(engine::new_histogram()));
    Lanes::start(addr, THREADS, |_| {
        Ok(Worker {
            alarms: Alarms::start(1)?,
            late_ns: Arc::clone(&late_ns),
        })
    })
}

/// Serves until SIGTERM, or until the pipe on standard input closes. Says on `out` when it is ready. `GET /` tells how late
/// it was.
///
/// # Errors
/// When it cannot start.
pub fn serve(args: &WaitsArgs, out: impl Write) -> anyhow::Result<()> {
    lanes::serve_to_the_end("waits", (), out, || {
        let lanes = start(args.addr).with_context(|| format!("cannot listen on {}", args.addr))?;
        Ok((lanes.addr(), lanes))
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn it_answers_after_the_time_it_is_told_and_tells_how_late() {
        let peer = start(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let mut stream = std::net::TcpStream::connect(peer.addr()).unwrap();
        for told_us in [0, 3_000, 200] {
            let told = Duration::from_micros(told_us);
            let begun = Instant::now();
            stream.write_all(&waits::told(told)).unwrap();
            let mut answer = [0; 1];
            stream.read_exact(&mut answer).unwrap();
            assert!(begun.elapsed() >= told);
            assert_eq!(answer, waits::PEER_ANSWER);
        }
        let url = format!("http://{}/", peer.addr());
        let request = engine::Request::get("/");
        let told = engine::fetch(&url, &request, Duration::from_secs(5)).unwrap();
        let lateness: Lateness = serde_json::from_slice(&told.body).unwrap();
        assert_eq!(lateness.waits, 3);
        assert!(lateness.p50_us <= lateness.max_us);
    }
}
