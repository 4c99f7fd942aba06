//! A gate's page: the verdict, the figures it rests on, what the gate could have seen, what to distrust.

use record::gate::{GateRecord, Judgement, MetricJudgement, Verdict};
use render::document::{Document, Item, Section};
use render::table::{Cell, Column, Layout, Table};
use stats::thresholds::CONFIDENCE;

use crate::notes;
use crate::run::method;

/// The page of a gate.
pub fn document(record: &GateRecord) -> Document {
    let judgement = &record.gate.judgement;
    let mut items = vec![
        Item::Table(table(judgement)),
        Item::Table(what_can_be_seen(judgement)),
    ];
    if let Some(floor) = &record.gate.floor {
        items.push(Item::Paragraph(floor.sentence()));
    }
    let method = Item::Table(method::table(&record.run));
    Document {
        title: "Performance gate".to_owned(),
        verdict: vec![verdict(judgement)],
        sections: vec![
            section("Candidate against baseline", false, items),
            section("How it was measured", true, vec![method]),
        ],
        warnings: notes::of(&record.run.warnings),
    }
}

fn section(heading: &str, folded: bool, items: Vec<Item>) -> Section {
    Section {
        heading: heading.to_owned(),
        folded,
        items,
    }
}

/// The verdict in one line, read first and by most readers only.
pub fn verdict(judgement: &Judgement) -> String {
    let blocks = format::counted(u64::from(judgement.blocks), "block");
    let because = |otherwise: String| judgement.reason.clone().unwrap_or(otherwise);
    match judgement.verdict {
        Verdict::Passed => {
            format!("PASSED: the candidate is slower than tolerated by no metric ({blocks}).")
        }
        Verdict::Regressed => format!("REGRESSED: {} ({blocks}).", because(regressions(judgement))),
        Verdict::Inconclusive => {
            format!(
                "INCONCLUSIVE: {} ({blocks}).",
                because(undecided(judgement))
            )
        }
        Verdict::Failed => format!("COULD NOT MEASURE: {} ({blocks}).", because(String::new())),
    }
}

/// The verdict as one word.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Regressed => "regressed",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Failed => "not measured",
    }
}

fn regressions(judgement: &Judgement) -> String {
    let with = |verdict| move |metric: &&MetricJudgement| metric.verdict == Some(verdict);
    let each: Vec<String> = judgement
        .metrics
        .iter()
        .filter(with(Verdict::Regressed))
        .filter_map(|metric| {
            Some(format!(
                "{} is {} × the baseline's{}",
                name(judgement, metric),
                format::fixed_ratio(metric.ratio?),
                ends(metric)
            ))
        })
        .collect();
    format!("{}, beyond what is tolerated", format::list(&each))
}

fn undecided(judgement: &Judgement) -> String {
    let undecided: Vec<String> = judgement
        .metrics
        .iter()
        .filter(|metric| metric.verdict == Some(Verdict::Inconclusive))
        .map(|metric| match &metric.reason {
            Some(reason) => format!("{} ({reason})", name(judgement, metric)),
            None => name(judgement, metric),
        })
        .collect();
    if undecided.is_empty() {
        return "no metric is gated".to_owned();
    }
    format!("the blocks do not tell about {}", format::list(&undecided))
}

/// A metric's name, with its workload where there are several.
fn name(judgement: &Judgement, metric: &MetricJudgement) -> String {
    let label = metric.metric.label();
    let several = judgement
        .metrics
        .iter()
        .any(|other| other.workload != metric.workload);
    if several {
        format!("{label} of {}", metric.workload)
    } else {
        label.to_owned()
    }
}

fn ends(metric: &MetricJudgement) -> String {
    match metric.low.zip(metric.high) {
        Some((low, high)) => format!(
            " ({} interval {})",
            format::confidence(metric.confidence),
            fixed_interval(low, high)
        ),
        None => String::new(),
    }
}

fn table(judgement: &Judgement) -> Table {
    let rows = judgement
        .metrics
        .iter()
        .map(|metric| row(judgement, metric));
    let mut notes = vec![
        "Baseline, candidate: the median block. Ratio: candidate ÷ baseline over all blocks; tolerated: the ratio that the whole interval may not pass.".to_owned(),
    ];
    let rate = judgement.metrics.iter().find_map(|metric| metric.rate);
    if let Some(rate) = rate {
        notes.push(format!(
            "CPU and latency are those at a fixed rate ({}/s{}), the same for both; a request costs more there than it does saturated.",
            format::per_second(rate),
            if several_rates(judgement) { " and others" } else { "" },
        ));
    }
    Table {
        id: "gate".to_owned(),
        title: String::new(),
        columns: vec![
            Column::words("Metric", 0),
            Column::figures("Baseline", 0),
            Column::figures("Candidate", 0),
            Column::figures("Ratio", 0),
            Column::figures(format!("{} interval", format::confidence(CONFIDENCE)), 0),
            Column::figures("Tolerated", 0),
            Column::words("Verdict", 0),
        ],
        rows: rows.collect(),
        layout: Layout::Upright,
        notes,
    }
}

fn several_rates(judgement: &Judgement) -> bool {
    let mut rates = judgement.metrics.iter().filter_map(|metric| metric.rate);
    let first = rates.next();
    rates.any(|rate| Some(rate) != first)
}

fn row(judgement: &Judgement, metric: &MetricJudgement) -> Vec<Cell> {
    let it = metric.metric;
    let tolerated = metric
        .tolerated_slowdown
        .map(|slowdown| it.ratio_of_slowdown(slowdown));
    let interval = metric.low.zip(metric.high);
    vec![
        Cell::text(name(judgement, metric)),
        Cell::figure(metric.baseline, |value| it.format(value)),
        Cell::figure(metric.candidate, |value| it.format(value)),
        Cell::figure(metric.ratio, format::fixed_ratio),
        Cell {
            text: interval.map_or_else(
                || format::NOT_AVAILABLE.to_owned(),
                |(low, high)| fixed_interval(low, high),
            ),
            value: metric.low,
        },
        Cell::figure(tolerated, format::fixed_ratio),
        Cell::text(match metric.verdict {
            Some(verdict) => word(verdict),
            None => "not gated",
        }),
    ]
}

/// Tolerated slowdowns are a few percent, so a gate's ratios have three decimals.
fn fixed_interval(low: f64, high: f64) -> String {
    format!("{}–{}", format::fixed_ratio(low), format::fixed_ratio(high))
}

/// How much the blocks scatter, and what this gate would have called regressed.
fn what_can_be_seen(judgement: &Judgement) -> Table {
    let gated = judgement
        .metrics
        .iter()
        .filter(|metric| metric.verdict.is_some());
    let percent = |share: f64| format::percent(share * 100.0);
    let rows = gated.map(|metric| {
        vec![
            Cell::text(name(judgement, metric)),
            Cell::figure(metric.sigma, percent),
            Cell::figure(metric.smallest_visible_slowdown, percent),
            Cell::figure(Some(f64::from(metric.blocks)), |_| {
                metric.blocks.to_string()
            }),
        ]
    });
    Table {
        id: "gate-power".to_owned(),
        title: "What this gate can see".to_owned(),
        columns: vec![
            Column::words("Metric", 0),
            Column::figures("σ of the blocks", 0),
            Column::figures("Slowdown seen", 0),
            Column::figures("Blocks used", 0),
        ],
        rows: rows.collect(),
        layout: Layout::Upright,
        notes: vec![
            "σ: scatter of a block's log ratio. Slowdown seen: the smallest that a gate by this metric alone calls regressed four times in five, after 24 such blocks.".to_owned(),
        ],
    }
}
