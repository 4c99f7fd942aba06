//! The connections there are.
//!
//! Each keeps its own state, so that no request touches anything shared; counting them, and
//! stopping them, is what has to look at all.

use std::{
    collections::HashMap,
    net::TcpStream,
    os::fd::AsRawFd,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use contract::Answer;
use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, recv},
};
use server_core::Counters;

use crate::presence;

/// Between two requests.
const IDLE: u8 = 0;
/// A request is complete, its answer is not.
const BUSY: u8 = 1;
/// Told to stop while it was idle.
const STOPPED: u8 = 2;

/// A connection and what it is doing.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    state: AtomicU8,
}

/// All connections.
#[derive(Debug)]
pub(crate) struct Peers {
    max_connections: Option<usize>,
    counters: Arc<Counters>,
    open: Mutex<Open>,
    closed: Condvar,
    stopping: AtomicBool,
}

#[derive(Debug, Default)]
struct Open {
    next_id: u64,
    by_id: HashMap<u64, Arc<Peer>>,
}

/// A connection's place among the others, given up when dropped.
#[derive(Debug)]
pub(crate) struct ConnectionGuard {
    peers: Arc<Peers>,
    id: u64,
}

impl Peer {
    /// Says that a request is complete. Returns whether it may be answered: the connection may
    /// have been told to stop.
    pub(crate) fn begin(&self) -> bool {
        self.state
            .compare_exchange(IDLE, BUSY, SeqCst, SeqCst)
            .is_ok()
    }

    /// Whether the client still waits for the answer: an error, which nobody will see, if it is
    /// gone. Between two steps of work it is worth asking; during one there is no way, so that the
    /// step before went on in vain and is counted as abandoned.
    pub(crate) fn still_there(&self, counters: &Counters) -> Result<(), Answer> {
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        match recv(self.stream.as_raw_fd(), &mut [0], flags) {
            Ok(1..) | Err(Errno::EAGAIN | Errno::EINTR) => Ok(()),
            Ok(0) if !presence::is_gone(&self.stream) => Ok(()),
            Ok(0) | Err(_) => {
                counters.abandoned();
                Err(Answer::error(500, "the client is gone").closing())
            }
        }
    }

    /// Says that the answer was sent.
    pub(crate) fn finish(&self) {
        self.state.store(IDLE, SeqCst);
    }
}

impl Peers {
    /// None so far, and never more than `max_connections`. One that panics is counted by
    /// `counters`.
    pub(crate) fn new(max_connections: Option<usize>, counters: Arc<Counters>) -> Self {
        Self {
            max_connections,
            counters,
            open: Mutex::default(),
            closed: Condvar::new(),
            stopping: AtomicBool::new(false),
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a connection, or gives it back when there are too many already.
    pub(crate) fn admit(
        self: &Arc<Self>,
        stream: TcpStream,
    ) -> Result<(Arc<Peer>, ConnectionGuard), TcpStream> {
        let max = self.max_connections;
        let mut open = self.open();
        if max.is_some_and(|max| open.by_id.len() >= max) {
            return Err(stream);
        }
        let peer = Arc::new(Peer {
            stream,
            state: AtomicU8::new(IDLE),
        });
        let id = open.next_id;
        open.next_id += 1;
        open.by_id.insert(id, peer.clone());
        drop(open);
        let peers = self.clone();
        Ok((peer, ConnectionGuard { peers, id }))
    }

    /// How many are open, and how many of them are answering a request.
    pub(crate) fn count(&self) -> (u64, u64) {
        let open = self.open();
        let busy = |peer: &&Arc<Peer>| peer.state.load(SeqCst) == BUSY;
        let in_flight = open.by_id.values().filter(busy).count();
        (open.by_id.len() as u64, in_flight as u64)
    }

    /// Whether connections are to end after the request in flight.
    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(SeqCst)
    }

    /// Ends the idle ones now and the others after the request in flight.
    pub(crate) fn stop(&self) {
        // In this order: whoever becomes idle after the flag is set sees the flag.
        self.stopping.store(true, SeqCst);
        for peer in self.open().by_id.values() {
            if peer
                .state
                .compare_exchange(IDLE, STOPPED, SeqCst, SeqCst)
                .is_ok()
            {
                // Wakes the thread that is blocked in reading. Fails when the client is gone.
                let _ = peer.stream.shutdown(std::net::Shutdown::Both);
            }
        }
    }

    /// Waits until all are closed; cuts those still open after `timeout`, and says how many.
    pub(crate) fn drain(&self, timeout: Duration) -> usize {
        let some = |open: &mut Open| !open.by_id.is_empty();
        let (open, _) = self
            .closed
            .wait_timeout_while(self.open(), timeout, some)
            .unwrap_or_else(PoisonError::into_inner);
        for peer in open.by_id.values() {
            let _ = peer.stream.shutdown(std::net::Shutdown::Both);
        }
        open.by_id.len()
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        if thread::panicking() {
            self.peers.counters.panicked();
        }
        let mut open = self.peers.open();
        open.by_id.remove(&self.id);
        if open.by_id.is_empty() {
            self.peers.closed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Write, net::TcpListener};

    #[test]
    fn sees_whether_the_client_is_still_there() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let peer = Peer {
            stream: listener.accept().unwrap().0,
            state: AtomicU8::new(BUSY),
        };
        let counters = Counters::default();
        assert!(peer.still_there(&counters).is_ok());
        client.write_all(b"GET /").unwrap();
        assert!(
            peer.still_there(&counters).is_ok(),
            "the next request is there already"
        );
        let mut read = [0; 5];
        std::io::Read::read_exact(&mut &peer.stream, &mut read).unwrap();
        drop(client);
        // The end arrives a moment later.
        assert_eq!(counters.snapshot(0, 0).work_abandoned, 0);
        while peer.still_there(&counters).is_ok() {
            thread::yield_now();
        }
        assert_eq!(counters.snapshot(0, 0).work_abandoned, 1);
    }
}
