//! What a trial must meet: `p99<50ms`, several joined by commas.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use engine::Measurement;

/// Objectives that all must be met.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo(Vec<Objective>);

/// One objective: a figure of the response times and what it must stay below.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Objective {
    figure: Figure,
    /// Whether the limit itself is met: `<=`.
    inclusive: bool,
    limit: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Figure {
    /// A percentile, in percent.
    Percentile(f64),
    Mean,
    Max,
}

impl FromStr for Slo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let objective = |part: &str| {
            parse(part.trim()).ok_or_else(|| {
                format!(
                    "{part:?} is not an objective: expected a percentile, mean or max, < or <=, and a time, \
                     such as p99<50ms, p99.9<=1s or mean<5ms; several are joined by commas"
                )
            })
        };
        text.split(',')
            .map(objective)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn parse(text: &str) -> Option<Objective> {
    let (figure, limit) = text.split_once('<')?;
    let (inclusive, limit) = match limit.strip_prefix('=') {
        Some(limit) => (true, limit),
        None => (false, limit),
    };
    let figure = match figure.trim() {
        "mean" => Figure::Mean,
        "max" => Figure::Max,
        percentile => {
            let percent: f64 = percentile.strip_prefix('p')?.parse().ok()?;
            Figure::Percentile(Some(percent).filter(|percent| (1.0..100.0).contains(percent))?)
        }
    };
    let limit: jiff::SignedDuration = limit.trim().parse().ok()?;
    let limit = Duration::try_from(limit)
        .ok()
        .filter(|limit| !limit.is_zero())?;
    Some(Objective {
        figure,
        inclusive,
        limit,
    })
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, objective) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{objective}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.inclusive { "<=" } else { "<" };
        let limit = format::duration_us(self.limit.as_secs_f64() * 1e6);
        match self.figure {
            Figure::Percentile(percent) => write!(f, "p{percent} {sign} {limit}"),
            Figure::Mean => write!(f, "mean {sign} {limit}"),
            Figure::Max => write!(f, "max {sign} {limit}"),
        }
    }
}

impl Slo {
    /// The first objective that a measurement does not meet, in words; `None` when it meets all.
    ///
    /// A percentile is judged by the share of requests beyond the limit. Requests that were never
    /// answered are slower than every limit.
    pub fn missed_by(&self, measurement: &Measurement) -> Option<String> {
        self.0
            .iter()
            .find(|objective| !objective.is_met(measurement))
            .map(|objective| format!("not {objective}"))
    }

    /// Requests it takes to judge the sharpest percentile: ten of them lie beyond it.
    pub fn requests_needed(&self) -> f64 {
        let beyond = self
            .0
            .iter()
            .filter_map(|objective| match objective.figure {
                Figure::Percentile(percent) => Some(1.0 - percent / 100.0),
                Figure::Mean | Figure::Max => None,
            });
        10.0 / beyond.fold(0.1, f64::min)
    }
}

impl Objective {
    fn is_met(&self, measurement: &Measurement) -> bool {
        let latency = &measurement.latency;
        let unanswered = measurement.errors.unanswered();
        let within = |ns: f64| {
            if self.inclusive {
                ns <= self.limit_ns()
            } else {
                ns < self.limit_ns()
            }
        };
        match self.figure {
            Figure::Percentile(percent) => {
                let all = (latency.len() + unanswered) as f64;
                let slower = latency
                    .iter_recorded()
                    .filter(|it| !within(it.value_iterated_to() as f64));
                let slower = slower
                    .map(|it| it.count_since_last_iteration())
                    .sum::<u64>()
                    + unanswered;
                !latency.is_empty() && slower as f64 <= all * (1.0 - percent / 100.0)
            }
            Figure::Mean => !latency.is_empty() && unanswered == 0 && within(latency.mean()),
            Figure::Max => !latency.is_empty() && unanswered == 0 && within(latency.max() as f64),
        }
    }

    fn limit_ns(&self) -> f64 {
        self.limit.as_secs_f64() * 1e9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(values_ms: &[u64], timeouts: u64) -> Measurement {
        let mut measurement = Measurement::default();
        for ms in values_ms {
            measurement
                .latency
                .record(ms * 1_000_000)
                .expect("it is in range");
        }
        measurement.errors.timeout = timeouts;
        measurement
    }

    fn meets(slo: &str, values_ms: &[u64], timeouts: u64) -> bool {
        slo.parse::<Slo>()
            .expect(slo)
            .missed_by(&measurement(values_ms, timeouts))
            .is_none()
    }

    #[test]
    fn percentiles_are_shares_of_requests_beyond_the_limit() {
        let mut values = vec![10; 99];
        values.push(100);
        assert!(meets("p99<50ms", &values, 0));
        values.push(100);
        assert!(!meets("p99<50ms", &values, 0));
        assert!(meets("p95<50ms", &values, 0));
    }

    #[test]
    fn requests_without_an_answer_are_slower_than_every_limit() {
        assert!(meets("p99<50ms", &[10; 99], 1));
        assert!(!meets("p99<50ms", &[10; 98], 2));
        assert!(!meets("mean<50ms", &[10; 98], 1));
        assert!(!meets("max<50ms", &[10; 98], 1));
    }

    #[test]
    fn nothing_answered_meets_nothing() {
        for slo in ["p99<1s", "mean<1s", "max<=1s"] {
            assert!(!meets(slo, &[], 0), "{slo}");
        }
    }

    #[test]
    fn all_of_several_must_be_met_and_the_first_missed_is_named() {
        let slo: Slo = "p50<20ms, max<=50ms".parse().unwrap();
        assert_eq!(slo.to_string(), "p50 < 20.0 ms, max <= 50.0 ms");
        assert_eq!(
            slo.missed_by(&measurement(&[10, 10, 60], 0)).unwrap(),
            "not max <= 50.0 ms"
        );
    }

    #[test]
    fn what_is_no_objective_is_refused_with_what_is_one() {
        for wrong in [
            "",
            "p99",
            "p99<",
            "p99<50",
            "p100<1s",
            "p0<1s",
            "<1s",
            "p99>1s",
            "mean<0s",
            "p99<-1s",
            "p50<1s,",
            "median<1s",
        ] {
            let error = wrong.parse::<Slo>().expect_err(wrong);
            assert!(error.contains("such as p99<50ms"), "{wrong}: {error}");
        }
    }

    #[test]
    fn sharper_percentiles_need_more_requests() {
        let needed = |slo: &str| slo.parse::<Slo>().unwrap().requests_needed().round();
        assert_eq!(needed("p99<1s"), 1_000.0);
        assert_eq!(needed("p50<1s,p99.9<1s"), 10_000.0);
        assert_eq!(needed("mean<1s"), 100.0);
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,20}") {
            let _ = text.parse::<Slo>();
        }

        #[test]
        fn what_parses_is_told_as_something_that_parses(percent in 1_u32..100, ms in 1_u64..100_000, inclusive: bool) {
            let sign = if inclusive { "<=" } else { "<" };
            let slo: Slo = format!("p{percent}{sign}{ms}ms").parse().unwrap();
            proptest::prop_assert_eq!(slo.0.len(), 1);
        }
    }
}
