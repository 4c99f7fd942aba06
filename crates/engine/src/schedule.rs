//! The intended instants of an open loop: one worker's share of them. Pure arithmetic.

use rand::RngExt;
use rand::rngs::SmallRng;

use crate::clock::Nanos;
use crate::config::Arrivals;

/// What one worker needs to know to send its share.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    pub(crate) rate_rps: f64,
    pub(crate) arrivals: Arrivals,
    /// This worker is number `index` of `workers` that send.
    pub(crate) index: u64,
    pub(crate) workers: u64,
    /// How far the target's schedule had come before this slice, so that short slices of a slow rate
    /// still add up to that rate.
    pub(crate) position: Nanos,
    /// The slice begins.
    pub(crate) start: Nanos,
    /// The window begins.
    pub(crate) window_start: Nanos,
    /// The window ends.
    pub(crate) end: Nanos,
    /// Or: so many requests in the window, over all workers.
    pub(crate) limit: Option<u64>,
}

/// An iterator that can be looked into: the next intended instant, none at the end.
#[derive(Debug)]
pub(crate) struct Schedule {
    share: Share,
    rng: SmallRng,
    next: Option<Nanos>,
    /// Constant arrivals: number of the next request since the target's schedule began.
    number: u64,
    /// Constant arrivals: the first number that is not sent. Poisson: requests left in the window.
    last: u64,
}

impl Schedule {
    pub(crate) fn new(share: Share, rng: SmallRng) -> Self {
        let mut schedule = Self {
            number: 0,
            last: u64::MAX,
            next: Some(share.start),
            share,
            rng,
        };
        match schedule.share.arrivals {
            Arrivals::Constant => schedule.begin_constant(),
            Arrivals::Poisson => schedule.begin_poisson(),
        }
        schedule
    }

    pub(crate) fn peek(&self) -> Option<Nanos> {
        self.next
    }

    /// Moves on to the next intended instant.
    pub(crate) fn advance(&mut self) {
        match self.share.arrivals {
            Arrivals::Constant => {
                self.number += self.share.workers;
                self.next = (self.number < self.last)
                    .then(|| self.constant(self.number))
                    .filter(|at| *at < self.share.end);
            }
            Arrivals::Poisson => self.next_poisson(),
        }
    }

    /// Nothing is intended any more at `end` or later.
    pub(crate) fn cut(&mut self, end: Nanos) {
        self.share.end = self.share.end.min(end);
        self.next = self.next.filter(|at| *at < end);
    }

    fn interval_ns(&self) -> f64 {
        1e9 / self.share.rate_rps
    }

    /// The instant of request `number`. Whole multiples of the interval, so that rounding never adds up.
    fn constant(&self, number: u64) -> Nanos {
        let since_begin = number as f64 * self.interval_ns();
        let in_slice = (since_begin - self.share.position as f64).max(0.0);
        self.share.start.saturating_add(in_slice as Nanos)
    }

    /// The first number at or behind a position of the target's schedule.
    fn first_number(&self, position: Nanos) -> u64 {
        (position as f64 / self.interval_ns()).ceil() as u64
    }

    fn begin_constant(&mut self) {
        let share = &self.share;
        let first = self.first_number(share.position);
        if let Some(limit) = share.limit {
            let window = share.position + (share.window_start - share.start);
            self.last = self.first_number(window).saturating_add(limit);
        }
        // Numbers are dealt out in turn, so that together the workers' instants are evenly spaced.
        let ahead = (share.index + share.workers - first % share.workers) % share.workers;
        self.number = first + ahead;
        self.next = (self.number < self.last)
            .then(|| self.constant(self.number))
            .filter(|at| *at < self.share.end);
    }

    fn begin_poisson(&mut self) {
        let Share {
            limit,
            index,
            workers,
            ..
        } = self.share;
        self.last = limit.map_or(u64::MAX, |limit| {
            limit / workers + u64::from(index < limit % workers)
        });
        self.next_poisson();
    }

    /// The sum of independent Poisson streams is one, so every worker draws its own at its part of the rate.
    fn next_poisson(&mut self) {
        let Some(now) = self.next else { return };
        let mean_gap_ns = self.interval_ns() * self.share.workers as f64;
        // 1 − u lies in (0, 1], so the logarithm is finite.
        let gap = -(1.0 - self.rng.random::<f64>()).ln() * mean_gap_ns;
        let at = now.saturating_add(gap as Nanos);
        let counted = at >= self.share.window_start;
        self.next = (at < self.share.end && (!counted || self.last > 0)).then_some(at);
        if counted {
            self.last = self.last.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::NEVER;
    use proptest::prelude::*;
    use rand::SeedableRng;

    const SECOND: Nanos = 1_000_000_000;

    fn share(rate_rps: f64, arrivals: Arrivals) -> Share {
        Share {
            rate_rps,
            arrivals,
            index: 0,
            workers: 1,
            position: 0,
            start: 5 * SECOND,
            window_start: 5 * SECOND,
            end: 6 * SECOND,
            limit: None,
        }
    }

    fn instants(share: &Share, seed: u64) -> Vec<Nanos> {
        let mut schedule = Schedule::new(share.clone(), SmallRng::seed_from_u64(seed));
        let mut all = Vec::new();
        while let Some(at) = schedule.peek() {
            all.push(at);
            schedule.advance();
        }
        all
    }

    fn of_all_workers(share: &Share, workers: u64) -> Vec<Nanos> {
        let mut all: Vec<Nanos> = (0..workers)
            .flat_map(|index| {
                let share = Share {
                    index,
                    workers,
                    ..share.clone()
                };
                instants(&share, index)
            })
            .collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn constant_arrivals_are_evenly_spaced_over_all_workers() {
        let all = of_all_workers(&share(1000.0, Arrivals::Constant), 3);
        let expected: Vec<Nanos> = (0..1000).map(|n| 5 * SECOND + n * 1_000_000).collect();
        assert_eq!(all, expected);
    }

    #[test]
    fn short_slices_add_up_to_the_rate() {
        // 7 requests per second in 200 slices of 50 ms: 70 in 10 s, though no slice holds a whole interval.
        let mut count = 0;
        for slice in 0..200 {
            let share = Share {
                position: slice * 50_000_000,
                end: 5 * SECOND + 50_000_000,
                ..share(7.0, Arrivals::Constant)
            };
            count += of_all_workers(&share, 2).len();
        }
        assert_eq!(count, 70);
    }

    #[test]
    fn a_limit_counts_from_the_window_on() {
        for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
            let limited = Share {
                window_start: 5 * SECOND + 100_500_000,
                end: NEVER,
                limit: Some(10),
                ..share(1000.0, arrivals)
            };
            let all = of_all_workers(&limited, 4);
            let counted = all.iter().filter(|at| **at >= limited.window_start).count();
            assert_eq!(counted, 10, "{arrivals:?}");
            assert!(all.len() > 50, "the lead-in is sent as well");
        }
    }

    #[test]
    fn poisson_arrivals_have_the_mean_and_spread_of_their_law() {
        let busy = Share {
            end: 105 * SECOND,
            ..share(1000.0, Arrivals::Poisson)
        };
        let all = of_all_workers(&busy, 2);
        let gaps: Vec<f64> = all.windows(2).map(|two| (two[1] - two[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean / 1e6 - 1.0).abs() < 0.02, "mean {mean}");
        assert!(
            (variance.sqrt() / mean - 1.0).abs() < 0.03,
            "stdev {}",
            variance.sqrt()
        );
    }

    #[test]
    fn a_cut_ends_the_schedule() {
        let mut schedule =
            Schedule::new(share(10.0, Arrivals::Constant), SmallRng::seed_from_u64(1));
        schedule.cut(5 * SECOND + 150_000_000);
        schedule.advance();
        assert_eq!(schedule.peek(), Some(5 * SECOND + 100_000_000));
        schedule.advance();
        assert_eq!(schedule.peek(), None);
    }

    proptest! {
        #[test]
        fn instants_rise_stay_inside_and_keep_the_rate(
            rate in 1.0f64..50_000.0,
            workers in 1u64..9,
            position in 0u64..100 * SECOND,
            length in 0u64..2 * SECOND,
            poisson in any::<bool>(),
        ) {
            let arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Constant };
            let share = Share { position, end: 5 * SECOND + length, ..share(rate, arrivals) };
            for index in 0..workers {
                let own = instants(&Share { index, workers, ..share.clone() }, index);
                prop_assert!(own.is_sorted());
                prop_assert!(own.iter().all(|at| (share.start..share.end).contains(at)));
            }
            if !poisson {
                let expected = rate * length as f64 / 1e9;
                let count = of_all_workers(&share, workers).len() as f64;
                prop_assert!((count - expected).abs() <= 1.01, "{} of {}", count, expected);
            }
        }
    }
}
