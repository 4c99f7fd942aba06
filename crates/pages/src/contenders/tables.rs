//! The tables of the article made again: there and here, claims, and what was measured of each server.

use record::article::{REFERENCE_FRAMEWORK, Reference, source};
use record::contenders::{
    Claim, ClaimKind, Contender, ContendersRecord, Doubt, ModelCheck, Place, Ranking, WARMUP_FIGURE,
};
use record::{CellResult, LoadKind};
use render::table::{Cell, Column, Layout, Table};

use crate::run::article::comparable;

/// Stands behind what takes part in no rank and no claim.
const MARK: &str = "†";

/// A ratio as "so much more".
pub(super) fn more(ratio: f64) -> String {
    format::percent((ratio - 1.0) * 100.0)
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

/// Why a server of this machine is not judged.
fn doubt_of(ranking: &Ranking, server: Option<&str>) -> Option<Doubt> {
    let mut places = ranking.places.iter();
    places
        .find(|place| Some(place.server.as_str()) == server)?
        .doubt
}

/// A text with the mark of what is in doubt.
fn marked(mut text: String, doubt: Option<Doubt>) -> String {
    if doubt.is_some() {
        text = format!("{text} {MARK}");
    }
    text
}

fn server(place: &Place) -> Cell {
    Cell::text(marked(place.server.clone(), place.doubt))
}

/// What the mark means, of the servers that a table shows.
fn mark_note(places: &[&Place]) -> Option<String> {
    let mut reasons: Vec<Doubt> = places.iter().filter_map(|place| place.doubt).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let told = reasons.iter().map(|reason| {
        let those = places.iter().filter(|place| place.doubt == Some(*reason));
        let names: Vec<&str> = those.map(|place| place.server.as_str()).collect();
        format!("{}: {}", format::list(&names), reason.words())
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| {
        format!(
            "{MARK} In doubt, so without a rank, and claims about it cannot be told. {}.",
            told.join(". ")
        )
    })
}

/// The places of the article's frameworks.
fn of_rows(ranking: &Ranking) -> Vec<&Place> {
    let places = ranking.rows.iter().filter_map(|row| {
        let mut places = ranking.places.iter();
        places.find(|place| Some(&place.server) == row.server.as_ref())
    });
    places.collect()
}

pub(super) fn there_and_here(ranking: &Ranking, reference: &Reference) -> Table {
    let rows = ranking.rows.iter().map(|row| {
        let doubt = doubt_of(ranking, row.server.as_deref());
        let per_second = |rps| marked(format::per_second(rps), doubt);
        vec![
            Cell::text(&row.framework),
            Cell::figure(Some(row.qps_there), format::published_per_second),
            Cell::figure(row.relative_there, format::ratio),
            rank(Some(row.rank_there)),
            Cell::text(row.server.as_deref().unwrap_or(format::NOT_AVAILABLE)),
            Cell::figure(row.qps_here, per_second),
            Cell::figure(row.relative_here, format::ratio),
            rank(row.rank_here),
        ]
    });
    let mut table = table(
        "article-table",
        format!(
            "The table of {}, there and here",
            source(ranking.keep_alive)
        ),
        ranking.keep_alive,
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
    table.notes.extend(mark_note(&of_rows(ranking)));
    table.notes.push(comparable(reference, ranking.keep_alive));
    table
}

/// Neighbours in the published order, then the article's margins: the other pairs stand in the record.
pub(super) fn claims(ranking: &Ranking) -> Table {
    let marked = |framework: &String| {
        let mut rows = ranking.rows.iter();
        let row = rows.find(|row| row.framework == *framework);
        marked(
            framework.clone(),
            row.and_then(|row| doubt_of(ranking, row.server.as_deref())),
        )
    };
    let rank_of = |name: &str| {
        let mut rows = ranking.rows.iter();
        rows.position(|row| row.framework == name)
    };
    let is_shown = |claim: &&Claim| {
        claim.kind == ClaimKind::Margin
            || rank_of(&claim.faster).map(|rank| rank + 1) == rank_of(&claim.slower)
    };
    let rows = ranking.claims.iter().filter(is_shown).map(|claim| {
        let interval = claim.here.as_ref().and_then(|here| here.low.zip(here.high));
        let said = match claim.kind {
            ClaimKind::Order => {
                format!("{} above {}", marked(&claim.faster), marked(&claim.slower))
            }
            ClaimKind::Margin => format!(
                "{} {} over {}",
                marked(&claim.faster),
                more(claim.claimed_ratio),
                marked(&claim.slower)
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
        format!(
            "What {} says, and what this machine says to it",
            source(ranking.keep_alive)
        ),
        ranking.keep_alive,
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
pub(super) fn measured<'a>(
    it: &'a ContendersRecord,
    ranking: &'a Ranking,
) -> impl Iterator<Item = (&'a Place, &'a CellResult, Option<&'a Contender>)> {
    ranking.places.iter().filter_map(|place| {
        let cell = it.record.results.iter().find(|cell| {
            cell.server == place.server
                && cell.keep_alive == ranking.keep_alive
                && cell.load == LoadKind::Closed
        })?;
        let contender = it
            .contenders
            .iter()
            .find(|contender| contender.name == place.server);
        Some((place, cell, contender))
    })
}

pub(super) fn clients(it: &ContendersRecord, ranking: &Ranking) -> Table {
    let rows = measured(it, ranking).map(|(place, cell, _)| {
        let relative = place.relative.as_ref();
        let interval = relative.and_then(|relative| relative.low.zip(relative.high));
        let latency = &cell.latency_us;
        let time = |value| Cell::figure(value, format::duration_us);
        vec![
            server(place),
            rank(place.rank),
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
    let mut table = table(
        "clients",
        title,
        ranking.keep_alive,
        columns,
        rows.collect(),
    );
    let places: Vec<&Place> = ranking.places.iter().collect();
    table.notes.extend(mark_note(&places));
    table
}

pub(super) fn cost(it: &ContendersRecord, ranking: &Ranking) -> Table {
    let rows = measured(it, ranking).map(|(place, cell, contender)| {
        let used = &cell.server_resources;
        // The time that CPU is divided by has the waits in it that are not accounted for.
        let is_known = place.doubt != Some(Doubt::NotAccountedFor);
        let cores_used = used.cores_used.filter(|_| is_known);
        let idle = contender.and_then(|contender| contender.threads_idle);
        let warmup = cell
            .figures
            .iter()
            .find(|figure| figure.name == WARMUP_FIGURE);
        vec![
            server(place),
            Cell::figure(used.cpu_us_per_request, format::cpu_us),
            Cell::figure(cores_used, format::ratio),
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
    let mut table = table("cost", title, ranking.keep_alive, columns, rows.collect());
    table.notes.push(
        "Threads are the most seen under load, those of a runtime's compilers and collectors included; idle is before the first request. As declared: whether their number fits the concurrency model of the manifest; with a connection per request it does not tell."
            .to_owned(),
    );
    let places: Vec<&Place> = ranking.places.iter().collect();
    table.notes.extend(mark_note(&places));
    if places
        .iter()
        .any(|place| place.doubt == Some(Doubt::NotAccountedFor))
    {
        let note = "Cores used are not available where connections are not accounted for: CPU time would be divided by a time that their waits are part of.";
        table.notes.push(note.to_owned());
    }
    table
}

/// The further columns of the publication. wrk fills its histogram up before it takes a mean, so the mean here is
/// made in the same way.
pub(super) fn as_wrk_prints(
    it: &ContendersRecord,
    ranking: &Ranking,
    reference: &Reference,
) -> Table {
    let published = reference.published(ranking.keep_alive);
    let rows = ranking.rows.iter().filter_map(|row| {
        let there = published
            .iter()
            .find(|there| there.name() == row.framework)?;
        let doubt = doubt_of(ranking, row.server.as_deref());
        let here = measured(it, ranking)
            .find(|(place, _, _)| Some(&place.server) == row.server.as_ref())
            .map(|(_, cell, _)| cell);
        let wrk = here.and_then(|cell| cell.wrk_compatible.as_ref());
        let milliseconds = |value: f64| Cell::figure(Some(value * 1e3), format::duration_us);
        let mebibyte = 1024.0 * 1024.0;
        Some(vec![
            Cell::text(marked(row.framework.clone(), doubt)),
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
    let title =
        "The other columns, as wrk prints them: the publication behind the article, and here"
            .to_owned();
    let mut table = table(
        "wrk-columns",
        title,
        ranking.keep_alive,
        columns,
        rows.collect(),
    );
    table.notes.extend(mark_note(&of_rows(ranking)));
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
