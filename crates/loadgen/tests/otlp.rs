//! One trace shows a request, what was done for it elsewhere, and the services that were asked: real
//! servers, a real collector.

mod collector;
mod served;

use std::collections::HashSet;

use collector::{Collector, Span};
use served::{Served, asked};

const SERVERS: [&str; 4] = ["sync", "sync-pool", "async-bare", "async"];

/// The span that asks, as `traceparent` names it.
const ASKING: &str = "00f067aa0ba902b7";

fn traceparent(trace_id: &str, flags: &str) -> String {
    format!("traceparent: 00-{trace_id}-{ASKING}-{flags}\r\n")
}

/// A trace id of its own for each part of a test.
fn trace_id(number: u32) -> String {
    format!("4bf92f3577b34da6a3ce929d{number:08x}")
}

/// The one span of the server that was asked.
fn request<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let mut requests = spans.iter().filter(|span| span.name == name);
    let request = requests
        .next()
        .unwrap_or_else(|| panic!("no {name}: {spans:#?}"));
    assert!(requests.next().is_none(), "{name} twice: {spans:#?}");
    assert_eq!(request.kind, 2);
    assert_eq!(
        request.parent, ASKING,
        "the trace begins with the one who asks"
    );
    request
}

fn children<'s>(spans: &'s [Span], parent: &Span, name: &str) -> Vec<&'s Span> {
    let named = spans.iter().filter(|span| span.name == name);
    named.filter(|span| span.parent == parent.id).collect()
}

#[test]
fn a_trace_goes_on_at_the_services() {
    for model in SERVERS {
        let collector = Collector::start();
        let exporting = ["--otlp-endpoint", collector.url()];
        let services = Served::start("async-bare", &exporting);
        let (services_at, server_at);
        {
            services_at = services.addr().to_string();
            let flags = [&exporting[..], &["--backend", &services_at]].concat();
            let server = Served::start(model, &flags);
            server_at = server.addr().to_string();
            for (mode, number) in [("sequential", 1), ("concurrent", 2)] {
                let target = format!("/aggregate?mode={mode}");
                let answer = server.get(&target, &traceparent(&trace_id(number), "01"));
                assert!(answer.starts_with("HTTP/1.1 200 "), "{model}: {answer}");
                assert!(!answer.contains("x-request-id"), "that goes with the log");
            }
            assert_eq!(server.end(), "", "{model}: there is no log");
        }
        assert_eq!(services.end(), "");
        for (mode, number) in [("sequential", 1), ("concurrent", 2)] {
            let spans = collector.trace(&trace_id(number));
            let request = request(&spans, "GET /aggregate");
            assert_eq!(
                (&*request.service, &*request.instance),
                (model, &*server_at)
            );
            assert_eq!(request.attributes["http.response.status_code"], "200");
            assert_eq!(request.attributes["url.path"], "/aggregate");
            // Blocking servers ask at once on a thread each.
            let threads = model.starts_with("sync") && mode == "concurrent";
            let asking = match threads {
                true => children(&spans, request, "work"),
                false => vec![request],
            };
            let calls: Vec<&Span> = asking
                .iter()
                .flat_map(|span| children(&spans, span, "call"))
                .collect();
            let names: HashSet<&str> = calls
                .iter()
                .map(|call| &*call.attributes["peer.service"])
                .collect();
            assert_eq!(
                names,
                HashSet::from(["user", "order", "stock"]),
                "{model} {mode}"
            );
            for call in &calls {
                assert_eq!((call.kind, &*call.service), (3, model));
                let answered = children(&spans, call, "GET /backend");
                let [answered] = answered[..] else {
                    panic!("{model} {mode}: {spans:#?}");
                };
                assert_eq!((answered.kind, &*answered.service), (2, "async-bare"));
                assert_eq!(answered.instance, services_at);
                // The shortest of the services takes 100 ms; the system's clock may be slewed.
                assert!(answered.duration_ns > 99_000_000 && call.duration_ns > 99_000_000);
            }
            assert_eq!(spans.len(), 7 + if threads { 3 } else { 0 }, "{spans:#?}");
        }
    }
}

/// What a server does for a request on other threads and tasks: target, on what, how often.
fn elsewhere(model: &str) -> Vec<(&'static str, &'static str, usize)> {
    if model.starts_with("sync") {
        return vec![
            ("/concurrent-ops?mode=spawn", "thread", 100),
            ("/concurrent-ops?mode=pool", "pool", 100),
            ("/cpu?mode=offload", "pool", 1),
            ("/async-data", "thread", 3),
            ("/timeout?limit_ms=50&work_ms=1000", "thread", 1),
        ];
    }
    vec![
        ("/concurrent-ops?mode=spawn", "task", 100),
        ("/errors?mode=concurrent", "task", 10),
        ("/cpu?mode=offload", "thread", 1),
        ("/block?mode=right&ms=5", "thread", 1),
    ]
}

#[test]
fn a_trace_goes_on_on_threads_and_tasks() {
    for model in SERVERS {
        let collector = Collector::start();
        // Only what the one who asks wants recorded.
        let environment = [("OTEL_TRACES_SAMPLER", "parentbased_always_off")];
        let flags = ["--otlp-endpoint", collector.url()];
        let server = Served::start_in(model, &flags, &environment);
        for (number, (target, ..)) in (0..).zip(elsewhere(model)) {
            let answer = server.get(target, &traceparent(&trace_id(number), "01"));
            assert!(answer.starts_with("HTTP/1.1 200 "), "{model}: {answer}");
        }
        // Work that goes on behind its answer is done a moment later.
        while !server.get("/stats", "").contains("\"work_running\":0,") {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        server.end();
        for (number, (target, on, times)) in (0..).zip(elsewhere(model)) {
            let spans = collector.trace(&trace_id(number));
            let path = target.split('?').next().unwrap_or_default();
            let request = request(&spans, &format!("GET {path}"));
            let work = children(&spans, request, "work");
            assert_eq!(work.len(), times, "{model} {target}");
            assert_eq!(spans.len(), 1 + times, "{model} {target}");
            for span in work {
                // What nobody waits for any more does not make its request longer.
                assert!(path != "/timeout" || request.duration_ns < span.duration_ns);
                assert_eq!(span.attributes["on"], on, "{model} {target}");
            }
        }
    }
}

#[test]
fn a_panic_elsewhere_stands_in_the_trace() {
    for model in SERVERS {
        let collector = Collector::start();
        let flags = [
            "--otlp-endpoint",
            collector.url(),
            "--inject-task-panic-every",
            "1",
        ];
        let server = Served::start(model, &flags);
        let answer = server.get(
            "/cpu?mode=offload&units=1",
            &traceparent(&trace_id(1), "01"),
        );
        assert!(answer.starts_with("HTTP/1.1 500 "), "{model}: {answer}");
        server.end();
        let spans = collector.trace(&trace_id(1));
        let request = request(&spans, "GET /cpu");
        assert_eq!(request.attributes["http.response.status_code"], "500");
        assert_eq!(request.status, 2, "{request:?}");
        let work = children(&spans, request, "work");
        assert_eq!((work.len(), work[0].status), (1, 2), "{model}: {spans:#?}");
        assert!(!work[0].events.is_empty(), "{model}: {work:?}");
    }
}

#[test]
fn what_is_not_sampled_is_not_exported() {
    for model in SERVERS {
        let collector = Collector::start();
        let server = Served::start(model, &["--otlp-endpoint", collector.url()]);
        server.get("/", &traceparent(&trace_id(1), "00"));
        server.get("/", &traceparent(&trace_id(2), "01"));
        server.end();
        assert_eq!(collector.trace(&trace_id(1)).len(), 0, "{model}");
        assert_eq!(collector.trace(&trace_id(2)).len(), 1, "{model}");
    }
}

#[test]
fn the_environment_says_where_to_as_well() {
    let collector = Collector::start();
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_SERVICE_NAME", "shop"),
    ];
    let server = Served::start_in("async", &[], &environment);
    server.get("/health", &traceparent(&trace_id(1), "01"));
    server.end();
    let spans = collector.trace(&trace_id(1));
    assert_eq!(request(&spans, "GET /health").service, "shop");
}

#[test]
fn without_a_collector_the_server_serves_and_says_so() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", gone.local_addr().expect("its address"));
    drop(gone);
    for model in SERVERS {
        let environment = [("OTEL_BSP_SCHEDULE_DELAY", "10")];
        let server = Served::start_in(model, &["--otlp-endpoint", &url], &environment);
        assert!(server.get("/", "").starts_with("HTTP/1.1 200 "), "{model}");
        server.line(&["ERROR", "Export"]);
        assert!(server.get("/", "").starts_with("HTTP/1.1 200 "), "{model}");
        let told = server.end();
        assert!(!told.contains("answered"), "{model}: there is no log");
    }
}

#[test]
fn only_plain_http_is_spoken() {
    let (status, told) = asked(&["serve", "async", "--otlp-endpoint", "https://a"]);
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("there is no TLS"), "{told}");
}

#[test]
fn the_load_generator_s_trace_shows_server_and_services() {
    let collector = Collector::start();
    for (model, client) in [("sync", "raw"), ("async", "reqwest")] {
        let server = format!("{model} --otlp-endpoint {}", collector.url());
        let line = "-w aggregate -c 2 -n 4 --warmup 0s --no-save --format json --traceparent";
        let mut words: Vec<&str> = line.split(' ').collect();
        words.extend(["--server", &server, "--client", client]);
        let output = served::run(&words);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{told}");
        let record: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a record");
        let sent = &record["config"]["request"]["headers"][0];
        assert_eq!(sent[0], "traceparent");
        let parent = sent[1].as_str().expect("a value");
        assert!(told.contains(&format!("traceparent: {parent}")), "{told}");
        let [_, trace_id, asking, "01"] = parent.split('-').collect::<Vec<_>>()[..] else {
            panic!("{parent}");
        };
        let spans = collector.trace(trace_id);
        let named = |name: &str| spans.iter().filter(|span| span.name == name).count();
        let asked = named("GET /aggregate");
        // More with reqwest, which makes connections by sending requests.
        assert!(asked >= 4, "{model}: {asked}");
        assert_eq!(named("GET /backend"), 3 * asked, "{model}");
        let mut requests = spans.iter().filter(|span| span.name == "GET /aggregate");
        assert!(requests.all(|span| span.parent == asking), "{model}");
    }
}

#[test]
fn messages_carry_no_trace() {
    let (status, told) = asked(&["-w", "websocket", "--server", "async", "--traceparent"]);
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("--traceparent goes with requests"), "{told}");
}
