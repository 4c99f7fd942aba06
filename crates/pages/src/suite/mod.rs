//! What is shown of a suite: the table, a line of conclusion for each row, and each run in detail.
//!
//! # Layout
//!
//! - `figures`: the one table. Here: it, the conclusions, and each run in detail.

use analysis::comparisons::{Standing, standing, winner};
use analysis::findings;
use record::suite::{SuiteRecord, SuiteRow};
use record::{CellResult, Comparison, Environment, Record, Warning};
use render::document::{Document, Item, Note, Section};
use render::table::{Cell, Column, Layout, Table};
use render::{Format, RenderOptions, Rendered, json, render_document};

use crate::run::{method, ratios, results};
use crate::{csv, hgrm};

mod figures;

/// Spells the report of a suite. CSV and hgrm are those of all its runs, one after the other.
pub fn render(record: &SuiteRecord, format: Format, options: &RenderOptions) -> Rendered {
    match format {
        Format::Csv => csv::render(&runs(record)).into(),
        Format::Hgrm => hgrm::render(&runs(record), options),
        Format::Json => json::on_one_line(record).into(),
        Format::Text | Format::Markdown | Format::Html => {
            render_document(record, &document(record), format, options)
        }
    }
}

/// The report of a suite.
pub fn document(record: &SuiteRecord) -> Document {
    let mut sections = vec![
        section("Figures", false, vec![Item::Table(figures::table(record))]),
        section(
            "What each row says",
            false,
            vec![Item::Table(conclusions(record))],
        ),
        section("Findings", false, own_findings(record)),
    ];
    sections.extend(record.rows.iter().enumerate().filter_map(detail));
    sections.push(section(
        "How it was measured",
        true,
        vec![Item::Table(how(record)), Item::Table(loads(record))],
    ));
    sections.retain(|section| !section.items.is_empty());
    Document {
        title: format!("Suite: {}", rows_counted(record.rows.len())),
        verdict: verdict(record),
        sections,
        warnings: warnings(record),
    }
}

fn section(heading: &str, folded: bool, items: Vec<Item>) -> Section {
    Section {
        heading: heading.to_owned(),
        folded,
        items,
    }
}

fn rows_counted(rows: usize) -> String {
    format::counted(rows as u64, "kind") + " of work"
}

/// How often each server did more and less than the baseline, and what was not measured.
fn verdict(record: &SuiteRecord) -> Vec<String> {
    let measured: Vec<Vec<&CellResult>> = record
        .rows
        .iter()
        .filter_map(|row| row.run.as_ref())
        .map(findings::cells)
        .collect();
    let took = format::seconds(record.elapsed_s.round());
    let mut said = vec![format!(
        "{} measured in {took}{}.",
        rows_counted(measured.len()),
        if record.config.quick {
            ", in one short block each: a first look without intervals"
        } else {
            ""
        }
    )];
    let ratios: Vec<Comparison> = measured
        .iter()
        .filter(|cells| cells.iter().all(|cell| cell.rate.is_none()))
        .flat_map(|cells| findings::ratios(cells))
        .collect();
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for ratio in &ratios {
        let pair = (ratio.baseline.as_str(), ratio.candidate.as_str());
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    said.extend(pairs.iter().filter_map(|pair| tally(&ratios, *pair)));
    said.extend(missing(record));
    said
}

/// `async ÷ sync, QPS of closed loops: more in 12 kinds of work, less in 9, no difference seen in 11`.
fn tally(ratios: &[Comparison], (baseline, candidate): (&str, &str)) -> Option<String> {
    let of_pair =
        |it: &&Comparison| (it.baseline.as_str(), it.candidate.as_str()) == (baseline, candidate);
    let values = || ratios.iter().filter(of_pair).filter_map(|it| it.ratio);
    let (smallest, largest) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
    let spread = match values().count() {
        1 => format::ratio(smallest),
        _ => format!(
            "from {} to {}",
            format::ratio(smallest),
            format::ratio(largest)
        ),
    };
    let told = ratios.iter().filter(of_pair).filter(|it| it.low.is_some());
    let told: Vec<&Comparison> = told.collect();
    let won_by = |server: &str| {
        let by_it = |it: &&&Comparison| winner(it) == Some(server);
        told.iter().filter(by_it).count()
    };
    let (more, less) = (won_by(candidate), won_by(baseline));
    let standing_at = |wanted: Standing| told.iter().filter(|it| standing(it) == wanted).count();
    let withheld = match standing_at(Standing::Withheld) {
        0 => String::new(),
        withheld => format!(", and no winner is named in {withheld} for what other programs used"),
    };
    let waits = match standing_at(Standing::Wait) {
        0 => String::new(),
        waits => format!(", the wait was the answer in {waits}"),
    };
    let counted = match told.len() {
        0 => String::new(),
        all => format!(
            "; with intervals, it did more in {more}, less in {less}{waits}, and no difference was seen in {}{withheld}",
            all - more - less - standing_at(Standing::Withheld) - standing_at(Standing::Wait)
        ),
    };
    Some(format!(
        "QPS of {candidate} ÷ {baseline} in closed loops: {spread} over {}{counted}.",
        rows_counted(values().count())
    ))
}

fn missing(record: &SuiteRecord) -> Vec<String> {
    let named = |is: &dyn Fn(&SuiteRow) -> bool| {
        let rows: Vec<&str> = record
            .rows
            .iter()
            .filter(|row| is(row))
            .map(|row| row.workload.as_str())
            .collect();
        format::list(&rows)
    };
    let failed = named(&|row| row.failed.is_some());
    let not_reached = named(&|row| row.took_s.is_none());
    let mut said = Vec::new();
    if !failed.is_empty() {
        said.push(format!("Failed: {failed}."));
    }
    if !not_reached.is_empty() {
        said.push(format!("Ended early, not measured: {not_reached}."));
    }
    said
}

fn conclusions(record: &SuiteRecord) -> Table {
    let row = |row: &SuiteRow| {
        vec![
            Cell::text(&row.workload),
            Cell::text(findings::conclusion(record, row)),
        ]
    };
    Table {
        id: "conclusions".to_owned(),
        title: String::new(),
        columns: vec![Column::words("Workload", 0), Column::words("Conclusion", 0)],
        rows: record.rows.iter().map(row).collect(),
        layout: Layout::Upright,
        notes: Vec::new(),
    }
}

/// The findings of rows that have several; a single one stands in the conclusion.
fn own_findings(record: &SuiteRecord) -> Vec<Item> {
    let several = |row: &&SuiteRow| findings::own_findings(record, row).len() > 1;
    let rows = record.rows.iter().filter(several);
    rows.map(|row| {
        let said = findings::own_findings(record, row).join(" ");
        Item::Paragraph(format!("{}: {said}", row.workload))
    })
    .collect()
}

/// One row as the report of its run shows it.
fn detail((number, row): (usize, &SuiteRow)) -> Option<Section> {
    let run = row.run.as_ref()?;
    let mut tables = results::tables(run);
    tables.extend(ratios::tables(run));
    for table in &mut tables {
        table.id = format!("row-{number}-{}", table.id);
    }
    let mut items: Vec<Item> = tables.into_iter().map(Item::Table).collect();
    let said = run.findings.iter().cloned();
    items.extend(said.map(Item::Paragraph));
    let doubts = run.warnings.iter();
    items.extend(doubts.map(|it| Item::Paragraph(format!("Warning: {}", it.message))));
    Some(section(&row.workload, true, items))
}

fn how(record: &SuiteRecord) -> Table {
    let Environment {
        build_profile,
        optimised,
        toolchain,
        git_revision,
        ..
    } = &record.environment;
    let optimised = if *optimised {
        "optimised"
    } else {
        "not optimised"
    };
    let facts = [
        ("started", record.started_at.clone()),
        ("command", record.config.command.join(" ")),
        ("machine", method::machine_line(&record.environment)),
        ("program", record.program_version.clone()),
        (
            "build",
            format!("{build_profile}, {optimised}, {toolchain}"),
        ),
        ("revision", git_revision.clone().unwrap_or_default()),
        ("servers", record.config.servers.join(", ")),
        ("seed", record.config.seed.to_string()),
    ];
    let filled = facts.into_iter().filter(|(_, value)| !value.is_empty());
    Table::of_facts(filled)
}

/// How each row was loaded.
fn loads(record: &SuiteRecord) -> Table {
    let seconds = |value: Option<f64>| Cell::figure(value, format::seconds);
    let row = |row: &SuiteRow| {
        let run = row.run.as_ref()?;
        let config = &run.config;
        let blocks = run.results.first().map_or(0, |cell| cell.blocks.len());
        Some(vec![
            Cell::text(&row.workload),
            Cell::figure(Some(f64::from(row.concurrency)), format::number),
            seconds(config.duration_s),
            seconds(Some(config.warmup_s)),
            Cell::figure(Some(blocks as f64), format::number),
            Cell::figure(config.slice_ms, |ms| format::duration_us(ms * 1e3)),
            seconds(row.took_s.map(|took| (took * 10.0).round() / 10.0)),
        ])
    };
    Table {
        id: "loads".to_owned(),
        title: "How each row was loaded".to_owned(),
        columns: vec![
            Column::words("Workload", 0),
            Column::figures("connections", 0),
            Column::figures("measured, each server", 0),
            Column::figures("warm-up", 0),
            Column::figures("blocks", 0),
            Column::figures("slice", 0),
            Column::figures("took in all", 0),
        ],
        rows: record.rows.iter().filter_map(row).collect(),
        layout: Layout::Upright,
        notes: Vec::new(),
    }
}

/// One warning of each kind with the rows it came up in; all of them stand with their rows. That there were
/// too few requests for a percentile says the table itself.
fn warnings(record: &SuiteRecord) -> Vec<Note> {
    const SAID_BY_THE_TABLE: &str = "too_few_requests";
    let mut kinds: Vec<(&Warning, Vec<&str>)> = Vec::new();
    for row in &record.rows {
        let told = row.run.iter().flat_map(|run| &run.warnings);
        for warning in told.filter(|warning| warning.code != SAID_BY_THE_TABLE) {
            match kinds
                .iter_mut()
                .find(|(first, _)| first.code == warning.code)
            {
                Some((_, rows)) if rows.last() == Some(&row.workload.as_str()) => {}
                Some((_, rows)) => rows.push(&row.workload),
                None => kinds.push((warning, vec![&row.workload])),
            }
        }
    }
    let told = kinds.into_iter().map(|(first, rows)| Note {
        code: first.code.clone(),
        message: warning_of_rows(&first.message, &rows, record.rows.len()),
    });
    told.collect()
}

fn warning_of_rows(message: &str, rows: &[&str], all: usize) -> String {
    let begin = format!("{}: {message}", rows[0]);
    match rows.len() {
        1 => begin,
        several if several == all => format!("all rows, such as {begin}"),
        several => format!(
            "{begin} The same kind in {}: {}.",
            format::counted(several as u64 - 1, "other row"),
            rows[1..].join(", ")
        ),
    }
}

/// The records of all rows that were measured.
fn runs(record: &SuiteRecord) -> Vec<Record> {
    record
        .rows
        .iter()
        .filter_map(|row| row.run.clone())
        .collect()
}
