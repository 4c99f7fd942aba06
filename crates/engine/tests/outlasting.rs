//! Requests that outlast their slice, while another target is loaded in turns.

mod peer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::{Engine, Load, Measurement, Service, Target, TargetId};
use peer::{Act, Peer, engine, hello, slice, wait_ms};

/// Two targets that are loaded in turns, the first being the one that is looked at.
struct InTurns {
    engine: Engine,
    seen: TargetId,
    other: TargetId,
    _plain: Peer,
}

impl InTurns {
    fn new(peer: &Peer, connections: usize, timeout_ms: u64) -> Self {
        let plain = Peer::start(|_| vec![wait_ms(1), hello()]);
        let mut engine = engine(timeout_ms);
        let mut connect = |url: &str| {
            let target = Target::get("target", url, "/", connections);
            engine.connect(target).unwrap()
        };
        Self {
            seen: connect(&peer.url()),
            other: connect(&plain.url()),
            engine,
            _plain: plain,
        }
    }

    /// One slice of each; for how long the first target was loaded.
    fn turn(&mut self, ms: u64) -> Duration {
        let mut span = |id| {
            let slice = slice(id, Load::ClosedLoop, 5, ms);
            self.engine.run_slice(&slice).unwrap().span
        };
        let loaded = span(self.seen);
        span(self.other);
        loaded
    }

    /// What became of everything, by book.
    fn books(&mut self, turns_of_each: &[usize]) -> Vec<Measurement> {
        let mut books = Vec::new();
        for turns in turns_of_each {
            for _ in 0..*turns {
                self.turn(30);
            }
            books.push(self.engine.close_book(self.seen).unwrap());
        }
        self.engine.settle(self.seen).unwrap();
        for late in self.engine.late(self.seen).unwrap() {
            let book = late.book as usize;
            books[book].add_late(late);
        }
        books
    }
}

/// Every `n`th request meets `acts` instead of an answer after 2 ms; how many did is counted.
fn every(n: u64, acts: fn() -> Vec<Act>) -> (Peer, Arc<AtomicU64>) {
    let met = Arc::new(AtomicU64::new(0));
    let (number, meets) = (AtomicU64::new(0), Arc::clone(&met));
    let peer = Peer::start(move |_| {
        let nth = number.fetch_add(1, Ordering::SeqCst) + 1;
        if nth.is_multiple_of(n) {
            meets.fetch_add(1, Ordering::SeqCst);
            return acts();
        }
        vec![wait_ms(2), hello()]
    });
    (peer, met)
}

#[test]
fn every_lost_answer_is_an_error_of_the_book_in_which_it_was_asked_for() {
    let (peer, lost) = every(50, || vec![Act::Hold]);
    let mut turns = InTurns::new(&peer, 8, 400);
    let books = turns.books(&[4, 4, 4]);
    let timeouts: u64 = books.iter().map(|book| book.errors.timeout).sum();
    assert_eq!(timeouts, lost.load(Ordering::SeqCst));
    assert!(timeouts > 0);
    for book in &books {
        assert_eq!(book.errors.total(), book.errors.timeout);
        assert_eq!(book.under_way, 0);
        assert_eq!(book.latency.len(), book.requests);
        assert!(book.failed <= book.errors.timeout, "those of the windows");
        assert_eq!(book.failed, book.unanswered);
        assert!(book.waited >= Duration::from_millis(400) * u32::try_from(book.failed).unwrap());
    }
    let right: u64 = books.iter().map(|book| book.answers_total).sum();
    assert_eq!(
        right + timeouts,
        peer.requests(),
        "nothing is lost on the way"
    );
}

#[test]
fn a_slow_answer_has_its_true_latency_in_the_book_in_which_it_was_asked_for() {
    // Asked for in the window of the first slice: there is no lead-in that long.
    let peer = Peer::start(|asked| match (asked.connection, asked.request) {
        (0, 10) => vec![wait_ms(500), hello()],
        _ => vec![wait_ms(2), hello()],
    });
    let mut turns = InTurns::new(&peer, 4, 5_000);
    let books = turns.books(&[3, 3]);
    let slowest = books[0].latency.max();
    assert!(slowest >= 499_000_000, "{slowest}");
    assert!(books[1].latency.max() < 499_000_000);
    assert_eq!(books[0].latency.len(), books[0].requests);
    assert!(books[0].waited >= Duration::from_millis(500));
}

#[test]
fn a_run_with_missing_answers_goes_on_meanwhile() {
    let (peer, _) = every(20, || vec![Act::Hold]);
    let mut turns = InTurns::new(&peer, 2, 20_000);
    let begin = Instant::now();
    // Both connections hang after some twenty turns; slices end all the same.
    for _ in 0..10 {
        turns.turn(20);
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "a timeout each");
    let book = turns.engine.close_book(turns.seen).unwrap();
    assert_eq!(book.errors.total(), 0, "they may still come");
}

#[test]
fn a_server_that_never_answers_is_waited_for_once() {
    let mute = Peer::start(|_| vec![Act::Hold]);
    let mut turns = InTurns::new(&mute, 4, 2_000);
    let begin = Instant::now();
    // The first slice waits for a timeout; the others, of 20 ms and those of the other server, do not.
    for _ in 0..20 {
        turns.turn(20);
    }
    assert!(begin.elapsed() >= Duration::from_secs(2));
    assert!(begin.elapsed() < Duration::from_secs(20), "a timeout each");
    turns.engine.settle(turns.seen).unwrap();
    let book = turns.engine.close_book(turns.seen).unwrap();
    assert_eq!(book.requests, 0);
    assert_eq!(book.errors.timeout, mute.requests(), "each is counted");
    assert_eq!(book.errors.total(), book.errors.timeout);
}

#[test]
fn a_connection_that_hangs_was_served_before() {
    let peer = Peer::start(|asked| match (asked.connection, asked.request) {
        (0, 10..) | (1, _) => vec![Act::Hold],
        _ => vec![wait_ms(2), hello()],
    });
    // No timeout comes within the test: a connection that is made anew would be served.
    let mut turns = InTurns::new(&peer, 3, 60_000);
    let mut books = Vec::new();
    for _ in 0..2 {
        for _ in 0..4 {
            turns.turn(30);
        }
        books.push(turns.engine.close_book(turns.seen).unwrap());
    }
    let counts = &books[1].connections;
    let of_each = counts.requests_per_connection.iter();
    let unanswered = |service| {
        let each = of_each.clone().zip(&counts.service);
        each.filter(|it| (*it.0, *it.1) == (0, service)).count()
    };
    assert_eq!(unanswered(Service::Answered), 1, "one hangs, {counts:?}");
    assert_eq!(
        unanswered(Service::Unanswered),
        1,
        "one was never served, {counts:?}"
    );
}

#[test]
fn what_is_known_of_a_server_s_answers_ends_its_first_slice_too() {
    let mute = Peer::start(|_| vec![Act::Hold]);
    let mut engine = engine(20_000);
    let mut target = Target::get("mute", &mute.url(), "/", 4);
    target.mean_response = Some(Duration::from_millis(1));
    let id = engine.connect(target).unwrap();
    let outcome = engine.run_slice(&slice(id, Load::ClosedLoop, 0, 20));
    assert!(outcome.unwrap().span < Duration::from_secs(20));
}

#[test]
fn after_a_slow_answer_a_connection_rests_while_its_server_was_alive() {
    let slow = Duration::from_millis(1_000);
    let asked = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&asked);
    let peer = Peer::start(move |it| {
        if it.connection > 0 {
            return vec![wait_ms(2), hello()];
        }
        match counter.fetch_add(1, Ordering::SeqCst) {
            0 => vec![Act::Wait(slow), hello()],
            _ => vec![wait_ms(2), hello()],
        }
    });
    let mut turns = InTurns::new(&peer, 8, 10_000);
    let begin = Instant::now();
    let mut loaded = Duration::ZERO;
    // The server's clock is behind the wall clock by the slices of the other.
    while loaded < slow * 8 / 10 {
        loaded += turns.turn(50);
    }
    assert!(begin.elapsed() > slow, "its answer has come");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "but it rests");
    while loaded < slow * 2 {
        loaded += turns.turn(50);
    }
    assert!(asked.load(Ordering::SeqCst) > 1, "and goes on");
}

#[test]
fn a_slice_that_ends_while_a_connection_rests_does_not_shorten_its_rest() {
    let slow = Duration::from_millis(1_000);
    let (asked, second) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (counter, second_at) = (Arc::clone(&asked), Arc::clone(&second));
    let peer = Peer::start(move |it| {
        let number = match it.connection {
            0 => counter.fetch_add(1, Ordering::SeqCst),
            _ => u64::MAX,
        };
        if number == 1 {
            second_at.store(it.at.as_micros() as u64, Ordering::SeqCst);
        }
        let wait = if number == 0 {
            slow
        } else {
            Duration::from_millis(2)
        };
        vec![Act::Wait(wait), hello()]
    });
    let mut turns = InTurns::new(&peer, 8, 10_000);
    // The answer comes in the second slice or behind it, and most of the rest falls into the third.
    let loaded = turns.turn(400) + turns.turn(400);
    let third = peer.now();
    while asked.load(Ordering::SeqCst) < 2 {
        turns.turn(400);
    }
    let rested = Duration::from_micros(second.load(Ordering::SeqCst)).saturating_sub(third);
    let left = slow.saturating_sub(loaded);
    assert!(rested >= left, "it rested {rested:?} of {left:?}");
}

#[test]
fn after_a_silence_of_the_server_nobody_rests() {
    // All connections wait from 100 ms on until 1.1 s.
    let peer = Peer::start(|asked| {
        let thaw = Duration::from_millis(1_100);
        let frozen = asked.at > Duration::from_millis(100) && asked.at < thaw;
        let rest = thaw.saturating_sub(asked.at);
        let wait = if frozen {
            rest
        } else {
            Duration::from_millis(2)
        };
        vec![Act::Wait(wait), hello()]
    });
    let mut turns = InTurns::new(&peer, 8, 10_000);
    while peer.now() < Duration::from_millis(1_150) {
        turns.turn(50);
    }
    let before = peer.requests();
    let loaded = turns.turn(50);
    assert!(loaded < Duration::from_millis(900), "{loaded:?}");
    assert!(peer.requests() >= before + 8, "all of them ask again");
}

#[test]
fn the_longest_silence_of_all_connections_is_told() {
    let peer = Peer::start(|asked| match (asked.connection, asked.request) {
        (0, 5) => vec![wait_ms(1_000), hello()],
        _ => vec![wait_ms(2), hello()],
    });
    let mut turns = InTurns::new(&peer, 4, 5_000);
    let outcome = turns
        .engine
        .run_slice(&slice(turns.seen, Load::ClosedLoop, 0, 1_200))
        .unwrap();
    let silence = outcome.loads[0].longest_silence;
    assert!(
        silence < Duration::from_millis(900),
        "others were answered: {silence:?}"
    );

    let frozen = Peer::start(|asked| match asked.request {
        5 => vec![wait_ms(150), hello()],
        _ => vec![wait_ms(2), hello()],
    });
    let mut turns = InTurns::new(&frozen, 4, 5_000);
    let outcome = turns
        .engine
        .run_slice(&slice(turns.seen, Load::ClosedLoop, 0, 400))
        .unwrap();
    let silence = outcome.loads[0].longest_silence;
    assert!(silence >= Duration::from_millis(100), "{silence:?}");
}

#[test]
fn what_found_no_connection_in_an_open_loop_is_sent_in_a_later_slice() {
    // Silent from 50 ms on for as long as three slices of both.
    let peer = Peer::start(|asked| {
        let thaw = Duration::from_millis(700);
        let silent = asked.at > Duration::from_millis(50) && asked.at < thaw;
        let rest = thaw.saturating_sub(asked.at);
        let wait = if silent {
            rest
        } else {
            Duration::from_millis(1)
        };
        vec![Act::Wait(wait), hello()]
    });
    let mut turns = InTurns::new(&peer, 2, 10_000);
    let load = Load::OpenLoop {
        rate_rps: 200.0,
        arrivals: engine::Arrivals::Constant,
    };
    let mut planned = 0;
    for _ in 0..6 {
        let open = slice(turns.seen, load, 0, 100);
        turns.engine.run_slice(&open).unwrap();
        planned += 20;
        let other = slice(turns.other, Load::ClosedLoop, 0, 20);
        turns.engine.run_slice(&other).unwrap();
    }
    let measurement = turns.engine.collect(turns.seen).unwrap();
    assert_eq!(measurement.errors.total(), 0, "{}", measurement.errors);
    assert_eq!(measurement.requests, planned);
    assert_eq!(measurement.latency.len(), planned);
}
