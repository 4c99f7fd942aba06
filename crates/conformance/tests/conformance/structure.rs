//! Work belongs to a request: it ends with it, as far as it can, and whatever goes on is seen.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use contract::workloads::{aggregate, batch::WINDOW};
use server_core::{Faults, Limits};

use crate::{
    client::{Client, PATIENCE, await_stat, get, stat},
    servers::{FULL, Kind, on_all, on_all_with, on_each, start, start_with},
};

fn is_blocking(kind: Kind) -> bool {
    matches!(kind, Kind::Sync | Kind::SyncPool)
}

/// Asks, and goes away while the server works.
fn ask_and_leave(addr: SocketAddr, target: &str) {
    let mut client = Client::connect(addr);
    client.send(format!("GET {target} HTTP/1.1\r\nhost: a\r\n\r\n"));
    await_stat(addr, "in_flight", 2);
}

#[test]
fn work_for_a_client_that_is_gone_stops_or_is_counted() {
    on_all_with(&Limits::default(), &Faults::default(), |kind, server| {
        let addr = server.addr();
        let mut abandoned = 0;
        for target in [
            "/sync-data",
            "/async-data",
            "/block?ms=1000&mode=wrong",
            "/block?ms=1000&mode=right",
        ] {
            // A blocked worker sees nothing, and does not answer `/stats` on a machine with one core.
            if target.ends_with("wrong") && !is_blocking(kind) {
                continue;
            }
            ask_and_leave(addr, target);
            await_stat(addr, "in_flight", 1);
            await_stat(addr, "work_running", 0);
            // A blocked thread ends its step in vain; a task just stops, unless it waits for a thread.
            let in_vain = is_blocking(kind) || target.ends_with("right");
            abandoned += u64::from(in_vain);
            assert_eq!(
                stat(addr, "work_abandoned"),
                abandoned,
                "{target} on {kind:?}"
            );
        }
        await_stat(addr, "connections", 1);
        assert_eq!(stat(addr, "panics"), 0);
    });
}

#[test]
fn records_of_a_client_that_is_gone_are_not_looked_up_to_the_last() {
    // A second for each: longer than anybody waits here. All of them fit into one read; behind bytes that nobody
    // has read yet, the end of a connection can't be seen.
    let records = "{\"id\":1,\"value\":1}\n".repeat(2 * PATIENCE.as_secs() as usize);
    on_each(FULL, |kind| {
        let server = start(kind, Limits::default(), Faults::default());
        let mut client = Client::connect(server.addr());
        client.send(format!(
            "POST /batch?lookup_ms=1000 HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{records}",
            records.len()
        ));
        await_stat(server.addr(), "in_flight", 2);
        drop(client);
        await_stat(server.addr(), "in_flight", 1);
        assert_eq!(
            stat(server.addr(), "work_abandoned"),
            u64::from(is_blocking(kind))
        );
    });
}

/// Services of which one fails at once and the others never answer; tells when the server that asked them has
/// given each of those up.
fn services() -> (SocketAddr, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    let (given_up, all) = channel();
    thread::spawn(move || {
        // All are asked before the one fails.
        let asked: Vec<TcpStream> = listener.incoming().take(3).flatten().collect();
        for (number, stream) in asked.into_iter().enumerate() {
            let given_up = given_up.clone();
            thread::spawn(move || play(stream, number == 0, &given_up));
        }
    });
    (addr, all)
}

fn play(mut stream: TcpStream, fails: bool, given_up: &Sender<()>) {
    if fails {
        let failure = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(failure).ok(); // whoever does not get it fails the test
    }
    // Up to the end, which comes when nobody waits for an answer any more.
    stream.read_to_end(&mut Vec::new()).ok();
    if !fails {
        given_up.send(()).ok(); // the test may have failed and be gone
    }
}

#[test]
fn when_one_service_fails_the_others_are_given_up() {
    on_all(|kind| {
        let (backend, given_up) = services();
        let server = start_with(kind, Limits::default(), Faults::default(), Some(backend));
        let start = Instant::now();
        let answer = get(server.addr(), "/aggregate?mode=concurrent");
        assert_eq!(answer.status, 502, "{kind:?}: {}", answer.text());
        for _ in 0..2 {
            given_up.recv_timeout(PATIENCE).expect("it is given up");
        }
        // A blocked thread can't be stopped; it gives up when its own time is over.
        assert!(
            is_blocking(kind) || start.elapsed() < aggregate::TIMEOUT,
            "dropped at once: {kind:?}"
        );
        await_stat(server.addr(), "work_running", 0);
    });
}

#[test]
fn when_one_look_up_panics_the_others_are_given_up() {
    let faults = Faults {
        task_panic_every: WINDOW as u64,
        ..Faults::default()
    };
    // Ten times what the window takes, a second each.
    let records = "{\"id\":1,\"value\":1}\n".repeat(10 * WINDOW);
    on_each(FULL, |kind| {
        let server = start(kind, Limits::default(), faults.clone());
        let start = Instant::now();
        let mut client = Client::connect(server.addr());
        client.send(format!(
            "POST /batch?lookup_ms=1000&mode=concurrent HTTP/1.1\r\nhost: a\r\n\
             content-length: {}\r\n\r\n{records}",
            records.len()
        ));
        let answer = client.answer();
        assert_eq!(answer.status, 500, "{kind:?}");
        assert_eq!(answer.text(), r#"{"error":"a part of the work panicked"}"#);
        assert!(
            start.elapsed() < Duration::from_secs(9),
            "not all were looked up: {kind:?}"
        );
        await_stat(server.addr(), "work_running", 0);
        assert!(stat(server.addr(), "panics") >= 1);
    });
}
