//! What a report shows, in order, as data: every format spells this one document.

use crate::analysis::cells::load_points;
use crate::analysis::verdict;
use crate::chart::Chart;
use crate::format;
use crate::heat_map::HeatMap;
use crate::record::{Record, Warning};
use crate::table::Table;
use crate::view::{self, charts};

/// A report before it has a format.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What was measured, for a heading or a window title.
    pub title: String,
    /// The answer in plain words.
    pub verdict: Vec<String>,
    /// The rest, in order.
    pub sections: Vec<Section>,
    /// Reasons to distrust a number.
    pub warnings: Vec<Warning>,
}

/// A part of a report under its own heading.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Heading.
    pub heading: String,
    /// Whether a format that can fold it away does so.
    pub folded: bool,
    /// What stands in it.
    pub items: Vec<Item>,
}

/// One thing that stands in a section.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A table.
    Table(Table),
    /// A chart.
    Chart(Chart),
    /// A sentence or several.
    Paragraph(String),
    /// A map of ratios.
    HeatMap(HeatMap),
}

impl Document {
    /// The report of one record.
    pub fn of(record: &Record) -> Document {
        let mut ratios = tables(view::ratios::tables(record));
        ratios.extend(charts::forest(record).map(Item::Chart));
        let mut article = tables(view::article::tables(record));
        let bars = [true, false]
            .into_iter()
            .filter_map(|on| charts::article(record, on));
        article.extend(bars.map(Item::Chart));
        let method = tables(vec![view::method::table(record)]);
        Document {
            title: view::method::title(record),
            verdict: verdict::sentences(record),
            sections: sections([
                ("Results", false, tables(view::results::tables(record))),
                ("Ratios", false, ratios),
                ("Findings", false, findings(record)),
                ("The article beside this machine", false, article),
                ("Latency", false, latency(record)),
                ("Over time", true, over_time(record)),
                ("How it was measured", true, method),
            ]),
            warnings: record.warnings.clone(),
        }
    }

    /// The report of several records, oldest first, that [`merge`](crate::merge::merge) kept apart: a
    /// trend. One record is shown as [`Document::of`] does.
    pub fn of_all(records: &[Record]) -> Document {
        if let [record] = records {
            return Document::of(record);
        }
        let mut trend = tables(view::trend::tables(records));
        trend.extend(view::trend::charts(records).into_iter().map(Item::Chart));
        Document {
            title: format!(
                "Trend over {}",
                format::counted(records.len() as u64, "record")
            ),
            verdict: vec![view::trend::sentence(records)],
            sections: sections([("Trend", false, trend)]),
            warnings: view::trend::warnings(records),
        }
    }

    /// All charts in order.
    pub fn charts(&self) -> impl Iterator<Item = &Chart> {
        let items = self.sections.iter().flat_map(|section| &section.items);
        items.filter_map(|item| match item {
            Item::Chart(chart) => Some(chart),
            Item::Table(_) | Item::Paragraph(_) | Item::HeatMap(_) => None,
        })
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
