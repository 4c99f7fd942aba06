//! Peers that misbehave: each misdeed is counted under its kind, nothing panics or hangs.

mod peer;

use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use engine::{ConnectError, ErrorCounts, ExpectBody, ExpectStatus, Load, Measurement, Target};
use peer::{Act, Asked, Peer, engine, hello, measure, requests, say, slice, wait_ms};

const TIMEOUT_MS: u64 = 400;

/// 12 requests on 3 connections to a peer with this script.
fn ask(script: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static) -> Measurement {
    ask_expecting(ExpectStatus::Any2xx, ExpectBody::Any, script)
}

fn ask_expecting(
    status: ExpectStatus,
    body: ExpectBody,
    script: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static,
) -> Measurement {
    let peer = Peer::start(script);
    let mut target = Target::get("bad", &peer.url(), "/", 3);
    target.requests[0].expect.status = status;
    target.requests[0].expect.body = body;
    let mut engine = engine(TIMEOUT_MS);
    let (_, measurement) = measure(&mut engine, target, |id| requests(id, Load::ClosedLoop, 12));
    assert_eq!(measurement.requests + measurement.errors.total(), 12);
    measurement
}

/// An address that nobody listens on.
fn deserted() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_refused_connection_is_an_error_with_kind_and_count() {
    let target = Target::get("nobody", &deserted(), "/", 50);
    match engine(TIMEOUT_MS).connect(target) {
        Err(ConnectError::Connections {
            wanted,
            established,
            errors,
            first,
            ..
        }) => {
            assert_eq!((wanted, established), (50, 0));
            assert!(
                errors.connect > 0 && errors.total() == errors.connect,
                "{errors}"
            );
            assert!(first.to_lowercase().contains("refused"), "{first}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn refused_while_running_counts_as_connect_and_backs_off() {
    let mut target = Target::get("nobody", &deserted(), "/", 3);
    target.keep_alive = false;
    let (_, measurement) = measure(&mut engine(TIMEOUT_MS), target, |id| {
        slice(id, Load::ClosedLoop, 0, 300)
    });
    let errors = measurement.errors;
    assert_eq!(measurement.requests, 0);
    assert!(
        errors.connect > 0 && errors.total() == errors.connect,
        "{errors}"
    );
    assert_eq!(measurement.connections.failed, errors.connect);
    // 1 + 2 + 4 + … ms of back-off (at least half of it) leave room for some ten attempts each.
    assert!(errors.connect <= 3 * 12, "{errors}");
}

#[test]
fn a_reset_is_a_receive_error() {
    let errors = ask(|_| vec![Act::Reset]).errors;
    assert_eq!(
        errors,
        ErrorCounts {
            receive: 12,
            ..Default::default()
        }
    );
}

#[test]
fn closing_without_or_within_an_answer_is_closed() {
    let scripts: [fn(&Asked) -> Vec<Act>; 4] = [
        |_| vec![Act::Close],
        |_| vec![say("HTTP/1.1 200 OK\r\ncontent-le"), Act::Close],
        |_| {
            vec![
                say("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nhalf"),
                Act::Close,
            ]
        },
        |_| {
            vec![
                say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel"),
                Act::Close,
            ]
        },
    ];
    for script in scripts {
        let errors = ask(script).errors;
        assert_eq!(
            errors,
            ErrorCounts {
                closed: 12,
                ..Default::default()
            }
        );
    }
}

#[test]
fn what_is_not_http_or_not_one_answer_is_a_protocol_error() {
    let scripts: [fn(&Asked) -> Vec<Act>; 4] = [
        |_| vec![say("garbage\r\n\r\n"), Act::Hold],
        |_| {
            vec![
                say("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"),
                Act::Hold,
            ]
        },
        |_| {
            vec![
                say("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nHello World"),
                Act::Hold,
            ]
        },
        |_| {
            vec![
                say("HTTP/1.1 200 OK\r\n"),
                say(&"a: b\r\n".repeat(20_000)),
                Act::Hold,
            ]
        },
    ];
    for script in scripts {
        let errors = ask(script).errors;
        assert_eq!(
            errors,
            ErrorCounts {
                protocol: 12,
                ..Default::default()
            }
        );
    }
}

#[test]
fn silence_and_dripping_end_in_a_timeout() {
    let scripts: [fn(&Asked) -> Vec<Act>; 2] = [
        |_| vec![Act::Hold],
        |_| {
            let drip = [
                say("H"),
                wait_ms(150),
                say("T"),
                wait_ms(150),
                say("T"),
                wait_ms(150),
            ];
            [drip.to_vec(), vec![Act::Hold]].concat()
        },
    ];
    for script in scripts {
        let errors = ask(script).errors;
        assert_eq!(
            errors,
            ErrorCounts {
                timeout: 12,
                ..Default::default()
            }
        );
    }
}

#[test]
fn a_wrong_status_is_counted_and_the_connection_kept() {
    let so_far = AtomicU64::new(0);
    let measurement = ask(move |_| match so_far.fetch_add(1, Ordering::SeqCst) {
        0..3 => vec![say(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
        )],
        _ => vec![hello()],
    });
    assert_eq!(
        measurement.errors,
        ErrorCounts {
            status: 3,
            ..Default::default()
        }
    );
    assert_eq!(measurement.connections.established, 3);
    assert_eq!(measurement.status_codes.get(&503), Some(&3));
    let wrong: u64 = measurement.series.iter().map(|s| s.wrong_answers).sum();
    assert_eq!(wrong, 3, "a server that refuses is there");
    assert_eq!(measurement.status_codes.get(&200), Some(&9));
    let exact = ask_expecting(ExpectStatus::Exact(201), ExpectBody::Any, |_| vec![hello()]);
    assert_eq!(exact.errors.status, 12);
}

#[test]
fn a_wrong_body_is_counted() {
    let exact = |body: &'static str| ExpectBody::Exact(Bytes::from_static(body.as_bytes()));
    let cases = [
        (exact("Hello World"), 0),
        (exact("Hello Mars!"), 12),
        (exact("Hello World!"), 12),
        (ExpectBody::Length(11), 0),
        (ExpectBody::Length(12), 12),
    ];
    for (expected, wrong) in cases {
        let measurement = ask_expecting(ExpectStatus::Any2xx, expected, |_| vec![hello()]);
        assert_eq!(measurement.errors.body, wrong);
        assert_eq!(measurement.requests, 12 - wrong);
    }
}

#[test]
fn a_stall_of_a_second_is_in_the_maximum_at_its_true_size() {
    let peer = Peer::start(|asked| match (asked.connection, asked.request) {
        (0, 5) => vec![wait_ms(1000), hello()],
        _ => vec![hello()],
    });
    let target = Target::get("stalls", &peer.url(), "/", 3);
    let (_, measurement) = measure(&mut engine(10_000), target, |id| {
        slice(id, Load::ClosedLoop, 0, 1500)
    });
    assert_eq!(measurement.errors.total(), 0, "{}", measurement.errors);
    assert!(
        measurement.latency.max() >= 999_000_000,
        "{}",
        measurement.latency.max()
    );
    assert!(measurement.requests > 10);
}

#[test]
fn a_connection_closed_after_every_answer_costs_the_next_request() {
    let peer = Peer::start(|_| vec![hello(), Act::Close]);
    let target = Target::get("closes", &peer.url(), "/", 3);
    let (_, measurement) = measure(&mut engine(TIMEOUT_MS), target, |id| {
        requests(id, Load::ClosedLoop, 60)
    });
    let errors = measurement.errors;
    // Whether the request arrives before the close or after it is chance; the kind is not.
    assert_eq!(errors.stale, errors.total(), "{errors}");
    assert!(
        measurement.requests >= 30,
        "every new connection is good for one answer"
    );
    let closed = &measurement.connections.closed;
    // Some are found closed before anything is asked on them, which is no error.
    assert_eq!(closed.unannounced.keys().collect::<Vec<_>>(), [&1]);
    assert!(closed.unannounced[&1] >= errors.stale, "{closed:?}");
    assert!(closed.announced.is_empty());
}

#[test]
fn closes_that_were_announced_are_counted_with_the_answers_before_them() {
    let closing = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    let peer = Peer::start(move |asked| match asked.request {
        2 => vec![say(closing), Act::Close],
        _ => vec![hello()],
    });
    let target = Target::get("closes", &peer.url(), "/", 3);
    let (_, measurement) = measure(&mut engine(TIMEOUT_MS), target, |id| {
        requests(id, Load::ClosedLoop, 60)
    });
    assert_eq!(measurement.errors.total(), 0, "{}", measurement.errors);
    let closed = &measurement.connections.closed;
    assert!(closed.unannounced.is_empty(), "{closed:?}");
    assert_eq!(closed.announced.keys().collect::<Vec<_>>(), [&3]);
    // Each of three connections may have been used once or twice since.
    assert!((18..=20).contains(&closed.announced[&3]), "{closed:?}");
}

#[test]
fn the_first_answer_of_a_connection_is_no_stale_one() {
    let errors = ask(|_| vec![Act::Reset]).errors;
    assert_eq!(errors.stale, 0, "{errors}");
    let cut = ask(|asked| match asked.request {
        0 => vec![hello()],
        _ => vec![say("HTTP/1.1 200 OK\r\ncontent-le"), Act::Close],
    });
    assert_eq!(
        (cut.errors.stale, cut.errors.closed),
        (0, cut.errors.total())
    );
}

#[test]
fn a_server_that_does_not_close_is_waited_for_beside_the_load() {
    let peer = Peer::start(|_| vec![hello(), Act::Hold]);
    let mut target = Target::get("clings", &peer.url(), "/", 3);
    target.keep_alive = false;
    let (outcome, measurement) = measure(&mut engine(TIMEOUT_MS), target, |id| {
        requests(id, Load::ClosedLoop, 60)
    });
    assert_eq!(measurement.errors.total(), 0, "{}", measurement.errors);
    assert_eq!(measurement.requests, 60);
    assert!(
        outcome.span < Duration::from_secs(1),
        "the load waited for a close: {:?}",
        outcome.span
    );
}

#[test]
fn answers_whose_second_part_is_held_back_are_counted() {
    let in_parts = |ms| {
        ask(move |_| {
            let head = say("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n");
            vec![head, wait_ms(ms), say("Hello World")]
        })
    };
    // Not all of them, because this machine may be late itself.
    assert!(in_parts(40).answers_in_two_parts > 0);
    assert!(in_parts(1).answers_in_two_parts < 12);
}

#[test]
fn an_answer_before_the_whole_request_was_read_is_the_answer() {
    let refusing =
        "HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let peer = Peer::start(move |_| vec![say(refusing), wait_ms(100), Act::Close]);
    let mut upload = engine::Request::get("/");
    upload.method = "POST".to_owned();
    upload.body = Bytes::from(vec![0; 20 << 20]);
    let answer = engine::fetch(&peer.url(), &upload, Duration::from_secs(10));
    assert_eq!(answer.expect("an answer").status, 413);
}

#[test]
fn answers_that_end_with_the_connection_are_right_ones() {
    let announced = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    for answer in [announced, "HTTP/1.0 200 OK\r\n\r\nok"] {
        let expected = ExpectBody::Exact(Bytes::from_static(b"ok"));
        let measurement = ask_expecting(ExpectStatus::Any2xx, expected, move |_| {
            vec![say(answer), Act::Close]
        });
        assert_eq!(measurement.requests, 12);
        assert!(measurement.connections.established >= 12);
    }
}

#[test]
fn connections_closed_between_slices_are_replaced_without_an_error() {
    let peer = Peer::start(|_| vec![hello(), wait_ms(20), Act::Close]);
    let mut engine = engine(TIMEOUT_MS);
    let id = engine
        .connect(Target::get("idle", &peer.url(), "/", 8))
        .unwrap();
    for round in 1..=3 {
        let slice = slice(id, Load::OnceEach, 0, 1000);
        assert_eq!(engine.run_slice(&slice).unwrap().loads[0].requests, 8);
        peer.await_closed(8 * round);
    }
    let measurement = engine.collect(id).unwrap();
    assert_eq!(measurement.errors.total(), 0, "{}", measurement.errors);
    assert_eq!(measurement.connections.established, 24);
}

#[test]
fn a_run_against_silence_ends_on_time() {
    let peer = Peer::start(|_| vec![Act::Hold]);
    let target = Target::get("silent", &peer.url(), "/", 20);
    let (outcome, measurement) = measure(&mut engine(TIMEOUT_MS), target, |id| {
        slice(id, Load::ClosedLoop, 10, 100)
    });
    // Nobody knows a mean response time by which to move on, so the first slice waits for all; none asks again.
    assert_eq!(measurement.requests, 0);
    let errors = measurement.errors;
    assert_eq!((errors.timeout, errors.total()), (20, 20), "{errors}");
    assert_eq!(peer.requests(), 20);
    assert!(
        outcome.span >= Duration::from_millis(TIMEOUT_MS),
        "they are awaited"
    );
    assert!(outcome.span < Duration::from_secs(30), "but not for ever");
    assert_eq!(outcome.loads[0].mean_latency, None);
}
