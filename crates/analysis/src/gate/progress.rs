//! How far a gate is, in a line after each block.

use std::time::Duration;

use record::gate::{GateSettings, Judgement, MetricJudgement};

use crate::comparisons::SPOILT;

/// `block 10, 8 of at most 24 usable (2 dropped: 12 % of the CPU time was stolen): so far × …; up to 80 s left`.
///
/// A block that is not usable by every gated metric is made again. `why_dropped` is why the last one was, `per_block` how
/// long a block takes.
pub fn line(
    judgement: &Judgement,
    settings: &GateSettings,
    why_dropped: Option<&str>,
    per_block: Duration,
) -> String {
    let most = settings.max_blocks;
    let usable = usable(judgement);
    let again = judgement.blocks.saturating_sub(usable);
    let counter = match again {
        0 => format!("block {} of at most {most}", judgement.blocks),
        _ => format!(
            "block {}, {usable} of at most {most} usable ({})",
            judgement.blocks,
            why_again(judgement, again, why_dropped)
        ),
    };
    let ratios = gated(judgement).filter_map(|metric| {
        let ratio = format::fixed_ratio(metric.ratio?);
        Some(format!("{} × {ratio}", metric.metric.label()))
    });
    let ratios: Vec<String> = ratios.collect();
    let so_far = match ratios.is_empty() {
        true => String::new(),
        false => format!(": so far {}", ratios.join(", ")),
    };
    let left = per_block * most.saturating_sub(usable);
    let left = match judgement.decided || left.is_zero() {
        true => String::new(),
        false => format!(
            "; up to {} left",
            format::seconds(left.as_secs_f64().ceil())
        ),
    };
    format!("{counter}{so_far}{left}")
}

fn gated(judgement: &Judgement) -> impl Iterator<Item = &MetricJudgement> {
    let metrics = judgement.metrics.iter();
    metrics.filter(|metric| metric.tolerated_slowdown.is_some())
}

/// Blocks that every metric can use that is worth waiting for: what was not measured will not be.
fn usable(judgement: &Judgement) -> u32 {
    let is_waited_for = |metric: &&MetricJudgement| {
        let reason = metric.reason.as_ref();
        reason.is_none_or(|reason| reason.starts_with(SPOILT))
    };
    let undropped = judgement.blocks.saturating_sub(judgement.dropped);
    let of_metrics = gated(judgement).filter(is_waited_for);
    of_metrics
        .map(|metric| metric.blocks)
        .min()
        .map_or(undropped, |blocks| blocks.min(undropped))
}

fn why_again(judgement: &Judgement, again: u32, why_dropped: Option<&str>) -> String {
    let dropped = (judgement.dropped > 0).then(|| match why_dropped {
        Some(why) => format!("{} dropped: {why}", judgement.dropped),
        None => format!("{} dropped", judgement.dropped),
    });
    let spoilt = again.saturating_sub(judgement.dropped);
    let spoilt = (spoilt > 0).then(|| format!("in {spoilt} {SPOILT}"));
    let reasons: Vec<String> = [dropped, spoilt].into_iter().flatten().collect();
    reasons.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::LoadKind;
    use record::gate::Verdict;
    use record::metric::Metric;

    fn judgement(blocks: u32, dropped: u32, used: &[(u32, Option<f64>)]) -> Judgement {
        let metric = |(metric, &(blocks, ratio)): (Metric, &(u32, Option<f64>))| MetricJudgement {
            workload: "GET /".to_owned(),
            metric,
            load: LoadKind::Open,
            rate: Some(1_000.0),
            baseline: None,
            candidate: None,
            ratio,
            low: None,
            high: None,
            confidence: 0.95,
            sigma: None,
            blocks,
            tolerated_slowdown: Some(0.05),
            smallest_visible_slowdown: None,
            verdict: Some(Verdict::Inconclusive),
            look: None,
            others_percent: None,
            withheld: false,
            reason: None,
        };
        Judgement {
            verdict: Verdict::Inconclusive,
            reason: None,
            decided: false,
            blocks,
            dropped,
            metrics: Metric::IN_GATES.into_iter().zip(used).map(metric).collect(),
        }
    }

    fn told(judgement: &Judgement, why_dropped: Option<&str>) -> String {
        let settings = GateSettings::default();
        line(judgement, &settings, why_dropped, Duration::from_secs(5))
    }

    #[test]
    fn a_block_is_counted_with_what_it_says_and_the_time_left() {
        let judgement = judgement(5, 0, &[(5, Some(1.01)), (5, Some(0.998))]);
        assert_eq!(
            told(&judgement, None),
            "block 5 of at most 24: so far server CPU per request × 1.010, closed-loop throughput × 0.998; up to 95 s left"
        );
    }

    #[test]
    fn without_a_ratio_there_is_no_word_of_one() {
        let nothing = judgement(1, 0, &[(1, None)]);
        assert_eq!(
            told(&nothing, None),
            "block 1 of at most 24; up to 115 s left"
        );
    }

    #[test]
    fn blocks_made_again_are_told_with_the_reason() {
        let again = judgement(29, 3, &[(24, Some(1.0)), (22, Some(1.0))]);
        assert_eq!(
            told(&again, Some("12 % of the CPU time was stolen")),
            "block 29, 22 of at most 24 usable (3 dropped: 12 % of the CPU time was stolen; in 4 the load generator sent late or stood still): so far server CPU per request × 1.000, closed-loop throughput × 1.000; up to 10 s left"
        );
        let mut decided = judgement(8, 0, &[(8, Some(1.0))]);
        decided.decided = true;
        assert!(!told(&decided, None).contains("left"));
    }
}
