//! What overrides a comparison of figures: errors, throttling, a rate that was not kept.
//!
//! In the candidate alone it is a regression whatever the figures say; in the baseline alone there is
//! nothing to compare with; in both, the machine or the load is at fault.

use super::Verdict;
use super::point::{ArmBlocks, GatePoint};
use crate::analysis::distrust::error_kinds;
use crate::format;
use crate::record::{Block, ErrorCounts};

/// Below this share of the requests asked for, a rate was not kept.
const RATE_KEPT: f64 = 0.99;
/// Fewer blocks say nothing about throttling and rates: one hiccup is not a finding.
const FEWEST_BLOCKS: usize = 8;

/// One arm at one load, with the blocks that count.
struct Arm<'a> {
    rate: Option<f64>,
    blocks: Vec<&'a Block>,
    errors: ErrorCounts,
    max_errors: f64,
}

/// The first symptom that decides, if there is one; `is_used` says which blocks count.
pub(super) fn decide(
    points: &[GatePoint<'_>],
    max_errors: f64,
    is_used: impl Fn(&Block) -> bool,
) -> Option<(Verdict, String)> {
    let arm = |point, side| Arm::of(point, side, max_errors, &is_used);
    let baseline: Vec<_> = points.iter().map(|it| arm(it, it.baseline)).collect();
    let candidate: Vec<_> = points.iter().map(|it| arm(it, it.candidate)).collect();
    let first = |symptom: &dyn Fn(&Arm<'_>) -> Option<String>| {
        one_sided(
            baseline.iter().find_map(symptom),
            candidate.iter().find_map(symptom),
        )
    };
    first(&|arm| arm.had_errors())
        .or_else(|| first(&|arm| arm.was_throttled()))
        .or_else(|| first(&|arm| arm.lost_its_rate()))
}

fn one_sided(baseline: Option<String>, candidate: Option<String>) -> Option<(Verdict, String)> {
    match (baseline, candidate) {
        (None, None) => None,
        (None, Some(what)) => Some((Verdict::Regressed, format!("the candidate alone {what}"))),
        (Some(what), None) => Some((
            Verdict::Failed,
            format!("the baseline alone {what}: there is nothing to hold the candidate against"),
        )),
        (Some(baseline), Some(candidate)) => Some((
            Verdict::Inconclusive,
            format!("the baseline {baseline}, and the candidate {candidate}"),
        )),
    }
}

impl<'a> Arm<'a> {
    fn of(
        point: &GatePoint<'_>,
        arm: ArmBlocks<'a>,
        max_errors: f64,
        is_used: &impl Fn(&Block) -> bool,
    ) -> Arm<'a> {
        Arm {
            rate: point.rate,
            blocks: arm.blocks.iter().filter(|block| is_used(block)).collect(),
            errors: arm.errors,
            max_errors,
        }
    }

    fn had_errors(&self) -> Option<String> {
        let errors: u64 = self.blocks.iter().map(|block| block.errors).sum();
        let requests = self.requests();
        let tolerated = errors as f64 <= self.max_errors * (requests + errors) as f64;
        (!tolerated).then(|| {
            format!(
                "had {} ({}) beside {} {}",
                format::counted(errors, "error"),
                error_kinds(&self.errors),
                format::counted(requests, "request"),
                self.load(),
            )
        })
    }

    fn was_throttled(&self) -> Option<String> {
        let throttled = |block: &&&Block| block.throttled_periods.is_some_and(|n| n > 0);
        let held_back = self.blocks.iter().filter(throttled).count();
        let of = self.blocks.len();
        (of >= FEWEST_BLOCKS && 4 * held_back > of).then(|| {
            format!(
                "was held back by the control group's CPU limit in {held_back} of {} {}",
                format::counted(of as u64, "block"),
                self.load(),
            )
        })
    }

    fn lost_its_rate(&self) -> Option<String> {
        let asked = self.rate?
            * self
                .blocks
                .iter()
                .map(|block| block.duration_s)
                .sum::<f64>();
        let kept = self.requests() as f64 / asked;
        (self.blocks.len() >= FEWEST_BLOCKS && kept < RATE_KEPT).then(|| {
            let kept = format::percent(kept * 100.0);
            format!("answered only {kept} of the requests {}", self.load())
        })
    }

    fn requests(&self) -> u64 {
        self.blocks.iter().map(|block| block.requests).sum()
    }

    fn load(&self) -> String {
        match self.rate {
            Some(rate) => format!("at {}/s", format::per_second(rate)),
            None => "in the closed loop".to_owned(),
        }
    }
}
