//! A message out, the same message back, over and over.

use std::cell::RefCell;
use std::time::Instant;

use engine::ErrorKind;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;

use super::Window;
use super::lane::{Seat, Socket};
use super::recorder::Recorder;

/// Drives one connection through a slice.
pub(super) async fn drive(seat: &mut Seat, window: &Window, recorder: &RefCell<&mut Recorder>) {
    while let Some(socket) = &mut seat.socket
        && !window.is_over()
    {
        seat.next += 1;
        // As long as a short message of an application is.
        let text = format!("message {:020}", seat.next);
        let sent = Instant::now();
        let exchange = tokio::time::timeout(window.timeout, exchange(socket, &text)).await;
        match exchange.unwrap_or(Err(ErrorKind::Timeout)) {
            Ok(()) => {
                let counted =
                    recorder
                        .borrow_mut()
                        .arrived(window, sent, Instant::now(), text.len());
                seat.served += u64::from(counted);
            }
            Err(kind) => {
                recorder.borrow_mut().failed(kind, 1);
                seat.socket = None;
            }
        }
    }
}

async fn exchange(socket: &mut Socket, text: &str) -> Result<(), ErrorKind> {
    socket
        .send(Message::text(text))
        .await
        .map_err(|_| ErrorKind::Send)?;
    match next_text(socket).await? {
        answer if answer == text => Ok(()),
        _ => Err(ErrorKind::Body),
    }
}

/// The next message of text; pings in between are answered by the library.
pub(super) async fn next_text(socket: &mut Socket) -> Result<String, ErrorKind> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Err(ErrorKind::Closed),
            Some(Ok(_)) => return Err(ErrorKind::Body),
            Some(Err(_)) => return Err(ErrorKind::Receive),
        }
    }
}
