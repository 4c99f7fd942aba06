//! The page in plain words, made from the record alone.

use super::crossovers::row;
use super::record::{
    CrossoverAnswer, CrossoverResult, Outcome, StopCause, SweepCell, SweepRecord, SweepServer,
};
use crate::format;
use crate::limits::Ceiling;

/// One line for each pair of servers: where the answer flips for each kind of work.
pub(super) fn headlines(record: &SweepRecord) -> Vec<String> {
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
pub(super) fn page(record: &SweepRecord) -> Vec<String> {
    let mut page: Vec<String> = record
        .crossovers
        .iter()
        .map(|it| flip(record, it))
        .collect();
    for server in &record.config.servers {
        for &keep_alive in &record.config.keep_alive {
            page.extend(end_of(record, &server.name, keep_alive));
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

/// Who wins where for one pair and kind of work, then by how much where it matters: at the flip and at the end.
fn flip(record: &SweepRecord, it: &CrossoverResult) -> String {
    let row = row(record, it.keep_alive, it.cpu_units, it.wait_ms);
    let mut told: Vec<u64> = match it.answer {
        CrossoverAnswer::From { concurrency, .. } | CrossoverAnswer::UpTo { concurrency, .. } => {
            vec![concurrency]
        }
        CrossoverAnswer::Always => row.iter().take(1).map(|cell| at(cell)).collect(),
        _ => Vec::new(),
    };
    if !matches!(it.answer, CrossoverAnswer::Equal) {
        told.extend(row.last().map(|cell| at(cell)));
    }
    told.dedup();
    let advantages = row
        .iter()
        .filter(|cell| told.contains(&at(cell)))
        .map(|cell| advantage(cell, &it.baseline, &it.candidate));
    let sentence = format!("{}, {}.", subject(record, it), answer(record, it, &row));
    std::iter::once(sentence)
        .chain(advantages)
        .collect::<Vec<_>>()
        .join(" ")
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
        CrossoverAnswer::Equal => format!(
            "{baseline} and {candidate} differ by no more than {} anywhere {range}",
            format::percent(record.config.margin * 100.0)
        ),
        CrossoverAnswer::From {
            concurrency,
            baseline_until,
        } => {
            let from = format::count(concurrency);
            match baseline_until {
                _ if is_known_below(row, it, concurrency) => format!(
                    "{baseline} is as good as {candidate} or better below {from} connections, and {candidate} wins from there on"
                ),
                Some(until) => format!(
                    "{baseline} beats {candidate} at {} connections, {candidate} wins from {from} on, and in between it cannot be told",
                    format::count(until)
                ),
                None => format!(
                    "{candidate} beats {baseline} from {from} connections on, and below that it cannot be told"
                ),
            }
        }
        CrossoverAnswer::UpTo {
            concurrency,
            baseline_from,
        } => {
            let above = match baseline_from {
                Some(from) => format!("{baseline} wins at {}", format::count(from)),
                None => "above that it cannot be told".to_owned(),
            };
            format!(
                "{candidate} beats {baseline} up to {} connections, and {above}",
                format::count(concurrency)
            )
        }
        CrossoverAnswer::Scattered => format!(
            "there is no single crossover: {candidate} beats {baseline} at {} connections only",
            format::list(&won(row, it, Outcome::Candidate))
        ),
        CrossoverAnswer::CannotTell => {
            let wins = won(row, it, Outcome::Baseline);
            let so_far = match wins.as_slice() {
                [] => "neither can be said to win".to_owned(),
                wins => format!(
                    "{baseline} wins at {} connections and neither can be said to win elsewhere",
                    format::list(wins)
                ),
            };
            format!("no crossover of {baseline} and {candidate} can be told {range}: {so_far}")
        }
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

/// Whether it is known of every concurrency below the flip that the candidate does not win.
fn is_known_below(row: &[&SweepCell], it: &CrossoverResult, flip: u64) -> bool {
    let mut below = row.iter().filter(|cell| at(cell) < flip);
    below.all(|cell| {
        let outcome = outcome(cell, &it.baseline, &it.candidate);
        matches!(outcome, Outcome::Baseline | Outcome::Equal)
    })
}

/// The concurrencies with one outcome.
fn won(row: &[&SweepCell], it: &CrossoverResult, wanted: Outcome) -> Vec<String> {
    let cells = row
        .iter()
        .filter(|cell| outcome(cell, &it.baseline, &it.candidate) == wanted);
    cells.map(|cell| concurrency(cell)).collect()
}

fn at(cell: &SweepCell) -> u64 {
    u64::from(cell.spot.concurrency)
}

fn outcome(cell: &SweepCell, baseline: &str, candidate: &str) -> Outcome {
    cell.comparison(baseline, candidate)
        .map_or(Outcome::CannotTell, |it| it.outcome)
}

fn concurrency(cell: &SweepCell) -> String {
    format::count(u64::from(cell.spot.concurrency))
}

/// By how much, in requests, latency, CPU and memory.
fn advantage(cell: &SweepCell, baseline: &str, candidate: &str) -> String {
    let at = format!(
        "At {}",
        format::counted(u64::from(cell.spot.concurrency), "connection")
    );
    let (Some(below), Some(above)) = (cell.server(baseline), cell.server(candidate)) else {
        return String::new();
    };
    for (stopped, other) in [(below, candidate), (above, baseline)] {
        if stopped.stopped.is_some() {
            return format!("{at} only {other} works.");
        }
    }
    let Some(comparison) = cell.comparison(baseline, candidate) else {
        return String::new();
    };
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
    format!(
        "{at} {candidate} has {} of {baseline}.",
        format::list(&figures)
    )
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

/// Up to how many connections a server worked, and what ends it.
fn end_of(record: &SweepRecord, name: &str, keep_alive: bool) -> Option<String> {
    let cells = || {
        record
            .cells
            .iter()
            .filter(move |cell| cell.spot.keep_alive == keep_alive)
    };
    let seen = || cells().filter_map(|cell| Some((cell.spot.concurrency, cell.server(name)?)));
    let works = |server: &SweepServer| server.stopped.is_none() && server.result.is_some();
    let largest = seen()
        .filter(|(_, server)| works(server))
        .map(|(concurrency, _)| concurrency)
        .max();
    let first_stop = seen()
        .filter_map(|(concurrency, server)| Some((concurrency, server.stopped.as_ref()?)))
        .filter(|(_, stopped)| !stopped.inferred)
        .min_by_key(|(concurrency, _)| *concurrency);
    let mode = if record.config.keep_alive.len() > 1 && !keep_alive {
        " with a connection per request"
    } else {
        ""
    };
    if let Some((concurrency, stopped)) = first_stop {
        let worked = largest
            .filter(|largest| *largest < concurrency)
            .map_or_else(String::new, |largest| {
                format!(" It worked with {}.", format::count(u64::from(largest)))
            });
        return Some(format!(
            "{name} stops working at {} connections{mode}, for want of {}: {}.{worked}",
            format::count(u64::from(concurrency)),
            want(stopped.cause),
            stopped.reason.trim_end_matches('.'),
        ));
    }
    let largest = largest?;
    let ceiling = record
        .ceilings
        .iter()
        .find(|ceiling| ceiling.server == name);
    let limit = ceiling.map_or_else(String::new, ceiling_words);
    Some(format!(
        "{name} still worked with {}{mode}, the most that were tried.{limit}",
        format::counted(u64::from(largest), "connection")
    ))
}

fn ceiling_words(ceiling: &Ceiling) -> String {
    format!(
        " What this machine allows ends it at about {}: {}.",
        format::count(ceiling.connections),
        ceiling.reason.trim_end_matches('.')
    )
}

fn want(cause: StopCause) -> &'static str {
    match cause {
        StopCause::Descriptors => "open files",
        StopCause::Threads => "threads",
        StopCause::Unanswered => "an answer in time",
        StopCause::Ports => "local ports",
        StopCause::Memory => "memory",
        StopCause::Ended => "a living process",
        StopCause::Other => "answers",
    }
}
