//! The open loop: every intended request has one outcome, and a stall is seen at its true size.

mod peer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::{Arrivals, EngineError, Load, Measurement, Target};
use peer::{Act, Peer, engine, hello, measure, requests, slice};

fn constant(rate_rps: f64) -> Load {
    Load::OpenLoop {
        rate_rps,
        arrivals: Arrivals::Constant,
    }
}

/// 200 requests/s for `window_ms` at a peer that answers nothing for a second, beginning 300 ms after
/// the slice.
fn stalled(window_ms: u64) -> Measurement {
    let stall_from_ms = Arc::new(AtomicU64::new(u64::MAX));
    let from = Arc::clone(&stall_from_ms);
    let peer = Peer::start(move |asked| {
        let begin = Duration::from_millis(from.load(Ordering::SeqCst));
        let end = begin.saturating_add(Duration::from_secs(1));
        if (begin..end).contains(&asked.at) {
            return vec![Act::Wait(end - asked.at), hello()];
        }
        vec![hello()]
    });
    let mut engine = engine(10_000);
    let id = engine
        .connect(Target::get("stall", &peer.url(), "/", 20))
        .unwrap();
    let begin = peer.now() + Duration::from_millis(300);
    stall_from_ms.store(begin.as_millis() as u64, Ordering::SeqCst);
    engine
        .run_slice(&slice(id, constant(200.0), 0, window_ms))
        .unwrap();
    engine.collect(id).unwrap()
}

/// What is measured per second is measured over all of them, also where the last request comes early.
#[test]
fn a_window_lasts_as_long_as_it_says_at_a_low_rate_too() {
    let peer = Peer::start(|_| vec![hello()]);
    let target = Target::get("rarely asked", &peer.url(), "/", 2);
    let mut engine = engine(10_000);
    let id = engine.connect(target).unwrap();
    for _ in 0..2 {
        let outcome = engine.run_slice(&slice(id, constant(2.0), 0, 400)).unwrap();
        assert!(outcome.span >= outcome.measured, "{outcome:?}");
        assert_eq!(outcome.measured, Duration::from_millis(400));
    }
}

#[test]
fn a_stall_is_visible_at_its_true_size() {
    let measurement = stalled(2000);
    assert_eq!(measurement.requests, 400);
    assert_eq!(measurement.errors.total(), 0, "{}", measurement.errors);
    assert!(
        measurement.latency.max() >= 990_000_000,
        "{}",
        measurement.latency.max()
    );
    // Half of all requests were intended during the stall, one every 5 ms: 1000, 995, … 5 ms.
    let p99 = measurement.latency.value_at_quantile(0.99);
    assert!(p99 >= 970_000_000, "{p99}");
    // No more than 20 of them could be under way; the others waited for a connection.
    let long = measurement
        .service_time
        .count_between(500_000_000, u64::MAX);
    assert!(long <= 20, "{long}");
}

#[test]
fn a_stall_at_the_end_of_the_run_is_visible_too() {
    let measurement = stalled(500);
    assert_eq!(measurement.requests, 100);
    assert_eq!(
        (
            measurement.errors.total(),
            measurement.in_flight_at_deadline
        ),
        (0, 0)
    );
    assert!(measurement.latency.value_at_quantile(0.99) >= 970_000_000);
    assert_eq!(measurement.measured, Duration::from_millis(500));
}

#[test]
fn requests_belong_to_the_window_of_their_intended_instant() {
    let peer = Peer::start(|_| vec![hello()]);
    let target = Target::get("hello", &peer.url(), "/", 10);
    let (outcome, measurement) = measure(&mut engine(10_000), target, |id| {
        slice(id, constant(500.0), 200, 1000)
    });
    assert_eq!(measurement.requests, 500);
    assert_eq!(measurement.answers_total, 600);
    assert!(measurement.answers_in_window <= 600);
    assert_eq!(peer.requests(), 600);
    assert_eq!(outcome.measured, Duration::from_secs(1));
    for histogram in [
        &measurement.latency,
        &measurement.service_time,
        &measurement.send_lag,
    ] {
        assert_eq!(histogram.len(), 500);
    }
    // Latency is lag + service time, of every request and so of the largest.
    let parts = measurement.send_lag.max() + measurement.service_time.max();
    assert!(measurement.latency.max() <= parts + parts / 100);
    assert!(measurement.latency.max() >= measurement.service_time.max());
}

#[test]
fn without_answers_every_intended_request_is_a_timeout_or_unsent() {
    let peer = Peer::start(|_| vec![Act::Hold]);
    let target = Target::get("silent", &peer.url(), "/", 2);
    let (outcome, measurement) = measure(&mut engine(300), target, |id| {
        slice(id, constant(2000.0), 0, 500)
    });
    let errors = measurement.errors;
    assert_eq!(measurement.requests, 0);
    assert_eq!(errors.total(), 1000, "{errors}");
    assert_eq!(errors.timeout + errors.unsent, 1000, "{errors}");
    assert!(errors.timeout >= 2 && errors.unsent > 0, "{errors}");
    assert_eq!(measurement.in_flight_at_deadline, 0);
    assert!(
        outcome.span >= Duration::from_millis(790),
        "the last was awaited"
    );
}

#[test]
fn what_an_overloaded_peer_answers_in_the_window_is_told_from_what_was_due() {
    let peer = Peer::start(|_| vec![peer::wait_ms(20), hello()]);
    let target = Target::get("slow", &peer.url(), "/", 2);
    // Two connections answer 100 requests/s at most; 200/s are asked for, and all are answered in the end.
    let (_, measurement) = measure(&mut engine(10_000), target, |id| {
        slice(id, constant(200.0), 0, 1000)
    });
    assert_eq!((measurement.requests, measurement.errors.total()), (200, 0));
    assert!(
        (1..=100).contains(&measurement.answers_in_window),
        "{}",
        measurement.answers_in_window
    );
}

#[test]
fn a_rate_beyond_the_peer_is_not_lowered_silently() {
    let peer = Peer::start(|_| vec![peer::wait_ms(20), hello()]);
    let target = Target::get("slow", &peer.url(), "/", 2);
    // Two connections answer 100 requests/s at most; 500/s are asked for.
    let (_, measurement) = measure(&mut engine(200), target, |id| {
        slice(id, constant(500.0), 0, 1000)
    });
    assert_eq!(measurement.requests + measurement.errors.total(), 500);
    assert!(measurement.errors.unsent > 100, "{}", measurement.errors);
    assert!(
        measurement.latency.max() <= 201_000_000,
        "slower ones are timeouts"
    );
}

#[test]
fn short_slices_keep_a_slow_rate() {
    let peer = Peer::start(|_| vec![hello()]);
    let mut engine = engine(5000);
    let id = engine
        .connect(Target::get("hello", &peer.url(), "/", 4))
        .unwrap();
    let mut counted = 0;
    for _ in 0..20 {
        let outcome = engine.run_slice(&slice(id, constant(30.0), 0, 25)).unwrap();
        counted += outcome.loads[0].requests;
    }
    assert_eq!(counted, 15, "20 slices of 25 ms at 30/s");
    assert_eq!(engine.collect(id).unwrap().requests, 15);
}

#[test]
fn poisson_arrivals_send_exactly_the_number_asked_for() {
    let peer = Peer::start(|_| vec![hello()]);
    let target = Target::get("hello", &peer.url(), "/", 5);
    let load = Load::OpenLoop {
        rate_rps: 2000.0,
        arrivals: Arrivals::Poisson,
    };
    let (outcome, measurement) = measure(&mut engine(5000), target, |id| requests(id, load, 501));
    assert_eq!(measurement.requests, 501);
    // 501 exponential gaps of 0.5 ms: 250 ms, give or take six standard deviations.
    let ms = outcome.measured.as_secs_f64() * 1e3;
    assert!((180.0..320.0).contains(&ms), "{ms}");
}

#[test]
fn impossible_rates_are_refused() {
    let peer = Peer::start(|_| vec![hello()]);
    let mut engine = engine(5000);
    let id = engine
        .connect(Target::get("hello", &peer.url(), "/", 1))
        .unwrap();
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e12] {
        let result = engine.run_slice(&slice(id, constant(rate), 0, 100));
        assert!(
            matches!(result, Err(EngineError::InvalidSlice(_))),
            "{rate}"
        );
    }
}
