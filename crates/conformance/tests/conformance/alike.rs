//! What two parsers could read in two ways, and what libraries read in their own: all servers answer it with the same
//! bytes.

use crate::{
    raw::{LAST, answers, same, same_as_first, same_on, statuses},
    servers::{FULL, shared},
};

const REFUSED: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[test]
fn heads_that_end_in_a_bare_line_feed_are_refused_at_once() {
    for head in [
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n\n",
        "GET / HTTP/1.1\r\nhost: a\n\r\n",
        "\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
        "\r\n\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
        "\n",
        "GET / HTTP/1.1\n",
        "GET / HTTP/1.1\r\nhost: a\n",
    ] {
        // Nothing follows that could end a head.
        assert_eq!(same(head, &[400]), REFUSED, "{head:?}");
        same(
            format!("GET / HTTP/1.1\r\nhost: a\r\n\r\n{head}"),
            &[200, 400],
        );
    }
}

#[test]
fn http_2_is_not_spoken() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    assert_eq!(same(preface, &[400]), REFUSED);
    let upgrade = "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n\
                   http2-settings: \r\n\r\n";
    same(format!("{upgrade}{LAST}"), &[200, 200]);
}

#[test]
fn later_minor_versions_are_read_as_the_last_we_know() {
    for version in ["HTTP/1.2", "HTTP/1.9"] {
        let sent = format!("GET /work?bytes=2 {version}\r\nhost: a\r\n\r\n{LAST}");
        let answered = same(sent, &[200, 200]);
        assert!(answered.starts_with("HTTP/1.1 200 OK\r\n"), "{answered}");
        same(
            format!("POST /json {version}\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc{LAST}"),
            &[405, 200],
        );
        same(format!("GET / {version}\r\n\r\n"), &[400]);
    }
    for version in [
        "HTTP/0.9",
        "HTTP/2.0",
        "HTTP/3.0",
        "HTTP/1.10",
        "HTTP/1.",
        "HTTP/1.2x",
        "http/1.1",
        "HTTP/11",
    ] {
        let sent = format!("GET / {version}\r\nhost: a\r\n\r\n");
        assert_eq!(same(sent, &[400]), REFUSED, "{version}");
    }
}

#[test]
fn the_asterisk_is_for_options() {
    let answered = same(
        format!("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n{LAST}"),
        &[200, 200],
    );
    assert!(
        answered.contains("\r\nallow: GET,HEAD,POST\r\n"),
        "{answered}"
    );
    assert!(answered.contains("\r\ncontent-length: 0\r\n"), "{answered}");
    for method in ["GET", "HEAD", "POST", "DELETE", "options"] {
        let sent = format!("{method} * HTTP/1.1\r\nhost: a\r\n\r\n{LAST}");
        assert_eq!(same(sent, &[400]), REFUSED, "{method}");
    }
    same(
        format!("OPTIONS / HTTP/1.1\r\nhost: a\r\n\r\n{LAST}"),
        &[405, 200],
    );
}

#[test]
fn hosts_are_hosts() {
    for host in [
        "a",
        "a:80",
        "a:",
        "127.0.0.1:8080",
        "[::1]:80",
        "a-b_c.d",
        "a%20b",
        "",
    ] {
        same(
            format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n{LAST}"),
            &[200, 200],
        );
    }
    for host in [
        "a b", "a/b", "http://a", "a:b", "a:80:80", "user@a", "a, b", "[::1", "[x]", "a?b", "a#b",
        "\"a\"", "a\\b", "a%2", "<a>", "\u{e9}",
    ] {
        let sent = format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n{LAST}");
        assert_eq!(same(sent, &[400]), REFUSED, "{host}");
        assert_eq!(
            same(format!("GET / HTTP/1.0\r\nhost: {host}\r\n\r\n"), &[400]),
            REFUSED,
            "{host}"
        );
    }
}

#[test]
fn targets_are_paths_or_addresses() {
    for target in [
        "http://a/health",
        "HTTPS://b:1/health",
        "http://[::1]/health",
        "http://a",
        "http://a?x=1",
        "http://a/?",
        "//",
        "/health?",
        "/nothing?a=b?c",
        "/%20",
        "/a:b@c;d=e,f!$&'()*+~",
        "/health/",
    ] {
        let sent = format!("GET {target} HTTP/1.1\r\nhost: a\r\n\r\n{LAST}");
        assert_eq!(statuses(&same_as_first(&sent)).len(), 2, "{target}");
    }
    for target in [
        "a",
        "a:80",
        "a/b",
        "ftp://a/",
        "ws://a/",
        "http:/a",
        "http://",
        "http:///",
        "http://u@a/",
        "http://a:x/",
        "/#",
        "/a#b",
        "/?a#b",
        "/\"",
        "/<b>",
        "/?\"",
        "/?<",
        "/\\",
        "/^",
        "/`",
        "/{a}",
        "/|",
        "/[a]",
        "/\u{e9}",
        "/?\u{e9}",
        "/\u{7f}",
        "/\t",
    ] {
        let sent = format!("GET {target} HTTP/1.1\r\nhost: a\r\n\r\n{LAST}");
        assert_eq!(same(sent, &[400]), REFUSED, "{target}");
    }
    assert_eq!(
        same(
            format!("CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n{LAST}"),
            &[400]
        ),
        REFUSED
    );
}

#[test]
fn chunks_are_read_by_one_rule() {
    for body in [
        "3\r\nabc\r\n0\r\n\r\n",
        "0000000000000003\r\nabc\r\n0\r\n\r\n",
        "3;a=b\r\nabc\r\n0;c\r\n\r\n",
        "3;a=\"b\tc\"\r\nabc\r\n000\r\nx: y\r\nz:\r\n\r\n",
    ] {
        same(format!("{}{body}{LAST}", chunked("/json")), &[405, 200]);
    }
    for body in [
        "3 \r\nabc\r\n0\r\n\r\n",
        "3\t\r\nabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "3 ;a\r\nabc\r\n0\r\n\r\n",
        "00000000000000003\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "3;a\0\r\nabc\r\n0\r\n\r\n",
        "3;a\x1b\r\nabc\r\n0\r\n\r\n",
        "3;a\x7f\r\nabc\r\n0\r\n\r\n",
        "3;a\n\r\nabc\r\n0\r\n\r\n",
        "0\r\n\n",
        "0\r\nx: y\n\r\n",
        "0\r\nx: y\r\n\n",
        "0\r\nx\r\n\r\n",
        "0\r\nx y: z\r\n\r\n",
        "0\r\n x: y\r\n\r\n",
        "0\r\n: y\r\n\r\n",
        "0\r\nx: a\0\r\n\r\n",
    ] {
        for path in ["/json", "/nothing"] {
            let answered = same(format!("{}{body}", chunked(path)), &[400]);
            assert!(
                answered.ends_with("{\"error\":\"malformed body\"}"),
                "{body:?}: {answered}"
            );
        }
        same_on(&FULL, format!("{}{body}", chunked("/upload")), &[400]);
    }
    let extensions = "1;abcdefgh\r\na\r\n".repeat(2000);
    same(format!("{}{extensions}", chunked("/json")), &[400]);
}

fn chunked(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
}

#[test]
fn bodies_that_are_too_long_are_refused_by_what_they_announce() {
    for length in [
        "10485761",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551614",
        "18446744073709551615",
    ] {
        for head in ["POST /json", "GET /", "POST /nothing"] {
            let sent = format!("{head} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
            let answered = same(sent, &[413]);
            assert!(
                answered.contains("\r\nconnection: close\r\n\r\n{\"error\""),
                "{answered}"
            );
        }
    }
    same(
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 18446744073709551616\r\n\r\n",
        &[400],
    );
    // Not one byte of the chunk is awaited.
    same(format!("{}a00001\r\n", chunked("/json")), &[413]);
    same(format!("{}ffffffffffffffff\r\n", chunked("/json")), &[413]);
    same_on(
        &FULL,
        format!("{}ffffffffffffffff\r\n", chunked("/upload")),
        &[413],
    );
}

#[test]
fn who_waits_for_a_word_gets_the_right_one() {
    let ask = |path: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n{body}"
        )
    };
    // Nobody wants the body: the answer is the word, whether a part of it is there or not.
    for body in ["", "ab"] {
        same(ask("/nothing", body), &[404]);
        same(ask("/json", body), &[405]);
    }
    // It is there already.
    same(ask("/nothing", "abc") + LAST, &[404, 200]);
    same_on(&FULL, ask("/upload", "abc") + LAST, &[200, 200]);
    let get = "GET / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n";
    same(
        format!("{get}content-length: 3\r\n\r\nabc{LAST}"),
        &[200, 200],
    );
    same(
        format!("{get}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n{LAST}"),
        &[200, 200],
    );
    // There is none to wait for.
    same(format!("{get}\r\n{LAST}"), &[200, 200]);
    same(format!("{get}content-length: 0\r\n\r\n{LAST}"), &[200, 200]);
    // The last word counts.
    same(
        format!("{get}expect: x\r\ncontent-length: 3\r\n\r\nabc{LAST}"),
        &[200, 200],
    );
}

#[test]
fn http_1_0_is_promised_nothing_that_is_not_kept() {
    let keep = "host: a\r\nconnection: keep-alive\r\n\r\n";
    let answered = same(format!("GET /stream?chunks=2 HTTP/1.0\r\n{keep}"), &[200]);
    assert!(!answered.contains("keep-alive"), "{answered}");
    same(format!("HEAD /stream?chunks=2 HTTP/1.0\r\n{keep}"), &[200]);
    let answered = same(
        format!("POST /json HTTP/1.0\r\ncontent-length: 99999999\r\n{keep}"),
        &[413],
    );
    assert!(!answered.contains("connection:"), "{answered}");
    same(
        format!("GET / HTTP/1.0\r\n{keep}GET /json HTTP/1.0\r\n\r\n"),
        &[200, 200],
    );
    same("GET /nothing HTTP/1.0\r\n\r\n", &[404]);
    same(
        "POST /json HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        &[400],
    );
}

#[test]
fn connections_end_as_they_are_told() {
    for connection in [
        "close",
        "Close, x",
        "x,close",
        "keep-alive, close",
        "close\r\nconnection: keep-alive",
    ] {
        let sent = format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: {connection}\r\n\r\n");
        let answered = same(sent, &[200]);
        assert!(
            answered.contains("\r\ncontent-length: 11\r\nconnection: close\r\n"),
            "{answered}"
        );
    }
    let sent = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close, \u{e9}\r\n\r\n";
    assert_eq!(same(sent, &[400]), REFUSED);
}

#[test]
fn fields_stand_in_one_order() {
    let long = "x".repeat(17 * 1024);
    let too_large = "HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    assert_eq!(
        same(format!("GET / HTTP/1.1\r\nhost: a\r\nx: {long}"), &[431]),
        too_large
    );
    assert_eq!(same(format!("GET /{long}"), &[431]), too_large);
    for head in [
        "GET /",
        "GET /nothing",
        "POST /json",
        "GET /work?x",
        "HEAD /work",
        "HEAD /nothing",
        "DELETE /",
    ] {
        for connection in ["", "connection: close\r\n"] {
            let sent = format!("{head} HTTP/1.1\r\nhost: a\r\n{connection}\r\n{LAST}");
            same_as_first(&sent);
        }
    }
}

/// What stands in the table of `docs/workloads.md`, as long as the library does it.
#[test]
fn a_handshake_that_is_to_close_is_told_so_by_hyper_alone() {
    let handshake = "GET /ws/echo HTTP/1.1\r\nhost: a\r\nconnection: close, upgrade\r\nupgrade: websocket\r\n\
                     sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let close = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];
    let sent = [handshake.as_bytes(), &close].concat();
    let told = |kind| {
        let answered = answers(shared(kind), &sent);
        answered.replace("connection: upgrade, close\r\n", "connection: upgrade\r\n")
    };
    let [first, others @ ..] = FULL.map(told);
    assert_eq!(statuses(&first), [101]);
    assert!(others.iter().all(|other| *other == first), "{others:?}");
}
