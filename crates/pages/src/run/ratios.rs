//! Ratios between servers with their intervals, at every load point.

use analysis::cells::{LoadPoint, load_points};
use analysis::comparisons::{find, meaning};
use record::metric::Metric;
use record::{Comparison, LoadKind, Record};
use render::table::{Cell, Column, Layout, Table};
use stats::thresholds::CONFIDENCE;

/// As wide as a ratio with its interval, so that a heading makes no column wider.
const HEADING_WIDTH: usize = 16;

/// One table for each keep-alive.
pub(crate) fn tables(record: &Record) -> Vec<Table> {
    [true, false]
        .into_iter()
        .filter_map(|keep_alive| table(record, keep_alive))
        .collect()
}

fn table(record: &Record, keep_alive: bool) -> Option<Table> {
    let of_kind = |comparison: &&Comparison| comparison.keep_alive == keep_alive;
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for comparison in record.comparisons.iter().filter(of_kind) {
        let pair = (comparison.baseline.as_str(), comparison.candidate.as_str());
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    let points = load_points(record);
    let figures: Vec<(&LoadPoint<'_>, Metric)> = points
        .iter()
        .filter(|point| point.keep_alive == keep_alive)
        .flat_map(|point| {
            metrics(point.load)
                .iter()
                .map(move |metric| (point, *metric))
        })
        .collect();
    let rows: Vec<Vec<Cell>> = pairs
        .iter()
        .map(|pair| {
            let cells = figures
                .iter()
                .map(|(point, metric)| cell(find(record, *pair, *metric, point.cells[0])));
            std::iter::once(Cell::text(heading(pair)))
                .chain(cells)
                .collect()
        })
        .collect();
    let columns = figures.iter().map(|(point, metric)| {
        let priority = u8::from(*metric == Metric::P50);
        Column::figures(format!("{}, {}", label(*metric), load(point)), priority)
    });
    let keep_alive_words = if keep_alive {
        ""
    } else {
        ", a connection per request"
    };
    let table = Table {
        id: if keep_alive { "ratios" } else { "ratios-close" }.to_owned(),
        title: format!("Candidate ÷ baseline, written baseline → candidate{keep_alive_words}"),
        columns: std::iter::once(Column::words("Ratio of", 0))
            .chain(columns)
            .collect(),
        rows,
        layout: Layout::Turned,
        notes: notes(record, keep_alive),
    };
    (!table.rows.is_empty()).then_some(table)
}

/// At a fixed rate throughput is given, not found.
fn metrics(load: LoadKind) -> &'static [Metric] {
    match load {
        LoadKind::Closed => &Metric::COMPARED,
        LoadKind::Open => &[Metric::ServerCpuPerRequest, Metric::P50],
    }
}

/// A metric in few letters.
pub(crate) fn label(metric: Metric) -> &'static str {
    match metric {
        Metric::Throughput => "QPS",
        Metric::ServerCpuPerRequest => "CPU/req",
        Metric::P50 => "p50",
        Metric::P99 => "p99",
    }
}

/// A load point in few letters.
pub(crate) fn load(point: &LoadPoint<'_>) -> String {
    match point.rate {
        Some(rate) => format!("{}/s", format::per_second(rate)),
        None => "saturated".to_owned(),
    }
}

fn heading((baseline, candidate): &(&str, &str)) -> String {
    let pair = format!("{baseline}\n→ {candidate}");
    match meaning(baseline, candidate) {
        Some(meaning) => format!("{pair}\n{}", format::wrap(meaning, HEADING_WIDTH)),
        None => pair,
    }
}

fn cell(comparison: Option<&Comparison>) -> Cell {
    let Some((comparison, ratio)) = comparison.and_then(|c| Some((c, c.ratio?))) else {
        return Cell::figure(None, format::ratio);
    };
    let mut text = format::ratio(ratio);
    if let (Some(low), Some(high)) = (comparison.low, comparison.high) {
        text += &format!(" ({})", format::interval(low, high));
    }
    if let Some(sigma) = comparison.sigma {
        text += &format!("\nσ {}", format::percent(sigma * 100.0));
    }
    Cell {
        text,
        value: Some(ratio),
    }
}

/// What the brackets are, and why some ratio or interval is missing.
fn notes(record: &Record, keep_alive: bool) -> Vec<String> {
    let comparisons: Vec<&Comparison> = record
        .comparisons
        .iter()
        .filter(|comparison| comparison.keep_alive == keep_alive)
        .collect();
    let mut notes = Vec::new();
    let fewest = comparisons
        .iter()
        .filter(|c| c.low.is_some())
        .map(|c| c.blocks)
        .min();
    if let Some(blocks) = fewest {
        notes.push(format!(
            "In brackets: the exact {} interval over {}, which are the only statistical unit; σ: scatter of a block's log ratio. QPS above 1: the candidate does more; CPU and p50 below 1: it needs less.",
            format::confidence(CONFIDENCE),
            format::counted(u64::from(blocks), "block"),
        ));
    }
    let mut reasons: Vec<&str> = Vec::new();
    for reason in comparisons.iter().filter_map(|c| c.reason.as_deref()) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    if !reasons.is_empty() {
        let what = if fewest.is_some() {
            "Where there is none"
        } else {
            "No interval"
        };
        notes.push(format!("{what}: {}.", reasons.join("; ")));
    }
    notes
}
