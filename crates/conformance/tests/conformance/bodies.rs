//! Bodies that handlers read: uploads and batches, good and bad.

use std::time::{Duration, Instant};

use server_core::{Faults, Limits};

use crate::{
    client::{Answer, Client, await_stat},
    raw::same_on,
    servers::{FULL, Kind, on_each, shared, start},
};

const ABC: &str =
    r#"{"bytes":3,"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}"#;

fn post(kind: Kind, target: &str, fields: &str, body: &str) -> Answer {
    let mut client = Client::connect(shared(kind));
    let length = body.len();
    client.send(format!(
        "POST {target} HTTP/1.1\r\nhost: a\r\n{fields}content-length: {length}\r\n\r\n{body}"
    ));
    client.answer()
}

/// The answer, the same on all servers that have it.
fn same(target: &str, fields: &str, body: &str) -> Answer {
    let answers = FULL.map(|kind| post(kind, target, fields, body));
    for (kind, answer) in FULL.iter().zip(&answers) {
        assert_eq!(*answer, answers[0], "{target} on {}", kind.name());
    }
    answers[0].clone()
}

#[test]
fn uploads_are_hashed() {
    for target in ["/upload", "/upload?mode=stream", "/upload?mode=whole"] {
        assert_eq!(same(target, "", "abc").text(), ABC);
        assert!(
            same(target, "", "")
                .text()
                .starts_with(r#"{"bytes":0,"sha256":"e3b0c442"#)
        );
    }
    on_each(FULL, |kind| {
        let mut client = Client::connect(shared(kind));
        for mode in ["stream", "whole"] {
            client.send(format!("POST /upload?mode={mode} HTTP/1.1\r\nhost: a\r\n"));
            client.send("expect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n");
            assert_eq!(client.answer().status, 100);
            for piece in ["1\r\na", "\r\n2\r\nb", "c\r\n0\r\n", "\r\n"] {
                client.send(piece);
            }
            assert_eq!(client.answer().text(), ABC);
        }
        client.assert_kept();
    });
}

#[test]
fn uploads_have_a_limit_of_their_own() {
    let limits = Limits {
        max_body_bytes: 10,
        max_upload_bytes: 1000,
        ..Limits::default()
    };
    on_each(FULL, |kind| {
        let server = start(kind, limits.clone(), Faults::default());
        for mode in ["stream", "whole"] {
            let head = format!("POST /upload?mode={mode} HTTP/1.1\r\nhost: a\r\n");
            let mut client = Client::connect(server.addr());
            client.send(format!(
                "{head}content-length: 1000\r\n\r\n{}",
                "x".repeat(1000)
            ));
            assert_eq!(client.answer().status, 200, "{kind:?}");

            client.send(format!("{head}content-length: 1001\r\n\r\n"));
            let answer = client.answer();
            assert_eq!(answer.status, 413, "{kind:?}");
            assert!(answer.text().contains("1000 bytes"), "{}", answer.text());
            client.assert_closed();

            let mut client = Client::connect(server.addr());
            client.send(format!("{head}transfer-encoding: chunked\r\n\r\n"));
            client.send(format!(
                "3e8\r\n{}\r\n1\r\nx\r\n0\r\n\r\n",
                "x".repeat(1000)
            ));
            assert_eq!(client.answer().status, 413, "{kind:?}");
            client.assert_closed();
        }
    });
}

#[test]
fn bodies_that_break_off_harm_nobody() {
    on_each(FULL, |kind| {
        let server = start(kind, Limits::default(), Faults::default());
        for target in [
            "/upload",
            "/upload?mode=whole",
            "/batch",
            "/batch?lookup_ms=1&mode=concurrent",
        ] {
            let mut client = Client::connect(server.addr());
            client.send(format!(
                "POST {target} HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc\n"
            ));
            await_stat(server.addr(), "in_flight", 2);
            drop(client);
            await_stat(server.addr(), "connections", 1);
        }
        for target in ["/upload", "/batch"] {
            let mut client = Client::connect(server.addr());
            client.send(format!(
                "POST {target} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nx\r\n"
            ));
            let answer = client.answer();
            assert_eq!(
                (answer.status, &*answer.text()),
                (400, r#"{"error":"malformed body"}"#)
            );
            client.assert_closed();
        }
        await_stat(server.addr(), "work_running", 0);
        await_stat(server.addr(), "in_flight", 1);
    });
}

#[test]
fn what_can_t_be_taken_is_refused_alike() {
    for (target, fields, status) in [
        ("/upload?mode=fast", "", 400),
        ("/upload?size=3", "", 400),
        ("/batch?lookup_ms=1001", "", 400),
        ("/batch?mode=parallel", "", 400),
        ("/batch", "content-type: application/json\r\n", 415),
        ("/batch", "content-type: \u{e9}\r\n", 415),
    ] {
        let answer = same(target, fields, "abc");
        assert_eq!(answer.status, status, "{target}");
        assert_eq!(
            answer.field("connection"),
            Some("close"),
            "the body was not read"
        );
    }
    assert_eq!(
        same("/batch", "content-type: text/plain\r\n", "").status,
        415
    );
    for content_type in [&b"\xff"[..], b"application/json"] {
        let head = b"POST /batch HTTP/1.1\r\nhost: a\r\ncontent-type: ";
        let sent = [head, content_type, b"\r\n\r\n"].concat();
        same_on(&FULL, sent, &[415]);
    }
    for kind in FULL {
        let mut client = Client::connect(shared(kind));
        let answer = client.get("/upload");
        assert_eq!((answer.status, answer.field("allow")), (405, Some("POST")));
        client.assert_kept();
    }
}

#[test]
fn bad_records_are_reported_and_good_ones_kept() {
    let ndjson = "content-type: application/x-ndjson\r\n";
    let records = "{\"id\":1,\"value\":2}\n\nx\n{\"id\":-1,\"value\":2}\n{\"id\":4,\"value\":40}";
    for target in [
        "/batch",
        "/batch?lookup_ms=1",
        "/batch?lookup_ms=1&mode=concurrent",
    ] {
        let answer = same(target, ndjson, records);
        assert_eq!(answer.status, 200);
        let report: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!(
            (&report["records"], &report["valid"], &report["sum"]),
            (&4.into(), &2.into(), &42.into())
        );
        assert_eq!(report["invalid"][0]["line"], 3);
        assert_eq!(report["invalid"][1]["line"], 4);
        assert_eq!(report["invalid_total"], serde_json::Value::Null);
    }
}

#[test]
fn every_good_record_is_looked_up() {
    let records = "{\"id\":1,\"value\":1}\n".repeat(96);
    on_each(FULL, |kind| {
        let lookups = |mode| {
            let start = Instant::now();
            let answer = post(
                kind,
                &format!("/batch?lookup_ms=10&mode={mode}"),
                "",
                &records,
            );
            assert_eq!(
                answer.text(),
                r#"{"records":96,"valid":96,"invalid":[],"sum":96}"#
            );
            start.elapsed()
        };
        assert!(
            lookups("sequential") >= Duration::from_millis(960),
            "{kind:?}"
        );
        // Three times 32.
        assert!(
            lookups("concurrent") >= Duration::from_millis(30),
            "{kind:?}"
        );
    });
}

#[test]
fn a_panic_in_a_look_up_is_answered() {
    let faults = Faults {
        task_panic_every: 1,
        ..Faults::default()
    };
    let records = "{\"id\":1,\"value\":1}\n".repeat(200);
    on_each(FULL, |kind| {
        let server = start(kind, Limits::default(), faults.clone());
        let mut client = Client::connect(server.addr());
        client.send(format!(
            "POST /batch?lookup_ms=1&mode=concurrent HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{records}",
            records.len()
        ));
        let answer = client.answer();
        assert_eq!(answer.status, 500, "{kind:?}");
        assert_eq!(answer.text(), r#"{"error":"a part of the work panicked"}"#);
        await_stat(server.addr(), "work_running", 0);
    });
}
