//! The definitions, in a closed loop, against a peer whose answers and delays are known.

mod peer;

use std::time::Duration;

use engine::{Load, Target};
use peer::{Peer, engine, hello, measure, requests, slice, wait_ms};

#[test]
fn a_number_of_requests_is_sent_exactly() {
    let peer = Peer::start(|_| vec![hello()]);
    let target = Target::get("hello", &peer.url(), "/", 7);
    let (outcome, measurement) = measure(&mut engine(5000), target, |id| {
        requests(id, Load::ClosedLoop, 1000)
    });
    assert_eq!(measurement.requests, 1000);
    assert_eq!(measurement.answers_total, 1000);
    assert_eq!(measurement.errors.total(), 0, "{}", measurement.errors);
    assert_eq!(measurement.latency.len(), 1000);
    assert_eq!(measurement.status_codes.get(&200), Some(&1000));
    assert_eq!(measurement.connections.established, 7);
    let served = &measurement.connections.requests_per_connection;
    assert_eq!((served.len(), served.iter().sum::<u64>()), (7, 1000));
    let length = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nHello World".len() as u64;
    assert_eq!(measurement.bytes_received, 1000 * length);
    assert_eq!(outcome.measured, measurement.measured);
    assert_eq!((peer.requests(), peer.connections()), (1000, 7));
}

#[test]
fn latency_is_the_delay_of_the_peer() {
    let peer = Peer::start(|asked| vec![wait_ms(20 + 60 * (asked.request % 2)), hello()]);
    let target = Target::get("delays", &peer.url(), "/", 4);
    let (_, measurement) = measure(&mut engine(5000), target, |id| {
        requests(id, Load::ClosedLoop, 40)
    });
    assert_eq!(measurement.requests, 40);
    let ms = |q: f64| measurement.latency.value_at_quantile(q) as f64 / 1e6;
    assert!(
        measurement.latency.min() >= 19_980_000,
        "{}",
        measurement.latency.min()
    );
    assert!(
        ms(0.45) < 80.0 && ms(0.55) >= 79.9,
        "{} {}",
        ms(0.45),
        ms(0.55)
    );
    // Sent as intended: both latencies are one.
    assert_eq!(measurement.service_time.max(), measurement.latency.max());
    assert_eq!(measurement.send_lag.max(), 0);
}

#[test]
fn requests_count_where_they_are_sent() {
    let peer = Peer::start(|_| vec![wait_ms(400), hello()]);
    let target = Target::get("slow", &peer.url(), "/", 6);
    // Requests leave at 0, 400, 800 and 1200 ms; the window is 600 to 1400 ms, and its last answers come at 1600.
    let (outcome, measurement) = measure(&mut engine(5000), target, |id| {
        slice(id, Load::ClosedLoop, 600, 800)
    });
    assert_eq!(outcome.measured, Duration::from_millis(800));
    assert!(
        outcome.span >= Duration::from_millis(1600),
        "{:?}",
        outcome.span
    );
    assert_eq!((measurement.requests, measurement.under_way), (12, 0));
    // Some send once more before the last of the window's answers is in.
    let all = measurement.answers_total;
    assert!((24..=30).contains(&all), "{all}");
    let waited = measurement.waited.as_secs_f64();
    assert!((4.8..8.0).contains(&waited), "12 × 400 ms, not {waited} s");
}
