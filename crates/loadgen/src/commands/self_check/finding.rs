//! One figure, known and reported.

use std::time::Duration;

use record::Comparison;

/// What the two have to say to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// They are the same, as far as the figure goes.
    Agrees,
    /// They are not, and the figure scatters so much that this says nothing.
    Unclear,
    /// They are not.
    Differs,
}

/// One figure.
pub struct Finding {
    /// What was checked.
    pub figure: String,
    /// What is true, as text.
    pub known: String,
    /// What was reported, as text.
    pub reported: String,
    /// What they have to say to each other.
    pub agreement: Agreement,
}

impl Finding {
    /// A figure that either is as it should be or is not.
    pub fn new(figure: &str, known: String, reported: String, agrees: bool) -> Self {
        Self {
            figure: figure.to_owned(),
            known,
            reported,
            agreement: match agrees {
                true => Agreement::Agrees,
                false => Agreement::Differs,
            },
        }
    }

    /// Two numbers of things: they must be the same.
    pub fn count(figure: &str, known: u64, reported: u64) -> Self {
        let texts = (format::count(known), format::count(reported));
        Self::new(figure, texts.0, texts.1, known == reported)
    }

    /// Where the edge of a pause falls between two requests decides about a few of them.
    pub fn near_count(figure: &str, known: u64, reported: u64) -> Self {
        let text = format!("about {}", format::count(known));
        let agrees = known.abs_diff(reported) <= 5;
        Self::new(figure, text, format::count(reported), agrees)
    }

    /// Two times in nanoseconds: reported may be longer by the way there and back, and by `slack`.
    pub fn time(figure: &str, known_ns: f64, reported_ns: f64, slack: Duration) -> Self {
        /// Bucket width of the histogram (3 significant digits), and the clocks' reading order.
        const SHORTER: f64 = 0.998;
        let longest = known_ns * 1.02 + slack.as_nanos() as f64;
        let agrees = (known_ns * SHORTER..=longest).contains(&reported_ns);
        let text = |ns: f64| format::duration_us(ns / 1e3);
        Self::new(figure, text(known_ns), text(reported_ns), agrees)
    }

    /// A time in milliseconds that is known up to `slack` on both sides.
    pub fn time_ms(figure: &str, known_ms: f64, reported_ms: Option<f64>, slack_ms: f64) -> Self {
        let text = |ms: f64| format::duration_us(ms * 1e3);
        let agrees = reported_ms.is_some_and(|it| (it - known_ms).abs() <= slack_ms);
        let reported = reported_ms.map_or_else(|| "–".to_owned(), text);
        Self::new(figure, text(known_ms), reported, agrees)
    }

    /// A ratio, which must be true up to a share of `within`. Where its interval is missing or much wider than that, or
    /// holds the truth that the ratio misses, the machine scattered too much.
    pub fn ratio(figure: &str, known: f64, reported: Option<&Comparison>, within: f64) -> Self {
        /// Whole width of an interval that is told from a lucky guess, in times of `within`.
        const NARROW: f64 = 6.0;
        let observations = reported.and_then(|it| it.ratio);
        let interval = reported.and_then(|it| it.low.zip(it.high));
        let holds = interval.is_some_and(|(low, high)| (low..=high).contains(&known));
        let is_narrow = interval.is_some_and(|(low, high)| high / low <= 1.0 + NARROW * within);
        let is_close = observations.is_some_and(|ratio| (ratio / known - 1.0).abs() <= within);
        let ratio = observations.map_or_else(|| "–".to_owned(), format::fixed_ratio);
        let reported = match interval {
            Some((low, high)) => format!(
                "{ratio} ({}–{})",
                format::fixed_ratio(low),
                format::fixed_ratio(high)
            ),
            None => ratio,
        };
        Self {
            figure: figure.to_owned(),
            known: format::fixed_ratio(known),
            reported,
            agreement: match (is_close, is_narrow) {
                (true, true) => Agreement::Agrees,
                (true, false) => Agreement::Unclear,
                (false, _) if holds => Agreement::Unclear,
                (false, _) => Agreement::Differs,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use record::LoadKind;

    use super::*;

    fn comparison(ratio: f64, low: f64, high: f64) -> Comparison {
        serde_json::from_value(serde_json::json!({
            "baseline": "a", "candidate": "b", "metric": "throughput", "load": LoadKind::Closed,
            "keep_alive": true, "concurrency": 1, "rate": null, "ratio": ratio, "low": low, "high": high,
            "confidence": 0.95, "blocks": 8, "sigma": null, "reason": null
        }))
        .unwrap()
    }

    #[test]
    fn a_ratio_agrees_differs_or_cannot_be_told() {
        let agreement = |known, ratio, low, high| {
            let observations = comparison(ratio, low, high);
            Finding::ratio("ratio", known, Some(&observations), 0.05).agreement
        };
        assert_eq!(agreement(1.25, 1.22, 1.21, 1.23), Agreement::Agrees);
        assert_eq!(agreement(1.25, 1.10, 1.09, 1.11), Agreement::Differs);
        assert_eq!(agreement(1.25, 1.10, 0.80, 1.50), Agreement::Unclear);
        let lucky = agreement(1.25, 1.25, 0.80, 1.50);
        assert_eq!(
            lucky,
            Agreement::Unclear,
            "close, and nobody knows how close"
        );
        let missing = Finding::ratio("ratio", 1.25, None, 0.05);
        assert_eq!(
            (missing.agreement, missing.reported.as_str()),
            (Agreement::Differs, "–")
        );
    }

    #[test]
    fn times_may_be_longer_by_the_way_and_not_shorter() {
        let slack = Duration::from_millis(2);
        let agrees = |reported_ns| Finding::time("p50", 5e6, reported_ns, slack).agreement;
        assert_eq!(agrees(6.9e6), Agreement::Agrees);
        assert_eq!(agrees(7.2e6), Agreement::Differs);
        assert_eq!(agrees(4.9e6), Agreement::Differs);
        let pause = |reported| Finding::time_ms("pause", 700.0, reported, 50.0).agreement;
        assert_eq!(pause(Some(741.0)), Agreement::Agrees);
        assert_eq!(pause(None), Agreement::Differs);
    }
}
