use std::sync::Arc;

use axum::{
    Extension,
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket, close_code, rejection::WebSocketUpgradeRejection},
    },
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use contract::{
    Answer, params,
    workloads::websocket::{MAX_MESSAGE, QUEUE, STUCK},
};
use server_core::rooms::{Membership, Rooms};
use telemetry::Instrument;
use tokio::{
    sync::mpsc::{self, Receiver},
    time::timeout,
};
use tungstenite::error::{Error, ProtocolError};

use crate::{app::App, incoming::Handshake, peers::Peer, reply::Reply};

/// `GET /ws/echo` and `/ws/room/{name}`: a task per socket.
pub(crate) async fn websocket(
    State(app): State<Arc<App>>,
    Extension(handshake): Extension<Handshake>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let room = match handshake.upgrade {
        Ok(upgrade) => upgrade.room,
        Err(answer) => return Reply::from(answer).into_response(),
    };
    let Ok(upgrade) = upgrade else {
        let answer = Answer::error(500, "the connection can't be handed over");
        return Reply::from(answer).into_response();
    };
    let connected = handshake.connected;
    let upgrade = upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE);
    let span = telemetry::work("task");
    let talk = async move |socket| {
        let mut messages = Messages {
            socket,
            app,
            peer: connected.peer.clone(),
            asked: false,
        };
        match room {
            None => messages.echo().await,
            Some(room) => messages.talk(&room).await,
        }
        // The connection counts as open until now.
        drop(connected);
    };
    upgrade
        .read_buffer_size(4 * 1024)
        .on_upgrade(|socket| talk(socket).instrument(span))
}

/// `GET /ws/rooms`
pub(crate) async fn rooms(app: &App, query: &str) -> Result<Answer, Answer> {
    params::none(query)?;
    Ok(app.rooms.counts().answer())
}

/// The messages of one client.
struct Messages {
    socket: WebSocket,
    app: Arc<App>,
    peer: Arc<Peer>,
    /// Whether it was silent for the idle timeout, and was asked for a sign of life.
    asked: bool,
}

impl Messages {
    async fn echo(&mut self) {
        while let Some(message) = self.next().await {
            if self.socket.send(message).await.is_err() {
                return;
            }
        }
    }

    /// Passes messages on until the member leaves, or is dropped because it reads too slowly.
    async fn talk(&mut self, room: &str) {
        let (sender, mut queue) = mpsc::channel(QUEUE);
        let offer = move |message| sender.try_send(message).is_ok();
        let rooms = self.app.rooms.clone();
        let member = Rooms::join(&rooms, room, offer);
        loop {
            tokio::select! {
                incoming = self.next() => match incoming {
                    Some(message) => member.broadcast(&message),
                    None => return,
                },
                outgoing = deliver_next(&mut queue, &member) => match outgoing {
                    Some(message) => match timeout(STUCK, self.socket.send(message)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => return,
                        Err(_) => {
                            if !member.is_dropped() {
                                rooms.cut();
                            }
                            return;
                        }
                    },
                    None => {
                        let farewell = self.close(close_code::AGAIN, "reads too slowly");
                        // If it takes not even that, it is cut.
                        let _ = timeout(STUCK, farewell).await;
                        return;
                    }
                },
            }
        }
    }

    /// Waits for one; `None` when the connection is over. May be dropped and called again.
    async fn next(&mut self) -> Option<Message> {
        let idle = self.app.config.limits.idle_timeout();
        loop {
            match timeout(idle, self.socket.recv()).await {
                Ok(Some(Ok(message @ (Message::Text(_) | Message::Binary(_))))) => {
                    self.asked = false;
                    return Some(message);
                }
                // Pings and closes are answered by the next read.
                Ok(Some(Ok(_))) => self.asked = false,
                Ok(Some(Err(error))) => {
                    if let Some((code, reason)) = fault(error) {
                        self.close(code, reason).await;
                    }
                    return None;
                }
                Ok(None) => return None,
                Err(_) if self.asked => return None,
                Err(_) => {
                    self.asked = true;
                    self.socket.send(Message::Ping(Bytes::new())).await.ok()?;
                }
            }
        }
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        self.peer.linger();
        // If the client is gone it needs no farewell.
        let _ = self.socket.send(Message::Close(Some(frame))).await;
    }
}

/// The next message for a member; `None` when it was dropped.
async fn deliver_next(
    queue: &mut Receiver<Message>,
    member: &Membership<Message>,
) -> Option<Message> {
    let message = queue.recv().await;
    message.filter(|_| !member.is_dropped())
}

/// What to tell a client that broke the rules; nothing to one that is gone.
fn fault(error: axum::Error) -> Option<(u16, &'static str)> {
    let error = error.into_inner().downcast::<Error>().ok()?;
    match *error {
        Error::Capacity(_) => Some((close_code::SIZE, "message too long")),
        Error::Utf8(_) => Some((close_code::INVALID, "text is not UTF-8")),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some((close_code::PROTOCOL, "malformed frame")),
        _ => None,
    }
}
