//! Answers that come piece by piece, and services that are asked for a part of the answer.

use std::time::{Duration, Instant};

use server_core::{Faults, Limits};

use crate::{
    client::{Client, await_stat, get},
    servers::{Kind, on_all, on_all_with, shared, start_with},
};

#[test]
fn every_line_comes_in_a_chunk_of_its_own_and_not_before_it_is_due() {
    on_all(|kind| {
        let mut client = Client::connect(shared(kind));
        let start = Instant::now();
        client.send("GET /stream?chunks=200 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let first = client.peek();
        assert!(first.starts_with(b"HTTP/1.1 200 OK\r\n"));
        let raw = String::from_utf8(client.rest()).expect("text");
        assert!(
            start.elapsed() >= Duration::from_micros(199 * 1_100),
            "{kind:?}"
        );
        let (head, body) = raw.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        let lines = body.matches("\r\nChunk ").count();
        assert_eq!(lines, 200, "one chunk each: {kind:?}");
        assert!(body.ends_with("\r\n0\r\n\r\n"));
    });
}

#[test]
fn the_first_line_does_not_wait_for_the_last() {
    on_all(|kind| {
        let mut client = Client::connect(shared(kind));
        client.send("GET /stream?chunks=10000 HTTP/1.1\r\nhost: a\r\n\r\n");
        // Eleven seconds before the last.
        let start = Instant::now();
        assert!(client.peek().starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert!(start.elapsed() < Duration::from_secs(11), "{kind:?}");
    });
}

#[test]
fn without_chunks_the_end_of_the_connection_is_the_end_of_the_body() {
    on_all(|kind| {
        let mut client = Client::connect(shared(kind));
        client.send("GET /stream?chunks=3 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
        let answer = client.answer();
        assert_eq!(answer.field("transfer-encoding"), None);
        assert_eq!(answer.field("content-length"), None);
        assert_eq!(
            answer.text(),
            "Chunk 0: processed_data_0\nChunk 1: processed_data_1\nChunk 2: processed_data_2\n"
        );
    });
}

#[test]
fn a_stream_ends_when_nobody_reads_it() {
    on_all_with(&Limits::default(), &Faults::default(), |_, server| {
        let start = Instant::now();
        let mut client = Client::connect(server.addr());
        client.send("GET /stream?chunks=10000 HTTP/1.1\r\nhost: a\r\n\r\n");
        client.peek();
        await_stat(server.addr(), "in_flight", 2);
        drop(client);
        await_stat(server.addr(), "in_flight", 1);
        // It would have taken eleven seconds.
        assert!(start.elapsed() < Duration::from_secs(10));
    });
}

#[test]
fn a_service_that_fails_is_named() {
    // Nobody listens here any more.
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr();
    on_all(|kind| {
        for mode in ["sequential", "concurrent"] {
            let target = format!("/aggregate?mode={mode}");
            let none = start_with(kind, Limits::default(), Faults::default(), None);
            let answer = get(none.addr(), &target);
            assert_eq!(answer.status, 503, "{kind:?}");
            assert!(answer.text().contains("--backend"), "{}", answer.text());

            let backend = gone.as_ref().expect("an address");
            let failing = start_with(kind, Limits::default(), Faults::default(), Some(*backend));
            let answer = get(failing.addr(), &target);
            assert_eq!(answer.status, 502, "{kind:?}");
            assert!(
                answer.text().starts_with(r#"{"error":"service `"#),
                "{}",
                answer.text()
            );
            assert!(answer.text().contains("failed: "), "{}", answer.text());
        }
    });
}

#[test]
fn what_is_asked_for_a_client_that_is_gone_is_dropped() {
    // The faults slow the services down, so that the client is gone before they answer.
    let slow = Faults {
        sleep_us: 3_000_000,
        ..Faults::default()
    };
    on_all(|kind| {
        if !matches!(kind, Kind::Async | Kind::AsyncBare) {
            return;
        }
        let services = start_with(Kind::Async, Limits::default(), slow.clone(), None);
        let backend = Some(services.addr());
        let server = start_with(kind, Limits::default(), Faults::default(), backend);
        let mut client = Client::connect(server.addr());
        client.send("GET /aggregate?mode=concurrent HTTP/1.1\r\nhost: a\r\n\r\n");
        await_stat(services.addr(), "in_flight", 4);
        drop(client);
        let start = Instant::now();
        await_stat(services.addr(), "in_flight", 1);
        assert!(
            start.elapsed() < Duration::from_millis(2_900),
            "dropped, not finished"
        );
    });
}
