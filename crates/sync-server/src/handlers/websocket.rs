use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, sync_channel},
    },
    thread,
};

use contract::{
    Answer, params,
    workloads::websocket::{MAX_MESSAGE, QUEUE, STUCK},
};
use server_core::rooms::{Membership, Rooms};
use tungstenite::{
    Bytes, Error, Message, WebSocket,
    error::ProtocolError,
    protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
};

use crate::{app::App, peers::Peer};

/// `GET /ws/echo` and `/ws/room/{name}`, after the handshake; `unread` is what came behind it. A
/// member of a room has a second thread that writes, since this one is blocked in reading.
pub(crate) fn websocket(app: &App, peer: &Peer, unread: Vec<u8>, room: Option<&str>) {
    let writing = Mutex::new(());
    let pipe = Pipe {
        stream: &peer.stream,
        writing: &writing,
    };
    let socket = WebSocket::from_partially_read(pipe, unread, Role::Server, Some(config()));
    let mut messages = Messages {
        socket,
        asked: false,
    };
    match room {
        None => {
            while messages
                .next()
                .is_some_and(|message| messages.send(message).is_ok())
            {}
        }
        Some(room) => talk(app, pipe, messages, room),
    }
}

/// `GET /ws/rooms`
pub(crate) fn rooms(app: &App, query: &str) -> Result<Answer, Answer> {
    params::none(query)?;
    Ok(app.rooms.counts().answer())
}

/// Passes messages on until the member leaves, or is dropped because it reads too slowly.
fn talk(app: &App, pipe: Pipe<'_>, mut messages: Messages<'_>, room: &str) {
    if pipe.stream.set_write_timeout(Some(STUCK)).is_err() {
        return;
    }
    let (sender, queue) = sync_channel(QUEUE);
    let offer = move |message| sender.try_send(message).is_ok();
    let member = Rooms::join(&app.rooms, room, offer);
    thread::scope(|scope| {
        let writer = thread::Builder::new().stack_size(app.config.stack_size_bytes);
        let span = telemetry::work("thread");
        let writer = {
            let member = &member;
            writer.spawn_scoped(scope, move || {
                let _within = span.entered();
                deliver(app, pipe, &queue, member);
            })
        };
        if writer.is_err() {
            messages.close(CloseCode::Again, "no thread can be started");
            return;
        }
        while let Some(message) = messages.next() {
            member.broadcast(&message);
        }
        // Ends the queue, and the thread that reads from it.
        member.leave();
    });
}

/// Writes what comes for a member.
fn deliver(app: &App, pipe: Pipe<'_>, queue: &Receiver<Message>, member: &Membership<Message>) {
    let mut socket = WebSocket::from_raw_socket(pipe, Role::Server, Some(config()));
    while let Ok(message) = queue.recv() {
        if member.is_dropped() {
            break;
        }
        if let Err(error) = socket.send(message) {
            if matches!(&error, Error::Io(error) if is_timeout(error)) && !member.is_dropped() {
                app.rooms.cut();
            }
            // A part of a message may be written; nothing can follow it.
            let _ = pipe.stream.shutdown(Shutdown::Both);
            return;
        }
    }
    if member.is_dropped() {
        close(&mut socket, CloseCode::Again, "reads too slowly");
        // Wakes the thread that reads.
        let _ = pipe.stream.shutdown(Shutdown::Read);
    }
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
        .read_buffer_size(4 * 1024)
}

fn close(socket: &mut WebSocket<Pipe<'_>>, code: CloseCode, reason: &'static str) {
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    // If the client is gone it needs no farewell.
    let _ = socket.close(Some(frame));
    let _ = socket.flush();
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The messages of one client.
struct Messages<'p> {
    socket: WebSocket<Pipe<'p>>,
    /// Whether it was silent for the idle timeout, and was asked for a sign of life.
    asked: bool,
}

impl Messages<'_> {
    /// Blocks until there is one; `None` when the connection is over.
    fn next(&mut self) -> Option<Message> {
        loop {
            match self.socket.read() {
                Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                    self.asked = false;
                    return Some(message);
                }
                // Pings and closes are answered by the next read.
                Ok(_) => self.asked = false,
                Err(Error::Io(error)) if is_timeout(&error) && !self.asked => {
                    self.asked = true;
                    self.send(Message::Ping(Bytes::new())).ok()?;
                }
                Err(error) => {
                    if let Some((code, reason)) = fault(&error) {
                        self.close(code, reason);
                    }
                    return None;
                }
            }
        }
    }

    fn send(&mut self, message: Message) -> Result<(), Error> {
        self.socket.send(message)
    }

    fn close(&mut self, code: CloseCode, reason: &'static str) {
        close(&mut self.socket, code, reason);
    }
}

/// What to tell a client that broke the rules; nothing to one that is gone.
fn fault(error: &Error) -> Option<(CloseCode, &'static str)> {
    match error {
        Error::Capacity(_) => Some((CloseCode::Size, "message too long")),
        Error::Utf8(_) => Some((CloseCode::Invalid, "text is not UTF-8")),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some((CloseCode::Protocol, "malformed frame")),
        _ => None,
    }
}

/// A connection that two threads may write to: what is given to one `write` stays together.
#[derive(Debug, Clone, Copy)]
struct Pipe<'p> {
    stream: &'p TcpStream,
    writing: &'p Mutex<()>,
}

impl Read for Pipe<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buf)
    }
}

impl Write for Pipe<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.stream.write_all(buf)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
