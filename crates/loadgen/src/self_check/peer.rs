//! A peer that does what a script says, and keeps its own account of what it did.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What the peer does with the request of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Answers after a delay.
    Answer(Duration),
    /// Answers with status 500.
    Fail,
    /// Closes the connection instead of answering.
    Close,
}

/// What the peer did: the truth that the load generator's figures are held against.
#[derive(Debug, Default, Clone)]
pub struct Account {
    /// Time from request to answer, in nanoseconds, of each right answer.
    pub held_ns: Vec<u64>,
    /// Answers with status 500.
    pub failed: u64,
    /// Connections closed without an answer.
    pub closed: u64,
}

/// The peer. Its threads end with the connections; its listener ends when it is dropped.
pub struct Peer {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    act: fn(u64) -> Act,
    number: AtomicU64,
    stop: AtomicBool,
    stall: Mutex<Option<(Instant, Instant)>>,
    account: Mutex<Account>,
}

impl Peer {
    /// Starts a peer that looks up what to do by the number of the request.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub fn start(act: fn(u64) -> Act) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            act,
            number: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            stall: Mutex::new(None),
            account: Mutex::new(Account::default()),
        });
        std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for stream in listener.incoming().flatten() {
                    if shared.stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let shared = Arc::clone(&shared);
                    // A client that goes away ends its connection, nothing else.
                    std::thread::spawn(move || shared.serve(stream).ok());
                }
            }
        });
        Ok(Self { addr, shared })
    }

    /// `http://host:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// From `after` from now on, nothing is answered for `length`.
    pub fn stall(&self, after: Duration, length: Duration) {
        let from = Instant::now() + after;
        *self
            .shared
            .stall
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some((from, from + length));
    }

    /// What it did so far.
    pub fn account(&self) -> Account {
        self.shared
            .account
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it shall stop.
        TcpStream::connect(self.addr).ok();
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        const FAILURE: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";
        stream.set_nodelay(true)?;
        let mut writer = stream.try_clone()?;
        let mut reader = BufReader::new(stream);
        while let Some(asked) = read_head(&mut reader)? {
            let act = (self.act)(self.number.fetch_add(1, Ordering::SeqCst));
            match act {
                Act::Answer(delay) => {
                    std::thread::sleep(delay);
                    self.wait_out_stall();
                    writer.write_all(ANSWER)?;
                    let held_ns = u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX);
                    self.note(|account| account.held_ns.push(held_ns));
                }
                Act::Fail => {
                    writer.write_all(FAILURE)?;
                    self.note(|account| account.failed += 1);
                }
                Act::Close => {
                    self.note(|account| account.closed += 1);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn wait_out_stall(&self) {
        let stall = *self.stall.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((from, until)) = stall {
            let now = Instant::now();
            if now >= from {
                std::thread::sleep(until.saturating_duration_since(now));
            }
        }
    }

    fn note(&self, write: impl FnOnce(&mut Account)) {
        write(&mut self.account.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Reads up to the empty line; when its first line came, or `None` at the end of the connection.
fn read_head(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Instant>> {
    let mut asked = None;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let asked = *asked.get_or_insert_with(Instant::now);
        if line == "\r\n" {
            return Ok(Some(asked));
        }
    }
}
