//! From the blocks of a gate's run to its verdict.

use stats::gate::{self, LOOKS};
use stats::{paired, summary};

use super::metric::GateMetric;
use super::point::GatePoint;
use super::{GateSettings, Judgement, MetricJudgement, Verdict, symptoms};
use crate::analysis::comparisons::CONFIDENCE;
use crate::format;
use crate::record::Block;

/// Judges the blocks measured so far. Looks lie at 4, 8, 16 and 24 blocks, so asking after every block
/// costs no honesty. `interrupted`: the run was ended early.
pub fn judge(points: &[GatePoint<'_>], interrupted: bool, settings: &GateSettings) -> Judgement {
    let dropped = dropped(points);
    let is_used = |block: &Block| !dropped.contains(&block.index);
    let measured = points.iter().map(|point| point.baseline.blocks.len());
    let measured = measured.max().unwrap_or(0);
    let series: Vec<Series> = points
        .chunk_by(|a, b| a.workload == b.workload)
        .flat_map(|of_workload| GateMetric::ALL.map(|metric| (of_workload, metric)))
        .filter_map(|(of_workload, metric)| {
            let mut of_workload = of_workload.iter();
            let point = of_workload.find(|point| point.load == metric.load())?;
            Some(Series::of(point, metric, &is_used))
        })
        .collect();
    let (by_metrics, metrics) = judge_metrics(&series, settings);
    let wants_more = series
        .iter()
        .zip(&metrics)
        .any(|(series, metric)| series.may_become_usable(measured) && is_open(metric, settings));
    let undecided = |reason: String| (Verdict::Inconclusive, Some(reason));
    let finding = symptoms::find(points, settings.max_errors, is_used);
    let is_final = finding.as_ref().is_some_and(|finding| finding.is_final);
    let (verdict, reason) = match finding {
        Some(finding) => (finding.verdict, Some(finding.reason)),
        None if interrupted => undecided("the run was ended early".to_owned()),
        None if gate::too_many_dropped(dropped.len(), measured) => undecided(format!(
            "{} of {} are left out for what happened to the whole machine, over a quarter",
            dropped.len(),
            format::counted(measured as u64, "block"),
        )),
        None => (by_metrics, None),
    };
    let wants_more = reason.is_some() || wants_more;
    // So many that a quarter of them may be dropped.
    let most = (settings.max_blocks + settings.max_blocks / 3) as usize;
    Judgement {
        verdict,
        reason,
        decided: is_final || verdict != Verdict::Inconclusive || measured >= most || !wants_more,
        blocks: measured as u32,
        dropped: dropped.len() as u32,
        metrics,
    }
}

/// Whether a metric is undecided and its last look still to come.
fn is_open(metric: &MetricJudgement, settings: &GateSettings) -> bool {
    metric.verdict == Some(Verdict::Inconclusive)
        && metric.look.is_none_or(|look| look < settings.max_blocks)
}

/// Numbers of the blocks that are left out: at all loads, so that all metrics see the same blocks.
fn dropped(points: &[GatePoint<'_>]) -> Vec<u32> {
    let blocks = points
        .iter()
        .flat_map(|point| point.baseline.blocks.iter().chain(point.candidate.blocks));
    let mut dropped: Vec<u32> = blocks
        .filter(|block| block.dropped.is_some())
        .map(|block| block.index)
        .collect();
    dropped.sort_unstable();
    dropped.dedup();
    dropped
}

/// A metric's figures of both arms in the blocks that have it in both.
pub(super) fn usable_pairs(point: &GatePoint<'_>, metric: GateMetric) -> (Vec<f64>, Vec<f64>) {
    let series = Series::of(point, metric, &|block: &Block| block.dropped.is_none());
    (series.baseline, series.candidate)
}

/// One metric of both arms, block by block.
struct Series {
    workload: String,
    metric: GateMetric,
    rate: Option<f64>,
    baseline: Vec<f64>,
    candidate: Vec<f64>,
    lagging: usize,
    missing: usize,
    total: usize,
}

impl Series {
    fn of(point: &GatePoint<'_>, metric: GateMetric, is_used: &impl Fn(&Block) -> bool) -> Series {
        let mut series = Series {
            workload: point.workload.to_owned(),
            metric,
            rate: point.rate,
            baseline: Vec::new(),
            candidate: Vec::new(),
            lagging: 0,
            missing: 0,
            total: 0,
        };
        for first in point.baseline.blocks.iter().filter(|block| is_used(block)) {
            let of_candidate = &point.candidate.blocks;
            series.add(first, of_candidate.iter().find(|b| b.index == first.index));
        }
        series
    }

    fn add(&mut self, first: &Block, second: Option<&Block>) {
        self.total += 1;
        let Some(second) = second else {
            self.missing += 1;
            return;
        };
        if self.metric.lags(first) || self.metric.lags(second) {
            self.lagging += 1;
            return;
        }
        match (self.metric.of_block(first), self.metric.of_block(second)) {
            (Some(baseline), Some(candidate)) => {
                self.baseline.push(baseline);
                self.candidate.push(candidate);
            }
            _ => self.missing += 1,
        }
    }

    /// Leaving out the blocks in which one arm has no figure would flatter it.
    fn reason(&self) -> Option<String> {
        let of_all =
            |part: usize| format!("{part} of {}", format::counted(self.total as u64, "block"));
        if self.missing > 0 {
            Some(format!(
                "{} in {}",
                self.metric.absent(),
                of_all(self.missing)
            ))
        } else if gate::too_many_dropped(self.lagging, self.total) {
            Some(format!("the client sent late in {}", of_all(self.lagging)))
        } else {
            None
        }
    }

    /// A figure that earlier blocks do not have is not waited for; a client that sent late may yet be
    /// on time.
    fn may_become_usable(&self, measured: usize) -> bool {
        self.missing == 0 || measured < LOOKS[0]
    }

    fn log_ratios(&self) -> Vec<f64> {
        paired::log_ratios(&self.baseline, &self.candidate)
    }
}

/// The verdict by the figures alone, and every metric's part in it.
fn judge_metrics(series: &[Series], settings: &GateSettings) -> (Verdict, Vec<MetricJudgement>) {
    let tolerated = |series: &Series| settings.tolerated.of(series.metric);
    // A metric without usable blocks stays among the gated ones: it can never pass.
    let log_ratios: Vec<Vec<f64>> = series
        .iter()
        .map(|series| match series.reason() {
            Some(_) => Vec::new(),
            None => {
                let mut ratios = series.log_ratios();
                ratios.truncate(settings.max_blocks as usize);
                ratios
            }
        })
        .collect();
    let gated: Vec<gate::Metric<'_>> = series
        .iter()
        .zip(&log_ratios)
        .filter_map(|(series, log_ratios)| {
            Some(gate::Metric {
                log_ratios,
                better: series.metric.better(),
                tolerated_slowdown: tolerated(series)?,
            })
        })
        .collect();
    let judgement = gate::judge(&gated);
    let verdict = judgement
        .as_ref()
        .map_or(Verdict::Inconclusive, |judgement| judgement.verdict.into());
    let mut judged = judgement
        .into_iter()
        .flat_map(|judgement| judgement.metrics);
    let metrics = series
        .iter()
        .map(|series| {
            let tolerated = tolerated(series);
            let part = tolerated.and_then(|_| judged.next());
            metric_judgement(series, tolerated, part)
        })
        .collect();
    (verdict, metrics)
}

fn metric_judgement(
    series: &Series,
    tolerated: Option<f64>,
    part: Option<gate::MetricJudgement>,
) -> MetricJudgement {
    let reason = series.reason();
    let result = match reason {
        Some(_) => None,
        None => paired::compare(&series.log_ratios(), CONFIDENCE),
    };
    let sigma = result.and_then(|result| result.sigma);
    MetricJudgement {
        workload: series.workload.clone(),
        metric: series.metric,
        load: series.metric.load(),
        rate: series.rate,
        baseline: summary::median(&series.baseline),
        candidate: summary::median(&series.candidate),
        ratio: result.map(|result| result.ratio),
        low: result.and_then(|result| result.low),
        high: result.and_then(|result| result.high),
        confidence: CONFIDENCE,
        sigma,
        blocks: series.baseline.len() as u32,
        tolerated_slowdown: tolerated,
        smallest_visible_slowdown: tolerated
            .zip(sigma)
            .map(|(tolerated, sigma)| gate::smallest_detectable_slowdown(tolerated, sigma)),
        verdict: tolerated.map(|_| part.map_or(Verdict::Inconclusive, |part| part.verdict.into())),
        look: part.and_then(|part| part.look).map(|look| look as u32),
        reason,
    }
}
