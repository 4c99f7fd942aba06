//! Clients that close their side: some have nothing more to send and wait for the answer, others are gone.

use std::{thread, time::Duration};

use server_core::{Faults, Limits};

use crate::{
    client::{Client, await_stat, stat},
    raw::{answers_to_half, statuses},
    servers::{ALL, Kind, on_all, on_all_with, shared},
};

#[test]
fn who_only_closes_its_side_is_answered() {
    for (target, status) in [
        ("/", 200),
        ("/work?wait_ms=300&bytes=3", 200),
        ("/sync-data", 200),
        ("/block?ms=100&mode=right", 200),
        ("/cpu?units=2000&mode=yield", 200),
        ("/stream?chunks=100", 200),
        ("/stream?chunks=100&buffer=whole", 200),
        ("/nothing", 404),
    ] {
        let sent = format!("GET {target} HTTP/1.1\r\nhost: a\r\n\r\n");
        let all = ALL.map(|kind| answers_to_half(shared(kind), &sent));
        for (kind, answered) in ALL.iter().zip(&all) {
            assert_eq!(
                statuses(answered),
                [status],
                "{target} on {}: {answered:?}",
                kind.name()
            );
            if !target.ends_with("data") {
                assert_eq!(*answered, all[0], "{target} on {}", kind.name());
            }
        }
    }
}

#[test]
fn all_that_came_before_the_end_is_answered() {
    let wait = "GET /work?wait_ms=50&bytes=1 HTTP/1.1\r\nhost: a\r\n\r\n";
    let post = "POST /json HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc";
    let sent = format!("{wait}{post}{wait}GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    let all = ALL.map(|kind| answers_to_half(shared(kind), &sent));
    for (kind, answered) in ALL.iter().zip(&all) {
        assert_eq!(statuses(answered), [200, 405, 200, 200], "{}", kind.name());
        assert_eq!(*answered, all[0], "{}", kind.name());
    }
    // Half a request is none.
    for half in [
        "GET / HT",
        "POST /json HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nab",
    ] {
        for kind in ALL {
            assert_eq!(
                answers_to_half(shared(kind), half),
                "",
                "{half:?} on {}",
                kind.name()
            );
        }
    }
}

#[test]
fn pipelined_requests_wait_for_a_reader_that_is_slow() {
    on_all(|kind| {
        let mut client = Client::connect(shared(kind));
        // Far more than the buffers between hold, and then one that is no request.
        client.send("GET /work?bytes=10485760 HTTP/1.1\r\nhost: a\r\n\r\n".repeat(2));
        client.send("GET /work?bytes=2 HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\nhost: a\n\n");
        thread::sleep(Duration::from_millis(100));
        for bytes in [10_485_760, 10_485_760, 2] {
            assert_eq!(client.answer().body.len(), bytes, "{}", kind.name());
        }
        assert_eq!(client.answer().status, 400, "{}", kind.name());
        client.assert_closed();
    });
}

/// Asks and is gone at once, until the server has seen that it worked in vain: on a busy machine it may have been done
/// before.
fn ask_and_vanish(addr: std::net::SocketAddr, target: &str) {
    let before = stat(addr, "work_abandoned");
    for _ in 0..100 {
        Client::connect(addr).send(format!("GET {target} HTTP/1.1\r\nhost: a\r\n\r\n"));
        await_stat(addr, "connections", 1);
        if stat(addr, "work_abandoned") > before {
            return;
        }
    }
    panic!("{target} is never done in vain");
}

#[test]
fn blocking_servers_see_behind_every_step_that_a_client_is_gone() {
    on_all_with(&Limits::default(), &Faults::default(), |kind, server| {
        if !matches!(kind, Kind::Sync | Kind::SyncPool) {
            return;
        }
        for target in [
            "/work?wait_ms=100",
            "/work?cpu_units=50000",
            "/cpu?units=50000&mode=inline",
            "/cpu?units=50000&mode=offload",
            "/cpu?units=1000000&mode=yield",
            "/concurrent-ops?mode=spawn",
            "/concurrent-ops?mode=pool",
        ] {
            ask_and_vanish(server.addr(), target);
            await_stat(server.addr(), "in_flight", 1);
        }
    });
}
