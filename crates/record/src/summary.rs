//! From a histogram of nanoseconds to the figures of a record, and to its text form and back.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use stats::percentile::{Percentile as Located, locate, requests_needed};

use crate::run::LatencySummary;

/// A percentile that every summary carries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NamedPercentile {
    /// Its field name in a record, for instance `p99_9`.
    pub name: &'static str,
    /// The share of requests at or below it, 0 to 1.
    pub share: f64,
}

impl NamedPercentile {
    /// Requests it takes to know it: 100 ÷ (1 − share), so that 100 of them lie beyond it.
    pub fn requests_needed(&self) -> u64 {
        requests_needed(self.share).unwrap_or(u64::MAX)
    }
}

/// All percentiles of a summary, ascending.
pub const PERCENTILES: [NamedPercentile; 7] = [
    named("p50", 0.50),
    named("p75", 0.75),
    named("p90", 0.90),
    named("p95", 0.95),
    named("p99", 0.99),
    named("p99_9", 0.999),
    named("p99_99", 0.999_9),
];

const fn named(name: &'static str, share: f64) -> NamedPercentile {
    NamedPercentile { name, share }
}

/// Why a histogram's text form could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    /// Not base64.
    #[error("the histogram is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// Base64, but no HdrHistogram.
    #[error("the histogram is not an HdrHistogram V2: {0}")]
    Format(String),
    /// The histogram is too large for its own format.
    #[error("the histogram cannot be written as HdrHistogram V2: {0}")]
    Write(String),
}

impl LatencySummary {
    /// Summarises a histogram of nanoseconds, in microseconds.
    ///
    /// `slower_than_all` requests were never answered within `timeout`: they count as slower than every
    /// answer when percentiles are taken, and nowhere else. A percentile among them is the timeout and is
    /// named in `at_least`. One that too few requests support ([`NamedPercentile::requests_needed`]) is `None`.
    pub fn from_histogram(
        hist: &Histogram<u64>,
        slower_than_all: u64,
        timeout: Duration,
    ) -> LatencySummary {
        let answered = hist.len();
        let any = answered > 0;
        let mut summary = LatencySummary {
            count: answered,
            min: any.then(|| microseconds(hist.min())),
            mean: any.then(|| hist.mean() / 1e3),
            stdev: sample_stdev(hist),
            max: any.then(|| microseconds(hist.max())),
            ..LatencySummary::default()
        };
        for percentile in PERCENTILES {
            let value = match locate(percentile.share, answered, slower_than_all) {
                Some(Located::Answered { quantile }) => {
                    microseconds(hist.value_at_quantile(quantile))
                }
                Some(Located::AtLeastTimeout) => {
                    summary.at_least.push(percentile.name.to_owned());
                    timeout.as_secs_f64() * 1e6
                }
                Some(Located::TooFew { .. }) | None => continue,
            };
            *summary.percentile_mut(percentile.name) = Some(value);
        }
        summary
    }

    /// The value of a percentile by its field name in microseconds; `None` where it is not known.
    pub fn percentile(&self, name: &str) -> Option<f64> {
        match name {
            "p50" => self.p50,
            "p75" => self.p75,
            "p90" => self.p90,
            "p95" => self.p95,
            "p99" => self.p99,
            "p99_9" => self.p99_9,
            "p99_99" => self.p99_99,
            _ => None,
        }
    }

    fn percentile_mut(&mut self, name: &str) -> &mut Option<f64> {
        match name {
            "p50" => &mut self.p50,
            "p75" => &mut self.p75,
            "p90" => &mut self.p90,
            "p95" => &mut self.p95,
            "p99" => &mut self.p99,
            "p99_9" => &mut self.p99_9,
            "p99_99" => &mut self.p99_99,
            other => unreachable!("{other} is not in PERCENTILES"),
        }
    }
}

/// Writes a histogram as compressed HdrHistogram V2 in base64, the form it has in a record.
///
/// Compressed, because the implementations in Python, JavaScript, Go and C read nothing else.
///
/// # Errors
/// Only for a histogram whose counts its format cannot hold.
pub fn encode_histogram(hist: &Histogram<u64>) -> Result<String, HistogramError> {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(hist, &mut bytes)
        .map_err(|error| HistogramError::Write(error.to_string()))?;
    Ok(BASE64.encode(bytes))
}

/// Reads a histogram back from base64: HdrHistogram V2, compressed or, in older records, not.
///
/// # Errors
/// When the text is not base64, or what it holds is not a histogram.
pub fn decode_histogram(text: &str) -> Result<Histogram<u64>, HistogramError> {
    let bytes = BASE64.decode(text)?;
    Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|error| HistogramError::Format(error.to_string()))
}

fn sample_stdev(hist: &Histogram<u64>) -> Option<f64> {
    let n = hist.len() as f64;
    // The library divides by n; the definition divides by n − 1.
    (hist.len() > 1).then(|| hist.stdev() * (n / (n - 1.0)).sqrt() / 1e3)
}

fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn histogram(values_ns: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut hist = Histogram::new_with_bounds(1, 3_600_000_000_000, 3).unwrap();
        for value in values_ns {
            hist.record(value).unwrap();
        }
        hist
    }

    fn close(found: Option<f64>, wanted: f64) -> bool {
        found.is_some_and(|found| (found / wanted - 1.0).abs() < 1e-3)
    }

    #[test]
    fn figures_are_microseconds() {
        let summary = LatencySummary::from_histogram(
            &histogram((1..=10_000).map(|us| us * 1_000)),
            0,
            TIMEOUT,
        );
        assert_eq!(summary.count, 10_000);
        assert!(close(summary.min, 1.0), "{summary:?}");
        assert!(close(summary.mean, 5_000.5), "{summary:?}");
        assert!(close(summary.p50, 5_000.0), "{summary:?}");
        assert!(close(summary.p99, 9_900.0), "{summary:?}");
        assert!(close(summary.max, 10_000.0), "{summary:?}");
        assert!(close(summary.stdev, 2_886.9), "{summary:?}");
    }

    #[test]
    fn a_median_has_the_rank_of_half_the_requests_rounded_up() {
        for requests in 200..250_u64 {
            let hist = histogram((1..=requests).map(|us| us * 1_000));
            let summary = LatencySummary::from_histogram(&hist, 0, TIMEOUT);
            let wanted = requests.div_ceil(2) as f64;
            assert!(close(summary.p50, wanted), "{requests}: {summary:?}");
        }
    }

    #[test]
    fn the_standard_deviation_divides_by_n_minus_one() {
        let summary = LatencySummary::from_histogram(&histogram([1_000, 3_000]), 0, TIMEOUT);
        assert!(close(summary.stdev, 2.0_f64.sqrt()), "{summary:?}");
        let one = LatencySummary::from_histogram(&histogram([1_000]), 0, TIMEOUT);
        assert_eq!(one.stdev, None);
    }

    #[test]
    fn each_percentile_needs_a_hundred_requests_beyond_it() {
        for percentile in PERCENTILES {
            let needed = percentile.requests_needed() as usize;
            assert_eq!(needed, (100.0 / (1.0 - percentile.share)).round() as usize);
            let enough = histogram(std::iter::repeat_n(1_000, needed));
            let summary = LatencySummary::from_histogram(&enough, 0, TIMEOUT);
            assert!(
                summary.percentile(percentile.name).is_some(),
                "{percentile:?}"
            );
            let short = histogram(std::iter::repeat_n(1_000, needed - 1));
            let summary = LatencySummary::from_histogram(&short, 0, TIMEOUT);
            assert_eq!(summary.percentile(percentile.name), None, "{percentile:?}");
        }
    }

    #[test]
    fn an_empty_histogram_has_no_figures() {
        let summary = LatencySummary::from_histogram(&histogram([]), 0, TIMEOUT);
        assert_eq!(summary, LatencySummary::default());
    }

    #[test]
    fn unanswered_requests_are_slower_than_every_answer() {
        let hist = histogram(std::iter::repeat_n(1_000_000, 9_900));
        let exactly_one_percent = LatencySummary::from_histogram(&hist, 100, TIMEOUT);
        assert!(
            close(exactly_one_percent.p99, 1_000.0),
            "{exactly_one_percent:?}"
        );
        assert!(exactly_one_percent.at_least.is_empty());

        let more = LatencySummary::from_histogram(&hist, 101, TIMEOUT);
        assert_eq!(more.p99, Some(10_000_000.0));
        assert_eq!(more.at_least, ["p99"]);
        assert!(close(more.p95, 1_000.0), "{more:?}");
        assert_eq!(more.count, 9_900);
        assert!(close(more.max, 1_000.0), "max is of answers: {more:?}");

        let none_answered = LatencySummary::from_histogram(&histogram([]), 250, TIMEOUT);
        assert_eq!(none_answered.p50, Some(10_000_000.0));
        assert_eq!(none_answered.at_least, ["p50"]);
        assert_eq!(none_answered.mean, None);
    }

    #[test]
    fn what_is_not_a_histogram_is_refused() {
        assert!(matches!(
            decode_histogram("?"),
            Err(HistogramError::Base64(_))
        ));
        assert!(matches!(
            decode_histogram("AAAA"),
            Err(HistogramError::Format(_))
        ));
        let text = encode_histogram(&histogram([5, 7_000])).unwrap();
        assert!(matches!(
            decode_histogram(&text[..40]),
            Err(HistogramError::Format(_))
        ));
    }

    /// Three times 1 µs, twice 2 ms, once 70 ms, as Python's `hdrhistogram` 0.10.8 writes it.
    const COMPRESSED: &str = "HISTFAAAACt4nJNpmSzMwMDAxQABzFCaEch0M9ixgMH+A0TgPD/b+3WMLJODmACQswfC";
    /// The same as records held it until November 2026.
    const UNCOMPRESSED: &str =
        "HISTEwAAAAoAAAAAAAAAAwAAAAAAAAABAAADRjC4oAA/8AAAAAAAAM8PBu+uAQSTUgI=";

    #[test]
    fn both_forms_are_read_and_the_compressed_one_is_written() {
        let values = [1_000, 1_000, 1_000, 2_000_000, 2_000_000, 70_000_000];
        let hist = histogram(values);
        assert_eq!(decode_histogram(COMPRESSED).unwrap(), hist);
        assert_eq!(decode_histogram(UNCOMPRESSED).unwrap(), hist);
        let written = encode_histogram(&hist).unwrap();
        assert!(written.starts_with("HISTF"), "{written}");
    }

    proptest! {
        #[test]
        fn the_text_form_loses_nothing(
            values in prop::collection::vec(1..3_600_000_000_000_u64, 0..200)
        ) {
            let hist = histogram(values);
            let back = decode_histogram(&encode_histogram(&hist).unwrap()).unwrap();
            prop_assert_eq!(hist, back);
        }

        #[test]
        fn reading_a_histogram_never_panics(text in "[A-Za-z0-9+/]{0,200}") {
            let _ = decode_histogram(&text);
        }

        #[test]
        fn percentiles_ascend(values in prop::collection::vec(1..1_000_000_000_u64, 1_000..3_000), lost in 0..200_u64) {
            let summary = LatencySummary::from_histogram(&histogram(values), lost, TIMEOUT);
            let known: Vec<f64> = PERCENTILES.iter().filter_map(|p| summary.percentile(p.name)).collect();
            prop_assert!(known.len() >= 3);
            prop_assert!(known.is_sorted(), "{:?}", known);
        }
    }
}
