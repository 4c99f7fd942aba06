//! The reqwest client counts like the raw one; single answers are fetched whole.

mod peer;

use std::time::Duration;

use bytes::Bytes;
use engine::{
    ClientKind, ConnectError, Engine, EngineConfig, ErrorKind, ExpectBody, FetchError, Load,
    Request, Target, fetch, wait_until_accepting,
};
use peer::{Act, Peer, hello, measure, requests, say, slice};

const SECOND: Duration = Duration::from_secs(1);

fn reqwest_engine() -> Engine {
    Engine::start(EngineConfig {
        threads: 2,
        client: ClientKind::Reqwest,
        timeout: Duration::from_millis(500),
        ..EngineConfig::default()
    })
    .unwrap()
}

#[test]
fn reqwest_counts_requests_and_checks_answers() {
    let peer = Peer::start(|_| vec![hello()]);
    for (body, wrong) in [(&b"Hello World"[..], 0), (b"Hello Mars!", 200)] {
        let mut target = Target::get("hello", &peer.url(), "/", 5);
        target.requests[0].expect.body = ExpectBody::Exact(Bytes::from_static(body));
        let before = peer.connections();
        let (_, measurement) = measure(&mut reqwest_engine(), target, |id| {
            requests(id, Load::ClosedLoop, 200)
        });
        assert_eq!(peer.connections() - before, 5, "a connection for each slot");
        assert_eq!(measurement.requests, 200 - wrong);
        assert_eq!(measurement.errors.body, wrong);
        assert_eq!(measurement.status_codes.get(&200), Some(&200));
    }
}

#[test]
fn reqwest_tells_a_used_connection_that_was_closed_from_an_answer_that_was_cut() {
    let measured = |last: fn() -> Vec<Act>| {
        let peer = Peer::start(move |asked| match asked.request {
            2 => last(),
            _ => vec![hello()],
        });
        let target = Target::get("closes", &peer.url(), "/", 2);
        let load = |id| requests(id, Load::ClosedLoop, 12);
        measure(&mut reqwest_engine(), target, load).1
    };
    let closed = measured(|| vec![Act::Close]);
    let (errors, closings) = (closed.errors, closed.connections.closed);
    assert!(
        errors.stale > 0 && errors.stale == errors.total(),
        "{errors}"
    );
    assert_eq!(
        closings.unannounced,
        [(2, errors.stale)].into(),
        "{closings:?}"
    );

    let reset = measured(|| vec![Act::Reset]).errors;
    assert!(reset.stale > 0 && reset.stale == reset.total(), "{reset}");

    // The head came whole: that is no connection which was closed between two answers.
    let cut = measured(|| {
        vec![
            say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1"),
            Act::Close,
        ]
    });
    assert!(cut.errors.closed > 0, "{}", cut.errors);
    assert_eq!(cut.errors.stale, 0, "{}", cut.errors);

    let announced = measured(|| {
        let closing = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
        vec![say(closing), Act::Close]
    });
    assert_eq!(announced.errors.total(), 0, "{}", announced.errors);
    let closings = announced.connections.closed;
    assert_eq!(
        closings.announced.keys().collect::<Vec<_>>(),
        [&3],
        "{closings:?}"
    );
}

#[test]
fn reqwest_errors_have_the_same_kinds() {
    type Script = fn(&peer::Asked) -> Vec<Act>;
    type Count = fn(&engine::ErrorCounts) -> u64;
    // The first request of each first connection establishes it and is not counted.
    let cases: [(Script, Count); 4] = [
        (
            |asked| bad_after_first(asked, vec![Act::Close]),
            // Those that had answered before, and those that were made anew.
            |e| e.stale + e.closed,
        ),
        (
            |asked| bad_after_first(asked, vec![say("garbage\r\n\r\n")]),
            |e| e.protocol,
        ),
        (
            |asked| bad_after_first(asked, vec![Act::Hold]),
            |e| e.timeout,
        ),
        (
            |asked| {
                bad_after_first(
                    asked,
                    vec![say("HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n")],
                )
            },
            |e| e.status,
        ),
    ];
    for (number, (script, kind)) in cases.into_iter().enumerate() {
        let peer = Peer::start(script);
        let target = Target::get("bad", &peer.url(), "/", 2);
        let (_, measurement) = measure(&mut reqwest_engine(), target, |id| {
            requests(id, Load::ClosedLoop, 6)
        });
        let errors = measurement.errors;
        assert_eq!(
            (kind(&errors), errors.total()),
            (6, 6),
            "case {number}: {errors}"
        );
    }
}

fn bad_after_first(asked: &peer::Asked, bad: Vec<Act>) -> Vec<Act> {
    if asked.connection < 2 && asked.request == 0 {
        vec![hello()]
    } else {
        bad
    }
}

#[test]
fn reqwest_cannot_connect_to_nobody() {
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let target = Target::get("nobody", &format!("http://{address}"), "/", 2);
    match reqwest_engine().connect(target) {
        Err(ConnectError::Connections { errors, .. }) => assert!(errors.connect > 0, "{errors}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reqwest_connects_to_no_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let target = Target::get("mine", &format!("unix:{}", path.display()), "/", 2);
    match reqwest_engine().connect(target) {
        Err(ConnectError::Client { reason, .. }) => assert!(reason.contains("TCP"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_start_of_a_body_is_kept_and_all_of_it_is_counted_and_hashed() {
    let peer = Peer::start(|_| vec![hello()]);
    let get = |most| engine::fetch_start(&peer.url(), &Request::get("/"), most, SECOND).unwrap();
    let (start, whole) = (get(5), get(11));
    assert_eq!(
        (&start.body[..], &whole.body[..]),
        (&b"Hello"[..], &b"Hello World"[..])
    );
    assert!(!start.is_whole() && whole.is_whole());
    assert_eq!((start.body_bytes, start.body_hash), (11, whole.body_hash));
    assert_eq!(
        whole,
        fetch(&peer.url(), &Request::get("/"), SECOND).unwrap()
    );
}

#[test]
fn reqwest_without_keep_alive_connects_every_time() {
    let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    let peer = Peer::start(move |_| vec![say(answer), Act::Close]);
    let mut target = Target::get("close", &peer.url(), "/", 2);
    target.keep_alive = false;
    let (_, measurement) = measure(&mut reqwest_engine(), target, |id| {
        requests(id, Load::ClosedLoop, 20)
    });
    assert_eq!((measurement.requests, peer.connections()), (20, 20));
    assert!(
        measurement.connect.is_empty(),
        "not available, so not invented"
    );
}

#[test]
fn the_open_loop_serves_reqwest_too() {
    let peer = Peer::start(|_| vec![hello()]);
    let target = Target::get("hello", &peer.url(), "/", 3);
    let load = Load::OpenLoop {
        rate_rps: 200.0,
        arrivals: engine::Arrivals::Constant,
    };
    let (_, measurement) = measure(&mut reqwest_engine(), target, |id| slice(id, load, 0, 500));
    assert_eq!(measurement.requests + measurement.errors.total(), 100);
    assert!(measurement.send_lag.len() == measurement.requests);
}

#[test]
fn fetch_keeps_the_whole_answer() {
    let peer = Peer::start(|asked| {
        assert!(
            asked.head.starts_with("GET /a?b=c HTTP/1.1\r\n"),
            "{}",
            asked.head
        );
        vec![
            say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nX-Name: value\r\n"),
            say("transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"),
            say("2\r\nde\r\n0\r\n\r\n"),
        ]
    });
    let answer = fetch(&peer.url(), &Request::get("/a?b=c"), SECOND).unwrap();
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("x-name"), Some("value"));
    assert_eq!(&answer.body[..], b"abcde");
}

#[test]
fn fetch_names_what_went_wrong() {
    let kind = |script: fn(&peer::Asked) -> Vec<Act>| {
        let peer = Peer::start(script);
        match fetch(&peer.url(), &Request::get("/"), Duration::from_millis(300)) {
            Err(FetchError::Failed { kind, .. }) => kind,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(kind(|_| vec![Act::Close]), ErrorKind::Closed);
    assert_eq!(kind(|_| vec![Act::Hold]), ErrorKind::Timeout);
    assert_eq!(kind(|_| vec![say("nonsense\r\n\r\n")]), ErrorKind::Protocol);
    let bad = fetch("ftp://h", &Request::get("/"), SECOND);
    assert!(matches!(bad, Err(FetchError::Invalid(_))));
}

#[test]
fn a_server_is_awaited_until_it_accepts() {
    let peer = Peer::start(|_| vec![hello()]);
    wait_until_accepting(&peer.url(), SECOND).unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let nobody = wait_until_accepting(&format!("http://{address}"), Duration::from_millis(50));
    assert!(matches!(
        nobody,
        Err(FetchError::Failed {
            kind: ErrorKind::Connect,
            ..
        })
    ));
}
