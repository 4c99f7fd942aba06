//! What is shown of a sweep: maps, page, tables.

use analysis::ceiling;
use analysis::limit::LEGEND;
use analysis::sweep::crossovers::row;
use analysis::sweep::{client_bound, narrative};
use record::limited::LimitedBy;
use record::sweep::{Outcome, SweepCell, SweepComparison, SweepRecord, SweepServer};
use render::document::{Document, Item, Section};
use render::heat_map::{HeatField, HeatMap, HeatRow, Strength, Tone};
use render::table::{Cell, Column, Layout, Table};
use render::{Format, RenderOptions, Rendered, json, render_document};

use crate::notes;
use crate::run::method;

/// Spells the report of a sweep.
pub fn render(record: &SweepRecord, format: Format, options: &RenderOptions) -> Rendered {
    match format {
        Format::Json => json::on_one_line(record).into(),
        other => render_document(record, &document(record), other, options),
    }
}

/// The report of a sweep.
pub fn document(record: &SweepRecord) -> Document {
    let mut sections = vec![
        section(
            "Who wins where",
            false,
            maps(record).into_iter().map(Item::HeatMap).collect(),
        ),
        section(
            "In plain words",
            false,
            narrative::page(record)
                .into_iter()
                .map(Item::Paragraph)
                .collect(),
        ),
        section("Cells", false, cells(record)),
        section("How it was measured", true, vec![Item::Table(how(record))]),
    ];
    sections.retain(|section| !section.items.is_empty());
    Document {
        title: "Where does the answer flip?".to_owned(),
        verdict: narrative::headlines(record),
        sections,
        warnings: notes::of(&record.warnings),
    }
}

fn section(heading: &str, folded: bool, items: Vec<Item>) -> Section {
    Section {
        heading: heading.to_owned(),
        folded,
        items,
    }
}

/// One map for each pair of servers, keep-alive and amount of computing.
fn maps(record: &SweepRecord) -> Vec<HeatMap> {
    let config = &record.config;
    let mut maps = Vec::new();
    for (baseline, candidate) in config.pairs() {
        for &keep_alive in &config.keep_alive {
            for &cpu_units in &config.cpu_units {
                maps.push(map(record, (baseline, candidate), keep_alive, cpu_units));
            }
        }
    }
    maps
}

fn map(record: &SweepRecord, pair: (&str, &str), keep_alive: bool, cpu_units: u64) -> HeatMap {
    let config = &record.config;
    let (baseline, candidate) = pair;
    let mut title = format!("Requests per second, {candidate} ÷ {baseline}");
    if config.cpu_units != [0] {
        title += &format!(", {cpu_units} CPU units");
    }
    if !keep_alive {
        title += ", a connection per request";
    }
    let heat_row = |&wait_ms: &u64| {
        let cells = row(record, keep_alive, cpu_units, wait_ms);
        let at = |concurrency: &u32| {
            let cell = cells
                .iter()
                .find(|cell| cell.spot.concurrency == *concurrency);
            cell.map_or_else(missing, |cell| heat_field(cell, pair, config.quick))
        };
        HeatRow {
            heading: format!("{wait_ms} ms"),
            fields: config.concurrencies.iter().map(at).collect(),
        }
    };
    let keep = if keep_alive { "" } else { "-close" };
    HeatMap {
        id: format!("map-{baseline}-{candidate}-{cpu_units}{keep}")
            .replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
        title,
        corner: "wait \\ connections".to_owned(),
        columns: config
            .concurrencies
            .iter()
            .map(|it| format::count(u64::from(*it)))
            .collect(),
        rows: config.waits_ms.iter().map(heat_row).collect(),
        legend: vec![match config.quick {
            true => format!(
                "Bare ratios from one short block each, without intervals (--quick): nobody is said to win, except where the other does not work (x: + {candidate}, - {baseline}). c: the client is the limit."
            ),
            false => format!(
                "+ {candidate} wins, - {baseline} wins, = equal within {}, w {}, ? cannot tell, c the client is the limit, x does not work or was not tried. All winners of a map together are right with {} confidence.",
                format::percent(config.margin * 100.0),
                ceiling::LEGEND,
                format::confidence(config.confidence),
            ),
        }],
    }
}

fn missing() -> HeatField {
    HeatField {
        text: format!("{}  ", format::NOT_AVAILABLE),
        tone: Tone::Missing,
        detail: "not measured".to_owned(),
    }
}

fn heat_field(cell: &SweepCell, (baseline, candidate): (&str, &str), quick: bool) -> HeatField {
    let Some(comparison) = cell.comparison(baseline, candidate) else {
        return missing();
    };
    let servers = [baseline, candidate].map(|name| cell.server(name));
    let stopped = servers
        .iter()
        .flatten()
        .any(|server| server.stopped.is_some());
    let client = servers.iter().flatten().any(|server| client_bound(server));
    let strength = comparison.ratio.map_or(Strength::Strong, Strength::of);
    let by_the_ratio = if comparison.ratio.is_some_and(|ratio| ratio >= 1.0) {
        Tone::Candidate(strength)
    } else {
        Tone::Baseline(strength)
    };
    let (sign, tone) = match comparison.outcome {
        Outcome::Candidate => ("+", Tone::Candidate(strength)),
        Outcome::Baseline => ("-", Tone::Baseline(strength)),
        Outcome::Equal => ("=", Tone::Equal),
        Outcome::Wait => ("w", Tone::Equal),
        Outcome::CannotTell if client => ("c", Tone::Unclear),
        // There are no intervals at all: the colours show the bare ratios, and no sign claims more.
        Outcome::CannotTell if quick && comparison.ratio.is_some() => ("~", by_the_ratio),
        Outcome::CannotTell => ("?", Tone::Unclear),
    };
    let text = match comparison.ratio {
        Some(ratio) => format!("{} {sign}", format::ratio(ratio)),
        None if stopped => format!("x {sign}"),
        None => return missing(),
    };
    HeatField {
        text,
        tone,
        detail: detail(cell, comparison),
    }
}

/// Figures of both and why nobody wins, for a page that shows it on request.
fn detail(cell: &SweepCell, comparison: &SweepComparison) -> String {
    let mut parts: Vec<String> = [&comparison.baseline, &comparison.candidate]
        .into_iter()
        .filter_map(|name| cell.server(name))
        .map(|server| match (&server.stopped, &server.result) {
            (Some(stopped), _) => format!("{}: {}", server.name, stopped.reason),
            (None, Some(result)) => format!(
                "{}: {}/s",
                server.name,
                format::per_second(result.throughput_rps)
            ),
            (None, None) => format!("{}: not measured", server.name),
        })
        .collect();
    if let (Some(low), Some(high)) = (comparison.low, comparison.high) {
        parts.push(format!("interval {}", format::interval(low, high)));
    }
    parts.extend(comparison.reason.clone());
    parts.join("; ")
}

/// All figures, and what the last column means.
fn cells(record: &SweepRecord) -> Vec<Item> {
    let limits = format!(
        "÷ ceiling: of what the wait allows, connections ÷ wait. Limit: what ends the throughput of a server in a cell. {LEGEND}."
    );
    let mut items: Vec<Item> = tables(record).into_iter().map(Item::Table).collect();
    if !items.is_empty() {
        items.push(Item::Paragraph(limits));
    }
    items
}

/// One table for each kind of work.
fn tables(record: &SweepRecord) -> Vec<Table> {
    let config = &record.config;
    let mut tables = Vec::new();
    for &keep_alive in &config.keep_alive {
        for &cpu_units in &config.cpu_units {
            for &wait_ms in &config.waits_ms {
                tables.push(table(record, keep_alive, cpu_units, wait_ms));
            }
        }
    }
    tables.retain(|table| !table.rows.is_empty());
    tables
}

fn table(record: &SweepRecord, keep_alive: bool, cpu_units: u64, wait_ms: u64) -> Table {
    let keep = if keep_alive {
        ""
    } else {
        ", a connection per request"
    };
    let cells = row(record, keep_alive, cpu_units, wait_ms);
    let rows: Vec<Vec<Cell>> = cells
        .iter()
        .flat_map(|cell| cell.servers.iter().map(|server| table_row(cell, server)))
        .collect();
    let notes = cells.iter().enumerate().flat_map(|(number, cell)| {
        let before = &cells[..number];
        let notes = cell.servers.iter();
        notes.filter_map(move |server| stop_note(before, cell, server))
    });
    Table {
        id: format!(
            "cells-{wait_ms}-{cpu_units}{}",
            if keep_alive { "" } else { "-close" }
        ),
        title: format!("Wait {wait_ms} ms, {cpu_units} CPU units{keep}"),
        columns: vec![
            Column::figures("Conns", 0),
            Column::words("Server", 0),
            Column::figures("QPS", 0),
            Column::figures("÷ ceiling", 2),
            Column::figures("÷ baseline", 0),
            Column::figures("p50", 4),
            Column::figures("p99", 0),
            Column::figures("CPU/req", 0),
            Column::figures("RSS", 1),
            Column::figures("Threads", 1),
            Column::figures("Errors", 3),
            Column::words("Limit", 0),
        ],
        notes: notes.collect(),
        rows,
        layout: Layout::Upright,
    }
    .without_empty_columns()
}

/// Why a server has no figures in a cell; said once for all cells in which it was not tried.
fn stop_note(before: &[&SweepCell], cell: &SweepCell, server: &SweepServer) -> Option<String> {
    let stopped = server.stopped.as_ref()?;
    let name = &server.name;
    let connections = format::counted(u64::from(cell.spot.concurrency), "connection");
    let reason = &stopped.reason;
    if !stopped.inferred {
        return Some(format!("{name} stopped working at {connections}: {reason}"));
    }
    let mut servers = before.iter().filter_map(|cell| cell.server(name));
    let told = servers.any(|server| server.stopped.is_some());
    (!told).then(|| format!("{name} at {connections}: {reason}"))
}

fn table_row(cell: &SweepCell, server: &SweepServer) -> Vec<Cell> {
    let concurrency = Cell {
        text: format::count(u64::from(cell.spot.concurrency)),
        value: Some(f64::from(cell.spot.concurrency)),
    };
    let result = server.result.as_ref().filter(|_| server.stopped.is_none());
    let used = result.map(|result| result.server_resources);
    let whole = |value: Option<u64>| value.map(|value| value as f64);
    let count = |value: f64| format::count(value as u64);
    vec![
        concurrency,
        Cell::text(server.name.clone()),
        Cell::figure(result.map(|it| it.throughput_rps), format::per_second),
        Cell::figure(result.and_then(ceiling::share), format::ratio),
        ratio(cell, server),
        Cell::figure(result.and_then(|it| it.latency_us.p50), format::duration_us),
        Cell::figure(result.and_then(|it| it.latency_us.p99), format::duration_us),
        Cell::figure(used.and_then(|it| it.cpu_us_per_request), format::cpu_us),
        Cell::figure(
            whole(used.and_then(|it| it.rss_peak_bytes)),
            format::mebibytes,
        ),
        Cell::figure(whole(used.and_then(|it| it.threads_peak)), count),
        Cell::figure(whole(result.map(|it| it.errors.total)), count),
        Cell::text(limited_by(server)),
    ]
}

fn ratio(cell: &SweepCell, server: &SweepServer) -> Cell {
    let comparison = cell
        .comparisons
        .iter()
        .find(|it| it.candidate == server.name);
    let Some((comparison, ratio)) = comparison.and_then(|it| Some((it, it.ratio?))) else {
        return Cell::default();
    };
    let mut text = format::ratio(ratio);
    if let (Some(low), Some(high)) = (comparison.low, comparison.high) {
        text += &format!(" ({})", format::interval(low, high));
    }
    Cell {
        text,
        value: Some(ratio),
    }
}

fn limited_by(server: &SweepServer) -> String {
    match (&server.stopped, &server.limit) {
        (Some(stopped), _) if stopped.inferred => "not tried".to_owned(),
        (Some(_), _) => "stopped".to_owned(),
        (None, Some(limit)) if limit.by == LimitedBy::ClientCpu => "client (c)".to_owned(),
        (None, Some(limit)) => limit.by.name().to_owned(),
        (None, None) => format::NOT_AVAILABLE.to_owned(),
    }
}

/// What a reader needs to repeat the sweep.
fn how(record: &SweepRecord) -> Table {
    let config = &record.config;
    let numbers = |numbers: &[u64]| {
        numbers
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let concurrencies: Vec<u64> = config
        .concurrencies
        .iter()
        .map(|it| u64::from(*it))
        .collect();
    let mut facts = vec![
        ("started", record.started_at.clone()),
        ("took", format::seconds(record.elapsed_s)),
        ("command", config.command.join(" ")),
        ("machine", method::machine_line(&record.environment)),
        (
            "build",
            format!(
                "loadgen {}, profile {}, {}",
                record.program_version,
                record.environment.build_profile,
                record.environment.toolchain
            ),
        ),
        ("waits", format!("{} ms", numbers(&config.waits_ms))),
        ("CPU units", numbers(&config.cpu_units)),
        ("connections", numbers(&concurrencies)),
        ("blocks", blocks(record)),
        (
            "equal",
            format!("within {}", format::percent(config.margin * 100.0)),
        ),
        ("client threads", config.threads.to_string()),
        ("seed", config.seed.to_string()),
    ];
    for (name, cpus) in [
        ("server CPUs", &config.server_cpus),
        ("client CPUs", &config.client_cpus),
    ] {
        if let Some(cpus) = cpus {
            facts.push((
                name,
                cpus.iter()
                    .map(usize::to_string)
                    .collect::<Vec<_>>()
                    .join(", "),
            ));
        }
    }
    for server in &config.servers {
        let settings = server
            .settings
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        facts.push((
            "server",
            format!("{} {settings}", server.name).trim_end().to_owned(),
        ));
    }
    Table::of_facts(facts)
}

fn blocks(record: &SweepRecord) -> String {
    use analysis::sweep::interim_looks::{FIRST_LOOK_VISITS, SECOND_LOOK_VISITS};
    let config = &record.config;
    if config.quick {
        return "one a cell, no intervals".to_owned();
    }
    format!(
        "{} a visit; intervals over visits after {FIRST_LOOK_VISITS}, and where nothing was decided after {SECOND_LOOK_VISITS}",
        config.blocks_per_visit,
    )
}
