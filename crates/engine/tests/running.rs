//! Slices, mixed loads, the live view, cancelling, connections that are not kept alive.

mod peer;

use std::thread;
use std::time::Duration;

use engine::{
    ConnectError, Engine, EngineConfig, EngineError, Load, Request, RequestClass, Slice, SliceEnd,
    Target, limits,
};
use peer::{Act, Peer, engine, hello, measure, requests, say, slice, wait_ms};

#[test]
fn without_keep_alive_every_request_has_its_connection() {
    let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    let peer = Peer::start(move |asked| {
        assert!(
            asked.head.contains("connection: close\r\n"),
            "{}",
            asked.head
        );
        vec![say(answer), Act::Close]
    });
    let mut target = Target::get("close", &peer.url(), "/", 4);
    target.keep_alive = false;
    let (_, measurement) = measure(&mut engine(5000), target, |id| {
        requests(id, Load::ClosedLoop, 100)
    });
    assert_eq!(measurement.requests, 100);
    assert_eq!(measurement.errors.total(), 0, "{}", measurement.errors);
    assert_eq!(peer.connections(), 100);
    assert_eq!(measurement.connections.established, 100);
    assert_eq!(measurement.connect.len(), 100);
    assert!(measurement.latency.mean() > measurement.service_time.mean());
}

#[test]
fn a_server_that_does_not_close_is_waited_for_once() {
    let peer = Peer::start(|_| vec![hello()]);
    let mut target = Target::get("lingers", &peer.url(), "/", 2);
    target.keep_alive = false;
    let (_, measurement) = measure(&mut engine(5000), target, |id| {
        requests(id, Load::ClosedLoop, 40)
    });
    assert_eq!(measurement.requests, 40);
    assert!(
        measurement.latency.max() < 900_000_000,
        "waiting is not part of the answer"
    );
}

#[test]
fn classes_are_drawn_by_weight_and_recorded_apart() {
    let peer = Peer::start(|asked| match asked.head.starts_with("GET /slow ") {
        true => vec![wait_ms(5), hello()],
        false => vec![hello()],
    });
    let mut target = Target::get("mixed", &peer.url(), "/fast", 8);
    target.requests[0].weight = 3;
    target.requests.push(RequestClass {
        name: "slow".to_owned(),
        request: Request::get("/slow"),
        ..target.requests[0].clone()
    });
    target.requests[1].weight = 1;
    let (_, measurement) = measure(&mut engine(5000), target, |id| {
        requests(id, Load::ClosedLoop, 2000)
    });
    let [fast, slow] = measurement.classes.as_slice() else {
        panic!("{} classes", measurement.classes.len());
    };
    assert_eq!(
        (fast.name.as_str(), slow.name.as_str()),
        ("default", "slow")
    );
    assert_eq!(fast.requests + slow.requests, 2000);
    // A quarter of 2000 is 500, with a standard deviation of 19.
    assert!((400..600).contains(&slow.requests), "{}", slow.requests);
    assert!(slow.latency.min() >= 4_990_000);
    assert_eq!(slow.latency.len(), slow.requests);
}

#[test]
fn first_bytes_and_chunk_gaps_are_recorded_on_request() {
    let peer = Peer::start(|_| {
        vec![
            say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
            wait_ms(20),
            say("1\r\na\r\n"),
            wait_ms(40),
            say("1\r\nb\r\n1\r\nc\r\n"),
            wait_ms(40),
            say("0\r\n\r\n"),
        ]
    });
    let mut target = Target::get("stream", &peer.url(), "/", 2);
    target.record_first_byte = true;
    target.record_chunk_gaps = true;
    let (_, measurement) = measure(&mut engine(5000), target, |id| {
        requests(id, Load::ClosedLoop, 10)
    });
    let first_byte = measurement.first_byte.unwrap();
    let gaps = measurement.chunk_gaps.unwrap();
    assert_eq!((first_byte.len(), gaps.len()), (10, 20));
    assert!(measurement.latency.min() >= 99_900_000);
    assert!(first_byte.min() < measurement.latency.min());
    // From a to b at least 40 ms, from b to c nothing.
    assert_eq!(gaps.count_at(0), 10);
    assert!(gaps.value_at_quantile(0.75) >= 30_000_000);
}

#[test]
fn several_targets_are_loaded_at_the_same_time() {
    let peer = Peer::start(|asked| match asked.head.starts_with("GET /block ") {
        true => vec![wait_ms(50), hello()],
        false => vec![hello()],
    });
    let mut engine = engine(5000);
    let blockers = engine
        .connect(Target::get("block", &peer.url(), "/block", 4))
        .unwrap();
    let probes = engine
        .connect(Target::get("probe", &peer.url(), "/", 1))
        .unwrap();
    let probing = Load::OpenLoop {
        rate_rps: 100.0,
        arrivals: engine::Arrivals::Constant,
    };
    let outcome = engine
        .run_slice(&Slice {
            loads: vec![(blockers, Load::ClosedLoop), (probes, probing)],
            lead_in: Duration::ZERO,
            end: SliceEnd::After(Duration::from_millis(500)),
        })
        .unwrap();
    let counted: Vec<_> = outcome
        .loads
        .iter()
        .map(|load| (load.target, load.requests))
        .collect();
    assert_eq!(counted[1], (probes, 50));
    assert!((4..=40).contains(&counted[0].1), "{counted:?}");
    assert!(outcome.loads[0].mean_latency.unwrap() >= Duration::from_millis(49));
    assert_eq!(engine.collect(probes).unwrap().requests, 50);
    assert_eq!(engine.collect(blockers).unwrap().requests, counted[0].1);
}

#[test]
fn collecting_resets_and_slices_add_up() {
    let peer = Peer::start(|_| vec![hello()]);
    let mut engine = engine(5000);
    let id = engine
        .connect(Target::get("hello", &peer.url(), "/", 4))
        .unwrap();
    let mut counted = 0;
    for _ in 0..10 {
        let outcome = engine
            .run_slice(&slice(id, Load::ClosedLoop, 5, 50))
            .unwrap();
        counted += outcome.loads[0].requests;
    }
    let block = engine.collect(id).unwrap();
    // A slice tells what was answered when it was over; the book, what was answered in the end.
    assert!(block.requests >= counted, "{} {counted}", block.requests);
    assert_eq!(block.latency.len(), block.requests);
    assert_eq!(block.measured, Duration::from_millis(500));
    assert!(block.answers_total > block.requests);
    assert_eq!(block.connections.established, 4);
    let empty = engine.collect(id).unwrap();
    assert_eq!(
        (empty.requests, empty.answers_total, empty.measured),
        (0, 0, Duration::ZERO)
    );
    assert_eq!(empty.connections.requests_per_connection, [0; 4]);
    assert!(empty.latency.is_empty() && empty.series.is_empty());
}

#[test]
fn the_series_and_the_live_view_hold_every_second() {
    let peer = Peer::start(|_| vec![wait_ms(1), hello()]);
    let mut engine = engine(5000);
    let view = engine.live();
    let id = engine
        .connect(Target::get("hello", &peer.url(), "/", 4))
        .unwrap();
    assert_eq!(view.targets()[0].qps, None);
    let mut in_slices = Duration::ZERO;
    for length_ms in [2300, 40, 300] {
        let slice = slice(id, Load::ClosedLoop, 20, length_ms);
        in_slices += engine.run_slice(&slice).unwrap().measured;
    }
    let live = view.targets().remove(0);
    assert_eq!(live.name, "hello");
    assert!(live.qps.unwrap() > 0.0 && live.p99_ns.unwrap() >= 1_000_000);
    let measurement = engine.collect(id).unwrap();
    let series = &measurement.series;
    assert!(series.len() >= 3, "{series:?}");
    assert!(
        series
            .windows(2)
            .all(|two| two[0].second + 1 == two[1].second),
        "{series:?}"
    );
    let measured: Duration = series.iter().map(|point| point.measured).sum();
    assert_eq!(measured, in_slices);
    assert_eq!(measured, measurement.measured);
    let requests: u64 = series.iter().map(|point| point.requests).sum();
    assert_eq!(requests, measurement.requests);
    assert!(series.iter().all(|point| point.p50_ns <= point.p99_ns));
}

#[test]
fn cancelling_keeps_what_was_measured() {
    let peer = Peer::start(|_| vec![hello()]);
    let mut engine = engine(60_000);
    let id = engine
        .connect(Target::get("hello", &peer.url(), "/", 4))
        .unwrap();
    let cancel = engine.cancel_handle();
    let long = slice(id, Load::ClosedLoop, 0, 600_000);
    let outcome = thread::scope(|scope| {
        let running = scope.spawn(|| engine.run_slice(&long).unwrap());
        while peer.requests() < 100 {
            thread::sleep(Duration::from_millis(1));
        }
        cancel.cancel();
        running.join().unwrap()
    });
    assert!(outcome.interrupted && outcome.measured < Duration::from_secs(600));
    let measurement = engine.collect(id).unwrap();
    assert_eq!(measurement.measured, outcome.measured);
    assert!(measurement.requests > 0 && measurement.errors.total() == 0);
    let again = engine.run_slice(&long).unwrap();
    assert!(again.interrupted, "cancelled once, cancelled for good");
    let target = Target::get("hello", &peer.url(), "/", 4);
    assert!(matches!(
        engine.connect(target),
        Err(ConnectError::Cancelled(_))
    ));
}

#[test]
fn cancelling_does_not_wait_for_silent_peers() {
    let peer = Peer::start(|_| vec![Act::Hold]);
    for load in [
        Load::ClosedLoop,
        Load::OpenLoop {
            rate_rps: 1.0,
            arrivals: engine::Arrivals::Constant,
        },
    ] {
        let mut engine = engine(600_000);
        let id = engine
            .connect(Target::get("silent", &peer.url(), "/", 1))
            .unwrap();
        let cancel = engine.cancel_handle();
        let before = peer.requests();
        let outcome = thread::scope(|scope| {
            let running = scope.spawn(|| engine.run_slice(&slice(id, load, 0, 600_000)).unwrap());
            while peer.requests() == before {
                thread::sleep(Duration::from_millis(1));
            }
            cancel.cancel();
            running.join().unwrap()
        });
        assert!(outcome.interrupted);
        let measurement = engine.collect(id).unwrap();
        assert_eq!(measurement.in_flight_at_deadline, 1, "{load:?}");
        assert_eq!(measurement.errors.timeout, 0);
    }
}

#[test]
fn slow_answers_are_staggered_so_that_windows_are_not_quantised() {
    let peer = Peer::start(|_| vec![wait_ms(100), hello()]);
    let mut engine = engine(5000);
    let id = engine
        .connect(Target::get("slow", &peer.url(), "/", 20))
        .unwrap();
    // The first slice starts in lockstep and teaches the response time.
    engine
        .run_slice(&slice(id, Load::ClosedLoop, 110, 100))
        .unwrap();
    // Half a response time: in lockstep 0 or 20 would be done in it.
    let outcome = engine
        .run_slice(&slice(id, Load::ClosedLoop, 125, 50))
        .unwrap();
    assert!((3..=17).contains(&outcome.loads[0].requests), "{outcome:?}");
}

#[test]
fn more_workers_than_connections_are_fine() {
    let peer = Peer::start(|_| vec![hello()]);
    let mut engine = Engine::start(EngineConfig {
        threads: 4,
        ..EngineConfig::default()
    })
    .unwrap();
    let target = Target::get("hello", &peer.url(), "/", 1);
    let (_, measurement) = measure(&mut engine, target, |id| {
        let load = Load::OpenLoop {
            rate_rps: 1000.0,
            arrivals: engine::Arrivals::Constant,
        };
        requests(id, load, 100)
    });
    assert_eq!((measurement.requests, peer.connections()), (100, 1));
}

#[test]
fn impossible_orders_are_refused_with_the_reason() {
    let peer = Peer::start(|_| vec![hello()]);
    let config = EngineConfig {
        threads: 0,
        ..EngineConfig::default()
    };
    assert!(matches!(Engine::start(config), Err(EngineError::NoThreads)));
    let mut engine = engine(5000);
    let none = Target::get("none", &peer.url(), "/", 0);
    assert!(matches!(
        engine.connect(none),
        Err(ConnectError::Empty { .. })
    ));
    let many = limits::descriptor_limit().unwrap().soft as usize;
    let many = Target::get("many", &peer.url(), "/", many);
    assert!(matches!(
        engine.connect(many),
        Err(ConnectError::Descriptors(_))
    ));
    let id = engine
        .connect(Target::get("hello", &peer.url(), "/", 1))
        .unwrap();
    let mut twice = slice(id, Load::ClosedLoop, 0, 10);
    twice.loads.push((id, Load::OnceEach));
    assert!(matches!(
        engine.run_slice(&twice),
        Err(EngineError::InvalidSlice(_))
    ));
    engine.disconnect(id);
    let gone = engine.run_slice(&slice(id, Load::ClosedLoop, 0, 10));
    assert!(matches!(gone, Err(EngineError::UnknownTarget(_))));
    assert!(matches!(
        engine.collect(id),
        Err(EngineError::UnknownTarget(_))
    ));
}

#[cfg(target_os = "linux")]
#[test]
fn workers_can_be_pinned_and_a_missing_cpu_is_named() {
    let pinned = |cpus: Vec<usize>| {
        Engine::start(EngineConfig {
            cpus,
            ..EngineConfig::default()
        })
    };
    assert!(pinned(vec![0]).is_ok());
    assert!(matches!(
        pinned(vec![1000]),
        Err(EngineError::Pin { cpu: 1000, .. })
    ));
}
