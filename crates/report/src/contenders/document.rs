//! The article's table beside this machine's, as a document that every format can spell.

use super::standing::{Claim, ClaimKind, ModelCheck, Place, Standing, Verdict};
use super::{Contender, ContendersRecord};
use crate::article::{REFERENCE_FRAMEWORK, Reference};
use crate::document::{Document, Item, Section};
use crate::format;
use crate::record::{CellResult, LoadKind, Warning};
use crate::table::{Cell, Column, Layout, Table};
use crate::view;

/// The figure of a cell that says how long it was warmed up, in seconds.
pub const WARMUP_FIGURE: &str = "warmup";

pub(super) fn of(it: &ContendersRecord) -> Document {
    let reference = Reference::load();
    let mut sections = Vec::new();
    for standing in &it.standings {
        let mut items = vec![
            Item::Table(there_and_here(standing, &reference)),
            Item::Table(claims(standing)),
            Item::Table(clients(it, standing)),
            Item::Table(cost(it, standing)),
            Item::Table(as_wrk_prints(it, standing, &reference)),
        ];
        items.retain(|item| !matches!(item, Item::Table(table) if table.rows.is_empty()));
        sections.push(Section {
            heading: keep_alive_words(standing.keep_alive).to_owned(),
            folded: false,
            items,
        });
    }
    sections.push(Section {
        heading: "The contenders".to_owned(),
        folded: false,
        items: vec![Item::Table(contenders(&it.contenders))],
    });
    sections.push(Section {
        heading: "Why the published figures are not like for like".to_owned(),
        folded: true,
        items: reference
            .publication
            .caveats
            .items
            .iter()
            .cloned()
            .map(Item::Paragraph)
            .collect(),
    });
    sections.push(Section {
        heading: "How it was measured".to_owned(),
        folded: true,
        items: vec![Item::Table(view::method::table(&it.record))],
    });
    Document {
        title: format!(
            "The article's table on {}",
            view::method::machine_line(&it.record.environment)
        ),
        verdict: sentences(it),
        sections,
        warnings: warnings(it),
    }
}

fn keep_alive_words(keep_alive: bool) -> &'static str {
    if keep_alive {
        "Keep-alive on"
    } else {
        "A connection per request"
    }
}

fn sentences(it: &ContendersRecord) -> Vec<String> {
    let mut sentences = Vec::new();
    for standing in &it.standings {
        sentences.push(order_sentence(standing));
        let margins = standing
            .claims
            .iter()
            .filter(|claim| claim.kind == ClaimKind::Margin);
        sentences.extend(margins.map(margin_sentence));
    }
    let left_out = it
        .contenders
        .iter()
        .filter_map(|contender| Some((contender, contender.left_out.as_ref()?)));
    sentences.extend(left_out.map(|(contender, why)| {
        let first = why.reason.lines().next().unwrap_or_default();
        format!(
            "Not measured: {}, {}: {first}.",
            contender.name,
            why.stage.words()
        )
    }));
    if it.standings.is_empty() {
        sentences.insert(0, "Nothing was measured.".to_owned());
    }
    sentences
}

fn order_sentence(standing: &Standing) -> String {
    let order: Vec<&Claim> = standing
        .claims
        .iter()
        .filter(|claim| claim.kind == ClaimKind::Order)
        .collect();
    let count = |verdict| {
        order
            .iter()
            .filter(|claim| claim.verdict == verdict)
            .count()
    };
    format!(
        "{}: of the {} pairs in the article's order, {} hold here, {} do not, {} cannot be told (Kendall's τ {}).",
        keep_alive_words(standing.keep_alive),
        order.len(),
        count(Verdict::Holds),
        count(Verdict::DoesNotHold),
        count(Verdict::CannotTell),
        format::optional(standing.kendall_tau, format::signed_ratio),
    )
}

/// A ratio as "so much more".
fn more(ratio: f64) -> String {
    format::percent((ratio - 1.0) * 100.0)
}

fn margin_sentence(claim: &Claim) -> String {
    let claimed = more(claim.claimed_ratio);
    let about = format!("{} over {}", claim.faster, claim.slower);
    let Some(here) = &claim.here else {
        return format!(
            "{about}: {claimed} in the article; not both were measured here: cannot tell."
        );
    };
    let interval = match (here.low, here.high) {
        (Some(low), Some(high)) => format!(
            "{} interval {} to {}",
            format::confidence(here.confidence),
            more(low),
            more(high)
        ),
        _ => here.reason.clone().unwrap_or("no interval".to_owned()),
    };
    format!(
        "{about}: {claimed} in the article, {} here ({interval}): {}.",
        format::optional(here.ratio, more),
        claim.verdict.words(),
    )
}

fn whole(value: Option<u64>) -> Cell {
    Cell::figure(value.map(|value| value as f64), |value| {
        format::count(value as u64)
    })
}

fn rank(rank: Option<usize>) -> Cell {
    whole(rank.map(|rank| rank as u64))
}

fn table(
    id: &str,
    title: String,
    keep_alive: bool,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
) -> Table {
    let (suffix, load) = match keep_alive {
        true => ("", ""),
        false => ("-close", ", a connection per request"),
    };
    Table {
        id: format!("{id}{suffix}"),
        title: format!("{title}{load}"),
        columns,
        rows,
        layout: Layout::Upright,
        notes: Vec::new(),
    }
}

fn there_and_here(standing: &Standing, reference: &Reference) -> Table {
    let rows = standing.rows.iter().map(|row| {
        vec![
            Cell::text(&row.framework),
            Cell::figure(Some(row.qps_there), format::published_per_second),
            Cell::figure(row.relative_there, format::ratio),
            rank(Some(row.rank_there)),
            Cell::text(row.server.as_deref().unwrap_or(format::NOT_AVAILABLE)),
            Cell::figure(row.qps_here, format::per_second),
            Cell::figure(row.relative_here, format::ratio),
            rank(row.rank_here),
        ]
    });
    let mut table = table(
        "article-table",
        "The article's table, there and here".to_owned(),
        standing.keep_alive,
        vec![
            Column::words("Framework", 0),
            Column::figures("QPS there", 0),
            Column::figures(format!("{REFERENCE_FRAMEWORK} = 1"), 0),
            Column::figures("Rank there", 0),
            Column::words("Server here", 1),
            Column::figures("QPS here", 0),
            Column::figures(format!("{REFERENCE_FRAMEWORK} = 1"), 0),
            Column::figures("Rank here", 0),
        ],
        rows.collect(),
    );
    table.notes.push(view::article::comparable(reference));
    table
}

/// Neighbours in the article's order, then its margins: the other pairs stand in the record.
fn claims(standing: &Standing) -> Table {
    let rank_of = |name: &str| {
        let mut rows = standing.rows.iter();
        rows.position(|row| row.framework == name)
    };
    let is_shown = |claim: &&Claim| {
        claim.kind == ClaimKind::Margin
            || rank_of(&claim.faster).map(|rank| rank + 1) == rank_of(&claim.slower)
    };
    let rows = standing.claims.iter().filter(is_shown).map(|claim| {
        let interval = claim.here.as_ref().and_then(|here| here.low.zip(here.high));
        let said = match claim.kind {
            ClaimKind::Order => format!("{} above {}", claim.faster, claim.slower),
            ClaimKind::Margin => format!(
                "{} {} over {}",
                claim.faster,
                more(claim.claimed_ratio),
                claim.slower
            ),
        };
        vec![
            Cell::text(said),
            Cell::figure(claim.ratio_there, format::ratio),
            Cell::figure(
                claim.here.as_ref().and_then(|here| here.ratio),
                format::ratio,
            ),
            Cell::text(
                interval.map_or(format::NOT_AVAILABLE.to_owned(), |(low, high)| {
                    format::interval(low, high)
                }),
            ),
            Cell::text(claim.verdict.words()),
        ]
    });
    let mut table = table(
        "claims",
        "What the article says, and what this machine says to it".to_owned(),
        standing.keep_alive,
        vec![
            Column::words("Claim", 0),
            Column::figures("Ratio there", 0),
            Column::figures("Ratio here", 0),
            Column::figures("95 % interval", 0),
            Column::words("Here", 0),
        ],
        rows.collect(),
    );
    table.notes.push(
        "A claim holds when the whole interval lies above what is claimed, does not hold when it lies below, \
         and cannot be told otherwise. Each interval is a 95 % one by itself: of twenty, one may be wrong."
            .to_owned(),
    );
    table
}

/// The places with their cells and manifests.
fn measured<'a>(
    it: &'a ContendersRecord,
    standing: &'a Standing,
) -> impl Iterator<Item = (&'a Place, &'a CellResult, Option<&'a Contender>)> {
    standing.places.iter().filter_map(|place| {
        let cell = it.record.results.iter().find(|cell| {
            cell.server == place.server
                && cell.keep_alive == standing.keep_alive
                && cell.load == LoadKind::Closed
        })?;
        let contender = it
            .contenders
            .iter()
            .find(|contender| contender.name == place.server);
        Some((place, cell, contender))
    })
}

fn clients(it: &ContendersRecord, standing: &Standing) -> Table {
    let rows = measured(it, standing).map(|(place, cell, _)| {
        let relative = place.relative.as_ref();
        let interval = relative.and_then(|relative| relative.low.zip(relative.high));
        let latency = &cell.latency_us;
        let time = |value| Cell::figure(value, format::duration_us);
        vec![
            Cell::text(&place.server),
            rank(Some(place.rank)),
            Cell::figure(Some(cell.throughput_rps), format::per_second),
            Cell::figure(relative.and_then(|relative| relative.ratio), format::ratio),
            Cell::text(interval.map_or(String::new(), |(low, high)| format::interval(low, high))),
            time(latency.p50),
            time(latency.p99),
            time(latency.mean),
            time(latency.max),
            whole(Some(cell.requests)),
            whole(Some(cell.errors.total)),
        ]
    });
    let columns = vec![
        Column::words("Server", 0),
        Column::figures("Rank", 0),
        Column::figures("QPS", 0),
        Column::figures(format!("{REFERENCE_FRAMEWORK}\n= 1"), 0),
        Column::figures("95 % interval", 2),
        Column::figures("p50", 0),
        Column::figures("p99", 0),
        Column::figures("average", 1),
        Column::figures("max", 1),
        Column::figures("requests", 3),
        Column::figures("errors", 0),
    ];
    let title = "What clients saw of each server here".to_owned();
    table(
        "clients",
        title,
        standing.keep_alive,
        columns,
        rows.collect(),
    )
}

fn cost(it: &ContendersRecord, standing: &Standing) -> Table {
    let rows = measured(it, standing).map(|(place, cell, contender)| {
        let used = &cell.server_resources;
        let idle = contender.and_then(|contender| contender.threads_idle);
        let warmup = cell
            .figures
            .iter()
            .find(|figure| figure.name == WARMUP_FIGURE);
        vec![
            Cell::text(&place.server),
            Cell::figure(used.cpu_us_per_request, format::cpu_us),
            Cell::figure(used.cores_used, format::ratio),
            Cell::figure(
                used.rss_peak_bytes.map(|bytes| bytes as f64),
                format::mebibytes,
            ),
            whole(used.threads_peak),
            whole(idle),
            Cell::text(contender.map_or("", |contender| contender.model.words())),
            Cell::text(match place.model_check {
                ModelCheck::AsDeclared => "yes",
                ModelCheck::NotAsDeclared => "NO",
                ModelCheck::CannotTell => format::NOT_AVAILABLE,
            }),
            Cell::figure(place.bytes_per_answer, format::number),
            Cell::figure(
                Some(cell.transfer_bytes_per_s),
                format::mebibytes_per_second,
            ),
            Cell::figure(warmup.and_then(|figure| figure.value), format::seconds),
        ]
    });
    let columns = vec![
        Column::words("Server", 0),
        Column::figures("CPU per\nrequest", 0),
        Column::figures("cores\nused", 0),
        Column::figures("memory", 0),
        Column::figures("threads", 0),
        Column::figures("threads\nidle", 3),
        Column::words("declared model", 2),
        Column::words("as\ndeclared", 0),
        Column::figures("bytes per\nanswer", 0),
        Column::figures("transfer", 1),
        Column::figures("warm-up", 3),
    ];
    let title = "What it took: the server's whole process tree".to_owned();
    let mut table = table("cost", title, standing.keep_alive, columns, rows.collect());
    table.notes.push(
        "Threads are the most seen under load, those of a runtime's compilers and collectors included; idle is before the first request. As declared: whether their number fits the concurrency model of the manifest."
            .to_owned(),
    );
    table
}

/// The article's further columns. wrk fills its histogram up before it takes a mean, so the mean here is
/// made in the same way.
fn as_wrk_prints(it: &ContendersRecord, standing: &Standing, reference: &Reference) -> Table {
    let published = reference.published(standing.keep_alive);
    let rows = standing.rows.iter().filter_map(|row| {
        let there = published
            .iter()
            .find(|there| there.name() == row.framework)?;
        let here = measured(it, standing)
            .find(|(place, _, _)| Some(&place.server) == row.server.as_ref())
            .map(|(_, cell, _)| cell);
        let wrk = here.and_then(|cell| cell.wrk_compatible.as_ref());
        let milliseconds = |value: f64| Cell::figure(Some(value * 1e3), format::duration_us);
        let mebibyte = 1024.0 * 1024.0;
        Some(vec![
            Cell::text(&row.framework),
            milliseconds(there.mean_ms()),
            Cell::figure(wrk.map(|wrk| wrk.latency_mean_us), format::duration_us),
            milliseconds(there.max_ms()),
            Cell::figure(
                here.and_then(|cell| cell.latency_us.max),
                format::duration_us,
            ),
            whole(Some(there.requests())),
            whole(here.map(|cell| cell.requests)),
            Cell::figure(
                Some(there.mebibytes_per_s() * mebibyte),
                format::mebibytes_per_second,
            ),
            Cell::figure(
                here.map(|cell| cell.transfer_bytes_per_s),
                format::mebibytes_per_second,
            ),
        ])
    });
    let columns = vec![
        Column::words("Framework", 0),
        Column::figures("average\nthere", 0),
        Column::figures("average\nhere", 0),
        Column::figures("max\nthere", 0),
        Column::figures("max\nhere", 0),
        Column::figures("requests\nthere", 1),
        Column::figures("requests\nhere", 1),
        Column::figures("transfer\nthere", 1),
        Column::figures("transfer\nhere", 1),
    ];
    let title = "The article's other columns, as wrk prints them".to_owned();
    let mut table = table(
        "wrk-columns",
        title,
        standing.keep_alive,
        columns,
        rows.collect(),
    );
    let measured_s = it
        .record
        .config
        .duration_s
        .map_or(String::new(), |seconds| {
            format!(", {} here", format::seconds(seconds))
        });
    table.notes.push(format!(
        "Requests are those of {} there{measured_s}. The average is that of a histogram filled up afterwards, as wrk's; the other tables are not corrected.",
        format::seconds(reference.article.duration_s),
    ));
    table
}

fn contenders(contenders: &[Contender]) -> Table {
    let rows = contenders.iter().map(|contender| {
        let tools: Vec<String> = contender
            .tools
            .iter()
            .map(|tool| format!("{} {}", tool.name, tool.version))
            .collect();
        let became = match &contender.left_out {
            None => "measured".to_owned(),
            Some(why) => why.stage.words().to_owned(),
        };
        let mut remarks = contender.settings.clone();
        remarks.extend(contender.note.clone());
        vec![
            Cell::text(&contender.name),
            Cell::text(&contender.title),
            Cell::text(&contender.language),
            Cell::text(tools.join(", ")),
            Cell::text(became),
            Cell::text(remarks.join("; ")),
        ]
    });
    Table {
        id: "contenders".to_owned(),
        title: "The contenders and their settings".to_owned(),
        columns: vec![
            Column::words("Name", 0),
            Column::words("Server", 0),
            Column::words("Language", 0),
            Column::words("Tools", 1),
            Column::words("", 0),
            Column::words("Settings", 2),
        ],
        rows: rows.collect(),
        layout: Layout::Upright,
        notes: Vec::new(),
    }
}

/// The run's own, then contenders that are not what they say.
fn warnings(it: &ContendersRecord) -> Vec<Warning> {
    let mut warnings = it.record.warnings.clone();
    for standing in &it.standings {
        for (place, cell, contender) in measured(it, standing) {
            if place.model_check == ModelCheck::NotAsDeclared
                && let Some(contender) = contender
            {
                warnings.push(Warning {
                    code: "model".to_owned(),
                    message: format!(
                        "{} is declared as {}, but had {} threads under {} connections ({} before)",
                        place.server,
                        contender.model.words(),
                        format::optional(
                            cell.server_resources
                                .threads_peak
                                .map(|threads| threads as f64),
                            |threads| { format::count(threads as u64) }
                        ),
                        format::count(u64::from(cell.concurrency)),
                        format::count(contender.threads_idle.unwrap_or_default()),
                    ),
                });
            }
        }
    }
    warnings
}
