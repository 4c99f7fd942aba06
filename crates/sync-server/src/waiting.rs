//! What a simulated wait is: the thread sleeps, or is blocked in a read from the peer that waits.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use contract::{Answer, waits};

#[derive(Debug)]
pub(crate) enum Waiting {
    Sleep,
    Socket(Peer),
}

/// Who answers late, and the connections to it that nobody uses.
#[derive(Debug)]
pub(crate) struct Peer {
    addr: SocketAddr,
    free: Mutex<Vec<TcpStream>>,
}

impl Waiting {
    pub(crate) fn new(config: server_core::Waiting) -> Self {
        match config {
            server_core::Waiting::Exact | server_core::Waiting::Runtime => Self::Sleep,
            server_core::Waiting::Socket(addr) => Self::Socket(Peer {
                addr,
                free: Mutex::default(),
            }),
        }
    }

    /// Waits as for I/O.
    pub(crate) fn wait(&self, time: Duration) -> Result<(), Answer> {
        match self {
            Self::Sleep => {
                thread::sleep(time);
                Ok(())
            }
            Self::Socket(peer) => peer.wait(time).map_err(|error| waits::failed(&error)),
        }
    }
}

impl Peer {
    fn wait(&self, time: Duration) -> io::Result<()> {
        let mut stream = self.connection()?;
        stream.write_all(&waits::told(time))?;
        stream.read_exact(&mut waits::PEER_ANSWER.clone())?;
        self.free().push(stream);
        Ok(())
    }

    fn connection(&self) -> io::Result<TcpStream> {
        if let Some(stream) = self.free().pop() {
            return Ok(stream);
        }
        let stream = TcpStream::connect(self.addr)?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets this thread, and those it starts from now on, sleep as precisely as the kernel can. Otherwise it may add up to
/// 50 µs, which it does not to the timers of tasks.
#[cfg(target_os = "linux")]
pub(crate) fn sleep_precisely() {
    // It fails nowhere but where there are no such timers.
    nix::sys::prctl::set_timerslack(1).ok();
}

/// Lets this thread, and those it starts from now on, sleep as precisely as the system can: here it always does.
#[cfg(not(target_os = "linux"))]
pub(crate) fn sleep_precisely() {}
