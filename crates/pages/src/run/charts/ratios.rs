//! Ratios with their intervals, as a forest plot.

use analysis::cells::load_points;
use analysis::comparisons::is_at_load_of;
use record::metric::Metric;
use record::{Comparison, LoadKind, Record};
use render::chart::{Axis, Chart, Mark, Scale, Series, Style};

use crate::run::ratios::{label, load};

/// One row for each ratio that has an interval; 1 is "no difference".
pub(crate) fn forest(record: &Record) -> Option<Chart> {
    let points = load_points(record);
    let rows: Vec<(String, &Comparison, [f64; 3])> = record
        .comparisons
        .iter()
        .filter(|comparison| !is_given(comparison))
        .filter_map(|comparison| {
            let ends = [comparison.low?, comparison.ratio?, comparison.high?];
            let point = points
                .iter()
                .find(|point| is_at_load_of(comparison, point.cells[0]))?;
            let metric = Metric::COMPARED
                .iter()
                .find(|metric| metric.name() == comparison.metric)?;
            let keep_alive = if comparison.keep_alive { "" } else { ", close" };
            let name = format!(
                "{} → {}\n{}, {}{keep_alive}",
                one_line(&comparison.baseline),
                one_line(&comparison.candidate),
                label(*metric),
                load(point)
            );
            Some((name, comparison, ends))
        })
        .collect();
    let places = places(&rows);
    let count = rows.len();
    let series: Vec<Series> = rows
        .iter()
        .enumerate()
        .map(|(index, (name, comparison, ends))| {
            let row = (count - 1 - index) as f64;
            Series {
                name: name.replace('\n', ", "),
                colour: colour(comparison),
                values: places
                    .iter()
                    .map(|place| {
                        let is_end = ends
                            .iter()
                            .any(|end| Scale::Log.position(*end) == Some(place.at));
                        is_end.then(|| Mark::new(row, text(*ends)))
                    })
                    .collect(),
            }
        })
        .collect();
    let ticks = rows
        .iter()
        .enumerate()
        .map(|(index, (name, ..))| Mark::new((count - 1 - index) as f64, name));
    let all = rows.iter().flat_map(|(_, _, ends)| *ends);
    let chart = Chart {
        id: "ratios".to_owned(),
        title: "Ratios with their intervals: candidate ÷ baseline".to_owned(),
        style: Style::Interval,
        x: Scale::Log.axis("ratio, 1 = no difference", all.chain([1.0]), format::ratio),
        y: Axis {
            label: String::new(),
            min: -0.6,
            max: count as f64 - 0.4,
            ticks: ticks.collect(),
        },
        places,
        series,
        in_terminal: false,
    };
    (!chart.is_empty()).then_some(chart)
}

fn one_line(name: &str) -> String {
    name.replace(char::is_control, " ")
}

/// At a fixed rate throughput is given, not found.
fn is_given(comparison: &Comparison) -> bool {
    comparison.load == LoadKind::Open && comparison.metric == Metric::Throughput.name()
}

fn text([low, ratio, high]: [f64; 3]) -> String {
    format!("{} ({})", format::ratio(ratio), format::interval(low, high))
}

/// Rows of the same metric share a colour.
fn colour(comparison: &Comparison) -> usize {
    let mut metrics = Metric::COMPARED.iter();
    metrics
        .position(|metric| metric.name() == comparison.metric)
        .unwrap_or(0)
}

fn places(rows: &[(String, &Comparison, [f64; 3])]) -> Vec<Mark> {
    let mut ratios: Vec<f64> = rows.iter().flat_map(|(_, _, ends)| *ends).collect();
    ratios.sort_by(f64::total_cmp);
    ratios.dedup();
    let mark = |ratio: &f64| Scale::Log.mark(Some(*ratio), format::ratio);
    ratios.iter().filter_map(mark).collect()
}
