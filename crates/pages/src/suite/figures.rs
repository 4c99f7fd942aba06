//! The one table of a suite: every kind of work, every server that has it.

use analysis::limit::LEGEND;
use analysis::{ceiling, findings};
use record::suite::{SuiteRecord, SuiteRow};
use record::summary::PERCENTILES;
use record::{CellResult, Comparison, Record};
use render::table::{Cell, Column, Layout, Table};

use crate::run::results;

/// One line of a server in a row.
type Figure = (&'static str, u8, fn(&Line<'_>) -> Cell);

struct Line<'a> {
    cell: &'a CellResult,
    run: &'a Record,
    ratio: Option<&'a Comparison>,
    is_baseline: bool,
}

/// The columns with their priorities; units stand in the headings, for want of room.
const FIGURES: [Figure; 8] = [
    ("QPS", 0, |line| {
        Cell::figure(Some(line.cell.throughput_rps), format::per_second)
    }),
    ("÷ wait's\nceiling", 2, |line| {
        Cell::figure(ceiling::share(line.cell), format::ratio)
    }),
    ("÷ baseline", 0, ratio),
    ("p99", 1, |line| percentile(line.cell)),
    ("CPU/req\nµs", 1, |line| {
        Cell::figure(
            line.cell.server_resources.cpu_us_per_request,
            format::number,
        )
    }),
    ("RSS\nMiB", 3, |line| {
        let bytes = line.cell.server_resources.rss_peak_bytes;
        Cell::figure(
            bytes.map(|bytes| bytes as f64 / 1_048_576.0),
            format::number,
        )
    }),
    ("threads", 2, |line| {
        let threads = line.cell.server_resources.threads_peak;
        Cell::figure(threads.map(|threads| threads as f64), |threads| {
            format::count(threads as u64)
        })
    }),
    ("limit", 4, |line| {
        Cell::text(findings::limited(line.cell, line.run).name())
    }),
];

/// One row for each kind of work, in its cells a line for each server.
pub(super) fn table(record: &SuiteRecord) -> Table {
    let mut columns = vec![Column::words("Workload", 0), Column::words("Server", 0)];
    columns.extend(
        FIGURES
            .iter()
            .map(|(heading, priority, _)| Column::figures(*heading, *priority)),
    );
    Table {
        id: "suite".to_owned(),
        title: "Every kind of work on every server that has it".to_owned(),
        columns,
        rows: record.rows.iter().map(row_of).collect(),
        layout: Layout::Upright,
        notes: notes(record),
    }
    .without_empty_columns()
}

fn row_of(row: &SuiteRow) -> Vec<Cell> {
    let heading = Cell::text(heading(row));
    let cells = row.run.as_ref().map_or_else(Vec::new, findings::cells);
    let Some(run) = row.run.as_ref().filter(|_| !cells.is_empty()) else {
        let state = if row.failed.is_some() {
            "failed"
        } else {
            format::NOT_AVAILABLE
        };
        let mut blank = vec![heading, Cell::text(state)];
        blank.resize(FIGURES.len() + 2, Cell::default());
        return blank;
    };
    let ratios = findings::ratios(&cells);
    let baseline = findings::baseline(&cells).map(|cell| cell.server.as_str());
    let lines: Vec<Line<'_>> = cells
        .iter()
        .map(|cell| Line {
            cell,
            run,
            ratio: ratios.iter().find(|ratio| ratio.candidate == cell.server),
            is_baseline: baseline == Some(cell.server.as_str()),
        })
        .collect();
    let servers = stacked(lines.iter().map(|line| Cell::text(&line.cell.server)));
    let figures = FIGURES
        .iter()
        .map(|(_, _, figure)| stacked(lines.iter().map(figure)));
    [heading, servers].into_iter().chain(figures).collect()
}

/// Cells below each other in one; it is sorted by the last of them that has a value.
fn stacked(cells: impl Iterator<Item = Cell>) -> Cell {
    let cells: Vec<Cell> = cells.collect();
    let texts: Vec<&str> = cells.iter().map(|cell| cell.text.as_str()).collect();
    Cell {
        text: texts.join("\n"),
        value: cells.iter().rev().find_map(|cell| cell.value),
    }
}

/// Name, mode, parameters and connections, one below the other.
fn heading(row: &SuiteRow) -> String {
    let mut lines = vec![row.name().to_owned()];
    lines.extend(row.mode().map(|mode| format!(":{mode}")));
    if !row.parameters().is_empty() {
        lines.push(format!("?{}", row.parameters()));
    }
    lines.push(format!("c {}", format::count(u64::from(row.concurrency))));
    lines.join("\n")
}

fn ratio(line: &Line<'_>) -> Cell {
    if line.is_baseline {
        return Cell {
            text: "1".to_owned(),
            value: Some(1.0),
        };
    }
    let Some((comparison, value)) = line.ratio.and_then(|it| Some((it, it.ratio?))) else {
        return Cell::figure(None, format::ratio);
    };
    let interval = comparison.low.zip(comparison.high);
    Cell {
        text: match interval {
            Some((low, high)) => {
                format!("{} ({})", format::ratio(value), format::interval(low, high))
            }
            None => format::ratio(value),
        },
        value: Some(value),
    }
}

/// p99, or the highest percentile that there were enough requests for, with its name.
fn percentile(cell: &CellResult) -> Cell {
    let latency = &cell.latency_us;
    let up_to_p99 = PERCENTILES.iter().rev().skip_while(|it| it.name != "p99");
    let known = up_to_p99
        .map(|it| it.name)
        .find(|name| latency.percentile(name).is_some());
    match known {
        Some("p99") => results::percentile(latency, "p99"),
        Some(name) => {
            let known = results::percentile(latency, name);
            Cell {
                text: format!("{} {}", format::percentile_name(name), known.text),
                value: None,
            }
        }
        None => Cell {
            text: format::optional(latency.max, |us| format!("max {}", format::duration_us(us))),
            value: None,
        },
    }
}

fn any_waits(record: &SuiteRecord) -> bool {
    let runs = record.rows.iter().filter_map(|row| row.run.as_ref());
    runs.flat_map(|run| &run.results)
        .any(|cell| cell.ceiling_rps.is_some())
}

fn notes(record: &SuiteRecord) -> Vec<String> {
    let mut notes = vec![format!(
        "c: connections. ÷ baseline: QPS ÷ that of sync, or of the first server where sync is not among them{}. {}\
         p99: where there were too few requests for it, the highest percentile with enough, by name. \
         limit: {LEGEND}.",
        match record.config.quick {
            true => "",
            false => ", with its exact 95 % interval over blocks",
        },
        match any_waits(record) {
            true => "÷ wait's ceiling: QPS ÷ (connections ÷ wait), where the work waits. ",
            false => "",
        },
    )];
    let mut lacking: Vec<String> = Vec::new();
    for row in &record.rows {
        for it in &row.lacking {
            let note = format!("{} is not in {}: {}.", it.server, row.name(), it.reason);
            if !lacking.contains(&note) {
                lacking.push(note);
            }
        }
    }
    notes.extend(lacking);
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Environment;
    use record::limited::LimitedBy;
    use record::suite::SuiteConfig;

    #[test]
    fn the_limits_have_names_that_the_notes_explain() {
        let text = notes(&SuiteRecord {
            schema_version: 1,
            kind: String::new(),
            program_version: String::new(),
            started_at: String::new(),
            interrupted: false,
            elapsed_s: 0.0,
            environment: Environment::default(),
            config: SuiteConfig::default(),
            rows: Vec::new(),
        })
        .join(" ");
        let limits = [
            LimitedBy::ServerCpu,
            LimitedBy::ServerThread,
            LimitedBy::ClientCpu,
            LimitedBy::OtherPrograms,
            LimitedBy::Latency,
            LimitedBy::Threads,
            LimitedBy::Rate,
            LimitedBy::Unknown,
        ];
        for limit in limits {
            assert!(text.contains(limit.name()), "{}", limit.name());
        }
    }
}
