//! The bytes of a connection: what came in and was not taken yet, what is to be written.

use std::{
    io::{self, ErrorKind, IoSlice, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use http1::{HttpDate, ReadBuffer, ResponseHead, response};

/// How long to read on behind an answer after which the connection closes with bytes unread.
/// Closing at once would reset it, and the client might never see the answer.
const LINGER: Duration = Duration::from_secs(1);

/// A connection's socket with its buffers.
pub(crate) struct Wire<'a> {
    /// What came in and was not taken yet.
    pub(crate) input: ReadBuffer,
    /// What is to be written.
    pub(crate) output: Vec<u8>,
    stream: &'a TcpStream,
    date: HttpDate,
}

impl<'a> Wire<'a> {
    /// With buffers that are empty.
    pub(crate) fn new(stream: &'a TcpStream) -> Self {
        Self {
            input: ReadBuffer::default(),
            output: Vec::new(),
            stream,
            date: HttpDate::default(),
        }
    }

    /// Reads once, with room for at least `room` bytes; 0 at the end of what the client sends.
    pub(crate) fn fill(&mut self, room: usize) -> io::Result<usize> {
        let mut stream = self.stream;
        loop {
            match stream.read(self.input.space_of(room)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.input.filled(count);
                    return Ok(count);
                }
            }
        }
    }

    /// Makes `head` all that is to be written.
    pub(crate) fn put_head(&mut self, head: &ResponseHead<'_>) {
        self.output.clear();
        head.write(self.date.now(), &mut self.output);
    }

    /// Writes the output.
    pub(crate) fn write_output(&self) -> io::Result<()> {
        let mut stream = self.stream;
        stream.write_all(&self.output)
    }

    /// Writes the output and `body` behind it, in one call if the socket takes them.
    pub(crate) fn write_with_body(&self, body: &[u8]) -> io::Result<()> {
        let mut parts = [IoSlice::new(&self.output), IoSlice::new(body)];
        write_all_vectored(self.stream, &mut parts)
    }

    /// Tells a client that waits for it to send its body.
    pub(crate) fn send_continue(&self) -> io::Result<()> {
        let mut stream = self.stream;
        stream.write_all(response::CONTINUE)
    }

    /// Reads on for a while, after the last answer, so that the client gets to see it.
    pub(crate) fn linger(&mut self) -> io::Result<()> {
        let mut stream = self.stream;
        stream.shutdown(Shutdown::Write)?;
        let deadline = Instant::now() + LINGER;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            stream.set_read_timeout(Some(left))?;
            if stream.read(self.input.space())? == 0 {
                return Ok(());
            }
        }
    }
}

fn write_all_vectored(mut stream: impl Write, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !parts.is_empty() {
        match stream.write_vectored(parts) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut parts, count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
