//! Stopping, panics, running out of threads, clients that go away.

use std::{
    thread,
    time::{Duration, Instant},
};

use server_core::{Faults, Limits};

use crate::{
    client::{Client, await_stat, stat},
    servers::{Kind, on_all, on_all_with, shared},
};

#[test]
fn what_is_in_flight_is_finished_and_idle_connections_are_closed() {
    on_all_with(&Limits::default(), &Faults::default(), |kind, server| {
        let addr = server.addr();
        let mut fresh = Client::connect(addr);
        let mut idle = Client::connect(addr);
        idle.assert_kept();
        let mut busy = Client::connect(addr);
        busy.send("GET /work?bytes=3&wait_ms=600 HTTP/1.1\r\nhost: a\r\n\r\n");
        await_stat(addr, "in_flight", 2);
        let start = Instant::now();
        let stopping = thread::spawn(move || server.stop());
        idle.assert_closed();
        fresh.assert_closed();
        let answer = busy.answer();
        assert_eq!(answer.text(), "xxx", "{}", kind.name());
        assert_eq!(answer.field("connection"), Some("close"), "{}", kind.name());
        busy.assert_closed();
        assert_eq!(stopping.join().expect("stops"), 0);
        assert!(start.elapsed() < Duration::from_secs(9), "drained, not cut");
    });
}

#[test]
fn what_takes_too_long_is_cut() {
    let limits = Limits {
        drain_timeout_ms: 100,
        ..Limits::default()
    };
    on_all_with(&limits, &Faults::default(), |_, server| {
        let mut busy = Client::connect(server.addr());
        busy.send("GET /work?wait_ms=5000 HTTP/1.1\r\nhost: a\r\n\r\n");
        await_stat(server.addr(), "in_flight", 2);
        assert_eq!(server.stop(), 1);
        busy.assert_closed();
    });
}

#[test]
fn a_panic_costs_one_connection() {
    let faults = Faults {
        panic_every: 3,
        ..Faults::default()
    };
    on_all_with(&Limits::default(), &faults, |_, server| {
        let mut other = Client::connect(server.addr());
        other.assert_kept();
        let mut client = Client::connect(server.addr());
        client.assert_kept();
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        client.assert_closed();
        other.assert_kept();
        await_stat(server.addr(), "panics", 1);
        await_stat(server.addr(), "in_flight", 1);
    });
}

#[test]
fn connections_are_counted_while_they_are_open() {
    on_all_with(&Limits::default(), &Faults::default(), |_, server| {
        let mut open: Vec<Client> = (0..5).map(|_| Client::connect(server.addr())).collect();
        for client in &mut open {
            client.assert_kept();
        }
        await_stat(server.addr(), "connections", 6);
        open.truncate(2);
        await_stat(server.addr(), "connections", 3);
        await_stat(server.addr(), "in_flight", 1);
        assert!(stat(server.addr(), "cpu_us") > 0);
        assert!(stat(server.addr(), "context_switches") > 0);
    });
}

#[test]
fn async_servers_drop_the_work_for_a_client_that_is_gone() {
    on_all(|kind| {
        if !matches!(kind, Kind::Async | Kind::AsyncBare) {
            return;
        }
        let server = crate::servers::start(kind, Limits::default(), Faults::default());
        let mut gone = Client::connect(server.addr());
        gone.send("GET /work?wait_ms=60000 HTTP/1.1\r\nhost: a\r\n\r\n");
        await_stat(server.addr(), "in_flight", 2);
        drop(gone);
        await_stat(server.addr(), "in_flight", 1);
        await_stat(server.addr(), "connections", 1);
    });
}

#[test]
fn without_a_thread_a_connection_is_refused_and_the_server_lives_on() {
    let server = sync_server::start(sync_server::Config {
        // More than there is address space.
        stack_size_bytes: 1 << 50,
        ..sync_server::Config::default()
    })
    .expect("starts");
    for _ in 0..3 {
        let mut client = Client::connect(server.addr());
        let answer = client.answer();
        assert_eq!(answer.status, 503);
        assert!(answer.text().contains("no thread"), "{}", answer.text());
        client.assert_closed();
    }
    assert_eq!(server.stop().expect("stops").cut, 0);
}

#[test]
fn the_pool_s_queue_is_bounded_and_served_in_turn() {
    let server = sync_server::start(sync_server::Config {
        model: sync_server::Model::Pool {
            threads: 1,
            queue: 1,
        },
        ..sync_server::Config::default()
    })
    .expect("starts");
    let mut served = Client::connect(server.addr());
    served.assert_kept();
    let mut waiting = Client::connect(server.addr());
    waiting.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    // The queue is full as soon as `waiting` is accepted, and connections are accepted in order.
    let mut refused = Client::connect(server.addr());
    assert_eq!(refused.answer().status, 503);
    served.assert_kept();
    drop(served);
    assert_eq!(waiting.answer().text(), "Hello World");
}

#[test]
fn many_connections_at_once_are_all_served() {
    on_all(|kind| {
        let mut clients: Vec<Client> = (0..150).map(|_| Client::connect(shared(kind))).collect();
        for client in &mut clients {
            client.send("GET /work?wait_ms=5&bytes=1 HTTP/1.1\r\nhost: a\r\n\r\n");
        }
        for client in &mut clients {
            assert_eq!(client.answer().text(), "x");
        }
    });
}
