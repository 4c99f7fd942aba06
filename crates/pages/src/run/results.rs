//! The main table: what clients saw of each server, and what that took.

use analysis::ceiling;
use analysis::cells::{LoadPoint, load_points};
use analysis::closings::Closings;
use record::{CellResult, LatencySummary, LoadKind, Record};
use render::table::{Cell, Column, Layout, Table};
use stats::summary::{mean, stdev};

use crate::run::fairness;

/// One table for each load point.
pub(crate) fn tables(record: &Record) -> Vec<Table> {
    let points = load_points(record);
    let numbered = points.iter().enumerate();
    let mut tables: Vec<Table> = numbered
        .map(|(number, point)| table(number, point))
        .collect();
    tables.extend(points.iter().filter_map(classes_and_figures));
    tables
}

/// A load point in words: `saturated: 360 connections, closed loop`.
pub(crate) fn describe(point: &LoadPoint<'_>) -> String {
    let connections = format::counted(u64::from(point.concurrency), "connection");
    let load = match (point.load, point.rate) {
        (LoadKind::Open, Some(rate)) => format!(
            "at a fixed rate: {} requests/s over {connections}, open loop",
            format::per_second(rate)
        ),
        (LoadKind::Open, None) => format!("open loop over {connections}"),
        (LoadKind::Closed, _) => format!("saturated: {connections}, closed loop"),
    };
    let closes = point.cells.iter().any(|cell| Closings::of(cell).is_some());
    let keep_alive = match (point.keep_alive, closes) {
        (true, false) => "kept alive",
        (true, true) => "keep-alive asked for",
        (false, _) => "a connection per request",
    };
    format!("{}, {load}, {keep_alive}", point.workload)
}

/// Heading, priority of the column, and the figure of a cell.
pub(super) type Figure = (&'static str, u8, fn(&CellResult) -> Cell);

/// The figures of the table with the priority of their columns.
const FIGURES: [Figure; 19] = [
    ("QPS", 0, |cell| {
        Cell::figure(Some(cell.throughput_rps), format::per_second)
    }),
    ("÷ what the wait allows", 2, |cell| {
        Cell::figure(ceiling::share(cell), format::ratio)
    }),
    ("QPS spread over blocks", 5, |cell| {
        Cell::figure(spread_percent(cell), format::plus_minus_percent)
    }),
    ("p50", 1, |cell| percentile(&cell.latency_us, "p50")),
    ("p90", 4, |cell| percentile(&cell.latency_us, "p90")),
    ("p99", 1, |cell| percentile(&cell.latency_us, "p99")),
    ("p99.9", 3, |cell| percentile(&cell.latency_us, "p99_9")),
    ("max", 4, |cell| {
        Cell::figure(cell.latency_us.max, format::duration_us)
    }),
    ("mean ± stdev", 6, |cell| mean_and_stdev(&cell.latency_us)),
    ("errors", 1, |cell| whole(Some(cell.errors.total))),
    ("transfer", 8, |cell| {
        Cell::figure(
            Some(cell.transfer_bytes_per_s),
            format::mebibytes_per_second,
        )
    }),
    ("connect p50", 7, |cell| connect(cell, "p50")),
    ("connect p99", 8, |cell| connect(cell, "p99")),
    ("server CPU/request", 2, |cell| {
        Cell::figure(cell.server_resources.cpu_us_per_request, format::cpu_us)
    }),
    ("client CPU/request", 7, |cell| {
        Cell::figure(cell.client_resources.cpu_us_per_request, format::cpu_us)
    }),
    ("client's CPU share", 9, |cell| {
        Cell::figure(client_share_percent(cell), format::percent)
    }),
    ("server RSS", 6, |cell| {
        Cell::figure(
            cell.server_resources.rss_peak_bytes.map(|b| b as f64),
            format::mebibytes,
        )
    }),
    ("server threads", 7, |cell| {
        whole(cell.server_resources.threads_peak)
    }),
    ("context switches/request", 8, |cell| {
        Cell::figure(
            cell.server_resources.context_switches_per_request,
            format::number,
        )
    }),
];

fn table(number: usize, point: &LoadPoint<'_>) -> Table {
    let figures = [&FIGURES[..], &fairness::figures(point)].concat();
    let columns = figures
        .iter()
        .map(|(heading, priority, _)| Column::figures(*heading, *priority));
    let rows = point.cells.iter().map(|cell| {
        let figures = figures.iter().map(|(_, _, figure)| figure(cell));
        std::iter::once(Cell::text(&cell.server))
            .chain(figures)
            .collect()
    });
    Table {
        id: format!("results-{number}"),
        title: describe(point),
        columns: std::iter::once(Column::words("Server", 0))
            .chain(columns)
            .collect(),
        rows: rows.collect(),
        layout: Layout::Turned,
        notes: Vec::new(),
    }
    .without_empty_columns()
}

/// A percentile, or why there is none.
pub(crate) fn percentile(latency: &LatencySummary, name: &str) -> Cell {
    let at_least = latency.at_least.iter().any(|lost| lost == name);
    let value = latency.percentile(name);
    let text = match value {
        Some(us) if at_least => format!("≥ {}", format::duration_us(us)),
        Some(us) => format::duration_us(us),
        None => "too few".to_owned(),
    };
    Cell { text, value }
}

pub(super) fn whole(count: Option<u64>) -> Cell {
    Cell {
        text: count.map_or_else(|| format::NOT_AVAILABLE.to_owned(), format::count),
        value: count.map(|count| count as f64),
    }
}

/// Scatter of throughput over the blocks, in percent of its mean.
pub(crate) fn spread_percent(cell: &CellResult) -> Option<f64> {
    let blocks = cell.blocks.iter().filter(|block| block.dropped.is_none());
    let throughputs: Vec<f64> = blocks.map(|block| block.throughput_rps).collect();
    let mean = mean(&throughputs).filter(|mean| *mean > 0.0)?;
    Some(stdev(&throughputs)? / mean * 100.0)
}

fn mean_and_stdev(latency: &LatencySummary) -> Cell {
    match (latency.mean, latency.stdev) {
        (Some(mean), Some(stdev)) => Cell {
            text: format::mean_and_stdev_us(mean, stdev),
            value: Some(mean),
        },
        (mean, _) => Cell::figure(mean, format::duration_us),
    }
}

/// Connection set-up is of interest where every request has one.
fn connect(cell: &CellResult, name: &str) -> Cell {
    let connect = cell
        .connect_us
        .percentile(name)
        .filter(|_| !cell.keep_alive);
    Cell::figure(connect, format::duration_us)
}

/// The load generator's share of the CPU time that server and load generator used together, in percent.
fn client_share_percent(cell: &CellResult) -> Option<f64> {
    let server = cell.server_resources.cpu_us_per_request?;
    let client = cell.client_resources.cpu_us_per_request?;
    (server + client > 0.0).then(|| client / (server + client) * 100.0)
}

/// Latency by class of request and the workload's own figures, where there are any.
fn classes_and_figures(point: &LoadPoint<'_>) -> Option<Table> {
    let mut rows = Vec::new();
    for cell in &point.cells {
        for class in &cell.classes {
            let latency = &class.latency_us;
            rows.push(vec![
                Cell::text(&cell.server),
                Cell::text(&class.name),
                Cell::text(format::counted(class.requests, "request")),
                percentile(latency, "p50"),
                percentile(latency, "p99"),
                Cell::figure(latency.max, format::duration_us),
            ]);
        }
        for figure in &cell.figures {
            let value = Cell::figure(figure.value, |value| format::with_unit(value, &figure.unit));
            let mut row = vec![Cell::text(&cell.server), Cell::text(&figure.label), value];
            row.resize(6, Cell::default());
            rows.push(row);
        }
    }
    let table = Table {
        id: format!("figures-{}", point.workload),
        title: format!("{}, in detail", describe(point)),
        columns: vec![
            Column::words("Server", 0),
            Column::words("Figure", 0),
            Column::figures("Value", 0),
            Column::figures("p50", 1),
            Column::figures("p99", 1),
            Column::figures("max", 2),
        ],
        rows,
        layout: Layout::Upright,
        notes: Vec::new(),
    };
    (!table.rows.is_empty()).then(|| table.without_empty_columns())
}
