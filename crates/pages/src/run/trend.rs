//! Several records that cannot be merged: one load of one server over time, oldest first.

use record::{CellResult, LoadKind, Record, machine};
use render::chart::{Axis, Chart, Mark, Scale, Series, Style};
use render::table::{Cell, Column, Layout, Table};

use crate::run::{method, results};

/// One load that several records have: `hello, saturated, 360 connections`.
#[derive(Clone, PartialEq)]
struct Load<'a> {
    workload: &'a str,
    kind: LoadKind,
    keep_alive: bool,
    concurrency: u32,
}

impl<'a> Load<'a> {
    fn of(cell: &'a CellResult) -> Load<'a> {
        Load {
            workload: &cell.workload,
            kind: cell.load,
            keep_alive: cell.keep_alive,
            concurrency: cell.concurrency,
        }
    }

    fn title(&self) -> String {
        let kind = match self.kind {
            LoadKind::Closed => "saturated",
            LoadKind::Open => "at a fixed rate",
        };
        let keep_alive = if self.keep_alive {
            ""
        } else {
            ", a connection per request"
        };
        let connections = format::counted(u64::from(self.concurrency), "connection");
        format!("{}, {kind}, {connections}{keep_alive}", self.workload)
    }
}

/// In one sentence: how many runs, from when to when, on how many machines.
pub(crate) fn sentence(records: &[Record]) -> String {
    let machines = machines(records);
    let count = machines.iter().max().map_or(0, |last| last + 1);
    let (first, last) = match (records.first(), records.last()) {
        (Some(first), Some(last)) => (&first.started_at, &last.started_at),
        _ => return "Nothing was measured.".to_owned(),
    };
    format!(
        "{} from {first} to {last} on {}, side by side: figures of different days or machines are a trend, not a comparison.",
        format::counted(records.len() as u64, "run"),
        format::counted(count as u64, "machine"),
    )
}

/// The number of each record's machine, in the order in which they first appear.
fn machines(records: &[Record]) -> Vec<usize> {
    let mut known: Vec<&Record> = Vec::new();
    records
        .iter()
        .map(|record| {
            match known
                .iter()
                .position(|other| machine::is_same(&other.environment, &record.environment))
            {
                Some(number) => number,
                None => {
                    known.push(record);
                    known.len() - 1
                }
            }
        })
        .collect()
}

/// `A`, `B`, … and beyond `Z` a number.
fn machine_name(number: usize) -> String {
    u8::try_from(number)
        .ok()
        .filter(|number| *number < 26)
        .map_or_else(
            || format!("#{}", number + 1),
            |number| char::from(b'A' + number).to_string(),
        )
}

fn loads(records: &[Record]) -> Vec<Load<'_>> {
    let mut loads: Vec<Load<'_>> = Vec::new();
    for cell in records.iter().flat_map(|record| &record.results) {
        let load = Load::of(cell);
        if !loads.contains(&load) {
            loads.push(load);
        }
    }
    loads
}

/// One table for each load.
pub(crate) fn tables(records: &[Record]) -> Vec<Table> {
    let loads = loads(records);
    let numbered = loads.iter().enumerate();
    numbered
        .map(|(number, load)| table(records, load, number))
        .collect()
}

fn table(records: &[Record], load: &Load<'_>, number: usize) -> Table {
    let machines = machines(records);
    let mut rows = Vec::new();
    let mut notes = Vec::new();
    let mut previous = None;
    for (record, machine) in records.iter().zip(machines) {
        let cells: Vec<&CellResult> = record
            .results
            .iter()
            .filter(|cell| Load::of(cell) == *load)
            .collect();
        if cells.is_empty() {
            continue;
        }
        let name = machine_name(machine);
        let changed = previous.is_some_and(|previous| previous != machine);
        if previous.is_none() || changed {
            let words = if changed {
                "Machine changed: from"
            } else {
                "From"
            };
            notes.push(format!(
                "{words} {} on machine {name}: {}.",
                record.started_at,
                method::machine_line(&record.environment)
            ));
        }
        previous = Some(machine);
        let mark = if changed { format!("◆ {name}") } else { name };
        rows.extend(cells.iter().map(|cell| row(record, &mark, cell)));
    }
    Table {
        id: format!("trend-{number}"),
        title: load.title(),
        columns: vec![
            Column::words("Started, UTC", 0),
            Column::words("Machine", 1),
            Column::words("Revision", 5),
            Column::words("Server", 0),
            Column::figures("Rate", 2),
            Column::figures("QPS", 0),
            Column::figures("QPS spread", 4),
            Column::figures("p50", 2),
            Column::figures("p99", 2),
            Column::figures("server CPU/request", 3),
            Column::figures("errors", 1),
        ],
        rows,
        layout: Layout::Upright,
        notes,
    }
    .without_empty_columns()
}

fn row(record: &Record, machine: &str, cell: &CellResult) -> Vec<Cell> {
    let revision = record
        .environment
        .git_revision
        .as_deref()
        .unwrap_or(format::NOT_AVAILABLE);
    vec![
        Cell::text(format::minute(&record.started_at)),
        Cell::text(machine),
        Cell::text(revision.chars().take(12).collect::<String>()),
        Cell::text(&cell.server),
        Cell::figure(cell.rate, format::per_second),
        Cell::figure(Some(cell.throughput_rps), format::per_second),
        Cell::figure(results::spread_percent(cell), format::plus_minus_percent),
        results::percentile(&cell.latency_us, "p50"),
        results::percentile(&cell.latency_us, "p99"),
        Cell::figure(cell.server_resources.cpu_us_per_request, format::cpu_us),
        Cell::figure(Some(cell.errors.total as f64), |_| {
            format::count(cell.errors.total)
        }),
    ]
}

/// Throughput and p99 of each load over the records; a line ends where the machine changes.
pub(crate) fn charts(records: &[Record]) -> Vec<Chart> {
    let loads = loads(records);
    let mut charts = Vec::new();
    for (number, load) in loads.iter().enumerate() {
        let throughput: Figure = (
            "throughput",
            "Throughput",
            Scale::Linear,
            |cell| Some(cell.throughput_rps),
            format::per_second,
        );
        let p99: Figure = (
            "p99",
            "p99",
            Scale::Log,
            |cell| cell.latency_us.p99,
            format::duration_us,
        );
        charts.extend(
            [throughput, p99]
                .iter()
                .map(|figure| chart(records, load, number, figure)),
        );
    }
    charts.retain(|chart| !chart.is_empty());
    charts
}

type Figure = (
    &'static str,
    &'static str,
    Scale,
    fn(&CellResult) -> Option<f64>,
    fn(f64) -> String,
);

fn chart(records: &[Record], load: &Load<'_>, number: usize, figure: &Figure) -> Chart {
    let (id, title, scale, value, text) = figure;
    let machines = machines(records);
    let of_load = |record: &'_ Record, server: &str| {
        let mut cells = record.results.iter().filter(|cell| Load::of(cell) == *load);
        cells.find(|cell| cell.server == server).and_then(value)
    };
    let mut servers: Vec<&str> = Vec::new();
    for cell in records.iter().flat_map(|record| &record.results) {
        if Load::of(cell) == *load && !servers.contains(&cell.server.as_str()) {
            servers.push(&cell.server);
        }
    }
    let machine_count = machines.iter().max().map_or(0, |last| last + 1);
    let mut series = Vec::new();
    for (colour, server) in servers.iter().enumerate() {
        for machine in 0..machine_count {
            let name = match machine_count {
                1 => (*server).to_owned(),
                _ => format!("{server} on {}", machine_name(machine)),
            };
            let values = records.iter().zip(&machines).map(|(record, on)| {
                let here = of_load(record, server).filter(|_| *on == machine);
                scale.mark(here, text)
            });
            series.push(Series {
                name,
                colour: colour + servers.len() * machine,
                values: values.collect(),
            });
        }
    }
    series.retain(|series| series.values.iter().any(Option::is_some));
    let values = servers
        .iter()
        .flat_map(|server| records.iter().filter_map(|record| of_load(record, server)));
    let every = records.len().div_ceil(6).max(1);
    let places: Vec<Mark> = records
        .iter()
        .enumerate()
        .map(|(at, record)| Mark::new(at as f64, format::minute(&record.started_at)))
        .collect();
    let day = |mark: &Mark| Mark::new(mark.at, mark.text.chars().take(10).collect::<String>());
    Chart {
        id: format!("trend-{id}-{number}"),
        title: format!("{title} over the records: {}", load.title()),
        style: Style::Line,
        x: Axis {
            label: "records, oldest first".to_owned(),
            min: -0.5,
            max: records.len() as f64 - 0.5,
            ticks: places.iter().step_by(every).map(day).collect(),
        },
        y: scale.axis(title, values, text),
        places,
        series,
        in_terminal: false,
    }
}

/// The warnings of all records, each with the run it is of.
pub(crate) fn warnings(records: &[Record]) -> Vec<record::Warning> {
    let of_run = |record: &Record| {
        let started_at = record.started_at.clone();
        record.warnings.clone().into_iter().map(move |mut warning| {
            warning.message = format!("{started_at}: {}", warning.message);
            warning
        })
    };
    records.iter().flat_map(of_run).collect()
}
