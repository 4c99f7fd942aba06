//! The page in plain words, made from the record alone: where the answer flips.

use record::sweep::{
    CrossoverAnswer, CrossoverResult, Outcome, SweepCell, SweepRecord, SweepServer,
};

use crate::sweep::crossovers::row;
use crate::sweep::saturation;

/// One line for each pair of servers: where the answer flips for each kind of work.
pub fn headlines(record: &SweepRecord) -> Vec<String> {
    if record.config.quick {
        return vec![NO_INTERVALS.to_owned()];
    }
    let of_pair = |(baseline, candidate): (&str, &str)| {
        let mut parts: Vec<String> = Vec::new();
        for it in record
            .crossovers
            .iter()
            .filter(|it| is_of(it, baseline, candidate))
        {
            parts.push(format!("{}: {}", work(record, it), short(&it.answer)));
        }
        format!(
            "Where {candidate} answers more requests than {baseline} – {}.",
            parts.join("; ")
        )
    };
    record.config.pairs().into_iter().map(of_pair).collect()
}

/// What a quick sweep is not.
const NO_INTERVALS: &str =
    "A first look: one short block a cell, no intervals, so nobody can be said to win.";

/// The page: a sentence or several for each pair and kind of work, then for each server's end.
pub fn page(record: &SweepRecord) -> Vec<String> {
    let mut page: Vec<String> = record
        .crossovers
        .iter()
        .map(|it| flip(record, it))
        .collect();
    for server in &record.config.servers {
        for &keep_alive in &record.config.keep_alive {
            page.extend(saturation::end_of(record, &server.name, keep_alive));
        }
    }
    page
}

fn is_of(it: &CrossoverResult, baseline: &str, candidate: &str) -> bool {
    it.baseline == baseline && it.candidate == candidate
}

/// `wait 10 ms`, with what else was varied.
fn work(record: &SweepRecord, it: &CrossoverResult) -> String {
    let mut words = format!("wait {} ms", it.wait_ms);
    if record.config.cpu_units != [0] {
        words += &format!(", {} CPU units", it.cpu_units);
    }
    if record.config.keep_alive != [true] {
        words += if it.keep_alive {
            ", keep-alive"
        } else {
            ", a connection per request"
        };
    }
    words
}

/// The answer in a few words.
pub(super) fn short(answer: &CrossoverAnswer) -> String {
    let connections = |number: u64| format::counted(number, "connection");
    match *answer {
        CrossoverAnswer::Always => "everywhere".to_owned(),
        CrossoverAnswer::Never => "nowhere".to_owned(),
        CrossoverAnswer::Equal => "nowhere, they are equal".to_owned(),
        CrossoverAnswer::From { concurrency, .. } => {
            format!("from {} on", connections(concurrency))
        }
        CrossoverAnswer::UpTo { concurrency, .. } => format!("up to {}", connections(concurrency)),
        CrossoverAnswer::Scattered => "here and there".to_owned(),
        CrossoverAnswer::CannotTell => "cannot tell".to_owned(),
    }
}

/// Who wins where for one pair and kind of work, then by how much where it matters.
fn flip(record: &SweepRecord, it: &CrossoverResult) -> String {
    let row = row(record, it.keep_alive, it.cpu_units, it.wait_ms);
    let told = told(it, &row);
    let advantages = row
        .iter()
        .filter(|cell| told.contains(&at(cell)))
        .filter_map(|cell| advantage(cell, &it.baseline, &it.candidate));
    let sentence = format!("{}, {}.", subject(record, it), answer(record, it, &row));
    std::iter::once(sentence)
        .chain(advantages)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The concurrencies that are told with figures: the last on either side of the flip, and the end.
fn told(it: &CrossoverResult, row: &[&SweepCell]) -> Vec<u64> {
    let mut told = match it.answer {
        CrossoverAnswer::From { concurrency, .. } => {
            let below = row.iter().rev().filter(|cell| at(cell) < concurrency);
            vec![Some(concurrency), across(it, below)]
        }
        CrossoverAnswer::UpTo { concurrency, .. } => {
            let above = row.iter().filter(|cell| at(cell) > concurrency);
            vec![Some(concurrency), across(it, above)]
        }
        CrossoverAnswer::Always => vec![row.first().map(|cell| at(cell))],
        _ => Vec::new(),
    };
    if it.answer != CrossoverAnswer::Equal {
        told.push(row.last().map(|cell| at(cell)));
    }
    told.into_iter().flatten().collect()
}

/// Across the flip, of the cells from there on: the first that the baseline wins, else the first of all.
fn across<'a>(
    it: &CrossoverResult,
    mut cells: impl Iterator<Item = &'a &'a SweepCell> + Clone,
) -> Option<u64> {
    let lost = |cell: &&&SweepCell| outcome(cell, it) == Outcome::Baseline;
    let nearest = cells.clone().next();
    cells.find(lost).or(nearest).map(|cell| at(cell))
}

/// Who wins where, after a comma and before a full stop.
fn answer(record: &SweepRecord, it: &CrossoverResult, row: &[&SweepCell]) -> String {
    let (baseline, candidate) = (&it.baseline, &it.candidate);
    let range = match (row.first(), row.last()) {
        (Some(first), Some(last)) => format!(
            "from {} to {} connections",
            concurrency(first),
            concurrency(last)
        ),
        _ => String::new(),
    };
    match it.answer {
        CrossoverAnswer::Always => format!("{candidate} beats {baseline} everywhere {range}"),
        CrossoverAnswer::Never => format!("{baseline} beats {candidate} everywhere {range}"),
        CrossoverAnswer::Equal if row.iter().all(|cell| outcome(cell, it) == Outcome::Wait) => {
            format!(
                "the wait is the answer {range}: both reach 95 % of connections ÷ wait and more"
            )
        }
        CrossoverAnswer::Equal => format!(
            "{baseline} and {candidate} differ by no more than {} anywhere {range}",
            format::percent(record.config.margin * 100.0)
        ),
        CrossoverAnswer::From { concurrency, .. } => {
            let below = row.iter().filter(|cell| at(cell) < concurrency);
            let below: Vec<_> = below.copied().collect();
            let from = format::counted(concurrency, "connection");
            if below.iter().all(|cell| is_as_good(cell, it)) {
                return format!(
                    "{baseline} is as good as {candidate} or better below {from}, and {candidate} wins from there on"
                );
            }
            let known = known(&below, it);
            format!("{candidate} beats {baseline} from {from} on, and below that {known}")
        }
        CrossoverAnswer::UpTo { concurrency, .. } => {
            let above = row.iter().filter(|cell| at(cell) > concurrency);
            let above: Vec<_> = above.copied().collect();
            format!(
                "{candidate} beats {baseline} up to {}, and above that {}",
                format::counted(concurrency, "connection"),
                known(&above, it)
            )
        }
        CrossoverAnswer::Scattered => {
            format!("there is no single crossover {range}: {}", known(row, it))
        }
        CrossoverAnswer::CannotTell => format!(
            "no crossover of {baseline} and {candidate} can be told {range}: {}",
            known(row, it)
        ),
    }
}

/// What is known of some cells, in half a sentence: `sync wins at 1 and 3, they are equal at 10, and neither
/// can be said to win at 32`.
fn known(cells: &[&SweepCell], it: &CrossoverResult) -> String {
    let outcomes = [
        (Outcome::Candidate, format!("{} wins", it.candidate)),
        (Outcome::Baseline, format!("{} wins", it.baseline)),
        (Outcome::Equal, "they are equal".to_owned()),
        (Outcome::Wait, "the wait is the answer".to_owned()),
        (Outcome::CannotTell, "neither can be said to win".to_owned()),
    ];
    let mut parts = Vec::new();
    for (wanted, words) in outcomes {
        let of_outcome = cells.iter().filter(|cell| outcome(cell, it) == wanted);
        let there: Vec<String> = of_outcome.map(|cell| concurrency(cell)).collect();
        match there.len() {
            0 => {}
            all if all == cells.len() => return words,
            _ => parts.push(format!("{words} at {}", format::list(&there))),
        }
    }
    match parts.split_last() {
        Some((last, others)) => format!("{}, and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// `For work that waits 10 ms`.
fn subject(record: &SweepRecord, it: &CrossoverResult) -> String {
    let mut words = match it.wait_ms {
        0 => "For work that does not wait".to_owned(),
        wait => format!("For work that waits {wait} ms"),
    };
    if it.cpu_units > 0 {
        words += &format!(" and computes {} units", format::count(it.cpu_units));
    }
    if record.config.keep_alive != [true] && !it.keep_alive {
        words += ", with a connection per request";
    }
    words
}

/// Whether it is known that the candidate does not win.
fn is_as_good(cell: &SweepCell, it: &CrossoverResult) -> bool {
    matches!(
        outcome(cell, it),
        Outcome::Baseline | Outcome::Equal | Outcome::Wait
    )
}

fn at(cell: &SweepCell) -> u64 {
    u64::from(cell.spot.concurrency)
}

fn outcome(cell: &SweepCell, it: &CrossoverResult) -> Outcome {
    cell.comparison(&it.baseline, &it.candidate)
        .map_or(Outcome::CannotTell, |it| it.outcome)
}

fn concurrency(cell: &SweepCell) -> String {
    format::count(u64::from(cell.spot.concurrency))
}

/// By how much, in requests, latency, CPU and memory; `None` where nothing was measured.
fn advantage(cell: &SweepCell, baseline: &str, candidate: &str) -> Option<String> {
    let at = format!(
        "At {}",
        format::counted(u64::from(cell.spot.concurrency), "connection")
    );
    let (below, above) = (cell.server(baseline)?, cell.server(candidate)?);
    let stopped = match (&below.stopped, &above.stopped) {
        (Some(_), Some(_)) => return Some(format!("{at} neither works.")),
        (Some(stopped), None) => Some((stopped, above)),
        (None, Some(stopped)) => Some((stopped, below)),
        (None, None) => None,
    };
    if let Some((stopped, other)) = stopped {
        other.result.as_ref()?;
        let verb = if stopped.inferred {
            "was tried"
        } else {
            "works"
        };
        return Some(format!("{at} only {} {verb}.", other.name));
    }
    let comparison = cell.comparison(baseline, candidate)?;
    let mut figures = Vec::new();
    if let Some(ratio) = comparison.ratio {
        let interval = comparison.low.zip(comparison.high);
        let interval = interval.map_or_else(String::new, |(low, high)| {
            format!(" ({})", format::interval(low, high))
        });
        figures.push(format!(
            "{} times the requests{interval}",
            format::ratio(ratio)
        ));
    }
    for (what, of) in FIGURES {
        if let (Some(below), Some(above)) = (of(below).filter(|below| *below > 0.0), of(above)) {
            figures.push(format!("{} times the {what}", format::ratio(above / below)));
        }
    }
    let figures = (!figures.is_empty()).then(|| format::list(&figures))?;
    Some(format!("{at} {candidate} has {figures} of {baseline}."))
}

/// A figure of a server and how it is called.
type NamedFigure = (&'static str, fn(&SweepServer) -> Option<f64>);

const FIGURES: [NamedFigure; 4] = [
    ("median latency", |it| it.result.as_ref()?.latency_us.p50),
    ("99th percentile", |it| it.result.as_ref()?.latency_us.p99),
    ("server CPU per request", |it| {
        it.result.as_ref()?.server_resources.cpu_us_per_request
    }),
    ("memory", |it| {
        it.result
            .as_ref()?
            .server_resources
            .rss_peak_bytes
            .map(|bytes| bytes as f64)
    }),
];
