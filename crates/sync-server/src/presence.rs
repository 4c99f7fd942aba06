//! Whether a client that has closed its side of the connection is still there.
//!
//! It may have closed the whole, or may only have nothing more to send; both look alike from here. So one byte is sent
//! that is urgent, beside the answer: nobody reads it who did not ask for such bytes, and the system of a client that
//! is gone answers it with a reset.

use std::{net::TcpStream, thread, time::Duration};

use socket2::SockRef;

/// How long to wait for the reset. On one machine it is there before this is looked at.
const PATIENCE: Duration = Duration::from_millis(10);
const STEP: Duration = Duration::from_millis(1);

/// Whether it is gone. What can't be asked counts as gone.
pub(crate) fn is_gone(stream: &TcpStream) -> bool {
    if SockRef::from(stream).send_out_of_band(&[0]).is_err() {
        return true;
    }
    let looks = PATIENCE.as_millis() / STEP.as_millis();
    (0..=looks).any(|look| {
        if look > 0 {
            thread::sleep(STEP);
        }
        !matches!(stream.take_error(), Ok(None))
    })
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{Shutdown, TcpListener},
    };

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn who_has_nothing_more_to_send_is_there_and_sees_nothing_of_it() {
        let (mut client, mut server) = pair();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        assert!(!is_gone(&server));
        server.write_all(b"answer").unwrap();
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "answer");
    }

    #[test]
    fn who_has_closed_is_gone() {
        let (client, mut server) = pair();
        drop(client);
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        while !is_gone(&server) {
            thread::yield_now();
        }
    }
}
