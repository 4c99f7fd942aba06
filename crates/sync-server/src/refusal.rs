//! Refusing a connection that there is no room for.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
};

use contract::Answer;
use http1::{HttpDate, Version};

use server_core::response::head_of;

/// Answers 503 without waiting for anything: the thread that accepts has others to serve.
pub(crate) fn refuse(stream: &TcpStream, reason: &str) {
    let mut answer = Vec::new();
    let refusal = Answer::no_room(reason);
    let head = head_of(&refusal, Version::Http11, false);
    head.write(HttpDate::default().now(), &mut answer);
    answer.extend_from_slice(&refusal.body);
    // Should one of these fail, the client sees a closed connection instead.
    let _ = stream.set_nonblocking(true);
    let mut stream = stream;
    let _ = stream.write(&answer);
    let _ = stream.shutdown(Shutdown::Write);
    // Closing with bytes unread would reset the connection, and the answer with it.
    let _ = stream.read(&mut [0; 4096]);
}
