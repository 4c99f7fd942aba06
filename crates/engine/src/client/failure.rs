//! Which kind of error an operating system's error is.

use std::io;

use super::ConnectFailure;
use crate::measurement::ErrorKind;

pub(super) fn connect_failure(error: &io::Error) -> ConnectFailure {
    let kind = match error.kind() {
        io::ErrorKind::AddrNotAvailable => ErrorKind::Ports,
        io::ErrorKind::TimedOut => ErrorKind::ConnectTimeout,
        _ => ErrorKind::Connect,
    };
    ConnectFailure {
        kind,
        reason: error.to_string(),
    }
}

pub(super) fn send_failure(error: &io::Error) -> ErrorKind {
    match error.kind() {
        // The peer had closed the connection before the request was written.
        io::ErrorKind::BrokenPipe => ErrorKind::Closed,
        _ => ErrorKind::Send,
    }
}

pub(super) fn receive_failure(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ErrorKind::Closed,
        _ => ErrorKind::Receive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_the_definitions() {
        let connect = |kind: io::ErrorKind| connect_failure(&kind.into()).kind;
        assert_eq!(
            connect(io::ErrorKind::ConnectionRefused),
            ErrorKind::Connect
        );
        assert_eq!(connect(io::ErrorKind::TimedOut), ErrorKind::ConnectTimeout);
        assert_eq!(connect(io::ErrorKind::AddrNotAvailable), ErrorKind::Ports);
        assert_eq!(
            send_failure(&io::ErrorKind::BrokenPipe.into()),
            ErrorKind::Closed
        );
        assert_eq!(
            send_failure(&io::ErrorKind::ConnectionReset.into()),
            ErrorKind::Send
        );
        assert_eq!(
            receive_failure(&io::ErrorKind::ConnectionReset.into()),
            ErrorKind::Receive
        );
        assert_eq!(
            receive_failure(&io::ErrorKind::UnexpectedEof.into()),
            ErrorKind::Closed
        );
    }
}
