//! What becomes of the request of a number.

use std::time::Duration;

use serde::Serialize;

/// What the server does. Numbers of requests are counted over all its connections.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Script {
    /// Time from a request to its answer. A server that stands still does not work: the time is that of its own clock.
    pub delay: Duration,
    /// Answers that take another time.
    pub slow: Option<Slow>,
    /// The last of each so many requests is never answered.
    pub lose_each: Option<u64>,
    /// The last of each so many requests is answered with status 500.
    pub fail_each: Option<u64>,
    /// At the last of each so many requests the connection is closed.
    pub close_each: Option<u64>,
    /// By the clock, it stands still.
    pub freeze: Option<Freeze>,
    /// So many workers are frozen by the clock; `None`: all.
    pub frozen_workers: Option<usize>,
    /// It stands still when so many requests have come.
    pub freeze_after: Option<FreezeAfter>,
    /// Computing for each answer, in units of the workloads' kernel.
    pub cpu_units: u64,
    /// Threads. Connection number c belongs to worker c modulo their number.
    pub workers: usize,
    /// Where among each so many requests the slow one is.
    pub seed: u64,
}

/// One of each `one_in` answers, at a place drawn anew for each so many, takes `delay`. (At a fixed place slow
/// answers could come in step with whatever the client does in turns.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Slow {
    /// How many answers one of which is slow.
    pub one_in: u64,
    /// How long that one takes.
    pub delay: Duration,
}

/// The last `length` of each `period` since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Freeze {
    /// How long it stands still.
    pub length: Duration,
    /// How often.
    pub period: Duration,
}

/// `length` when each so many requests have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FreezeAfter {
    /// After how many requests.
    pub requests: u64,
    /// How long it stands still.
    pub length: Duration,
}

/// What is done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Answer(Duration),
    AnswerSlowly(Duration),
    Lose,
    Fail,
    Close,
}

impl Script {
    /// Answers at once, on two threads.
    pub const PLAIN: Self = Self {
        delay: Duration::ZERO,
        slow: None,
        lose_each: None,
        fail_each: None,
        close_each: None,
        freeze: None,
        frozen_workers: None,
        freeze_after: None,
        cpu_units: 0,
        workers: 2,
        seed: 1,
    };

    /// What becomes of the request of this number, counted from 0.
    pub(super) fn act(&self, number: u64) -> Act {
        let is_last_of = |each: Option<u64>| each.is_some_and(|each| is_last(number, each));
        match self.slow {
            _ if is_last_of(self.lose_each) => Act::Lose,
            _ if is_last_of(self.close_each) => Act::Close,
            _ if is_last_of(self.fail_each) => Act::Fail,
            Some(slow) if slow.is_slow(number, self.seed) => Act::AnswerSlowly(slow.delay),
            _ => Act::Answer(self.delay),
        }
    }

    /// How long the server stands still once this request has come.
    pub(super) fn freeze_after(&self, number: u64) -> Option<Duration> {
        let freeze = self.freeze_after?;
        is_last(number, freeze.requests).then_some(freeze.length)
    }
}

impl Slow {
    fn is_slow(self, number: u64, seed: u64) -> bool {
        let one_in = self.one_in.max(1);
        let group = number / one_in;
        number % one_in == mixed(seed.wrapping_add(group)) % one_in
    }
}

fn is_last(number: u64, each: u64) -> bool {
    number % each.max(1) == each.max(1) - 1
}

/// SplitMix64: neighbouring numbers become unrelated ones.
fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_so_many_is_slow_at_changing_places() {
        let delay = Duration::from_secs(1);
        let script = Script {
            slow: Some(Slow { one_in: 50, delay }),
            ..Script::PLAIN
        };
        let slow: Vec<u64> = (0..5_000)
            .filter(|number| script.act(*number) == Act::AnswerSlowly(delay))
            .collect();
        assert_eq!(slow.len(), 100);
        let groups = slow.iter().map(|number| number / 50);
        assert!(groups.eq(0..100), "one in each fifty");
        let places: std::collections::BTreeSet<u64> = slow.iter().map(|it| it % 50).collect();
        assert!(places.len() > 25, "{places:?}");
    }

    #[test]
    fn a_request_that_is_lost_is_nothing_else() {
        let script = Script {
            lose_each: Some(10),
            close_each: Some(5),
            fail_each: Some(2),
            ..Script::PLAIN
        };
        let acts: Vec<Act> = (0..10).map(|number| script.act(number)).collect();
        assert_eq!(acts[9], Act::Lose);
        assert_eq!(acts[4], Act::Close);
        assert_eq!((acts[1], acts[0]), (Act::Fail, Act::Answer(Duration::ZERO)));
    }
}
