//! Every workload in every mode on every server that has it.

use contract::{Definition, Scenario, Workload};

use crate::{
    client::{Answer, Client, get},
    servers::{ALL, Kind, on_all, shared},
};

fn workloads() -> Vec<Workload> {
    let modes = |definition: &&'static Definition| {
        let name = definition.name;
        let label = move |mode: &contract::definition::Mode| match mode.name {
            "" => name.to_owned(),
            mode => format!("{name}:{mode}"),
        };
        definition.modes.iter().map(label).collect::<Vec<_>>()
    };
    let labels = Definition::ALL.iter().flat_map(modes);
    labels
        .map(|label| label.parse().expect("a workload"))
        .collect()
}

fn ask(client: &mut Client, request: &contract::Request) -> Answer {
    let mut bytes = format!(
        "{} {} HTTP/1.1\r\nhost: test\r\n",
        request.method, request.target
    );
    for (name, value) in &request.fields {
        bytes += &format!("{name}: {value}\r\n");
    }
    if !request.body.is_empty() {
        bytes += &format!("content-length: {}\r\n", request.body.len());
    }
    client.send(bytes + "\r\n");
    client.send(&request.body);
    client.answer()
}

#[test]
fn every_workload_is_answered_as_the_contract_says() {
    on_all(|kind| {
        let mut client = Client::connect(shared(kind));
        for workload in workloads() {
            // Messages are tested on their own.
            let messages = workload.definition().scenario == Scenario::WebSocket;
            if messages || workload.lacking(kind.name()).is_some() {
                continue;
            }
            for class in workload.classes() {
                let answer = ask(&mut client, &class.request);
                let content_type = answer.field("content-type");
                if let Err(mismatch) = class.check(answer.status, content_type, &answer.body) {
                    panic!("{workload} on {}: {mismatch}", kind.name());
                }
                if let Some(body) = class.expected_body() {
                    assert_eq!(body, answer.body, "{workload}");
                }
                let framed = ["content-length", "transfer-encoding"];
                assert!(
                    framed.iter().any(|name| answer.field(name).is_some()),
                    "{workload}"
                );
            }
        }
    });
}

#[test]
fn all_servers_say_the_same_in_the_same_words() {
    for target in [
        "/",
        "/health",
        "/json",
        "/work",
        "/work?bytes=70000",
        "/work?wait_ms=1&cpu_units=1&bytes=1",
        "/work?wait_ms=60001",
        "/work?bytes=1&bytes=2",
        "/work?byte=1",
        "/?x",
        "/health?x=1",
        "/json?%",
        "/stats?x=%22",
        "/sync-data?mode=concurrent",
        "/async-data?a&b",
        "/nothing",
        "/nothing?x=1",
        "/json/",
        "//",
        "*",
    ] {
        let answers = ALL.map(|kind| get(shared(kind), target));
        for (kind, answer) in ALL.iter().zip(&answers) {
            assert_eq!(*answer, answers[0], "{target} on {}", kind.name());
        }
        let expected = if answers[0].status == 200 { 0 } else { 400 };
        assert!(answers[0].status >= expected, "{target}");
    }
}

#[test]
fn what_a_server_lacks_it_does_not_find() {
    for target in ["/upload", "/batch", "/ws/echo", "/ws/room/a", "/ws/rooms"] {
        let answer = get(shared(Kind::AsyncBare), target);
        assert_eq!(answer.status, 404, "{target}");
    }
}

#[test]
fn wrong_parameters_are_named() {
    for kind in ALL {
        let answer = get(shared(kind), "/work?wait_ms=-1");
        assert_eq!(answer.status, 400);
        assert_eq!(answer.field("content-type"), Some("application/json"));
        assert_eq!(
            answer.text(),
            r#"{"error":"parameter `wait_ms` has value `-1`; allowed: a whole number from 0 to 60000"}"#
        );
    }
}

#[test]
fn the_time_that_waits_took_stands_in_the_header_too() {
    on_all(|kind| {
        let answer = get(shared(kind), "/async-data");
        let header = answer.field("x-execution-time").expect("the header");
        let millis = header.strip_suffix("ms").expect("in milliseconds");
        assert!(
            answer
                .text()
                .contains(&format!("\"total_time_ms\":{millis},"))
        );
    });
}
