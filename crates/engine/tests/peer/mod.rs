//! A scripted peer: a server whose answers, delays and misdeeds are known exactly.

#![allow(dead_code, reason = "every test file uses its own part of it")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use engine::{
    Engine, EngineConfig, Load, Measurement, Slice, SliceEnd, SliceOutcome, Target, TargetId,
};

/// A request as the script sees it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Number of the connection, from 0.
    pub(crate) connection: u64,
    /// Number of the request on its connection, from 0.
    pub(crate) request: u64,
    /// Since the peer started.
    pub(crate) at: Duration,
    /// First line and headers.
    pub(crate) head: String,
}

/// What the peer does about it, one after another.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Say(Vec<u8>),
    Wait(Duration),
    /// Keeps the connection open and says nothing more, until the test is over.
    Hold,
    /// Closes in order (FIN).
    Close,
    /// Closes abruptly (RST).
    Reset,
}

/// `Hello World` with its length.
pub(crate) fn hello() -> Act {
    Act::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nHello World".to_vec())
}

pub(crate) fn say(text: &str) -> Act {
    Act::Say(text.as_bytes().to_vec())
}

pub(crate) fn wait_ms(ms: u64) -> Act {
    Act::Wait(Duration::from_millis(ms))
}

type Script = dyn Fn(&Asked) -> Vec<Act> + Send + Sync;

pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    over: AtomicBool,
    connections: AtomicU64,
    closed: AtomicU64,
    requests: AtomicU64,
    started: Instant,
    script: Box<Script>,
}

impl Peer {
    /// Starts a peer that follows `script` for every request.
    pub(crate) fn start(script: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            over: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            closed: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            started: Instant::now(),
            script: Box::new(script),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&accepting);
                let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    shared.serve(stream, number);
                    shared.closed.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Returns when so many connections have been closed from this side.
    pub(crate) fn await_closed(&self, connections: u64) {
        while self.shared.closed.load(Ordering::SeqCst) < connections {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Requests received so far.
    pub(crate) fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Time since the peer started, as its script sees it.
    pub(crate) fn now(&self) -> Duration {
        self.shared.started.elapsed()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream, connection: u64) {
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let mut received = Vec::new();
        for request in 0.. {
            let Some(head) = self.read_head(&mut stream, &mut received) else {
                return;
            };
            self.requests.fetch_add(1, Ordering::SeqCst);
            let asked = Asked {
                connection,
                request,
                at: self.started.elapsed(),
                head,
            };
            for act in (self.script)(&asked) {
                match act {
                    Act::Say(bytes) => {
                        if stream.write_all(&bytes).is_err() {
                            return;
                        }
                    }
                    Act::Wait(time) => thread::sleep(time),
                    Act::Hold => {
                        while !self.over.load(Ordering::SeqCst) {
                            thread::sleep(Duration::from_millis(20));
                        }
                        return;
                    }
                    Act::Close => return,
                    Act::Reset => {
                        let socket = socket2::SockRef::from(&stream);
                        socket.set_linger(Some(Duration::ZERO)).unwrap();
                        return;
                    }
                }
            }
        }
    }

    /// The next request's head; none at the end of the connection or of the test. Bodies are not
    /// expected.
    fn read_head(&self, stream: &mut TcpStream, received: &mut Vec<u8>) -> Option<String> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = received.drain(..end + 4).collect();
                return Some(String::from_utf8(head).unwrap());
            }
            match stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => received.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.over.load(Ordering::SeqCst) {
                        return None;
                    }
                }
                Err(_) => return None,
            }
        }
    }
}

/// An engine with two workers and a timeout short enough to test with.
pub(crate) fn engine(timeout_ms: u64) -> Engine {
    let config = EngineConfig {
        threads: 2,
        timeout: Duration::from_millis(timeout_ms),
        seed: 1,
        ..EngineConfig::default()
    };
    Engine::start(config).unwrap()
}

pub(crate) fn slice(target: TargetId, load: Load, lead_in_ms: u64, ms: u64) -> Slice {
    Slice {
        loads: vec![(target, load)],
        lead_in: Duration::from_millis(lead_in_ms),
        end: SliceEnd::After(Duration::from_millis(ms)),
    }
}

pub(crate) fn requests(target: TargetId, load: Load, requests: u64) -> Slice {
    Slice {
        loads: vec![(target, load)],
        lead_in: Duration::ZERO,
        end: SliceEnd::Requests(requests),
    }
}

/// Connects `target`, runs one slice and collects.
pub(crate) fn measure(
    engine: &mut Engine,
    target: Target,
    slice: impl FnOnce(TargetId) -> Slice,
) -> (SliceOutcome, Measurement) {
    let id = engine.connect(target).unwrap();
    let outcome = engine.run_slice(&slice(id)).unwrap();
    let measurement = engine.collect(id).unwrap();
    engine.disconnect(id);
    (outcome, measurement)
}
