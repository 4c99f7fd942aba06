//! Two servers beside each other: QPS of one ÷ QPS of the other, in the mode that was asked for and in those
//! that were measured for contrast.

use record::metric::Metric;
use record::{CellResult, Record};

use super::{first_load_point, value};

/// The server that others are set beside: blocking, a thread per connection.
const BASELINE: &str = "sync";
/// Those that are, where they were measured.
const CANDIDATES: [&str; 2] = ["async-bare", "async"];

/// Two servers that were loaded alike.
#[derive(Clone, Copy)]
pub(super) struct Versus<'a> {
    record: &'a Record,
    /// The blocking server.
    pub baseline: &'a CellResult,
    /// The async one.
    pub candidate: &'a CellResult,
}

/// A ratio, with what is known of its precision.
pub(super) struct Ratio {
    /// Candidate ÷ baseline.
    pub value: f64,
    /// As text, with its interval where there is one.
    pub text: String,
}

/// Every async server of a record beside the blocking one.
pub(super) fn pairs(record: &Record) -> impl Iterator<Item = Versus<'_>> {
    let cell = |name: &str| first_load_point(record).find(|cell| cell.server == name);
    let baseline = cell(BASELINE);
    CANDIDATES.into_iter().filter_map(move |candidate| {
        Some(Versus {
            record,
            baseline: baseline?,
            candidate: cell(candidate)?,
        })
    })
}

impl Versus<'_> {
    /// A figure of blocks in the mode that was asked for, with its interval; `None` where there is no interval.
    pub(super) fn compared(&self, metric: Metric) -> Option<Ratio> {
        let (baseline, candidate) = (self.baseline, self.candidate);
        let compared = self.record.comparisons.iter().find(|comparison| {
            comparison.metric == metric.name()
                && comparison.baseline == baseline.server
                && comparison.candidate == candidate.server
                && comparison.load == baseline.load
                && comparison.keep_alive == baseline.keep_alive
                && comparison.rate == baseline.rate
        })?;
        let (value, low, high) = (compared.ratio?, compared.low?, compared.high?);
        Some(Ratio {
            value,
            text: format!(
                "{} ({} interval {})",
                format::ratio(value),
                format::confidence(compared.confidence),
                format::interval(low, high)
            ),
        })
    }

    /// QPS in the mode that was asked for, with its interval where there is one.
    pub(super) fn throughput(&self) -> Option<Ratio> {
        let (baseline, candidate) = (self.baseline, self.candidate);
        self.compared(Metric::Throughput)
            .or_else(|| ratio(candidate.throughput_rps, baseline.throughput_rps))
    }

    /// QPS of a contrast of that name.
    pub(super) fn contrast_throughput(&self, contrast: &str) -> Option<Ratio> {
        let of = |cell| value(cell, &format!("{contrast}_throughput"));
        ratio(of(self.candidate)?, of(self.baseline)?)
    }
}

/// `a ÷ b`, where there is a `b`.
pub(super) fn ratio(a: f64, b: f64) -> Option<Ratio> {
    (b > 0.0).then(|| Ratio {
        value: a / b,
        text: format::ratio(a / b),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let record = include_str!("../../../../results/reference/main-job.json");
        serde_json::from_str(record).expect("a record")
    }

    #[test]
    fn a_ratio_has_its_interval_where_there_is_one() {
        let mut record = record();
        let said = |record: &Record| {
            let mut pairs = pairs(record);
            let versus = pairs.find(|versus| versus.candidate.server == "async");
            let ratio = versus.and_then(|versus| versus.throughput());
            ratio.expect("both servers were measured").text
        };
        assert!(
            said(&record).contains("(95 % interval "),
            "{}",
            said(&record)
        );
        record.comparisons.clear();
        let of = |name: &str| {
            let cell = first_load_point(&record).find(|cell| cell.server == name);
            cell.expect("it was measured").throughput_rps
        };
        assert_eq!(said(&record), format::ratio(of("async") / of("sync")));
    }
}
