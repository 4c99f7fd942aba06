//! What overrides a comparison of figures: errors, throttling, a rate that was not kept.
//!
//! In the candidate alone it is a regression whatever the figures say; in the baseline alone there is
//! nothing to compare with; in both, the machine or the load is at fault.

use super::Verdict;
use crate::analysis::distrust::error_kinds;
use crate::format;
use crate::record::{Block, CellResult};

/// Below this share of the requests asked for, a rate was not kept.
const RATE_KEPT: f64 = 0.99;
/// Blocks before a look say nothing about throttling and rates: one hiccup is not a finding.
const FEWEST_BLOCKS: usize = 8;

/// The cells of one workload and load, and the blocks of them that count.
pub(super) struct Arms<'a> {
    /// Of the baseline.
    pub(super) baseline: &'a CellResult,
    /// Of the candidate.
    pub(super) candidate: &'a CellResult,
}

/// What an arm did at one load, in words; `None` where it did nothing wrong.
type Check<'a> = &'a dyn Fn(&CellResult) -> Option<String>;

/// The first symptom that decides, if there is one; `is_used` says which blocks count.
pub(super) fn decide(
    pairs: &[Arms<'_>],
    max_errors: f64,
    is_used: &dyn Fn(&Block) -> bool,
) -> Option<(Verdict, String)> {
    let checks: [Check<'_>; 3] = [
        &|cell| errors(cell, max_errors, is_used),
        &|cell| throttled(cell, is_used),
        &|cell| rate_not_kept(cell, is_used),
    ];
    checks.into_iter().find_map(|check| {
        let first_of = |cells: Vec<&CellResult>| cells.into_iter().find_map(check);
        let baseline = first_of(pairs.iter().map(|pair| pair.baseline).collect());
        let candidate = first_of(pairs.iter().map(|pair| pair.candidate).collect());
        one_sided(baseline, candidate)
    })
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

fn errors(cell: &CellResult, max_errors: f64, is_used: &dyn Fn(&Block) -> bool) -> Option<String> {
    let blocks = || cell.blocks.iter().filter(|block| is_used(block));
    let errors: u64 = blocks().map(|block| block.errors).sum();
    let requests: u64 = blocks().map(|block| block.requests).sum();
    let tolerated = errors as f64 <= max_errors * (requests + errors) as f64;
    (!tolerated).then(|| {
        format!(
            "had {} ({}) beside {} {}",
            format::counted(errors, "error"),
            error_kinds(&cell.errors),
            format::counted(requests, "request"),
            at(cell),
        )
    })
}

fn throttled(cell: &CellResult, is_used: &dyn Fn(&Block) -> bool) -> Option<String> {
    let blocks: Vec<&Block> = cell.blocks.iter().filter(|block| is_used(block)).collect();
    let held_back = blocks
        .iter()
        .filter(|block| block.throttled_periods.is_some_and(|periods| periods > 0))
        .count();
    (blocks.len() >= FEWEST_BLOCKS && 4 * held_back > blocks.len()).then(|| {
        format!(
            "was held back by the control group's CPU limit in {held_back} of {} {}",
            format::counted(blocks.len() as u64, "block"),
            at(cell),
        )
    })
}

fn rate_not_kept(cell: &CellResult, is_used: &dyn Fn(&Block) -> bool) -> Option<String> {
    let rate = cell.rate?;
    let blocks: Vec<&Block> = cell.blocks.iter().filter(|block| is_used(block)).collect();
    let answered: u64 = blocks.iter().map(|block| block.requests).sum();
    let asked = rate * blocks.iter().map(|block| block.duration_s).sum::<f64>();
    let kept = answered as f64 / asked;
    (blocks.len() >= FEWEST_BLOCKS && kept < RATE_KEPT).then(|| {
        format!(
            "answered only {} of the requests {}",
            format::percent(kept * 100.0),
            at(cell)
        )
    })
}

fn at(cell: &CellResult) -> String {
    match cell.rate {
        Some(rate) => format!("at {}/s", format::per_second(rate)),
        None => "in the closed loop".to_owned(),
    }
}
