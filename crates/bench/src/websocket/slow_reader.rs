//! One in the room who does not read. It must harm nobody else: its queue is bounded, and when that is
//! full, it is dropped with close code 1013.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use super::Endpoint;

/// Length of a message, so that buffers are full soon.
const MESSAGE_BYTES: usize = 16 * 1024;
/// Messages after which one who does not read should have been dropped long ago: they would fill any buffers.
const MOST_MESSAGES: u64 = 4096;
/// Messages between two looks whether it has been dropped.
const LOOK_EVERY: u64 = 32;

/// What became of the slow reader and the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowReader {
    /// Messages said until the server had dropped it; `None`: it never did.
    pub dropped_after: Option<u64>,
    /// Close code that the slow reader found when it read at last.
    pub close_code: Option<u16>,
    /// Messages that the other one did not get in time.
    pub lost_by_others: u64,
}

/// What the server tells of its rooms.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Counts {
    /// Members of all rooms.
    pub members: u64,
    /// Members dropped because they read too slowly, since it began.
    pub dropped: u64,
}

/// Waits until nobody is left in any room, then lets one speak, one listen and one not read, until the
/// server has dropped somebody.
///
/// # Errors
/// When the connections cannot be made, or the speaker is cut off.
pub fn check(
    endpoint: &Endpoint,
    timeout: Duration,
    counts: impl Fn() -> Option<Counts>,
) -> anyhow::Result<SlowReader> {
    let silent = "the server does not tell who is in its rooms";
    let deadline = Instant::now() + timeout;
    while counts().context(silent)?.members > 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut speaker = open(endpoint, timeout)?;
    let mut listener = open(endpoint, timeout)?;
    let mut slow = open(endpoint, timeout)?;
    let before = counts().context(silent)?.dropped;
    let mut found = SlowReader {
        dropped_after: None,
        close_code: None,
        lost_by_others: 0,
    };
    for said in 1..=MOST_MESSAGES {
        let message = format!("{said:0MESSAGE_BYTES$}");
        speaker
            .send(Message::text(message.as_str()))
            .context("the one who speaks was cut off")?;
        match next_text(&mut listener) {
            Ok(heard) if heard == message => {}
            _ => found.lost_by_others += 1,
        }
        if found.lost_by_others > 0 {
            break;
        }
        if said.is_multiple_of(LOOK_EVERY) && counts().is_some_and(|now| now.dropped > before) {
            found.dropped_after = Some(said);
            break;
        }
    }
    found.close_code = close_code(&mut slow);
    Ok(found)
}

type Blocking = WebSocket<TcpStream>;

fn open(endpoint: &Endpoint, timeout: Duration) -> anyhow::Result<Blocking> {
    let stream = TcpStream::connect_timeout(&endpoint.address, timeout)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    match tungstenite::client(&endpoint.url, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(error) => bail!("cannot open {}: {error}", endpoint.url),
    }
}

fn next_text(socket: &mut Blocking) -> Result<String, Box<tungstenite::Error>> {
    loop {
        if let Message::Text(text) = socket.read()? {
            return Ok(text.as_str().to_owned());
        }
    }
}

/// Reads what is left, up to the close frame.
fn close_code(socket: &mut Blocking) -> Option<u16> {
    loop {
        match socket.read() {
            Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
            Ok(_) => {}
            Err(_) => return None, // cut off without a word, or nothing more comes
        }
    }
}
