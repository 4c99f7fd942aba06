//! Refusing a connection that there is no room for.

use std::{
    io::{Read, Write},
    net::Shutdown,
};

use contract::Answer;
use http1::{HttpDate, Version};
use tokio::net::TcpStream;

use server_core::response::head_of;

/// Answers 503 without waiting for anything: the task that accepts has others to serve.
pub(crate) fn refuse(stream: TcpStream, reason: &str) {
    // Still non-blocking. Should one of these fail, the client sees a closed connection instead.
    let Ok(mut stream) = stream.into_std() else {
        return;
    };
    let mut answer = Vec::new();
    let refusal = Answer::no_room(reason);
    let head = head_of(&refusal, Version::Http11, false);
    head.write(HttpDate::default().now(), &mut answer);
    answer.extend_from_slice(&refusal.body);
    let _ = stream.write(&answer);
    let _ = stream.shutdown(Shutdown::Write);
    // Closing with bytes unread would reset the connection, and the answer with it.
    let _ = stream.read(&mut [0; 4096]);
}
