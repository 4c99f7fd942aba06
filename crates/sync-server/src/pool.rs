//! The threads of `sync-pool`: each serves one connection until it closes, further ones wait.

use std::{
    collections::VecDeque,
    net::TcpStream,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::{
    Error,
    app::App,
    connection,
    peers::{ConnectionGuard, Peer},
    refusal::refuse,
};

/// A fixed number of threads and a bounded queue before them.
#[derive(Debug)]
pub(crate) struct Pool {
    app: Arc<App>,
    queue: Arc<Queue>,
}

#[derive(Debug)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    connections: VecDeque<(Arc<Peer>, ConnectionGuard)>,
    idle_threads: usize,
    closed: bool,
}

impl Pool {
    pub(crate) fn start(app: &Arc<App>, threads: usize, capacity: usize) -> Result<Self, Error> {
        let pool = Self {
            app: app.clone(),
            queue: Arc::new(Queue {
                waiting: Mutex::default(),
                changed: Condvar::new(),
                capacity,
            }),
        };
        for _ in 0..threads {
            let (app, queue) = (app.clone(), pool.queue.clone());
            let thread = thread::Builder::new().stack_size(app.config.stack_size_bytes);
            if let Err(error) = thread.spawn(move || serve_until_closed(&app, &queue)) {
                pool.close();
                return Err(Error::Thread(error));
            }
        }
        Ok(pool)
    }

    /// Hands a connection to a thread, queues it, or refuses it.
    pub(crate) fn offer(&self, stream: TcpStream) {
        let (peer, guard) = match self.app.peers.admit(stream) {
            Ok(admitted) => admitted,
            Err(stream) => return refuse(&stream, "too many connections"),
        };
        let mut waiting = self.queue.lock();
        if waiting.connections.len() >= self.queue.capacity + waiting.idle_threads {
            drop(waiting);
            return refuse(&peer.stream, "too many connections wait for a thread");
        }
        waiting.connections.push_back((peer, guard));
        drop(waiting);
        self.queue.changed.notify_one();
    }

    /// Closes the connections that wait, and ends the threads after those they serve.
    pub(crate) fn close(&self) {
        let mut waiting = self.queue.lock();
        waiting.closed = true;
        let never_served = std::mem::take(&mut waiting.connections);
        drop(waiting);
        self.queue.changed.notify_all();
        drop(never_served);
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks until there is a connection; `None` when the pool is closed.
    fn next(&self) -> Option<(Arc<Peer>, ConnectionGuard)> {
        let mut waiting = self.lock();
        waiting.idle_threads += 1;
        let mut waiting = self
            .changed
            .wait_while(waiting, |waiting| {
                waiting.connections.is_empty() && !waiting.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        waiting.idle_threads -= 1;
        waiting.connections.pop_front()
    }
}

fn serve_until_closed(app: &App, queue: &Queue) {
    while let Some((peer, guard)) = queue.next() {
        // A panic costs its connection (the guard counts it), not the thread. Nothing that
        // unwinding left behind is looked at again.
        let _ = catch_unwind(AssertUnwindSafe(move || {
            let _guard = guard;
            connection::serve(app, &peer);
        }));
    }
}
