//! What is shown of a run, or of several: one file for each kind of table, all of them data until a renderer
//! spells them.

use analysis::cells::load_points;
use analysis::verdict;
use record::Record;
use render::document::{Document, Item, Section};
use render::table::Table;
use render::{Format, RenderOptions, Rendered, html, json, markdown, text};

use crate::{csv, hgrm, notes};

pub(crate) mod article;
mod charts;
mod fairness;
pub(crate) mod method;
pub(crate) mod ratios;
pub(crate) mod results;
mod trend;

/// Spells the report of one run that needs no file beside it.
pub fn render(record: &Record, format: Format, options: &RenderOptions) -> String {
    let alone = RenderOptions {
        stem: None,
        ..options.clone()
    };
    render_all(std::slice::from_ref(record), format, &alone).text
}

/// Spells the report of several records, oldest first, as [`merge`](analysis::merge::merge) leaves them.
pub fn render_all(records: &[Record], format: Format, options: &RenderOptions) -> Rendered {
    match format {
        Format::Text => text::render(&document_of_all(records), options).into(),
        Format::Json => json::render_all(records).into(),
        Format::Markdown => markdown::render(&document_of_all(records), options),
        Format::Html => html::render(&document_of_all(records), records).into(),
        Format::Csv => csv::render(records).into(),
        Format::Hgrm => hgrm::render(records, options),
    }
}

/// The report of one record.
pub fn document(record: &Record) -> Document {
    let mut ratios = tables(ratios::tables(record));
    ratios.extend(charts::forest(record).map(Item::Chart));
    let mut article = tables(article::tables(record));
    let bars = [true, false]
        .into_iter()
        .filter_map(|on| charts::article(record, on));
    article.extend(bars.map(Item::Chart));
    let method = tables(vec![method::table(record)]);
    Document {
        title: method::title(record),
        verdict: verdict::sentences(record),
        sections: sections([
            ("Results", false, tables(results::tables(record))),
            ("Ratios", false, ratios),
            ("Findings", false, findings(record)),
            ("The article beside this machine", false, article),
            ("Latency", false, latency(record)),
            ("Over time", true, over_time(record)),
            ("How it was measured", true, method),
        ]),
        warnings: notes::of(&record.warnings),
    }
}

/// The report of several records, oldest first, that [`merge`](analysis::merge::merge) kept apart: a
/// trend. One record is shown as [`document`] does.
pub fn document_of_all(records: &[Record]) -> Document {
    if let [record] = records {
        return document(record);
    }
    let mut trend = tables(trend::tables(records));
    trend.extend(trend::charts(records).into_iter().map(Item::Chart));
    Document {
        title: format!(
            "Trend over {}",
            format::counted(records.len() as u64, "record")
        ),
        verdict: vec![trend::sentence(records)],
        sections: sections([("Trend", false, trend)]),
        warnings: notes::of(&trend::warnings(records)),
    }
}

fn sections<const N: usize>(parts: [(&str, bool, Vec<Item>); N]) -> Vec<Section> {
    let filled = parts.into_iter().filter(|(_, _, items)| !items.is_empty());
    filled
        .map(|(heading, folded, items)| Section {
            heading: heading.to_owned(),
            folded,
            items,
        })
        .collect()
}

fn tables(tables: Vec<Table>) -> Vec<Item> {
    tables.into_iter().map(Item::Table).collect()
}

fn findings(record: &Record) -> Vec<Item> {
    record
        .findings
        .iter()
        .cloned()
        .map(Item::Paragraph)
        .collect()
}

/// Percentiles and histogram of every load point; a terminal has room for those of the first.
fn latency(record: &Record) -> Vec<Item> {
    let mut items = Vec::new();
    for (number, point) in load_points(record).iter().enumerate() {
        let charts = [
            charts::curves(point),
            charts::percentiles(point),
            charts::histogram(point),
        ];
        for mut chart in charts.into_iter().flatten() {
            chart.in_terminal &= number == 0;
            items.push(Item::Chart(chart));
        }
    }
    items
}

fn over_time(record: &Record) -> Vec<Item> {
    let points = load_points(record);
    let charts = points.iter().flat_map(charts::over_time);
    charts.map(Item::Chart).collect()
}
