//! `GET /ws/echo` and `GET /ws/room/{name}`: messages over WebSocket, sent back, or passed on to all
//! others in the room.

use std::time::Duration;

use serde::Serialize;

use crate::{
    Answer, Class, Definition, Expectation, Scenario,
    answer::shown,
    definition::{Lacking, Mode, Request},
    params::{self, NAMES, ParamError, is_name},
};

/// The longest message, in bytes; over it the connection is closed with code 1009.
pub const MAX_MESSAGE: usize = 64 * 1024;

/// Messages that may wait for a member of a room who reads slowly; over it the member is dropped
/// with close code 1013.
pub const QUEUE: usize = 1024;

/// How long a member of a room may take nothing at all before it is dropped.
pub const STUCK: Duration = Duration::from_secs(10);

const ROOM: &str = "/ws/room/";

/// A request to speak WebSocket, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The client's `sec-websocket-key`.
    pub key: String,
    /// The room's name; `None` for the echo.
    pub room: Option<String>,
}

impl Upgrade {
    /// Checks a request by its path, its query and the first values of its fields. In HTTP/1.0 (`is_http_1_0`)
    /// nobody may ask for another protocol, so that such a request counts as one that did not ask.
    ///
    /// # Errors
    ///
    /// The answer: 400, or 426 to who does not speak the version of RFC 6455.
    pub fn check<'f>(
        path: &str,
        query: &str,
        is_http_1_0: bool,
        field: impl Fn(&str) -> Option<&'f str>,
    ) -> Result<Self, Answer> {
        params::none(query)?;
        let room = path.strip_prefix(ROOM);
        if let Some(room) = room.filter(|room| !is_name(room)) {
            let message = format!("room `{}`; allowed: {NAMES}", shown(room));
            return Err(Answer::error(400, &message));
        }
        let has = |name, token: &str| {
            let tokens = field(name).unwrap_or_default().split(',');
            tokens
                .map(str::trim)
                .any(|given| given.eq_ignore_ascii_case(token))
        };
        if is_http_1_0 || !has("upgrade", "websocket") || !has("connection", "upgrade") {
            let answer = Answer::error(426, "this path speaks WebSocket only");
            return Err(answer.with("upgrade", "websocket".to_owned()));
        }
        if field("sec-websocket-version") != Some("13") {
            let answer = Answer::error(426, "sec-websocket-version must be 13");
            return Err(answer.with("sec-websocket-version", "13".to_owned()));
        }
        let key = field("sec-websocket-key").unwrap_or_default();
        if !is_key(key) {
            let message = format!(
                "sec-websocket-key `{}` is not 16 bytes in base64",
                shown(key)
            );
            return Err(Answer::error(400, &message));
        }
        Ok(Self {
            key: key.to_owned(),
            room: room.map(str::to_owned),
        })
    }
}

/// Whether a text is 16 bytes in base64.
fn is_key(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len() == 24 && text.ends_with("==") && text.bytes().take(22).all(digit)
}

/// What `GET /ws/rooms` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RoomCounts {
    /// Rooms with a member.
    pub rooms: usize,
    /// Members of all rooms.
    pub members: usize,
    /// Members dropped because they read too slowly, since start.
    pub dropped: u64,
}

impl RoomCounts {
    /// The answer.
    pub fn answer(&self) -> Answer {
        Answer::json(self)
    }
}

/// The request opens the connection; what follows are messages.
fn classes(mode: &Mode, parameters: &str) -> Result<Vec<Class>, ParamError> {
    params::none(parameters)?;
    Ok(vec![Class {
        name: "websocket",
        share_percent: 100,
        request: Request::get(mode.path, ""),
        expectation: Expectation::from(Answer {
            status: 101,
            ..Answer::ok("", &b""[..])
        }),
    }])
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "websocket",
    summary: "messages instead of requests: echoed, or passed on to everyone in a room",
    modes: &[
        Mode {
            name: "echo",
            summary: "each message is sent back",
            path: "/ws/echo",
            query: "",
        },
        Mode {
            name: "room",
            summary: "each message goes to all others",
            path: "/ws/room/bench",
            query: "",
        },
    ],
    scenario: Scenario::WebSocket,
    lacking: &[Lacking::IN_ASYNC_BARE],
    classes,
};

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[(&str, &str)] = &[
        ("upgrade", "WebSocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn check(path: &str, changed: &str, value: Option<&'static str>) -> Result<Upgrade, u16> {
        let field = |name: &str| {
            let known = GOOD.iter().find(|(known, _)| *known == name);
            if name == changed {
                value
            } else {
                known.map(|(_, value)| *value)
            }
        };
        Upgrade::check(path, "", false, field).map_err(|answer| answer.status)
    }

    #[test]
    fn takes_what_rfc_6455_describes() {
        assert_eq!(
            check("/ws/echo", "", None).map(|upgrade| upgrade.room),
            Ok(None)
        );
        let room = check("/ws/room/a-1", "", None).unwrap().room;
        assert_eq!(room.as_deref(), Some("a-1"));
    }

    #[test]
    fn refuses_all_else() {
        assert_eq!(check("/ws/echo", "upgrade", None), Err(426));
        assert_eq!(check("/ws/echo", "upgrade", Some("h2c")), Err(426));
        assert_eq!(
            check("/ws/echo", "connection", Some("keep-alive")),
            Err(426)
        );
        assert_eq!(
            check("/ws/echo", "sec-websocket-version", Some("8")),
            Err(426)
        );
        assert_eq!(check("/ws/echo", "sec-websocket-key", None), Err(400));
        assert_eq!(
            check("/ws/echo", "sec-websocket-key", Some("dGhlIHNhbXBsZQ==")),
            Err(400)
        );
        let good = |name: &str| {
            GOOD.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| *value)
        };
        let in_http_1_0 = Upgrade::check("/ws/echo", "", true, good);
        assert_eq!(in_http_1_0.map_err(|answer| answer.status), Err(426));
        for path in ["/ws/room/", "/ws/room/%20"] {
            assert_eq!(check(path, "", None), Err(400), "{path}");
        }
    }
}
