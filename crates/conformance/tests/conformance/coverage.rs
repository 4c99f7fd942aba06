//! Nothing is left out: every route, every mode and every parameter there is, good and bad. A new route does not
//! compile, or does not pass, before it stands here.

use std::{
    collections::HashSet,
    net::{Shutdown, SocketAddr},
};

use contract::{Definition, Route, Workload};
use server_core::{Faults, Limits};

use crate::{
    client::{Answer, Client, await_stat, stat},
    servers::{ALL, Kind, on_all, shared, start},
};

/// How a route is asked, apart from the query.
struct Asked {
    method: &'static str,
    path: &'static str,
    fields: &'static str,
}

/// A good request of each route. Exhaustive, so that a new route has to be added.
fn asked(route: Route) -> Asked {
    const HANDSHAKE: &str = "connection: Upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let (method, path, fields) = match route {
        Route::Hello
        | Route::Health
        | Route::Json
        | Route::Work
        | Route::Stats
        | Route::SyncData
        | Route::AsyncData
        | Route::ConcurrentOps
        | Route::Errors
        | Route::Timeout
        | Route::Cpu
        | Route::Block
        | Route::Limited
        | Route::File
        | Route::Scenarios
        | Route::Aggregate
        | Route::Backend
        | Route::Stream
        | Route::Rooms => ("GET", route.path(), ""),
        Route::Upload | Route::Batch => ("POST", route.path(), "content-length: 0\r\n"),
        Route::Echo => ("GET", route.path(), HANDSHAKE),
        Route::Room => ("GET", "/ws/room/coverage", HANDSHAKE),
    };
    Asked {
        method,
        path,
        fields,
    }
}

impl Asked {
    fn request(&self, query: &str) -> String {
        let Self {
            method,
            path,
            fields,
        } = self;
        format!("{method} {path}{query} HTTP/1.1\r\nhost: a\r\n{fields}\r\n")
    }
}

/// The servers that have a route.
fn with(route: Route) -> impl Iterator<Item = Kind> {
    let has = move |kind: &Kind| *kind != Kind::AsyncBare || route.is_in_async_bare();
    ALL.into_iter().filter(has)
}

/// The answer to a query, the same on all servers that have the route; the connection is kept, unless the answer
/// says otherwise.
fn same(route: Route, query: &str) -> Answer {
    let mut first: Option<Answer> = None;
    for kind in with(route) {
        let mut client = Client::connect(shared(kind));
        client.send(asked(route).request(query));
        let answer = client.answer();
        match answer.field("connection") {
            Some("close") => client.assert_closed(),
            _ => client.assert_kept(),
        }
        let first = first.get_or_insert_with(|| answer.clone());
        assert_eq!(answer, *first, "{route:?}{query} on {}", kind.name());
    }
    first.expect("some server has it")
}

/// The message of a refusal.
fn refusal(route: Route, query: &str) -> String {
    let answer = same(route, query);
    assert_eq!(answer.status, 400, "{route:?}{query}: {}", answer.text());
    let error: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    error["error"].as_str().expect("a message").to_owned()
}

/// The parameters of a route, as its refusal of an unknown one lists them.
fn parameters(route: Route) -> Vec<String> {
    let told = refusal(route, "?no_such_parameter=7");
    let (said, allowed) = told.split_once("; allowed: ").expect("what is allowed");
    assert_eq!(
        said, "unknown parameter `no_such_parameter` with value `7`",
        "{route:?}"
    );
    match allowed {
        "none" => Vec::new(),
        names => names.split(", ").map(str::to_owned).collect(),
    }
}

#[test]
fn every_parameter_of_every_route_is_read_strictly() {
    for &route in Route::ALL {
        for name in parameters(route) {
            let again = refusal(route, &format!("?{name}=1&{name}=2"));
            let expected = format!("parameter `{name}` is given again with value `2`");
            assert!(again.starts_with(&expected), "{route:?}: {again}");
            let numbers = ["-1", "1e99", "99999999999999999999"];
            // A name may consist of digits.
            let numbers = numbers.iter().filter(|_| name != "name");
            for absurd in ["", "%00", "%zz", "a%20b"].iter().chain(numbers) {
                let told = refusal(route, &format!("?{name}={absurd}"));
                let expected = format!("parameter `{name}` has value `");
                assert!(told.starts_with(&expected), "{route:?}: {told}");
                assert!(told.contains("; allowed: "), "{route:?}: {told}");
            }
        }
        let long = format!("?{}", "x".repeat(8 * 1024));
        assert!(
            refusal(route, &long).len() < 1024,
            "{route:?}: no echo of it all"
        );
    }
}

#[test]
fn every_route_refuses_other_methods() {
    for &route in Route::ALL {
        let other = Asked {
            method: "DELETE",
            ..asked(route)
        };
        for kind in with(route) {
            let mut client = Client::connect(shared(kind));
            client.send(other.request(""));
            let answer = client.answer();
            assert_eq!(answer.status, 405, "{route:?} on {}", kind.name());
            assert_eq!(answer.field("allow"), Some(route.allow()), "{route:?}");
            client.assert_kept();
        }
    }
}

#[test]
fn every_route_survives_bodies_that_break_off_or_are_broken() {
    on_all(|kind| {
        let server = start(kind, Limits::default(), Faults::default());
        let addr = server.addr();
        for &route in Route::ALL {
            let Asked { method, path, .. } = asked(route);
            let head = format!("{method} {path} HTTP/1.1\r\nhost: a\r\n");
            for truncated in [
                "content-length: 10\r\n\r\nabc",
                "transfer-encoding: chunked\r\n\r\n5\r\nab",
            ] {
                let mut client = Client::connect(addr);
                client.send(format!("{head}{truncated}"));
                client
                    .socket()
                    .shutdown(Shutdown::Write)
                    .expect("half closed");
                // There is nobody to answer, or the answer came before the end: then it is no success.
                let rest = String::from_utf8_lossy(&client.rest()).into_owned();
                assert!(
                    rest.is_empty() || rest.starts_with("HTTP/1.1 4"),
                    "{route:?} on {}: {rest}",
                    kind.name()
                );
            }
            let mut client = Client::connect(addr);
            client.send(format!("{head}transfer-encoding: chunked\r\n\r\nx\r\n"));
            let answer = client.answer();
            assert_eq!(answer.status, 400, "{route:?} on {}", kind.name());
            client.assert_closed();
        }
        assert_unharmed(addr);
    });
}

fn assert_unharmed(addr: SocketAddr) {
    await_stat(addr, "in_flight", 1);
    await_stat(addr, "connections", 1);
    await_stat(addr, "work_running", 0);
    assert_eq!(stat(addr, "panics"), 0);
}

/// Every workload in every mode.
fn workloads() -> Vec<Workload> {
    let labels = Definition::ALL.iter().flat_map(|definition| {
        definition.modes.iter().map(|mode| match mode.name {
            "" => definition.name.to_owned(),
            mode => format!("{}:{mode}", definition.name),
        })
    });
    labels
        .map(|label| label.parse().expect("a workload"))
        .collect()
}

#[test]
fn every_route_is_measured_by_some_workload_or_serves_those_that_are() {
    let mut reached: HashSet<Route> = workloads()
        .iter()
        .flat_map(Workload::classes)
        .filter_map(|class| Route::find(class.request.target.split('?').next()?))
        .collect();
    // Asked by the load generator beside the load, or by other servers.
    reached.extend([Route::Stats, Route::Rooms, Route::Backend]);
    for route in Route::ALL {
        assert!(reached.contains(route), "no workload asks for {route:?}");
    }
}

#[test]
fn every_mode_that_a_route_takes_is_a_mode_of_a_workload() {
    let asked_for: Vec<String> = workloads()
        .iter()
        .flat_map(Workload::classes)
        .map(|class| class.request.target.clone())
        .collect();
    for &route in Route::ALL {
        for name in parameters(route) {
            let told = refusal(route, &format!("?{name}=no%20such%20value"));
            let (_, allowed) = told.split_once("; allowed: ").expect("what is allowed");
            // A list of choices; ranges and rules for names have more words.
            let choices: Vec<&str> = allowed.split(", ").collect();
            if name != "mode" || choices.iter().any(|choice| choice.contains(' ')) {
                continue;
            }
            for (number, choice) in choices.iter().enumerate() {
                let asked = asked_for.iter().any(|target| {
                    let (path, query) = target.split_once('?').unwrap_or((target, ""));
                    let given = query.split('&').find_map(|pair| pair.strip_prefix("mode="));
                    let default = given.is_none() && number == 0;
                    path == route.path() && (default || given == Some(choice))
                });
                assert!(asked, "no workload asks for {route:?} in mode {choice}");
            }
        }
    }
}
