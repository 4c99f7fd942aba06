//! What the figures of a row of a suite say. Every sentence is made from figures; none is fixed.

use record::article::REFERENCE_SERVER;
use record::limited::LimitedBy;
use record::suite::{SuiteRecord, SuiteRow};
use record::{CellResult, Comparison, LoadKind, Record};

use crate::comparisons::{Standing, compare, standing};
use crate::limit::{Cores, limit};
use crate::rate;
use record::metric::Metric;

/// The cells of the load point that the row is about, the first, in the order of the servers.
pub fn cells(run: &Record) -> Vec<&CellResult> {
    let points = crate::cells::load_points(run);
    points
        .into_iter()
        .next()
        .map_or_else(Vec::new, |point| point.cells)
}

/// Whom the others are held against: `sync` where it is, else the first.
pub fn baseline<'a>(cells: &[&'a CellResult]) -> Option<&'a CellResult> {
    let reference = cells.iter().find(|cell| cell.server == REFERENCE_SERVER);
    reference.or_else(|| cells.first()).copied()
}

/// QPS of each server but the baseline, ÷ that of the baseline.
pub fn ratios(cells: &[&CellResult]) -> Vec<Comparison> {
    let Some(baseline) = baseline(cells) else {
        return Vec::new();
    };
    let others = cells.iter().filter(|cell| cell.server != baseline.server);
    others
        .map(|cell| compare(baseline, cell, Metric::Throughput))
        .collect()
}

/// What limited a server.
pub fn limited(cell: &CellResult, run: &Record) -> LimitedBy {
    let config = &run.config;
    let (server, client) = (config.server_cpus.as_deref(), config.client_cpus.as_deref());
    let cores = Cores::of(&run.environment, config.threads, server, client);
    limit(cell, cores, config.pool_threads(&cell.server))
        .map_or(LimitedBy::Unknown, |limit| limit.by)
}

/// What a row says, in a line: what became of it, who did more, what limited it, what its mode changes
/// against an earlier row of the same work, and its own finding where there is exactly one.
pub fn conclusion(record: &SuiteRecord, row: &SuiteRow) -> String {
    let mut said: Vec<String> = Vec::new();
    if let Some(reason) = &row.failed {
        let first = reason.lines().next().unwrap_or_default();
        said.push(format!("failed: {}", first.trim_end_matches('.')));
    }
    match &row.run {
        Some(run) => said.extend(of_run(record, row, run)),
        None if row.failed.is_some() => {}
        None if row.took_s.is_some() => said.push("no server here has it".to_owned()),
        None => said.push("not measured".to_owned()),
    }
    let line = format!("{}.", said.join("; "));
    match &own_findings(record, row)[..] {
        [only] => format!("{line} {only}"),
        _ => line,
    }
}

fn of_run(record: &SuiteRecord, row: &SuiteRow, run: &Record) -> Vec<String> {
    let cells = cells(run);
    let mut said = match cells.first().map(|cell| cell.load) {
        Some(LoadKind::Closed) => closed(&cells),
        Some(LoadKind::Open) => open(&cells),
        None => vec!["nothing was measured".to_owned()],
    };
    said.extend(limits(&cells, run));
    said.extend(against_other_mode(record, row, &cells));
    said
}

/// The findings of a row that are not those of every row: of the machine, of the build.
pub fn own_findings<'a>(record: &SuiteRecord, row: &'a SuiteRow) -> Vec<&'a str> {
    let runs: Vec<&Record> = record
        .rows
        .iter()
        .filter_map(|row| row.run.as_ref())
        .collect();
    let is_everywhere =
        |finding: &String| runs.len() > 1 && runs.iter().all(|run| run.findings.contains(finding));
    let findings = row.run.iter().flat_map(|run| &run.findings);
    findings
        .filter(|finding| !is_everywhere(finding))
        .map(String::as_str)
        .collect()
}

/// `async-bare did 1.46 × sync's QPS (1.40–1.52)`, `no difference from sync seen for async (0.97–1.04)`.
fn closed(cells: &[&CellResult]) -> Vec<String> {
    let Some(baseline) = baseline(cells) else {
        return Vec::new();
    };
    let name = &baseline.server;
    let (mut differ, mut alike, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    let (mut withheld, mut waits) = (Vec::new(), Vec::new());
    for ratio in ratios(cells) {
        let Some(value) = ratio.ratio else { continue };
        let server = &ratio.candidate;
        let times = |value, of: bool| match of {
            true => format!("{server} did {} × {name}'s QPS", format::ratio(value)),
            false => format!("{server} {} ×", format::ratio(value)),
        };
        let ends = ratio.low.zip(ratio.high);
        let interval = ends.map_or_else(String::new, |(low, high)| {
            format!(" ({})", format::interval(low, high))
        });
        match standing(&ratio) {
            Standing::Winner => differ.push(times(value, differ.is_empty()) + &interval),
            Standing::Wait => waits.push(format!("{server} ({})", format::ratio(value))),
            Standing::NoDifference => alike.push(format!("{server}{interval}")),
            Standing::NoInterval => bare.push(times(value, bare.is_empty())),
            Standing::Withheld => withheld.push(ratio.clone()),
        }
    }
    let withheld = withheld_words(&withheld, name);
    let silent = cells.iter().filter(|cell| cell.requests == 0);
    let silent: Vec<&str> = silent.map(|cell| cell.server.as_str()).collect();
    let mut said = Vec::new();
    if !differ.is_empty() {
        said.push(format::list(&differ));
    }
    if !waits.is_empty() {
        let waits = format::list(&waits);
        said.push(format!("the wait is the answer for {name} and {waits}"));
    }
    if !alike.is_empty() {
        let alike = format::list(&alike);
        said.push(format!("no difference from {name} seen for {alike}"));
    }
    if !bare.is_empty() {
        said.push(format!("{}, without intervals", format::list(&bare)));
    }
    said.extend(withheld);
    if !silent.is_empty() {
        said.push(format!("{} answered nothing", format::list(&silent)));
    }
    if said.is_empty() {
        let rps = format::per_second(baseline.throughput_rps);
        said.push(format!("{name} answered {rps} requests/s"));
    }
    said
}

/// `other programs used 40 % of the machine: no winner is named between sync and async-bare (1.24 ×)`.
fn withheld_words(ratios: &[Comparison], baseline: &str) -> Option<String> {
    let most = ratios
        .iter()
        .filter_map(|it| it.others_percent)
        .reduce(f64::max)?;
    let each = ratios.iter().map(|it| {
        let ratio = format::optional(it.ratio, format::ratio);
        format!("{} ({ratio} ×)", it.candidate)
    });
    Some(format!(
        "other programs used {} of the machine: no winner is named between {baseline} and {}",
        format::percent(most),
        format::list(&each.collect::<Vec<_>>())
    ))
}

/// At a rate that is given, latency is what differs.
fn open(cells: &[&CellResult]) -> Vec<String> {
    let Some(rate) = cells.first().and_then(|cell| cell.rate) else {
        return Vec::new();
    };
    let each = cells.iter().map(|cell| {
        if cell.requests == 0 {
            return format!("{} answered nothing", cell.server);
        }
        let answered = match rate::is_kept(cell) {
            true => None,
            false => Some(format!("{}/s", format::per_second(cell.throughput_rps))),
        };
        let us = |name, value: Option<f64>| Some(format!("{name} {}", format::duration_us(value?)));
        let known = [
            answered,
            us("p50", cell.latency_us.p50),
            us("slowest", cell.latency_us.max),
        ];
        let known: Vec<String> = known.into_iter().flatten().collect();
        format!("{} {}", cell.server, known.join(", "))
    });
    vec![format!(
        "at {} requests/s: {}",
        format::per_second(rate),
        each.collect::<Vec<_>>().join(" · ")
    )]
}

/// `the waits limited sync and async; want of threads limited sync-pool`.
fn limits(cells: &[&CellResult], run: &Record) -> Vec<String> {
    let mut groups: Vec<(LimitedBy, Vec<&str>)> = Vec::new();
    for cell in cells.iter().filter(|cell| cell.requests > 0) {
        let by = limited(cell, run);
        match groups.iter_mut().find(|(known, _)| *known == by) {
            Some((_, servers)) => servers.push(&cell.server),
            None => groups.push((by, vec![&cell.server])),
        }
    }
    match &groups[..] {
        [(by, servers)] if servers.len() > 1 => vec![format!("{} all", by.words())],
        _ => groups
            .iter()
            .map(|(by, servers)| format!("{} {}", by.words(), format::list(servers)))
            .collect(),
    }
}

/// QPS ÷ that of the first row of the same work, parameters and connections in another mode.
fn against_other_mode(record: &SuiteRecord, row: &SuiteRow, own: &[&CellResult]) -> Option<String> {
    let like_it = |other: &&SuiteRow| {
        (other.name(), other.parameters(), other.concurrency)
            == (row.name(), row.parameters(), row.concurrency)
    };
    let first = record.rows.iter().find(like_it)?;
    let mode = first.mode().filter(|mode| row.mode() != Some(*mode))?;
    let theirs = cells(first.run.as_ref()?);
    let ratio = |cell: &CellResult| {
        let other = theirs.iter().find(|other| other.server == cell.server)?;
        let both_closed = (cell.load, other.load) == (LoadKind::Closed, LoadKind::Closed);
        (both_closed && other.throughput_rps > 0.0)
            .then(|| cell.throughput_rps / other.throughput_rps)
    };
    let ratios: Vec<String> = own
        .iter()
        .filter_map(|cell| {
            Some(format!(
                "{} on {}",
                format::ratio(ratio(cell)?),
                cell.server
            ))
        })
        .collect();
    (!ratios.is_empty()).then(|| format!("QPS ÷ that in mode {mode}: {}", format::list(&ratios)))
}
