//! Making connections, and where from.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream, UnixStream};

use crate::endpoint::Address;

/// Source addresses used once the ports of 127.0.0.1 run out: 127.0.0.2 to 127.0.0.65. One address has
/// some 28,000 ports.
const SPREAD: u8 = 64;

/// A Unix socket whose queue is full refuses at once, where TCP waits. This is between two attempts.
const QUEUE_IS_FULL: Duration = Duration::from_millis(1);

/// Dials one address, from one worker.
#[derive(Debug)]
pub(crate) struct Dialer {
    address: Address,
    /// Connections made from spread addresses; none while that is not necessary.
    spread: Cell<Option<u8>>,
}

impl Dialer {
    pub(crate) fn new(address: Address) -> Self {
        Self {
            address,
            spread: Cell::new(None),
        }
    }

    /// Connects. Whatever is connected is read and written as TCP is.
    pub(crate) async fn dial(&self) -> io::Result<TcpStream> {
        match &self.address {
            Address::Tcp(address) => self.dial_tcp(*address).await,
            Address::Unix(path) => dial_unix(path).await,
        }
    }

    /// Connects with `TCP_NODELAY`. The first time no local port is left, the error is returned and
    /// later connections to a loopback address come from several source addresses. Whole 127.0.0.0/8 is
    /// local on Linux; elsewhere only 127.0.0.1 is, so nothing can be spread there.
    async fn dial_tcp(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_nodelay(true)?;
        if let Some(source) = self.next_source() {
            late_port(&socket)?;
            socket.bind(SocketAddr::new(IpAddr::V4(source), 0))?;
        }
        let result = socket.connect(address).await;
        if let Err(error) = &result
            && error.kind() == io::ErrorKind::AddrNotAvailable
            && self.spread.get().is_none()
            && can_spread(address)
        {
            self.spread.set(Some(0));
        }
        result
    }

    fn next_source(&self) -> Option<Ipv4Addr> {
        let number = self.spread.get()?;
        self.spread.set(Some((number + 1) % SPREAD));
        Some(Ipv4Addr::new(127, 0, 0, 2 + number))
    }
}

/// The stream of a Unix socket behind the type of a TCP stream: both are descriptors that the same system calls read and
/// write, so that a request pays nothing for there being two kinds.
async fn dial_unix(path: &Path) -> io::Result<TcpStream> {
    let stream = loop {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(QUEUE_IS_FULL).await;
            }
            connected => break connected?,
        }
    };
    let descriptor = OwnedFd::from(stream.into_std()?);
    TcpStream::from_std(std::net::TcpStream::from(descriptor))
}

fn can_spread(address: SocketAddr) -> bool {
    cfg!(target_os = "linux") && address.is_ipv4() && address.ip().is_loopback()
}

/// Lets the kernel choose the port when connecting, when it knows the destination and can share ports
/// between destinations, instead of reserving one when binding.
#[cfg(target_os = "linux")]
fn late_port(socket: &TcpSocket) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
    Ok(setsockopt(socket, IpBindAddressNoPort, &true)?)
}

#[cfg(not(target_os = "linux"))]
fn late_port(_: &TcpSocket) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn sources_are_spread_once_ports_run_out() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let dialer = Dialer::new(Address::Tcp(listener.local_addr().unwrap()));
            let source = async || dialer.dial().await.unwrap().local_addr().unwrap().ip();
            assert_eq!(source().await, Ipv4Addr::LOCALHOST);
            dialer.spread.set(Some(SPREAD - 1));
            assert_eq!(source().await, Ipv4Addr::new(127, 0, 0, 65));
            assert_eq!(source().await, Ipv4Addr::new(127, 0, 0, 2));
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_unix_socket_whose_queue_is_full_is_waited_for() {
        use nix::sys::socket::{Backlog, listen};
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        runtime.block_on(async {
            let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
            listen(&listener, Backlog::new(1).unwrap()).unwrap();
            let dialer = Dialer::new(Address::Unix(path.clone()));
            let mut streams = vec![dialer.dial().await.unwrap(), dialer.dial().await.unwrap()];
            let refused = UnixStream::connect(&path).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
            let accepting = std::thread::spawn(move || {
                let accepted = (0..3).map(|_| listener.accept().unwrap().0);
                accepted.collect::<Vec<_>>()
            });
            streams.push(dialer.dial().await.unwrap());
            let accepted = accepting.join().unwrap();
            streams[2].writable().await.unwrap();
            assert_eq!(streams[2].try_write(b"x").unwrap(), 1);
            let mut read = [0];
            io::Read::read_exact(&mut &accepted[2], &mut read).unwrap();
            assert_eq!(&read, b"x");
        });
    }

    #[test]
    fn only_loopback_can_be_spread() {
        assert!(!can_spread("192.0.2.1:80".parse().unwrap()));
        assert!(!can_spread("[::1]:80".parse().unwrap()));
        assert_eq!(
            can_spread("127.0.0.1:80".parse().unwrap()),
            cfg!(target_os = "linux")
        );
    }
}
