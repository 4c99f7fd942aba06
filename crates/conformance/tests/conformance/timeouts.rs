//! Slow clients, and connections on which nothing happens.

use std::{
    thread,
    time::{Duration, Instant},
};

use server_core::{Faults, Limits};

use crate::{
    client::Client,
    servers::{on_all, on_all_with, shared},
};

#[test]
fn a_connection_idle_for_15_seconds_is_used_again() {
    on_all(|kind| {
        let mut used = Client::connect(shared(kind));
        let mut fresh = Client::connect(shared(kind));
        used.assert_kept();
        thread::sleep(Duration::from_secs(15));
        used.assert_kept();
        fresh.assert_kept();
    });
}

#[test]
fn a_byte_a_second_is_too_slow_for_a_head() {
    on_all(|kind| {
        // What counts is the request's first byte, on a connection that was used before, too.
        let mut client = Client::connect(shared(kind));
        client.assert_kept();
        thread::sleep(Duration::from_secs(2));
        let start = Instant::now();
        let request = b"GET / HTTP/1.1\r\nhost: a\r\nx: aaaaaaaaaaaaaaaaaaaaaaaa";
        let sent = request.iter().take_while(|&&byte| {
            let sent = client.try_send([byte]).is_ok();
            let closed = {
                let socket = client.socket();
                socket
                    .set_read_timeout(Some(Duration::from_secs(1)))
                    .expect("a timeout");
                matches!(socket.peek(&mut [0]), Ok(0))
            };
            sent && !closed
        });
        let sent = sent.count();
        assert!(
            (9..30).contains(&sent),
            "cut after {sent} bytes by {}",
            kind.name()
        );
        assert!(
            start.elapsed() >= Duration::from_secs(10),
            "too early by {}",
            kind.name()
        );
        client.assert_closed();
    });
}

#[test]
fn a_head_in_pieces_is_cut_in_time_also_behind_another_request() {
    let limits = Limits {
        head_timeout_ms: 300,
        ..Limits::default()
    };
    on_all_with(&limits, &Faults::default(), |kind, server| {
        let mut client = Client::connect(server.addr());
        let start = Instant::now();
        client.send("GET /work?bytes=1 HTTP/1.1\r\nhost: a\r\n\r\nGET / HT");
        assert_eq!(client.answer().text(), "x");
        client.assert_closed();
        assert!(
            start.elapsed() >= Duration::from_millis(300),
            "{}",
            kind.name()
        );
        assert!(start.elapsed() < Duration::from_secs(50), "{}", kind.name());
    });
}

#[test]
fn the_head_timeout_does_not_touch_what_is_idle_or_busy() {
    let limits = Limits {
        head_timeout_ms: 200,
        ..Limits::default()
    };
    on_all_with(&limits, &Faults::default(), |_, server| {
        let mut client = Client::connect(server.addr());
        thread::sleep(Duration::from_millis(500));
        // A head in two pieces, an answer that takes longer, a body that takes longer.
        client.send("GET /work?bytes=1&wait_ms=500 HTTP/1.1\r\n");
        client.send("host: a\r\n\r\n");
        assert_eq!(client.answer().text(), "x");
        thread::sleep(Duration::from_millis(500));
        client.send("GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n");
        for byte in b"abc" {
            thread::sleep(Duration::from_millis(150));
            client.send([*byte]);
        }
        assert_eq!(client.answer().text(), "Hello World");
        client.assert_kept();
    });
}

#[test]
fn idle_connections_are_closed() {
    let limits = Limits {
        idle_timeout_ms: 400,
        ..Limits::default()
    };
    on_all_with(&limits, &Faults::default(), |kind, server| {
        let start = Instant::now();
        let mut fresh = Client::connect(server.addr());
        let mut used = Client::connect(server.addr());
        let mut in_body = Client::connect(server.addr());
        used.assert_kept();
        in_body.send("GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nab");
        fresh.assert_closed();
        used.assert_closed();
        in_body.assert_closed();
        assert!(
            start.elapsed() >= Duration::from_millis(400),
            "{}",
            kind.name()
        );
    });
}

#[test]
fn the_idle_time_starts_anew_with_every_request_and_not_during_one() {
    let limits = Limits {
        idle_timeout_ms: 1_500,
        ..Limits::default()
    };
    on_all_with(&limits, &Faults::default(), |_, server| {
        let mut client = Client::connect(server.addr());
        for _ in 0..3 {
            client.assert_kept();
            thread::sleep(Duration::from_millis(700));
        }
        assert_eq!(client.get("/work?bytes=1&wait_ms=2000").text(), "x");
        thread::sleep(Duration::from_millis(700));
        client.assert_kept();
    });
}
