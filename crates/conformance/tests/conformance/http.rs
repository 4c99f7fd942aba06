//! What HTTP/1.1 asks of a server, on all of them.

use crate::{
    client::Client,
    servers::{Kind, on_all, shared},
};

fn client(kind: Kind) -> Client {
    Client::connect(shared(kind))
}

#[test]
fn connections_are_kept() {
    on_all(|kind| {
        let mut client = client(kind);
        for _ in 0..3 {
            let answer = client.get("/");
            assert_eq!(
                (answer.status, answer.text()),
                (200, "Hello World".to_owned())
            );
            assert_eq!(answer.field("connection"), None);
        }
    });
}

#[test]
fn connections_are_closed_on_demand() {
    on_all(|kind| {
        let mut client = client(kind);
        client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = client.answer();
        assert_eq!(answer.field("connection"), Some("close"));
        assert_eq!(answer.text(), "Hello World");
        client.assert_closed();
    });
}

#[test]
fn http_1_0_closes_unless_asked_to_keep() {
    on_all(|kind| {
        let mut first = client(kind);
        first.send("GET / HTTP/1.0\r\n\r\n");
        let answer = first.answer();
        assert_eq!((&*answer.version, answer.status), ("HTTP/1.0", 200));
        assert_eq!(answer.text(), "Hello World");
        first.assert_closed();

        let mut second = client(kind);
        second.send("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
        assert_eq!(second.answer().field("connection"), Some("keep-alive"));
        second.assert_kept();
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    on_all(|kind| {
        let mut client = client(kind);
        client.send(
            "GET /work?bytes=1&wait_ms=20 HTTP/1.1\r\nhost: a\r\n\r\n\
             POST /json HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc\
             POST /json HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
             \r\nGET /work?bytes=2 HTTP/1.1\r\nhost: a\r\n\r\n\
             GET /nothing HTTP/1.1\r\nhost: a\r\n\r\n\
             GET / HTTP/1.1\r\nhost: a\r\n",
        );
        assert_eq!(client.answer().text(), "x");
        assert_eq!(client.answer().status, 405);
        assert_eq!(client.answer().status, 405);
        assert_eq!(client.answer().text(), "xx");
        assert_eq!(client.answer().status, 404);
        client.send("\r\n");
        assert_eq!(client.answer().text(), "Hello World");
    });
}

/// A request with a body and the next one behind it, with what the first must be answered.
fn pipelined_behind_a_body(kind: Kind) -> Vec<(String, u16)> {
    let mut targets = vec![("POST", "/json", 405), ("GET", "/json", 200)];
    if kind != Kind::AsyncBare {
        targets.extend([
            ("POST", "/upload", 200),
            ("POST", "/upload?mode=whole", 200),
            ("POST", "/batch", 200),
        ]);
    }
    let bodies = [
        "content-length: 3\r\n\r\nabc",
        "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ];
    let with_bodies = |(method, target, status)| {
        bodies.map(|body| {
            let first = format!("{method} {target} HTTP/1.1\r\nhost: a\r\n{body}");
            (first, status)
        })
    };
    targets.into_iter().flat_map(with_bodies).collect()
}

#[test]
fn a_request_in_one_write_behind_a_body_is_answered_too() {
    const NEXT: &str = "GET /work?bytes=2 HTTP/1.1\r\nhost: a\r\n\r\n";
    on_all(|kind| {
        for (first, status) in pipelined_behind_a_body(kind) {
            let both = format!("{first}{NEXT}");
            // All of it at once, and cut anywhere in the second.
            for cut in first.len()..=both.len() {
                let mut client = client(kind);
                client.send(&both[..cut]);
                assert_eq!(client.answer().status, status, "{first:?}");
                client.send(&both[cut..]);
                let second = client.answer();
                assert_eq!(
                    (second.status, &*second.text()),
                    (200, "xx"),
                    "{first:?} cut at {cut} on {}",
                    kind.name()
                );
                client.assert_kept();
            }
        }
    });
}

#[test]
fn a_request_behind_a_body_is_read_as_strictly_as_any() {
    on_all(|kind| {
        for (first, status) in pipelined_behind_a_body(kind) {
            for bad in [
                "GET / HTTP/1.1\nhost: a\n\n",
                "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
            ] {
                let mut client = client(kind);
                client.send(format!("{first}{bad}"));
                assert_eq!(client.answer().status, status, "{first:?}");
                assert_eq!(client.answer().status, 400, "{bad:?} on {}", kind.name());
                client.assert_closed();
            }
        }
    });
}

#[test]
fn a_request_may_arrive_byte_by_byte() {
    on_all(|kind| {
        let mut client = client(kind);
        let request = "POST /json HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                       3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n";
        for byte in request.as_bytes() {
            client.send([*byte]);
        }
        assert_eq!(client.answer().status, 405);
        client.assert_kept();
    });
}

#[test]
fn head_is_get_without_the_body() {
    on_all(|kind| {
        let mut client = client(kind);
        for target in [
            "/",
            "/json",
            "/work?bytes=100000",
            "/health",
            "/stream?chunks=2",
        ] {
            let mut full = client.get(target);
            // A server may leave it out where there is no body, and hyper does.
            full.fields.retain(|(name, _)| name != "transfer-encoding");
            client.send(format!("HEAD {target} HTTP/1.1\r\nhost: a\r\n\r\n"));
            let head = client.head_answer();
            assert_eq!(
                (head.status, &head.fields),
                (full.status, &full.fields),
                "{target}"
            );
        }
        client.assert_kept();
    });
}

#[test]
fn bodies_that_nobody_wants_are_read() {
    on_all(|kind| {
        let mut client = client(kind);
        let body = vec![b'x'; 300_000];
        client.send(format!(
            "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n",
            body.len()
        ));
        client.send(&body);
        assert_eq!(client.answer().text(), "Hello World");
        client.send("GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        client.send(format!("{:x}\r\n", body.len()));
        client.send(&body);
        client.send("\r\n0\r\n\r\n");
        assert_eq!(client.answer().text(), "Hello World");
        client.assert_kept();
    });
}

#[test]
fn a_client_that_waits_for_it_is_told_to_continue() {
    on_all(|kind| {
        let mut client = client(kind);
        client
            .send("GET / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
        assert_eq!(client.answer().status, 100);
        client.send("abc");
        assert_eq!(client.answer().text(), "Hello World");
        client.assert_kept();
    });
}

#[test]
fn the_absolute_form_is_understood() {
    on_all(|kind| {
        let mut client = client(kind);
        client.send("GET http://a/work?bytes=2 HTTP/1.1\r\nhost: a\r\n\r\n");
        assert_eq!(client.answer().text(), "xx");
    });
}

#[test]
fn every_answer_has_a_date() {
    on_all(|kind| {
        let mut client = client(kind);
        client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = String::from_utf8(client.rest()).expect("text");
        let date = answer.lines().find_map(|line| line.strip_prefix("date: "));
        assert!(date.is_some_and(|date| date.ends_with(" GMT")), "{answer}");
    });
}

#[test]
fn long_answers_arrive_whole_at_slow_readers() {
    on_all(|kind| {
        let mut client = client(kind);
        client.send("GET /work?bytes=10485760 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        std::thread::sleep(std::time::Duration::from_millis(50));
        let answer = client.answer();
        assert_eq!(answer.body.len(), 10 * 1024 * 1024);
        assert!(answer.body.iter().all(|&byte| byte == b'x'));
    });
}
