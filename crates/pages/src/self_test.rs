//! The self-test's page: false alarms, detections, scatter, each with its bounds.

use analysis::gate::self_test::{WINDOW, regressed_bounds};
use record::gate::bank::BankHeader;
use record::gate::self_test::{AA, Gates, MetricResult, ScenarioResult, SelfTestRecord};
use render::document::{Document, Item, Section};
use render::table::{Cell, Column, Layout, Table};
use render::{Format, RenderOptions, Rendered, render_document};

/// Windows from which on a verdict says more than "so far": 480 blocks.
const ENOUGH: usize = 60;

/// Spells the report of a self-test.
pub fn render(record: &SelfTestRecord, format: Format, options: &RenderOptions) -> Rendered {
    render_document(record, &document(record), format, options)
}

/// The page of a self-test.
pub fn document(record: &SelfTestRecord) -> Document {
    let scenarios = record.scenarios.iter();
    let (aa, injected): (Vec<_>, Vec<_>) = scenarios.partition(|it| it.scenario == AA);
    let mut items: Vec<Item> = Vec::new();
    items.extend(aa.first().map(|aa| Item::Table(against_itself(aa))));
    if !injected.is_empty() {
        items.push(Item::Table(slowed_down(&injected)));
    }
    items.push(Item::Paragraph(doses(&record.bank)));
    Document {
        title: "Self-test of the gate".to_owned(),
        verdict: aa.first().map(|aa| vec![verdict(aa)]).unwrap_or_default(),
        sections: vec![Section {
            heading: "Self-test".to_owned(),
            folded: false,
            items,
        }],
        warnings: Vec::new(),
    }
}

fn verdict(aa: &ScenarioResult) -> String {
    if aa.blocks < WINDOW {
        return format!(
            "NOT YET: {} of a server against itself; a gate needs {WINDOW}.",
            format::counted(aa.blocks as u64, "usable block")
        );
    }
    let honest = aa
        .metrics
        .iter()
        .all(|it| it.misses.is_none_or(|it| it.are_few()));
    let gates = aa.metrics.iter().map(|it| it.gates).chain([aa.together]);
    let alarms: u64 = gates.map(|gates| gates.regressed).sum();
    match (honest, alarms) {
        (true, 0) if aa.blocks < ENOUGH * WINDOW => format!(
            "So far no gate of a server against itself said regressed; {} are too few to say that none does.",
            format::counted(aa.blocks as u64, "block")
        ),
        (true, 0) => "The intervals keep their word, and no gate of a server against itself said regressed.".to_owned(),
        (false, 0) => "No gate of a server against itself said regressed, but the intervals miss too often: blocks here are not independent.".to_owned(),
        (_, alarms) => format!(
            "{} of a server against itself said regressed.",
            format::counted(alarms, "gate")
        ),
    }
}

fn against_itself(aa: &ScenarioResult) -> Table {
    let row = |it: &MetricResult| {
        let percent = |share: f64| format::percent(share * 100.0);
        vec![
            Cell::text(it.metric.label()),
            Cell::figure(it.sigma, percent),
            Cell::figure(it.floor, |floor| format::plus_minus_percent(floor * 100.0)),
            Cell::text(it.misses.map_or_else(
                || format::NOT_AVAILABLE.to_owned(),
                |it| format!("{} of {} (up to {})", it.misses, it.windows, it.allowed),
            )),
            Cell::text(regressed(&it.gates)),
        ]
    };
    let mut rows: Vec<_> = aa.metrics.iter().map(row).collect();
    let together = ["all three", "", "", ""].map(Cell::text).into_iter();
    rows.push(
        together
            .chain([Cell::text(regressed(&aa.together))])
            .collect(),
    );
    Table {
        id: "self-test-aa".to_owned(),
        title: format!(
            "A server against itself: {}, {} left out",
            format::counted(aa.blocks as u64, "block"),
            aa.dropped
        ),
        columns: vec![
            Column::words("Metric", 0),
            Column::figures("σ", 0),
            Column::figures("Floor", 0),
            Column::figures("Interval misses 1", 0),
            Column::figures("Called regressed", 0),
        ],
        rows,
        layout: Layout::Upright,
        notes: vec![format!(
            "Floor, interval: of disjoint windows of {WINDOW} blocks; in brackets how many misses an honest 95 % interval may have. Called regressed: of gates at the default tolerance, with the bounds of its probability."
        )],
    }
}

fn slowed_down(injected: &[&ScenarioResult]) -> Table {
    let rows = injected.iter().flat_map(|result| {
        let of_metric = result
            .metrics
            .iter()
            .map(|it| row(result, it.metric.label(), Some(it), &it.gates));
        of_metric
            .chain([row(result, "all three", None, &result.together)])
            .collect::<Vec<_>>()
    });
    Table {
        id: "self-test-injected".to_owned(),
        title: "A server against itself slowed down".to_owned(),
        columns: vec![
            Column::words("Slowed by", 0),
            Column::words("Gate by", 0),
            Column::figures("Ratio measured", 0),
            Column::figures("σ", 1),
            Column::figures("Regressed", 0),
            Column::figures("Passed", 0),
            Column::figures("Mean blocks", 2),
        ],
        rows: rows.collect(),
        layout: Layout::Upright,
        notes: vec![
            "Ratio measured: over all blocks of the scenario, with its 95 % interval; the slowdown that the gates had to judge.".to_owned(),
        ],
    }
}

fn row(
    result: &ScenarioResult,
    gate_by: &str,
    metric: Option<&MetricResult>,
    gates: &Gates,
) -> Vec<Cell> {
    let ends = metric.and_then(|it| it.low.zip(it.high));
    let ends = ends.map_or_else(String::new, |(low, high)| {
        format!(
            " ({}–{})",
            format::fixed_ratio(low),
            format::fixed_ratio(high)
        )
    });
    let ratio = metric.and_then(|it| it.ratio);
    let ratio = ratio.map_or_else(String::new, format::fixed_ratio);
    let sigma = metric.and_then(|it| it.sigma);
    let sigma = sigma.map_or_else(String::new, |sigma| format::percent(sigma * 100.0));
    vec![
        Cell::text(result.scenario.clone()),
        Cell::text(gate_by),
        Cell::text(format!("{ratio}{ends}")),
        Cell::text(sigma),
        Cell::text(regressed(gates)),
        Cell::text(format!("{} of {}", gates.passed, gates.gates)),
        Cell::figure(gates.mean_blocks(), format::number),
    ]
}

fn regressed(gates: &Gates) -> String {
    let count = format!("{} of {}", gates.regressed, gates.gates);
    match regressed_bounds(gates) {
        Some(bounds) => format!(
            "{count} ({:.0}–{})",
            bounds.low * 100.0,
            format::percent((bounds.high * 100.0).round())
        ),
        None => count,
    }
}

fn doses(header: &BankHeader) -> String {
    let pilot = &header.pilot;
    format!(
        "Measured with {}: at {}/s a request costs the server {}, the closed loop does {}/s; a unit of injected computing costs {}.",
        header.load.sentence(),
        format::per_second(pilot.rate_rps),
        format::cpu_us(pilot.cpu_us_per_request),
        format::per_second(pilot.throughput_rps),
        format::cpu_us(pilot.unit_us),
    )
}
