//! wrk's way of counting latency, for comparison with figures that wrk printed.

use hdrhistogram::Histogram;

/// The histogram wrk would print: after a run, wrk fills up its histogram to correct for coordinated
/// omission. Every recorded value of at least twice the expected interval stands for the requests that
/// a patient client would have sent meanwhile, so the value less one interval, less two intervals, and
/// so on down to one interval (exclusive), is added as often as the value occurred
/// (`stats_correct` in wrk's `src/stats.c`).
///
/// `expected_interval_ns` is measured time ÷ (requests ÷ connections), with the inner quotient rounded
/// down, as wrk computes it. At 0 nothing is added. wrk counts in microseconds, this in
/// nanoseconds, so the results agree within that rounding and the histogram's 3 digits.
#[must_use]
pub fn wrk_compatible(latency: &Histogram<u64>, expected_interval_ns: u64) -> Histogram<u64> {
    let mut filled = latency.clone();
    if expected_interval_ns == 0 {
        return filled;
    }
    for bucket in latency.iter_recorded() {
        let value = latency.median_equivalent(bucket.value_iterated_to());
        if value < expected_interval_ns.saturating_mul(2) {
            continue;
        }
        let mut missing = value - expected_interval_ns;
        while missing > expected_interval_ns {
            filled.saturating_record_n(missing, bucket.count_at_value());
            missing -= expected_interval_ns;
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::new_histogram;

    fn histogram(values: &[u64]) -> Histogram<u64> {
        let mut histogram = new_histogram();
        for value in values {
            histogram.saturating_record(*value);
        }
        histogram
    }

    /// wrk's own loop, over an array of one counter per value.
    fn reference(values: &[u64], expected: u64) -> u64 {
        let max = *values.iter().max().unwrap();
        let mut data = vec![0u64; max as usize + 1];
        for value in values {
            data[*value as usize] += 1;
        }
        let mut count = values.len() as u64;
        for n in (expected * 2)..=max {
            let mut m = n - expected;
            while data[n as usize] > 0 && m > expected {
                data[m as usize] += data[n as usize];
                count += data[n as usize];
                m -= expected;
            }
        }
        // `data` was filled below n only, so later rounds never see what earlier ones added.
        count
    }

    #[test]
    fn fills_like_wrk() {
        // Small enough that the histogram is exact.
        let values = [90, 100, 199, 200, 201, 300, 301, 500, 500, 1000];
        for interval in [7, 50, 100, 150, 400, 2000] {
            let filled = wrk_compatible(&histogram(&values), interval);
            assert_eq!(filled.len(), reference(&values, interval), "{interval}");
            assert_eq!(filled.max(), 1000);
        }
    }

    #[test]
    fn a_stall_of_a_second_weighs_as_much_as_the_requests_it_held_up() {
        let mut values = vec![1_000; 900];
        values.push(1_005_000);
        let filled = wrk_compatible(&histogram(&values), 10_000);
        // 1,005,000 − 10,000 k lies above 10,000 for k = 1..=99.
        assert_eq!(filled.len(), 901 + 99);
        assert!(filled.value_at_quantile(0.99) > 850_000);
    }

    #[test]
    fn without_an_interval_nothing_is_added() {
        assert_eq!(wrk_compatible(&histogram(&[5, 50]), 0).len(), 2);
    }
}
