//! One page that needs nothing else: no network, light and dark, readable on a phone.

use std::fmt::Write as _;

use serde::Serialize;

use crate::chart::{Axis, Chart, Mark, Style};
use crate::document::{Document, Item, Section};
use crate::escape::html as escape;
use crate::table::{Align, Column, Table};

const UPLOT_JS: &str = include_str!("../assets/uplot/uPlot.iife.min.js");
const UPLOT_CSS: &str = include_str!("../assets/uplot/uPlot.min.css");
const UPLOT_LICENCE: &str = include_str!("../assets/uplot/LICENSE");
const PAGE_CSS: &str = include_str!("../assets/page/page.css");
const PAGE_JS: &str = include_str!("../assets/page/page.js");

/// Nothing is loaded from anywhere, whatever stands in the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// Spells a document, with the records it is of embedded for download.
pub fn render<R: Serialize>(document: &Document, records: &[R]) -> String {
    let title = escape(&document.title);
    let charts: Vec<Plot<'_>> = document.charts().map(Plot::of).collect();
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n\
         <style>\n{UPLOT_CSS}\n{PAGE_CSS}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    );
    for sentence in &document.verdict {
        let _ = writeln!(page, "<p class=\"verdict\">{}</p>", escape(sentence));
    }
    warnings(&mut page, document);
    for part in &document.sections {
        section(&mut page, part);
    }
    page.push_str(
        "<a class=\"download\" href=\"#record\" download=\"record.json\">Download the raw record (JSON)</a>\n</main>\n",
    );
    page.push_str("<footer>Charts by uPlot, MIT licence.</footer>\n");
    data(&mut page, "charts", &charts);
    match records {
        [record] => data(&mut page, "record", record),
        records => data(&mut page, "record", &records),
    }
    let _ = write!(
        page,
        "<script>\n/*\n{UPLOT_LICENCE}*/\n{UPLOT_JS}\n</script>\n<script>\n{PAGE_JS}</script>\n</body>\n</html>\n"
    );
    page
}

fn warnings(page: &mut String, document: &Document) {
    if document.warnings.is_empty() {
        return;
    }
    page.push_str("<ul class=\"warnings\">\n");
    for warning in &document.warnings {
        let _ = writeln!(page, "<li>⚠ {}</li>", escape(&warning.message));
    }
    page.push_str("</ul>\n");
}

fn section(page: &mut String, section: &Section) {
    let heading = escape(&section.heading);
    if section.folded {
        let _ = writeln!(page, "<details>\n<summary>{heading}</summary>");
    } else {
        let _ = writeln!(page, "<section>\n<h2>{heading}</h2>");
    }
    let mut in_charts = false;
    for item in &section.items {
        let is_chart = matches!(item, Item::Chart(_));
        if is_chart != in_charts {
            page.push_str(if is_chart {
                "<div class=\"charts\">\n"
            } else {
                "</div>\n"
            });
            in_charts = is_chart;
        }
        match item {
            Item::Table(one) => table(page, one),
            Item::Chart(chart) => figure(page, chart),
            Item::HeatMap(map) => {
                let _ = writeln!(page, "<div class=\"wide\">{}</div>", map.to_html());
            }
            Item::Paragraph(text) => {
                let _ = writeln!(page, "<p>{}</p>", escape(text));
            }
        }
    }
    if in_charts {
        page.push_str("</div>\n");
    }
    page.push_str(if section.folded {
        "</details>\n"
    } else {
        "</section>\n"
    });
}

fn figure(page: &mut String, chart: &Chart) {
    let (id, title) = (escape(&chart.id), escape(&chart.title));
    let _ = writeln!(
        page,
        "<figure>\n<figcaption>{title}</figcaption>\n<div class=\"plot\" id=\"plot-{id}\"></div>\n</figure>"
    );
}

fn table(page: &mut String, table: &Table) {
    let is_prose = table
        .columns
        .iter()
        .all(|column| column.align == Align::Left);
    let class = if is_prose {
        "sortable prose"
    } else {
        "sortable"
    };
    let _ = write!(page, "<div class=\"wide\">\n<table class=\"{class}\">\n");
    if !table.title.is_empty() {
        let _ = writeln!(page, "<caption>{}</caption>", escape(&table.title));
    }
    page.push_str("<thead><tr>");
    for column in &table.columns {
        let heading = escape(&column.heading);
        let _ = write!(
            page,
            "<th scope=\"col\"{}><button>{heading}</button></th>",
            class_of(column)
        );
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        page.push_str("<tr>");
        for (column, cell) in table.columns.iter().zip(row) {
            let value = cell
                .value
                .map_or_else(String::new, |value| format!(" data-value=\"{value}\""));
            let _ = write!(
                page,
                "<td{}{value}>{}</td>",
                class_of(column),
                escape(&cell.text)
            );
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
    for note in &table.notes {
        let _ = writeln!(page, "<p class=\"note\">{}</p>", escape(note));
    }
}

fn class_of(column: &Column) -> &'static str {
    match column.align {
        Align::Left => "",
        Align::Right => " class=\"right\"",
    }
}

/// Data for the page's script. Inside a script element only `<` could begin markup.
fn data<T: Serialize>(page: &mut String, id: &str, value: &T) {
    let json = serde_json::to_string(value).expect("our data has only JSON keys");
    let json = crate::escape::json(json).replace('<', "\\u003c");
    let _ = writeln!(
        page,
        "<script type=\"application/json\" id=\"{id}\">{json}</script>"
    );
}

/// A chart as the page's script reads it: positions and texts in arrays, as uPlot wants them.
#[derive(Serialize)]
struct Plot<'a> {
    id: &'a str,
    style: &'static str,
    base: f64,
    x: PlotAxis<'a>,
    y: PlotAxis<'a>,
    places: Vec<(f64, &'a str)>,
    series: Vec<PlotSeries<'a>>,
}

#[derive(Serialize)]
struct PlotAxis<'a> {
    label: &'a str,
    min: f64,
    max: f64,
    ticks: Vec<(f64, &'a str)>,
}

#[derive(Serialize)]
struct PlotSeries<'a> {
    name: &'a str,
    colour: usize,
    at: Vec<Option<f64>>,
    text: Vec<Option<&'a str>>,
}

impl<'a> Plot<'a> {
    fn of(chart: &'a Chart) -> Plot<'a> {
        let series = chart.series.iter().map(|series| PlotSeries {
            name: &series.name,
            colour: series.colour,
            at: series
                .values
                .iter()
                .map(|value| value.as_ref().map(|mark| mark.at))
                .collect(),
            text: series
                .values
                .iter()
                .map(|value| value.as_ref().map(|mark| mark.text.as_str()))
                .collect(),
        });
        Plot {
            id: &chart.id,
            style: match chart.style {
                Style::Line => "line",
                Style::Bar => "bar",
                Style::Interval => "interval",
            },
            base: chart.base(),
            x: PlotAxis::of(&chart.x),
            y: PlotAxis::of(&chart.y),
            places: marks(&chart.places),
            series: series.collect(),
        }
    }
}

impl<'a> PlotAxis<'a> {
    fn of(axis: &'a Axis) -> PlotAxis<'a> {
        PlotAxis {
            label: &axis.label,
            min: axis.min,
            max: axis.max,
            ticks: marks(&axis.ticks),
        }
    }
}

fn marks(marks: &[Mark]) -> Vec<(f64, &str)> {
    marks
        .iter()
        .map(|mark| (mark.at, mark.text.as_str()))
        .collect()
}
