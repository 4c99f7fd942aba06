//! The socket that is listened on.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// How long to wait before accepting again when the process has no descriptor left, or the like.
pub const ACCEPT_BACK_OFF: Duration = Duration::from_millis(10);

/// Listens on `addr`; the system keeps up to `backlog` connections until they are accepted.
///
/// # Errors
/// When the operating system refuses.
pub fn bind(addr: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}
