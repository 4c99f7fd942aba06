//! The connections there are.
//!
//! Each keeps its own state, so that no request touches anything shared; counting them, and
//! stopping them, is what has to look at all.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicBool, AtomicU8, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    task::Waker,
    thread,
    time::Duration,
};

use server_core::Counters;
use tokio::{sync::Notify, time::Instant};

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It waits for a request.
    Idle,
    /// It reads a request's body.
    Reading,
    /// A request is complete, its answer is not.
    Answering,
    /// It goes on with WebSocket, and may be stopped at any time.
    Upgraded,
}

/// A connection and what it is doing.
#[derive(Debug)]
pub(crate) struct Peer {
    state: AtomicU8,
    /// Wakes its task to see that the server stops.
    waker: Mutex<Option<Waker>>,
    lingers: AtomicBool,
    /// Whether its task wants to be woken when the answer is done.
    called_at_rest: AtomicBool,
    connected: Instant,
    /// Since when it is idle, in milliseconds after it connected.
    idle_since_ms: AtomicU64,
}

/// All connections.
#[derive(Debug)]
pub(crate) struct Peers {
    max_connections: Option<usize>,
    counters: Arc<Counters>,
    open: Mutex<Open>,
    closed: Notify,
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
    pub(crate) fn set(&self, state: State) {
        self.state.store(state as u8, Relaxed);
    }

    pub(crate) fn state(&self) -> State {
        match self.state.load(Relaxed) {
            0 => State::Idle,
            1 => State::Reading,
            2 => State::Answering,
            _ => State::Upgraded,
        }
    }

    /// Says that the answer is done, and when that was. Whoever [waits](Self::call_at_rest) for that is woken.
    pub(crate) fn rest(&self) {
        let ms = u64::try_from(self.connected.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.idle_since_ms.store(ms, Relaxed);
        self.set(State::Idle);
        if self.called_at_rest.load(Relaxed) {
            self.called_at_rest.store(false, Relaxed);
            self.wake();
        }
    }

    /// Has [`rest`](Self::rest) wake the task that [`wake_to_stop`](Self::wake_to_stop) names: something waits for
    /// the end of the answer.
    pub(crate) fn call_at_rest(&self) {
        self.called_at_rest.store(true, Relaxed);
    }

    fn wake(&self) {
        let mut kept = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waker) = kept.take() {
            waker.wake();
        }
    }

    /// When [`rest`](Self::rest) was said last; when it connected, if it never was.
    pub(crate) fn idle_since(&self) -> Instant {
        self.connected + Duration::from_millis(self.idle_since_ms.load(Relaxed))
    }

    /// Has the server wake this task when it stops. Look at [`Peers::stopping`] afterwards.
    pub(crate) fn wake_to_stop(&self, waker: &Waker) {
        let mut kept = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            *kept = Some(waker.clone());
        }
    }

    /// Says that the connection closes after the present answer, perhaps with bytes unread.
    pub(crate) fn linger(&self) {
        self.lingers.store(true, Relaxed);
    }

    /// Whether it was said.
    pub(crate) fn lingers(&self) -> bool {
        self.lingers.load(Relaxed)
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
            closed: Notify::new(),
            stopping: AtomicBool::new(false),
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a connection, unless there are too many already.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<(Arc<Peer>, ConnectionGuard)> {
        let max = self.max_connections;
        let mut open = self.open();
        if max.is_some_and(|max| open.by_id.len() >= max) {
            return None;
        }
        let peer = Arc::new(Peer {
            state: AtomicU8::new(State::Idle as u8),
            waker: Mutex::default(),
            lingers: AtomicBool::new(false),
            called_at_rest: AtomicBool::new(false),
            connected: Instant::now(),
            idle_since_ms: AtomicU64::new(0),
        });
        let id = open.next_id;
        open.next_id += 1;
        open.by_id.insert(id, peer.clone());
        drop(open);
        let peers = self.clone();
        Some((peer, ConnectionGuard { peers, id }))
    }

    /// How many are open, and how many of them are answering a request.
    pub(crate) fn count(&self) -> (u64, u64) {
        let open = self.open();
        let busy = |peer: &&Arc<Peer>| matches!(peer.state(), State::Reading | State::Answering);
        let in_flight = open.by_id.values().filter(busy).count();
        (open.by_id.len() as u64, in_flight as u64)
    }

    /// Whether connections are to end after the request in flight.
    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(SeqCst)
    }

    /// Ends the idle ones now and the others after the request in flight.
    pub(crate) fn stop(&self) {
        // In this order: whoever leaves its waker after the flag is set sees the flag.
        self.stopping.store(true, SeqCst);
        for peer in self.open().by_id.values() {
            peer.wake();
        }
    }

    /// Waits until all are closed; says how many still are not after `timeout`.
    pub(crate) async fn drain(&self, timeout: Duration) -> usize {
        let all_closed = async {
            loop {
                let closed = self.closed.notified();
                if self.open().by_id.is_empty() {
                    return;
                }
                closed.await;
            }
        };
        match tokio::time::timeout(timeout, all_closed).await {
            Ok(()) => 0,
            Err(_) => self.open().by_id.len(),
        }
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
            self.peers.closed.notify_one();
        }
    }
}
