//! What overrides a comparison of figures: errors, throttling, a rate that was not kept.
//!
//! In the candidate alone it is a regression whatever the figures say; in the baseline alone there is
//! nothing to compare with; in both, the machine or the load is at fault, or what is asked for: bodies that change while
//! they are measured are no answers to compare.
//!
//! Errors are no noise: any that are not tolerated count. Throttling and lost rates happen to whichever
//! server is loaded when the machine stumbles, so there "alone" is a sign test: in eight blocks or more, and
//! never in the other arm, which chance does once in 2⁸ = 256 times. Beside other programs it is a sign of nothing:
//! they may hit one kind of server more than another.

use record::gate::Verdict;
use record::{Block, ErrorCounts, LoadKind};
use stats::thresholds::SYMPTOM_BLOCKS;

use crate::caveat::error_kinds;
use crate::comparisons::is_contended;
use crate::gate::point::{ArmBlocks, GatePoint};
use crate::rate::{Outcome, Planned};
use crate::{failures, starved};

/// A symptom that decides.
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    /// Whether more blocks could not change it.
    pub(super) is_final: bool,
}

/// Why nothing is decided beside other programs.
pub(super) fn beside_others(percent: f64) -> String {
    format!(
        "other programs used {} of this machine; end them, or gate on a quieter one",
        format::percent(percent)
    )
}

/// The first symptom that decides, if there is one; `is_used` says which blocks count, `others_percent` how much of the
/// machine other programs used.
pub(super) fn find(
    points: &[GatePoint<'_>],
    max_errors: f64,
    others_percent: Option<f64>,
    is_used: impl Fn(&Block) -> bool,
) -> Option<Finding> {
    errors(points, max_errors, &is_used).or_else(|| {
        let chances = points.iter().flat_map(|point| {
            let throttled = Chance {
                what: "was held back by the control group's CPU limit",
                shows: &|block| block.throttled_periods.is_some_and(|periods| periods > 0),
            };
            let is_open = point.load == LoadKind::Open;
            let lost = Chance {
                what: "did not answer 99 % of the requests in time",
                shows: &|block| is_open && Planned::of_block(block).outcome() != Outcome::AnyRecord,
            };
            [
                throttled.judge(point, &is_used),
                lost.judge(point, &is_used),
            ]
        });
        let found = chances.flatten().next();
        match others_percent.filter(|&percent| is_contended(Some(percent))) {
            Some(percent) => found.map(|finding| Finding {
                verdict: Verdict::Inconclusive,
                reason: format!("{}: {}", beside_others(percent), finding.reason),
                is_final: false,
            }),
            None => found,
        }
    })
}

fn errors(
    points: &[GatePoint<'_>],
    max_errors: f64,
    is_used: &impl Fn(&Block) -> bool,
) -> Option<Finding> {
    let of = |arm: ArmBlocks<'_>, point: &GatePoint<'_>| {
        let blocks = || arm.blocks.iter().filter(|block| is_used(block));
        let never = starved::of_blocks(blocks());
        if failures::exceed(max_errors, arm.connections.saturating_sub(never), never) {
            return Some(format!(
                "never served {} of {} {}",
                format::count(never),
                format::counted(arm.connections, "connection"),
                load(point),
            ));
        }
        let errors: u64 = blocks().map(|block| block.errors).sum();
        let requests: u64 = blocks().map(|block| block.requests).sum();
        failures::exceed(max_errors, requests, errors)
            .then(|| had(errors, &arm.errors, requests, point))
    };
    let changing = points.iter().find_map(|point| {
        let bodies = [point.baseline.errors, point.candidate.errors];
        if bodies.iter().any(|errors| 2 * errors.body <= errors.total) {
            return None;
        }
        let of = |arm| wrong_bodies(arm, point, max_errors);
        let (baseline, candidate) = (of(point.baseline)?, of(point.candidate)?);
        Some(format!(
            "the baseline {baseline}, and the candidate {candidate}: {}",
            changing_answers(point.workload)
        ))
    });
    if let Some(reason) = changing {
        return Some(Finding {
            verdict: Verdict::Failed,
            reason,
            is_final: true,
        });
    }
    let of = |arm, point| of(arm, point).or_else(|| wrong_bodies(arm, point, max_errors));
    let baseline = points.iter().find_map(|point| of(point.baseline, point));
    let candidate = points.iter().find_map(|point| of(point.candidate, point));
    let (verdict, reason) = match (baseline, candidate) {
        (None, None) => return None,
        (None, Some(what)) => candidate_alone(&what),
        (Some(what), None) => baseline_alone(&what),
        (Some(baseline), Some(candidate)) => (
            Verdict::Inconclusive,
            format!("the baseline {baseline}, and the candidate {candidate}"),
        ),
    };
    Some(Finding {
        verdict,
        reason,
        is_final: true,
    })
}

/// Other bodies than expected, of all blocks: they are nothing that happens to a machine, so blocks that are left out for
/// that show them as well.
fn wrong_bodies(arm: ArmBlocks<'_>, point: &GatePoint<'_>, max_errors: f64) -> Option<String> {
    let requests: u64 = arm.blocks.iter().map(|block| block.requests).sum();
    let errors = ErrorCounts {
        total: arm.errors.body,
        body: arm.errors.body,
        ..ErrorCounts::default()
    };
    failures::exceed(max_errors, requests, errors.total)
        .then(|| had(errors.total, &errors, requests, point))
}

fn had(errors: u64, kinds: &ErrorCounts, requests: u64, point: &GatePoint<'_>) -> String {
    format!(
        "had {} ({}) beside {} {}",
        format::counted(errors, "error"),
        error_kinds(kinds),
        format::counted(requests, "request"),
        load(point),
    )
}

/// Why two servers that answered alike at first do not any more, both of them.
pub fn changing_answers(workload: &str) -> String {
    format!(
        "both servers answer {workload} differently from before, as with a time, a counter or a number of the process in the \
         body, so their answers cannot be compared: verify the status only (in a workload of loadgen.toml: verify = \
         \"status\")"
    )
}

fn candidate_alone(what: &str) -> (Verdict, String) {
    (Verdict::Regressed, format!("the candidate alone {what}"))
}

fn baseline_alone(what: &str) -> (Verdict, String) {
    let reason =
        format!("the baseline alone {what}: there is nothing to hold the candidate against");
    (Verdict::Failed, reason)
}

/// A symptom of a block that may be chance.
struct Chance<'a> {
    what: &'a str,
    shows: &'a dyn Fn(&Block) -> bool,
}

impl Chance<'_> {
    fn judge(&self, point: &GatePoint<'_>, is_used: &impl Fn(&Block) -> bool) -> Option<Finding> {
        let numbers = |arm: ArmBlocks<'_>| -> Vec<u32> {
            let shown = arm
                .blocks
                .iter()
                .filter(|it| is_used(it) && (self.shows)(it));
            shown.map(|block| block.index).collect()
        };
        let (baseline, candidate) = (numbers(point.baseline), numbers(point.candidate));
        let of = point
            .baseline
            .blocks
            .iter()
            .filter(|it| is_used(it))
            .count();
        let what = |blocks: &[u32]| {
            let of = format::counted(of as u64, "block");
            format!("{} {} in {} of {of}", self.what, load(point), blocks.len())
        };
        let (verdict, reason) = if baseline.is_empty() && candidate.len() >= SYMPTOM_BLOCKS {
            candidate_alone(&what(&candidate))
        } else if candidate.is_empty() && baseline.len() >= SYMPTOM_BLOCKS {
            baseline_alone(&what(&baseline))
        } else {
            let in_either =
                candidate.iter().filter(|it| !baseline.contains(it)).count() + baseline.len();
            if of < SYMPTOM_BLOCKS || 4 * in_either <= of {
                return None;
            }
            let reason = format!(
                "the baseline {}, the candidate in {}",
                what(&baseline),
                candidate.len()
            );
            (Verdict::Inconclusive, reason)
        };
        Some(Finding {
            verdict,
            reason,
            is_final: verdict != Verdict::Inconclusive,
        })
    }
}

fn load(point: &GatePoint<'_>) -> String {
    match point.rate {
        Some(rate) => format!("at {}/s", format::per_second(rate)),
        None => "in the closed loop".to_owned(),
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn block(never_served: u64) -> [Block; 1] {
        [Block {
            requests: 10_000,
            errors: never_served,
            never_served: Some(never_served),
            ..Block::default()
        }]
    }

    fn found(baseline: u64, candidate: u64, max_errors: f64) -> Option<(Verdict, String)> {
        let blocks = [block(baseline), block(candidate)];
        let arm = |blocks| ArmBlocks {
            blocks,
            errors: ErrorCounts::default(),
            connections: 64,
        };
        let point = GatePoint {
            workload: "",
            load: LoadKind::Closed,
            rate: None,
            baseline: arm(&blocks[0]),
            candidate: arm(&blocks[1]),
        };
        find(&[point], max_errors, None, |_| true).map(|it| (it.verdict, it.reason))
    }

    /// The verdict where every block is left out for what happened to the machine.
    fn of_bodies(baseline: u64, candidate: u64) -> Option<Verdict> {
        let blocks = block(0);
        let arm = |body| ArmBlocks {
            blocks: &blocks,
            errors: ErrorCounts {
                total: body,
                body,
                ..ErrorCounts::default()
            },
            connections: 64,
        };
        let point = GatePoint {
            workload: "GET /",
            load: LoadKind::Closed,
            rate: None,
            baseline: arm(baseline),
            candidate: arm(candidate),
        };
        find(&[point], 0.01, None, |_| false).map(|it| it.verdict)
    }

    #[test]
    fn no_machine_makes_other_bodies() {
        assert_eq!(of_bodies(5_000, 5_000), Some(Verdict::Failed));
        assert_eq!(of_bodies(0, 5_000), Some(Verdict::Regressed));
        assert_eq!(of_bodies(5_000, 0), Some(Verdict::Failed));
        assert_eq!(of_bodies(50, 50), None, "tolerated");
    }

    #[test]
    fn connections_never_served_are_judged_like_errors() {
        let reason = "the candidate alone never served 59 of 64 connections in the closed loop";
        let regressed = Some((Verdict::Regressed, reason.to_owned()));
        assert_eq!(found(0, 59, 0.01), regressed);
        assert_eq!(found(0, 0, 0.01), None);
        assert_eq!(found(0, 59, 0.93), None, "tolerated");
        let verdict = |baseline, candidate| found(baseline, candidate, 0.01).map(|it| it.0);
        assert_eq!(verdict(59, 0), Some(Verdict::Failed));
        assert_eq!(verdict(59, 59), Some(Verdict::Inconclusive));
    }
}
