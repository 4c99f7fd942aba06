//! When a percentile may be shown, and where it is found when some requests got no answer.

/// Where a percentile of the response times lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Percentile {
    /// Too few requests: this many are needed.
    TooFew {
        /// Requests needed.
        needed: u64,
    },
    /// Among those that got no answer in time: it is at least the timeout.
    AtLeastTimeout,
    /// At this quantile (0..=1) of the response times of the answered requests.
    Answered {
        /// Quantile of the answered requests: half a rank below the one that is meant, because times their number and
        /// rounded up it must be that rank, which a quotient is not (312 ÷ 623 × 623 is a hair above 312).
        quantile: f64,
    },
}

/// Requests that percentile `p` (0..1, so 0.99 for p99) needs: 100 ÷ (1 − p); `None` for a `p`
/// outside that range.
pub fn requests_needed(p: f64) -> Option<u64> {
    if !(0.0..1.0).contains(&p) {
        return None;
    }
    Some(ceil(100.0 / (1.0 - p)))
}

/// Finds percentile `p` (0..1) of `answered` requests and `lost` ones, which timed out or were
/// never sent and count as slower than every answer; `None` for a `p` outside 0..1.
///
/// Lost requests count towards the number needed: that they were slow is known.
pub fn locate(p: f64, answered: u64, lost: u64) -> Option<Percentile> {
    let needed = requests_needed(p)?;
    let all = answered + lost;
    if all < needed {
        return Some(Percentile::TooFew { needed });
    }
    let rank = ceil(p * all as f64);
    Some(if rank > answered {
        Percentile::AtLeastTimeout
    } else {
        Percentile::Answered {
            quantile: (rank as f64 - 0.5) / answered as f64,
        }
    })
}

/// The next whole number, where a hair above one (1 − 0.999 is not exactly 0.001) is that one.
fn ceil(value: f64) -> u64 {
    let nearest = value.round();
    if (value - nearest).abs() <= 1e-9 * nearest {
        nearest as u64
    } else {
        value.ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_published_numbers_of_requests() {
        let published = [
            (0.5, 200),
            (0.75, 400),
            (0.9, 1_000),
            (0.95, 2_000),
            (0.99, 10_000),
            (0.999, 100_000),
            (0.9999, 1_000_000),
            (0.99999, 10_000_000),
        ];
        for (p, needed) in published {
            assert_eq!(requests_needed(p), Some(needed), "p = {p}");
        }
        assert_eq!(requests_needed(0.4), Some(167));
        for p in [1.0, 1.5, -0.1, f64::NAN] {
            assert_eq!(requests_needed(p), None, "p = {p}");
        }
    }

    #[test]
    fn too_few_requests_are_told_how_many_are_needed() {
        let needed = Some(Percentile::TooFew { needed: 10_000 });
        assert_eq!(locate(0.99, 9_999, 0), needed);
        assert_eq!(locate(0.99, 0, 0), needed);
    }

    #[test]
    fn lost_requests_are_slower_than_every_answer() {
        assert_eq!(
            locate(0.99, 10_000, 0),
            Some(Percentile::Answered { quantile: 0.989_95 })
        );
        assert_eq!(
            locate(0.99, 9_900, 100),
            Some(Percentile::Answered {
                quantile: 9_899.5 / 9_900.0
            })
        );
        assert_eq!(locate(0.99, 9_899, 101), Some(Percentile::AtLeastTimeout));
        assert_eq!(locate(0.5, 0, 200), Some(Percentile::AtLeastTimeout));
    }

    proptest! {
        #[test]
        fn a_histogram_finds_the_very_rank(answered in 200..10_000_000_u64) {
            let Some(Percentile::Answered { quantile }) = locate(0.5, answered, 0) else {
                panic!("{answered} requests are enough for a median");
            };
            prop_assert_eq!((quantile * answered as f64).ceil() as u64, answered.div_ceil(2));
        }

        #[test]
        fn more_losses_never_make_a_percentile_faster(
            answered in 200..100_000_u64, lost in 0..1_000_u64
        ) {
            let quantile = |lost| match locate(0.5, answered, lost) {
                Some(Percentile::Answered { quantile }) => quantile,
                _ => f64::INFINITY,
            };
            prop_assert!(quantile(lost + 1) >= quantile(lost));
        }
    }
}
