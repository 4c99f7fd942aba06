//! From the blocks of a gate's run to its verdict.

use record::Block;
use record::gate::{GateSettings, Judgement, MetricJudgement, Verdict};
use record::metric::Metric;
use stats::gate::{self, CLEAR_LOOK, LOOKS};
use stats::thresholds::CONFIDENCE;
use stats::{paired, summary};

use crate::comparisons::{SPOILT, client_paused, is_contended, median_lags, tail_lags};
use crate::gate::point::GatePoint;
use crate::gate::symptoms;
use crate::usage;

/// Judges the blocks measured so far. Looks lie at 4, 8, 16 and 24 blocks, so asking after every block
/// costs no honesty. `interrupted`: the run was ended early.
pub fn judge(points: &[GatePoint<'_>], interrupted: bool, settings: &GateSettings) -> Judgement {
    let dropped = dropped(points);
    let is_used = |block: &Block| !dropped.contains(&block.index);
    let measured = points.iter().map(|point| point.baseline.blocks.len());
    let measured = measured.max().unwrap_or(0);
    let series: Vec<Series> = points
        .chunk_by(|a, b| a.workload == b.workload)
        .flat_map(|of_workload| Metric::IN_GATES.map(|metric| (of_workload, metric)))
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
    let others_percent = series
        .iter()
        .filter_map(|series| series.others_percent)
        .reduce(f64::max);
    let finding = symptoms::find(points, settings.max_errors, others_percent, is_used);
    let is_final = finding.as_ref().is_some_and(|finding| finding.is_final);
    let (verdict, reason) = match finding {
        Some(finding) => (finding.verdict, Some(finding.reason)),
        None if interrupted => undecided("the run was ended early".to_owned()),
        None if gate::too_many_dropped(dropped.len(), measured)
            && !is_clear_in_all(points, &metrics) =>
        {
            undecided(format!(
                "{} of {} are left out for what happened to the whole machine, over a quarter",
                dropped.len(),
                format::counted(measured as u64, "block"),
            ))
        }
        None => (by_metrics, None),
    };
    let wants_more = reason.is_some() || wants_more;
    let is_undecided = reason.is_none() && verdict == Verdict::Inconclusive;
    let withheld = metrics.iter().any(|metric| metric.withheld);
    let reason = reason.or_else(|| {
        let others = others_percent.filter(|_| is_undecided && withheld)?;
        Some(symptoms::beside_others(others))
    });
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

/// Whether a regression that is clear at the first look is as clear in every block, those left out too: nothing that
/// happens to the whole machine doubles what one of two servers takes in all of them.
fn is_clear_in_all(points: &[GatePoint<'_>], metrics: &[MetricJudgement]) -> bool {
    let is_clear = |it: &&MetricJudgement| {
        it.verdict == Some(Verdict::Regressed) && it.look == Some(CLEAR_LOOK as u32)
    };
    metrics.iter().filter(is_clear).any(|judged| {
        let point = points
            .iter()
            .find(|point| point.workload == judged.workload && point.load == judged.load);
        let all = point.map(|point| Series::of(point, judged.metric, &|_: &Block| true));
        all.is_some_and(|all| {
            gate::is_clearly_slower(&gate::Metric {
                log_ratios: &all.log_ratios(),
                better: judged.metric.better(),
                tolerated_slowdown: judged.tolerated_slowdown.unwrap_or_default(),
            })
        })
    })
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
pub(super) fn usable_pairs(point: &GatePoint<'_>, metric: Metric) -> (Vec<f64>, Vec<f64>) {
    let series = Series::of(point, metric, &|block: &Block| block.dropped.is_none());
    (series.baseline, series.candidate)
}

/// One metric of both arms, block by block.
struct Series {
    workload: String,
    metric: Metric,
    rate: Option<f64>,
    baseline: Vec<f64>,
    candidate: Vec<f64>,
    spoilt: usize,
    /// What the candidate's figures are multiplied by when it is credited with the CPU that others took.
    credit: Vec<f64>,
    others_percent: Option<f64>,
    missing: usize,
    total: usize,
}

impl Series {
    fn of(point: &GatePoint<'_>, metric: Metric, is_used: &impl Fn(&Block) -> bool) -> Series {
        let mut series = Series {
            workload: point.workload.to_owned(),
            metric,
            rate: point.rate,
            baseline: Vec::new(),
            candidate: Vec::new(),
            spoilt: 0,
            credit: Vec::new(),
            others_percent: None,
            missing: 0,
            total: 0,
        };
        for first in point.baseline.blocks.iter().filter(|block| is_used(block)) {
            let of_candidate = &point.candidate.blocks;
            series.add(first, of_candidate.iter().find(|b| b.index == first.index));
        }
        let both = [point.baseline, point.candidate];
        let blocks = both.iter().flat_map(|arm| arm.blocks);
        series.others_percent = usage::others_percent(blocks.filter(|block| is_used(block)));
        series
    }

    fn add(&mut self, first: &Block, second: Option<&Block>) {
        self.total += 1;
        let Some(second) = second else {
            self.missing += 1;
            return;
        };
        if is_spoilt(self.metric, first) || is_spoilt(self.metric, second) {
            self.spoilt += 1;
            return;
        }
        match (self.metric.of_block(first), self.metric.of_block(second)) {
            (Some(baseline), Some(candidate)) => {
                self.baseline.push(baseline);
                self.candidate.push(candidate);
                self.credit.push(usage::credited(self.metric, second));
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
        } else if gate::too_many_dropped(self.spoilt, self.total) {
            Some(format!("{SPOILT} in {}", of_all(self.spoilt)))
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

    /// The same when the candidate is credited with the CPU that others took in its slices.
    fn credited_log_ratios(&self) -> Vec<f64> {
        let candidate = self.candidate.iter().zip(&self.credit);
        let credited: Vec<f64> = candidate.map(|(figure, credit)| figure * credit).collect();
        paired::log_ratios(&self.baseline, &credited)
    }

    /// Beside other programs nothing passes, and a regression stands where it would be one even if all the CPU that
    /// they took in the candidate's slices had been the candidate's. CPU time per request has no such measure.
    fn is_withheld(&self, verdict: Verdict, credited: Verdict) -> bool {
        let contended = is_contended(self.others_percent);
        match verdict {
            Verdict::Passed => contended,
            Verdict::Regressed => {
                let by_cpu = self.metric == Metric::ServerCpuPerRequest;
                contended && by_cpu || credited != Verdict::Regressed
            }
            Verdict::Inconclusive => contended,
            Verdict::Failed => false,
        }
    }
}

/// The verdict by the figures alone, and every metric's part in it.
fn judge_metrics(series: &[Series], settings: &GateSettings) -> (Verdict, Vec<MetricJudgement>) {
    let tolerated = |series: &Series| settings.tolerated.of(series.metric);
    let mut plain = looks(series, settings, Series::log_ratios).into_iter();
    let mut credited = looks(series, settings, Series::credited_log_ratios).into_iter();
    let metrics: Vec<MetricJudgement> = series
        .iter()
        .map(|series| {
            let tolerated = tolerated(series);
            let parts = tolerated.and_then(|_| plain.next().zip(credited.next()));
            metric_judgement(series, tolerated, parts)
        })
        .collect();
    (combine(&metrics), metrics)
}

/// What the looks at the gated metrics say.
fn looks(
    series: &[Series],
    settings: &GateSettings,
    ratios: impl Fn(&Series) -> Vec<f64>,
) -> Vec<gate::MetricJudgement> {
    let gated = || {
        let all = series
            .iter()
            .map(|it| (it, settings.tolerated.of(it.metric)));
        all.filter_map(|(series, tolerated)| Some((series, tolerated?)))
    };
    // A metric without usable blocks stays among the gated ones: it can never pass.
    let log_ratios: Vec<Vec<f64>> = gated()
        .map(|(series, _)| match series.reason() {
            Some(_) => Vec::new(),
            None => {
                let mut ratios = ratios(series);
                ratios.truncate(settings.max_blocks as usize);
                ratios
            }
        })
        .collect();
    let metrics: Vec<gate::Metric<'_>> = gated()
        .zip(&log_ratios)
        .map(|((series, tolerated_slowdown), log_ratios)| gate::Metric {
            log_ratios,
            better: series.metric.better(),
            tolerated_slowdown,
        })
        .collect();
    gate::judge(&metrics).map_or_else(Vec::new, |judgement| judgement.metrics)
}

/// Regressed if any metric is, passed if all are.
fn combine(metrics: &[MetricJudgement]) -> Verdict {
    let mut verdicts = metrics.iter().filter_map(|metric| metric.verdict);
    let mut any = verdicts.clone();
    if any.any(|verdict| verdict == Verdict::Regressed) {
        Verdict::Regressed
    } else if verdicts.clone().next().is_some() && verdicts.all(|it| it == Verdict::Passed) {
        Verdict::Passed
    } else {
        Verdict::Inconclusive
    }
}

fn metric_judgement(
    series: &Series,
    tolerated: Option<f64>,
    parts: Option<(gate::MetricJudgement, gate::MetricJudgement)>,
) -> MetricJudgement {
    let reason = series.reason();
    let result = match reason {
        Some(_) => None,
        None => paired::compare(&series.log_ratios(), CONFIDENCE),
    };
    let sigma = result.and_then(|result| result.sigma);
    let verdicts = parts.map(|(plain, credited)| (plain.verdict.into(), credited.verdict.into()));
    let withheld = verdicts.is_some_and(|(plain, credited)| series.is_withheld(plain, credited));
    let verdict = match verdicts {
        Some((plain, _)) if !withheld => plain,
        _ => Verdict::Inconclusive,
    };
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
        verdict: tolerated.map(|_| verdict),
        look: parts
            .and_then(|(plain, _)| plain.look)
            .map(|look| look as u32),
        others_percent: series.others_percent,
        withheld,
        reason,
    }
}

/// Whether the client sent so late in a block, or stood still so long, that a metric tells of the client.
fn is_spoilt(metric: Metric, block: &Block) -> bool {
    match metric {
        Metric::ServerCpuPerRequest | Metric::Throughput => false,
        Metric::P50 => median_lags(block) || client_paused(block),
        Metric::P99 => tail_lags(block) || client_paused(block),
    }
}
