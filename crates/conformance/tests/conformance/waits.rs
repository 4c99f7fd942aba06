//! What simulated waits are made of: timers, and reads from a peer.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use contract::waits;
use server_core::Waiting;

use crate::{
    client::get,
    servers::{ALL, Given, start_given},
};

/// Answers at once, and passes on what it was told: time is not what is tested.
fn peer() -> (SocketAddr, Receiver<Duration>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let (times, told) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, times) = (stream.expect("a connection"), times.clone());
            thread::spawn(move || {
                let mut asked = [0; 4];
                while stream.read_exact(&mut asked).is_ok() {
                    if times.send(waits::time(asked)).is_err() {
                        return;
                    }
                    stream.write_all(&waits::PEER_ANSWER).ok();
                }
            });
        }
    });
    (addr, told)
}

#[test]
fn a_wait_can_be_a_read_from_a_peer() {
    for kind in ALL {
        let (addr, told) = peer();
        let waiting = Waiting::Socket(addr);
        let server = start_given(
            kind,
            Given {
                waiting,
                ..Given::default()
            },
        );
        for (path, waits_ms) in [
            ("/work?wait_ms=59000", &[59_000][..]),
            ("/work?wait_ms=58000", &[58_000]),
            ("/limited", &[50]),
            ("/errors", &[10; 10]),
            ("/sync-data", &[200, 300, 100]),
            ("/backend?wait_ms=57000", &[57_000]),
        ] {
            assert_eq!(get(server.addr(), path).status, 200, "{kind:?} {path}");
            let told: Vec<Duration> = told.try_iter().collect();
            let wanted = waits_ms.iter().copied().map(Duration::from_millis);
            assert_eq!(told, wanted.collect::<Vec<_>>(), "{kind:?} {path}");
        }
    }
}

#[test]
fn a_peer_that_is_not_there_is_told() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = gone.local_addr().expect("an address");
    drop(gone);
    for kind in ALL {
        let waiting = Waiting::Socket(addr);
        let given = Given {
            waiting,
            ..Given::default()
        };
        let server = start_given(kind, given);
        let answer = get(server.addr(), "/work?wait_ms=1");
        assert_eq!(answer.status, 502, "{kind:?}");
        let told = answer.text();
        assert!(told.contains("the peer for waits: "), "{kind:?}: {told}");
        // Who does not wait needs no peer.
        assert_eq!(get(server.addr(), "/work").status, 200, "{kind:?}");
    }
}

#[test]
fn no_wait_is_too_short() {
    for waiting in [Waiting::Exact, Waiting::Runtime] {
        for kind in ALL {
            let given = Given {
                waiting,
                ..Given::default()
            };
            let server = start_given(kind, given);
            for wait_ms in [1, 3, 20] {
                let begun = Instant::now();
                let answer = get(server.addr(), &format!("/work?wait_ms={wait_ms}"));
                assert_eq!(answer.status, 200, "{kind:?}");
                assert!(
                    begun.elapsed() >= Duration::from_millis(wait_ms),
                    "{kind:?}"
                );
            }
        }
    }
}
