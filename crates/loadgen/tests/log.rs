//! What servers tell of their requests on standard error, when asked to.

mod served;

use served::{Served, asked};

const SERVERS: [&str; 4] = ["sync", "sync-pool", "async-bare", "async"];

#[test]
fn nothing_is_told_by_default() {
    for model in SERVERS {
        let server = Served::start(model, &[]);
        let answer = server.get("/work?bytes=3", "x-request-id: quiet\r\n");
        assert!(!answer.contains("x-request-id"), "{model}: {answer}");
        assert_eq!(server.end(), "", "{model}");
    }
}

#[test]
fn a_line_per_request_has_id_status_and_duration() {
    for model in SERVERS {
        let server = Served::start(model, &["--log", "info"]);
        for target in ["/work?wait_ms=20&bytes=3", "/stream?chunks=20", "/nowhere"] {
            let id = format!("id-{}", target.len());
            let answer = server.get(target, &format!("x-request-id: {id}\r\n"));
            assert!(
                answer.contains(&format!("\r\nx-request-id: {id}\r\n")),
                "{answer}"
            );
            let line = server.line(&[&id, "answered"]);
            let path = target.split('?').next().unwrap_or_default();
            let status = if path == "/nowhere" { 404 } else { 200 };
            for part in [
                " INFO request{",
                &format!("request.id={id:?} "),
                "http.request.method=GET ",
                &format!("url.path={path}"),
                &format!("http.response.status_code={status}"),
            ] {
                assert!(line.contains(part), "{model}: no {part} in {line}");
            }
            let (_, duration) = line.split_once("duration_us=").expect("a duration");
            let duration_us: u64 = duration.trim().parse().expect("a number");
            // The wait, or the last of 20 lines, which is due after 19 × 1.1 ms.
            assert!(path == "/nowhere" || duration_us >= 20_000, "{line}");
            assert!(!line.contains("otel."), "{line}");
        }
        assert_eq!(server.end().matches("answered").count(), 3, "{model}");
    }
}

#[test]
fn a_panic_elsewhere_is_told_with_the_request_s_id_and_answered_with_500() {
    for model in SERVERS {
        // At the highest level too.
        let flags = ["--log", "error", "--inject-task-panic-every", "1"];
        let server = Served::start(model, &flags);
        for target in ["/cpu?mode=offload&units=1", "/errors?mode=concurrent"] {
            let id = format!("panic-{}", target.len());
            let answer = server.get(target, &format!("x-request-id: {id}\r\n"));
            assert!(answer.starts_with("HTTP/1.1 500 "), "{model}: {answer}");
            assert!(
                answer.contains(&format!("x-request-id: {id}")),
                "{model}: {answer}"
            );
            let line = server.line(&[&id, "panicked"]);
            assert!(line.contains("ERROR request{"), "{model}: {line}");
            assert!(line.contains("}:work{on="), "{model}: {line}");
            assert!(line.contains("injected panic in task"), "{model}: {line}");
            assert!(line.contains("faults.rs:"), "{model}: {line}");
        }
        assert!(
            !server.end().contains("answered"),
            "{model}: the level is error"
        );
    }
}

#[test]
fn a_panic_in_a_handler_is_told_too_and_the_request_said_to_be_unanswered() {
    for model in SERVERS {
        let server = Served::start(model, &["--log", "warn", "--inject-panic-every", "1"]);
        let answer = server.get("/", "x-request-id: gone\r\n");
        assert_eq!(answer, "", "{model}");
        let line = server.line(&["gone", "panicked"]);
        assert!(
            line.contains("injected panic in request 1"),
            "{model}: {line}"
        );
        server.line(&["WARN", "gone", "not answered"]);
    }
}

#[test]
fn services_are_asked_with_the_same_id() {
    for model in SERVERS {
        let services = Served::start("async-bare", &["--log", "info"]);
        let addr = services.addr().to_string();
        let server = Served::start(model, &["--log", "debug", "--backend", &addr]);
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let fields =
            format!("x-request-id: both\r\ntraceparent: 00-{trace}-00f067aa0ba902b7-01\r\n");
        let answer = server.get("/aggregate?mode=concurrent", &fields);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{model}: {answer}");
        for service in ["user", "order", "stock"] {
            let named = format!("peer.service={service:?}");
            server.line(&["both", trace, &named, "the service answered"]);
        }
        server.line(&["both", trace, "answered duration_us="]);
        services.line(&["both", trace, "url.path=/backend", "answered"]);
        let told = services.end();
        assert_eq!(told.matches(trace).count(), 3, "{model}: {told}");
    }
}

#[test]
fn a_service_that_fails_is_told_and_the_level_debug_tells_of_connections() {
    // Nobody listens on a port that was just given up.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = gone.local_addr().expect("its address").to_string();
    drop(gone);
    for model in SERVERS {
        let server = Served::start(model, &["--log", "debug", "--backend", &addr]);
        let answer = server.get("/aggregate", "x-request-id: alone\r\n");
        assert!(answer.starts_with("HTTP/1.1 502 "), "{model}: {answer}");
        server.line(&[
            "WARN",
            "alone",
            "peer.service=\"user\"",
            "the service failed",
            "error=",
        ]);
        server.line(&["WARN", "alone", "http.response.status_code=502", "answered"]);
        server.line(&["DEBUG", "connection opened"]);
        server.line(&["DEBUG", "connection closed"]);
        server.get("/errors?mode=concurrent", "x-request-id: handed\r\n");
        server.line(&["DEBUG", "handed", "work{on=", "handed over"]);
    }
}

#[test]
fn the_level_trace_tells_of_every_piece_of_a_stream() {
    for model in SERVERS {
        let server = Served::start(model, &["--log", "trace"]);
        server.get("/stream?chunks=3", "x-request-id: pieces\r\n");
        server.line(&["pieces", "answered"]);
        let told = server.end();
        let pieces = |line: &&str| line.contains("pieces") && line.contains("piece sent bytes=");
        assert_eq!(told.lines().filter(pieces).count(), 3, "{model}: {told}");
    }
}

#[test]
fn a_level_there_is_not_is_refused() {
    for model in SERVERS {
        let (status, told) = asked(&["serve", model, "--log", "loud"]);
        assert_eq!(status, Some(2), "{told}");
        for part in ["'loud'", "--log <LEVEL>", "error, warn, info, debug, trace"] {
            assert!(told.contains(part), "{model}: no {part} in {told}");
        }
    }
}
