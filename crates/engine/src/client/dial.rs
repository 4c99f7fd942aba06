//! Making TCP connections, and where from.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream};

/// Source addresses used once the ports of 127.0.0.1 run out: 127.0.0.2 to 127.0.0.65. One address has
/// some 28,000 ports.
const SPREAD: u8 = 64;

/// Dials one address, from one worker.
#[derive(Debug)]
pub(crate) struct Dialer {
    address: SocketAddr,
    /// Connections made from spread addresses; none while that is not necessary.
    spread: Cell<Option<u8>>,
}

impl Dialer {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            spread: Cell::new(None),
        }
    }

    /// Connects with `TCP_NODELAY`. The first time no local port is left, the error is returned and
    /// later connections to a loopback address come from several source addresses. Whole 127.0.0.0/8 is
    /// local on Linux; elsewhere only 127.0.0.1 is, so nothing can be spread there.
    pub(crate) async fn dial(&self) -> io::Result<TcpStream> {
        let socket = match self.address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_nodelay(true)?;
        if let Some(source) = self.next_source() {
            late_port(&socket)?;
            socket.bind(SocketAddr::new(IpAddr::V4(source), 0))?;
        }
        let result = socket.connect(self.address).await;
        if let Err(error) = &result
            && error.kind() == io::ErrorKind::AddrNotAvailable
            && self.spread.get().is_none()
            && can_spread(self.address)
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
            let dialer = Dialer::new(listener.local_addr().unwrap());
            let source = async || dialer.dial().await.unwrap().local_addr().unwrap().ip();
            assert_eq!(source().await, Ipv4Addr::LOCALHOST);
            dialer.spread.set(Some(SPREAD - 1));
            assert_eq!(source().await, Ipv4Addr::new(127, 0, 0, 65));
            assert_eq!(source().await, Ipv4Addr::new(127, 0, 0, 2));
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
