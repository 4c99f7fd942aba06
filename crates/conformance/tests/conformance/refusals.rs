//! What must be refused, alike on all servers, before it does harm.

use server_core::{Faults, Limits};

use crate::{
    client::Client,
    servers::{ALL, Kind, on_all, on_all_with, shared},
};

/// Asserts that a request is refused with a bare status, and the connection closed: what stands
/// behind it is not taken for another request.
fn assert_refused(kind: Kind, request: &str, status: u16) {
    let mut client = Client::connect(shared(kind));
    client.send(request);
    let answer = client.answer();
    let shown: String = request.chars().take(200).collect();
    assert_eq!(answer.status, status, "{shown:?} on {}", kind.name());
    assert_eq!(answer.field("connection"), Some("close"), "{shown:?}");
    assert_eq!(answer.field("content-length"), Some("0"), "{shown:?}");
    client.assert_closed();
}

const SMUGGLED: &str = "GET /health HTTP/1.1\r\nhost: a\r\n\r\n";

#[test]
fn ambiguous_requests_are_refused() {
    on_all(|kind| {
        for fields in [
            "content-length: 0\r\ncontent-length: 36",
            "content-length: 36\r\ncontent-length: 0",
            "content-length: 0, 36",
            "content-length: -1",
            "content-length: +0",
            "content-length: 0x24",
            "content-length: 99999999999999999999",
            "content-length: 3\r\ntransfer-encoding: chunked",
            "transfer-encoding: chunked\r\ncontent-length: 3",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "transfer-encoding: identity",
            "transfer-encoding: chunked, identity",
            "transfer-encoding: gzip, chunked",
            "transfer-encoding: xchunked",
            "transfer-encoding : chunked",
            "content-length : 36",
            "content-length: 0\ncontent-length: 36",
            "x: a\nb: c",
            "x: a\rcontent-length: 36",
            "x: a\r\r\n",
            "x: a\r\n b",
            " x: a",
            "x\0: a",
            "x: a\0b",
            "x y: a",
            "no colon",
            ": no name",
            "host: b",
        ] {
            let request =
                format!("POST / HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n0\r\n\r\n{SMUGGLED}");
            assert_refused(kind, &request, 400);
        }
    });
}

#[test]
fn malformed_request_lines_are_refused() {
    on_all(|kind| {
        for line in [
            "GET / HTTP/1.1\n",
            "GET / HTTP/1.1 \r\n",
            "GET / HTTP/3.0\r\n",
            "GET / http/1.1\r\n",
            "GET /\r\n",
            "GET\r\n",
            "GET  / HTTP/1.1\r\n",
            "G\u{e4}T / HTTP/1.1\r\n",
            "GET / a HTTP/1.1\r\n",
            "\0\r\n",
        ] {
            assert_refused(kind, &format!("{line}host: a\r\n\r\n{SMUGGLED}"), 400);
        }
        assert_refused(kind, &format!("GET / HTTP/1.1\r\n\r\n{SMUGGLED}"), 400);
        assert_refused(kind, &format!("GET / HTTP/1.1\nhost: a\n\n{SMUGGLED}"), 400);
    });
}

#[test]
fn a_request_smuggled_behind_another_is_refused_too() {
    on_all(|kind| {
        for bad in [
            "GET / HTTP/1.1\nhost: a\n\n",
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
        ] {
            // In one packet with the first, and while the first is being answered.
            for wait_ms in [0, 100] {
                let first = format!("GET /work?wait_ms={wait_ms} HTTP/1.1\r\nhost: a\r\n\r\n");
                let mut client = Client::connect(shared(kind));
                if wait_ms == 0 {
                    client.send(format!("{first}{bad}{SMUGGLED}"));
                } else {
                    client.send(&first);
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    client.send(format!("{bad}{SMUGGLED}"));
                }
                assert_eq!(client.answer().status, 200, "{bad:?}");
                assert_eq!(client.answer().status, 400, "{bad:?} on {}", kind.name());
                client.assert_closed();
            }
        }
    });
}

#[test]
fn broken_chunks_are_refused() {
    on_all(|kind| {
        for body in [
            "x\r\n",
            "3\r\nabcd\r\n0\r\n\r\n",
            "3\nabc\r\n0\r\n\r\n",
            "1;a\n\r\nb\r\n0\r\n\r\n",
            "-1\r\n",
            "11111111111111111\r\n",
        ] {
            let mut client = Client::connect(shared(kind));
            client.send(format!(
                "POST /json HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{body}{SMUGGLED}"
            ));
            let answer = client.answer();
            assert_eq!(answer.status, 400, "{body:?} on {}", kind.name());
            assert_eq!(answer.text(), r#"{"error":"malformed body"}"#);
            client.assert_closed();
        }
    });
}

#[test]
fn heads_are_limited() {
    on_all(|kind| {
        let long = "x".repeat(17 * 1024);
        assert_refused(
            kind,
            &format!("GET / HTTP/1.1\r\nhost: a\r\nx: {long}\r\n\r\n"),
            431,
        );
        assert_refused(
            kind,
            &format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}", long.repeat(20)),
            431,
        );
        let many = "x: y\r\n".repeat(101);
        assert_refused(
            kind,
            &format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n"),
            431,
        );

        let mut client = Client::connect(shared(kind));
        let fits = "x".repeat(15 * 1024);
        client.send(format!("GET / HTTP/1.1\r\nhost: a\r\nx: {fits}\r\n\r\n"));
        assert_eq!(client.answer().status, 200);
    });
}

#[test]
fn bodies_are_limited() {
    on_all(|kind| {
        let most = Limits::default().max_body_bytes;
        let too_large = r#"{"error":"the body is larger than the 10485760 bytes allowed"}"#;

        // By what is announced: nothing of it is awaited.
        let mut client = Client::connect(shared(kind));
        client.send(format!(
            "POST /json HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
            most + 1
        ));
        let answer = client.answer();
        assert_eq!(
            (answer.status, &*answer.text()),
            (413, too_large),
            "{}",
            kind.name()
        );
        assert_eq!(answer.field("connection"), Some("close"));
        client.assert_closed();

        // By what arrives.
        let mut client = Client::connect(shared(kind));
        client.send("POST /json HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        let chunk = format!("100000\r\n{}\r\n", "x".repeat(1024 * 1024));
        for _ in 0..10 {
            client.send(&chunk);
        }
        // The server may have closed before all of it is sent.
        let _ = client.try_send(&chunk);
        let answer = client.answer();
        assert_eq!(
            (answer.status, &*answer.text()),
            (413, too_large),
            "{}",
            kind.name()
        );
        client.assert_closed();
    });
}

#[test]
fn wrong_methods_are_told_the_right_ones() {
    for kind in ALL {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "get", "X"] {
            let mut client = Client::connect(shared(kind));
            client.send(format!("{method} /json HTTP/1.1\r\nhost: a\r\n\r\n"));
            let answer = client.answer();
            assert_eq!(answer.status, 405, "{method} on {}", kind.name());
            assert_eq!(answer.field("allow"), Some("GET,HEAD"));
            let error = format!("{method} not allowed on /json; allowed: GET,HEAD");
            assert_eq!(answer.text(), format!("{{\"error\":\"{error}\"}}"));
            client.assert_kept();
        }
    }
}

#[test]
fn connections_are_limited() {
    let limits = Limits {
        max_connections: Some(2),
        ..Limits::default()
    };
    on_all_with(&limits, &Faults::default(), |kind, server| {
        let mut kept = [
            Client::connect(server.addr()),
            Client::connect(server.addr()),
        ];
        for client in &mut kept {
            client.assert_kept();
        }
        let mut refused = Client::connect(server.addr());
        let answer = refused.answer();
        assert_eq!(answer.status, 503, "{}", kind.name());
        assert_eq!(answer.field("retry-after"), Some("1"));
        refused.assert_closed();
        for client in &mut kept {
            client.assert_kept();
        }
    });
}
