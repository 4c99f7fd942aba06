//! Messages: echoed, passed on in rooms, and everything a client can do wrong.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use server_core::{Faults, Limits};
use tungstenite::{
    Error, Message, WebSocket, error::ProtocolError, protocol::frame::coding::CloseCode,
};

use crate::{
    client::{Client, await_stat, get, stat},
    raw::{LAST, same_on},
    servers::{FULL, Running, on_each, shared, start},
};

const PATIENCE: Duration = Duration::from_secs(60);

const HANDSHAKE: &str = "host: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn open(addr: SocketAddr, path: &str) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(addr).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    let url = format!("ws://{addr}{path}");
    tungstenite::client(url, stream).expect("the handshake").0
}

/// Opens a connection by hand, to send what no library would.
fn open_raw(addr: SocketAddr, path: &str) -> TcpStream {
    let mut client = Client::connect(addr);
    client.send(format!("GET {path} HTTP/1.1\r\n{HANDSHAKE}\r\n"));
    let answer = client.answer();
    assert_eq!(answer.status, 101);
    assert_eq!(answer.field("upgrade"), Some("websocket"));
    // The example of RFC 6455.
    assert_eq!(
        answer.field("sec-websocket-accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
    client.socket().try_clone().expect("the socket")
}

/// Waits until the server has so many members and has dropped so many.
fn await_rooms(addr: SocketAddr, members: usize, dropped: u64) {
    let wanted = format!("\"members\":{members},\"dropped\":{dropped}}}");
    for _ in 0..6000 {
        if get(addr, "/ws/rooms").text().ends_with(&wanted) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{} does not become {wanted}", get(addr, "/ws/rooms").text());
}

fn servers(test: impl Fn(&Running) + Sync) {
    on_each(FULL, |kind| {
        test(&start(kind, Limits::default(), Faults::default()))
    });
}

#[test]
fn messages_are_echoed() {
    on_each(FULL, |kind| {
        let mut socket = open(shared(kind), "/ws/echo");
        for message in [
            Message::text("Grüße"),
            Message::text(""),
            Message::binary(vec![0, 255, 1]),
            Message::binary(vec![7; 64 * 1024]),
        ] {
            socket.send(message.clone()).expect("sends");
            assert_eq!(socket.read().expect("an echo"), message);
        }
        socket
            .send(Message::Ping(vec![1, 2].into()))
            .expect("sends");
        assert_eq!(
            socket.read().expect("a pong"),
            Message::Pong(vec![1, 2].into())
        );
        socket.close(None).expect("closes");
        assert!(matches!(socket.read(), Ok(Message::Close(_))));
        assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
    });
}

/// The code of the close frame that ends a connection.
fn close_code(stream: &mut TcpStream) -> u16 {
    let mut frame = Vec::new();
    stream
        .read_to_end(&mut frame)
        .expect("a close frame, and the end");
    assert_eq!(frame[0], 0x88, "a close frame: {frame:?}");
    u16::from_be_bytes([frame[2], frame[3]])
}

#[test]
fn whoever_breaks_the_rules_is_told_by_a_close_code() {
    let too_long = [
        vec![0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 1],
        vec![0; 4],
        vec![7; 65537],
    ]
    .concat();
    for (what, frame, code) in [
        ("not masked", vec![0x81, 0x01, b'a'], 1002),
        ("reserved opcode", vec![0x83, 0x80, 0, 0, 0, 0], 1002),
        ("reserved bit", vec![0xc1, 0x80, 0, 0, 0, 0], 1002),
        (
            "continuation of nothing",
            vec![0x80, 0x80, 0, 0, 0, 0],
            1002,
        ),
        ("fragmented ping", vec![0x09, 0x80, 0, 0, 0, 0], 1002),
        ("not UTF-8", vec![0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
        ("too long", too_long, 1009),
        (
            "absurdly long",
            vec![
                0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
            ],
            1009,
        ),
    ] {
        on_each(FULL, |kind| {
            for path in ["/ws/echo", "/ws/room/rules"] {
                let mut stream = open_raw(shared(kind), path);
                stream.write_all(&frame).expect("sends");
                assert_eq!(close_code(&mut stream), code, "{what} on {kind:?}");
            }
        });
    }
}

#[test]
fn a_frame_that_breaks_off_harms_nobody() {
    servers(|server| {
        for path in ["/ws/echo", "/ws/room/a"] {
            let mut stream = open_raw(server.addr(), path);
            // Four of ten bytes.
            stream
                .write_all(&[0x82, 0x8a, 0, 0, 0, 0, 1, 2, 3, 4])
                .expect("sends");
            drop(stream);
            await_stat(server.addr(), "connections", 1);
        }
        await_rooms(server.addr(), 0, 0);
        assert_eq!(stat(server.addr(), "panics"), 0);
    });
}

#[test]
fn a_message_in_one_write_with_the_handshake_is_echoed() {
    on_each(FULL, |kind| {
        let mut client = Client::connect(shared(kind));
        let handshake = format!("GET /ws/echo HTTP/1.1\r\n{HANDSHAKE}\r\n");
        // Line feeds, which a head could not have like this.
        let message = [0x82, 0x84, 0, 0, 0, 0, b'\n', b'\n', 0, b'\n'];
        client.send([handshake.as_bytes(), &message].concat());
        assert_eq!(client.answer().status, 101, "{kind:?}");
        let mut echo = [0; 6];
        client.read_exact(&mut echo);
        assert_eq!(echo, [0x82, 4, b'\n', b'\n', 0, b'\n'], "{kind:?}");
    });
}

#[test]
fn broken_handshakes_are_refused_alike() {
    let without = |field: &str| {
        let lines = HANDSHAKE.lines().filter(|line| !line.starts_with(field));
        lines.map(|line| format!("{line}\r\n")).collect::<String>()
    };
    let other_key = HANDSHAKE.replace("dGhlIHNhbXBsZSBub25jZQ==", "short");
    for (method, path, fields, status) in [
        ("GET", "/ws/echo", "host: a\r\n".to_owned(), 426),
        ("GET", "/ws/echo", without("upgrade"), 426),
        ("GET", "/ws/echo", without("connection"), 426),
        ("GET", "/ws/echo", without("sec-websocket-version"), 426),
        ("GET", "/ws/echo", without("sec-websocket-key"), 400),
        ("GET", "/ws/echo", other_key, 400),
        ("GET", "/ws/echo?x=1", HANDSHAKE.to_owned(), 400),
        ("GET", "/ws/room/", HANDSHAKE.to_owned(), 404),
        ("GET", "/ws/room/a/b", HANDSHAKE.to_owned(), 404),
        ("GET", "/ws/room/%20", HANDSHAKE.to_owned(), 400),
        ("POST", "/ws/echo", HANDSHAKE.to_owned(), 405),
        ("HEAD", "/ws/room/a", HANDSHAKE.to_owned(), 405),
    ] {
        let answers = FULL.map(|kind| {
            let mut client = Client::connect(shared(kind));
            client.send(format!("{method} {path} HTTP/1.1\r\n{fields}\r\n"));
            let answer = if method == "HEAD" {
                client.head_answer()
            } else {
                client.answer()
            };
            client.assert_kept();
            answer
        });
        assert_eq!(answers[0].status, status, "{method} {path} {fields}");
        for (kind, answer) in FULL.iter().zip(&answers) {
            assert_eq!(
                *answer,
                answers[0],
                "{method} {path} {fields} on {}",
                kind.name()
            );
        }
    }
}

/// The example of RFC 6455, in the order of all servers.
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

#[test]
fn a_handshake_may_have_a_body_and_lists() {
    let lists = HANDSHAKE
        .replace("connection: Upgrade", "connection: keep-alive, UPGRADE")
        .replace("upgrade: websocket", "upgrade: h2c, WebSocket");
    let close = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];
    for (fields, body) in [
        (HANDSHAKE.to_owned(), ""),
        (lists, ""),
        (format!("{HANDSHAKE}content-length: 3\r\n"), "abc"),
        (
            format!("{HANDSHAKE}transfer-encoding: chunked\r\n"),
            "3\r\nabc\r\n0\r\n\r\n",
        ),
        (
            format!("{HANDSHAKE}expect: 100-continue\r\ncontent-length: 3\r\n"),
            "abc",
        ),
    ] {
        let head = format!("GET /ws/echo HTTP/1.1\r\n{fields}\r\n{body}");
        let sent = [head.as_bytes(), &close].concat();
        let answered = same_on(&FULL, &sent, &[101]);
        assert!(answered.starts_with(SWITCHED), "{fields}: {answered:?}");
    }
    let too_long = format!("GET /ws/echo HTTP/1.1\r\n{HANDSHAKE}content-length: 99999999\r\n\r\n");
    same_on(&FULL, too_long, &[413]);
}

#[test]
fn http_1_0_can_t_ask_for_another_protocol() {
    let head = format!("GET /ws/echo HTTP/1.0\r\n{HANDSHAKE}\r\n");
    let answered = same_on(&FULL, head, &[426]);
    assert!(answered.contains("speaks WebSocket only"), "{answered}");
    let keep = "connection: keep-alive\r\n\r\n";
    let head = format!("GET /ws/echo HTTP/1.0\r\n{HANDSHAKE}{keep}{LAST}");
    same_on(&FULL, head, &[426, 200]);
    let head = format!("GET / HTTP/1.0\r\n{HANDSHAKE}\r\n");
    same_on(&FULL, head, &[200]);
}

#[test]
fn everyone_else_in_the_room_gets_every_message() {
    const MEMBERS: usize = 12;
    const MESSAGES: usize = 40;
    servers(|server| {
        let addr = server.addr();
        let mut members: Vec<_> = (0..MEMBERS).map(|_| open(addr, "/ws/room/a")).collect();
        let mut elsewhere = open(addr, "/ws/room/b");
        await_rooms(addr, MEMBERS + 1, 0);
        thread::scope(|scope| {
            for (id, member) in members.iter_mut().enumerate() {
                scope.spawn(move || {
                    for number in 0..MESSAGES {
                        let text = format!("{id} {number}");
                        member.send(Message::text(text)).expect("sends");
                    }
                    // From each of the others, in order.
                    let mut next = [0; MEMBERS];
                    for _ in 0..(MEMBERS - 1) * MESSAGES {
                        let message = member.read().expect("a message");
                        let text = message.to_text().expect("text");
                        let (from, number) = text.split_once(' ').expect("two numbers");
                        let from: usize = from.parse().expect("a number");
                        assert_ne!(from, id, "not its own");
                        assert_eq!(number, next[from].to_string());
                        next[from] += 1;
                    }
                });
            }
        });
        elsewhere
            .send(Message::Ping(Vec::new().into()))
            .expect("sends");
        assert!(
            matches!(elsewhere.read(), Ok(Message::Pong(_))),
            "nothing else came"
        );
        drop((members, elsewhere));
        await_rooms(addr, 0, 0);
        assert_eq!(
            get(addr, "/ws/rooms").text(),
            r#"{"rooms":0,"members":0,"dropped":0}"#
        );
        await_stat(addr, "connections", 1);
    });
}

#[test]
fn a_slow_reader_is_dropped_and_harms_nobody() {
    servers(|server| {
        let addr = server.addr();
        let mut slow = open(addr, "/ws/room/a");
        let mut fast = open(addr, "/ws/room/a");
        let mut sender = open(addr, "/ws/room/a");
        await_rooms(addr, 3, 0);
        // More than its queue and all buffers between hold.
        let long = Message::binary(vec![1; 64 * 1024]);
        let mut sent = 0;
        while get(addr, "/ws/rooms").text().ends_with("\"dropped\":0}") {
            for _ in 0..50 {
                sender.send(long.clone()).expect("sends");
                assert_eq!(fast.read().expect("the others get all"), long);
            }
            sent += 50;
            assert!(sent < 20_000, "it is never dropped");
        }
        let close = loop {
            match slow.read().expect("what was on its way, and the end") {
                Message::Close(close) => break close.expect("a code"),
                message => assert_eq!(message, long),
            }
        };
        assert_eq!(close.code, CloseCode::Again);
        await_rooms(addr, 2, 1);
        sender.send(Message::text("still here")).expect("sends");
        assert_eq!(fast.read().expect("a message"), Message::text("still here"));
    });
}

#[test]
fn silent_clients_are_asked_and_closed_if_they_stay_silent() {
    let limits = Limits {
        idle_timeout_ms: 300,
        ..Limits::default()
    };
    on_each(FULL, |kind| {
        let server = start(kind, limits.clone(), Faults::default());
        for path in ["/ws/echo", "/ws/room/a"] {
            let mut silent = open_raw(server.addr(), path);
            let mut alive = open(server.addr(), path);
            alive
                .get_mut()
                .set_read_timeout(Some(Duration::from_secs(1)))
                .expect("a timeout");
            // Reading answers pings.
            for _ in 0..2 {
                match alive.read() {
                    Ok(Message::Ping(_)) => {}
                    Err(Error::Io(_)) => {}
                    other => panic!("{other:?} on {kind:?}"),
                }
                let _ = alive.flush();
            }
            let mut received = Vec::new();
            silent.read_to_end(&mut received).expect("the end");
            assert_eq!(received, [0x89, 0x00], "one ping: {kind:?}");
        }
    });
}

#[test]
fn sockets_do_not_hold_up_the_end() {
    on_each(FULL, |kind| {
        let server = start(kind, Limits::default(), Faults::default());
        let mut echo = open(server.addr(), "/ws/echo");
        let mut member = open(server.addr(), "/ws/room/a");
        echo.send(Message::text("a")).expect("sends");
        echo.read().expect("an echo");
        await_rooms(server.addr(), 1, 0);
        await_stat(server.addr(), "connections", 3);
        await_stat(server.addr(), "in_flight", 1);
        assert_eq!(server.stop(), 0, "{kind:?}");
        for socket in [&mut echo, &mut member] {
            match socket.read() {
                Ok(Message::Close(_))
                | Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {}
                other => panic!("{other:?} on {kind:?}"),
            }
        }
    });
}
