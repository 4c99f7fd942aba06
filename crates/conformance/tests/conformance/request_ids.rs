//! The id of a request, which answers carry when the server keeps a log, and only then.

use std::net::SocketAddr;

use telemetry::{Level, Settings};

use crate::{
    client::{Answer, Client},
    servers::{FULL, Given, Kind, Running, on_all, on_each, shared, start_given},
};

const TARGETS: [&str; 5] = [
    "/",
    "/stream?chunks=2",
    "/work?bytes=100000",
    "/nowhere",
    "/json?oops=1",
];

fn start_with_log(kind: Kind) -> Running {
    let given = Given {
        telemetry: Settings::with_log(Level::Error),
        ..Given::default()
    };
    start_given(kind, given)
}

/// Asks with further fields.
fn ask(addr: SocketAddr, target: &str, fields: &str) -> Answer {
    let mut client = Client::connect(addr);
    client.send(format!("GET {target} HTTP/1.1\r\nhost: a\r\n{fields}\r\n"));
    client.answer()
}

fn id(answer: &Answer) -> &str {
    answer.field("x-request-id").expect("an id")
}

#[test]
fn without_a_log_there_is_no_id() {
    on_all(|kind| {
        for target in TARGETS {
            let answer = ask(shared(kind), target, "x-request-id: mine\r\n");
            assert_eq!(answer.field("x-request-id"), None, "{target}");
        }
    });
}

#[test]
fn with_a_log_every_request_has_an_id_of_its_own() {
    on_all(|kind| {
        let server = start_with_log(kind);
        let mut client = Client::connect(server.addr());
        let answers = TARGETS.map(|target| client.get(target));
        for (index, answer) in answers.iter().enumerate() {
            assert_eq!(id(answer).len(), 16, "{answer:?}");
            let others = answers.iter().skip(index + 1);
            assert!(others.into_iter().all(|other| id(other) != id(answer)));
        }
        client.send("HEAD /stream HTTP/1.1\r\nhost: a\r\n\r\n");
        assert_eq!(id(&client.head_answer()).len(), 16);
    });
}

#[test]
fn a_client_s_own_id_is_given_back_if_it_is_harmless() {
    on_all(|kind| {
        let server = start_with_log(kind);
        let answer = ask(server.addr(), "/", "X-Request-Id: order-66_a.B\r\n");
        assert_eq!(id(&answer), "order-66_a.B");
        for bad in ["a b", "a\tb", "\"", &"x".repeat(65)] {
            let answer = ask(server.addr(), "/", &format!("x-request-id: {bad}\r\n"));
            assert_eq!(answer.status, 200);
            assert_ne!(id(&answer), bad);
            assert_eq!(id(&answer).len(), 16, "{bad:?}");
        }
    });
}

#[test]
fn a_handshake_carries_it_too() {
    on_each(FULL, |kind| {
        let server = start_with_log(kind);
        let fields = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nx-request-id: ws-1\r\n";
        let answer = ask(server.addr(), "/ws/echo", fields);
        assert_eq!((answer.status, id(&answer)), (101, "ws-1"));
    });
}
