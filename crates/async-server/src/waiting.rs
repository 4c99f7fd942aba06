//! What a simulated wait is: the task is woken by a timer, or by what comes from the peer that waits.

use std::{
    io,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contract::{Answer, waits};
use timer::Alarms;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[derive(Debug)]
pub(crate) struct Waiting {
    /// `None`: Tokio's own timer.
    alarms: Option<Alarms>,
    /// Who is asked instead of waiting for a timer.
    peer: Option<Peer>,
}

/// Who answers late, and the connections to it that nobody uses.
#[derive(Debug)]
struct Peer {
    addr: SocketAddr,
    free: Mutex<Vec<TcpStream>>,
}

impl Waiting {
    /// For so many worker threads. Must be called inside the runtime.
    pub(crate) fn start(config: server_core::Waiting, workers: usize) -> io::Result<Self> {
        let is_exact = config != server_core::Waiting::Runtime;
        Ok(Self {
            alarms: is_exact.then(|| Alarms::start(workers)).transpose()?,
            peer: match config {
                server_core::Waiting::Socket(addr) => Some(Peer {
                    addr,
                    free: Mutex::default(),
                }),
                server_core::Waiting::Exact | server_core::Waiting::Runtime => None,
            },
        })
    }

    /// Waits as for I/O.
    pub(crate) async fn wait(&self, time: Duration) -> Result<(), Answer> {
        match &self.peer {
            Some(peer) => {
                let waited = peer.wait(time).await;
                waited.map_err(|error| waits::failed(&error))
            }
            None => {
                self.pause(time).await;
                Ok(())
            }
        }
    }

    /// Lets time pass, which is not that of I/O.
    pub(crate) async fn pause(&self, time: Duration) {
        match &self.alarms {
            Some(alarms) => alarms.sleep(time).await,
            None => tokio::time::sleep(time).await,
        }
    }
}

impl Peer {
    async fn wait(&self, time: Duration) -> io::Result<()> {
        let mut stream = self.connection().await?;
        stream.write_all(&waits::told(time)).await?;
        stream.read_exact(&mut waits::PEER_ANSWER.clone()).await?;
        self.free().push(stream);
        Ok(())
    }

    async fn connection(&self) -> io::Result<TcpStream> {
        let free = self.free().pop();
        if let Some(stream) = free {
            return Ok(stream);
        }
        let stream = TcpStream::connect(self.addr).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn free(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
