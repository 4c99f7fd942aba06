//! The first sentence of every report: which server did more, by how much, and what limited it.

use record::article::REFERENCE_SERVER;
use record::{CellResult, Comparison, LatencySummary, LoadKind, Record};

use crate::cells::{LoadPoint, load_points};
use crate::closings::Closings;
use crate::comparisons::{self, Standing, find, is_contended};
use crate::limit::{self, Cores};
use crate::{rate, starved, usage};
use record::metric::Metric;

/// One sentence for each keep-alive that was measured; says so when nothing was.
pub fn sentences(record: &Record) -> Vec<String> {
    let points = load_points(record);
    let mut sentences: Vec<String> = Vec::new();
    for keep_alive in [true, false] {
        let at = |load| {
            points
                .iter()
                .find(|point| point.keep_alive == keep_alive && point.load == load)
        };
        let (point, sentence) = match (at(LoadKind::Closed), at(LoadKind::Open)) {
            (Some(saturated), same_rate) => {
                let sentence = saturated_sentence(record, saturated, same_rate);
                (saturated, sentence)
            }
            (None, Some(fixed)) => (fixed, fixed_rate_sentence(record, fixed)),
            (None, None) => continue,
        };
        let starved = starved::sentence(&record.config, &point.cells);
        let sentence = match starved {
            Some(starved) => format!("{starved}; {sentence}"),
            None => sentence,
        };
        sentences.push(match keep_alive {
            true => format!("{}.", capitalised(&sentence)),
            false => format!("With a connection per request, {sentence}."),
        });
    }
    if sentences.is_empty() {
        sentences.push("Nothing was measured.".to_owned());
    }
    sentences.extend(closing_sentence(&points));
    sentences
}

/// That servers do not keep alive what they were asked to: who reads on compares connections, not requests. Each server
/// is named at the first load at which it was seen, and who keeps its connections beside it.
fn closing_sentence(points: &[LoadPoint<'_>]) -> Option<String> {
    let mut told: Vec<(&str, Option<Closings>)> = Vec::new();
    let cells = points.iter().flat_map(|point| &point.cells);
    for cell in cells.filter(|cell| cell.keep_alive) {
        match told.iter_mut().find(|(server, _)| *server == cell.server) {
            Some((_, closings)) => *closings = closings.take().or_else(|| Closings::of(cell)),
            None => told.push((&cell.server, Closings::of(cell))),
        }
    }
    let (keeping, closing): (Vec<_>, Vec<_>) = told.iter().partition(|(_, it)| it.is_none());
    let each = closing
        .iter()
        .filter_map(|(server, closings)| Some(format!("{server}: {}", closings.as_ref()?)));
    let mut sentence = each.collect::<Vec<_>>().join("; ");
    if sentence.is_empty() {
        return None;
    }
    if !keeping.is_empty() {
        let keeping: Vec<&str> = keeping.iter().map(|(server, _)| *server).collect();
        sentence += &format!("; {} kept theirs", format::list(&keeping));
    }
    Some(sentence + ".")
}

fn saturated_sentence(
    record: &Record,
    point: &LoadPoint<'_>,
    same_rate: Option<&LoadPoint<'_>>,
) -> String {
    let Some(best) = best_by_throughput(point) else {
        return "no request was answered".to_owned();
    };
    let other = rival(point, best);
    let doubtful = other
        .and_then(|other| waited(record, best, other).or_else(|| withheld(record, best, other)));
    let mut sentence = doubtful.unwrap_or_else(|| {
        let most = if is_the_most(record, point, best) {
            "the most, "
        } else {
            ""
        };
        let rps = format::per_second(best.throughput_rps);
        let mut sentence = format!("{} answered {most}{rps} requests/s", best.server);
        if let Some(other) = other {
            sentence += &format!(", {}", lead(record, best, other));
        }
        sentence
    });
    sentence += &format!("; {}", limit(record, best));
    if let (Some(other), Some(same_rate)) = (other, same_rate) {
        sentence += &at_same_rate(record, same_rate, best, other);
    }
    sentence
}

/// Where both reach what their waits allow: that this, and neither of them, is the answer.
fn waited(record: &Record, best: &CellResult, other: &CellResult) -> Option<String> {
    let ratio = RatioOf::find(record, best, other, Metric::Throughput);
    let ceiling = best
        .ceiling_rps
        .filter(|_| ratio.standing == Standing::Wait)?;
    Some(format!(
        "the wait is the answer: {} connections ÷ wait allow {} requests/s, of which {} answered {} and {} {} ({})",
        format::count(u64::from(best.concurrency)),
        format::per_second(ceiling),
        best.server,
        format::per_second(best.throughput_rps),
        other.server,
        format::per_second(other.throughput_rps),
        ratio.text(),
    ))
}

/// Where other programs' CPU may have made the winner: that nobody is named, what would help, and the figures.
fn withheld(record: &Record, best: &CellResult, other: &CellResult) -> Option<String> {
    let ratio = RatioOf::find(record, best, other, Metric::Throughput);
    if ratio.standing != Standing::Withheld || other.requests == 0 {
        return None;
    }
    let others = format::optional(ratio.others_percent, format::percent);
    let credited = ratio.credited.map_or_else(String::new, |(low, high)| {
        let credited = format::interval(low, high);
        format!("; {credited} when the CPU that they took is credited to either")
    });
    // What little others used can be as much as servers use that wait most of the time.
    let why = match is_contended(ratio.others_percent) {
        true => format!(
            "other programs used {others} of this machine: no winner is named. End them, or measure on a quieter machine"
        ),
        false => format!(
            "the difference is no larger than what other programs, which used {others} of this machine, may have made: no winner is named"
        ),
    };
    Some(format!(
        "{why}. {} answered {} requests/s and {} {} ({}{credited})",
        best.server,
        format::per_second(best.throughput_rps),
        other.server,
        format::per_second(other.throughput_rps),
        ratio.text(),
    ))
}

/// Whether no other server may have answered more, were it not for other programs, or for the wait.
fn is_the_most(record: &Record, point: &LoadPoint<'_>, best: &CellResult) -> bool {
    let mut others = point.cells.iter().filter(|cell| cell.server != best.server);
    let is_beaten = |other: &&CellResult| {
        other.requests == 0
            || !matches!(
                RatioOf::find(record, best, other, Metric::Throughput).standing,
                Standing::Withheld | Standing::Wait
            )
    };
    point.cells.len() > 1 && others.all(is_beaten)
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first)
            if ["other programs", "the wait"]
                .iter()
                .any(|it| sentence.starts_with(it)) =>
        {
            first.to_uppercase().chain(letters).collect()
        }
        _ => sentence.to_owned(),
    }
}

fn best_by_throughput<'a>(point: &LoadPoint<'a>) -> Option<&'a CellResult> {
    point
        .cells
        .iter()
        .copied()
        .filter(|cell| cell.requests > 0)
        .max_by(|a, b| a.throughput_rps.total_cmp(&b.throughput_rps))
}

/// Whom the best is measured against: the blocking server, else the first; where that is the best
/// itself, the runner-up.
fn rival<'a>(point: &LoadPoint<'a>, best: &CellResult) -> Option<&'a CellResult> {
    let reference = point
        .cell(REFERENCE_SERVER)
        .or_else(|| point.cells.first().copied())?;
    if reference.server != best.server {
        return Some(reference);
    }
    point
        .cells
        .iter()
        .copied()
        .filter(|cell| cell.server != best.server)
        .max_by(|a, b| a.throughput_rps.total_cmp(&b.throughput_rps))
}

/// `1.52 × as many as sync (95 % interval 1.48 to 1.56, 8 blocks)`.
fn lead(record: &Record, best: &CellResult, other: &CellResult) -> String {
    if other.requests == 0 {
        return format!("and {} answered none", other.server);
    }
    let ratio = RatioOf::find(record, best, other, Metric::Throughput);
    let Some(value) = ratio.value() else {
        let why = ratio
            .reason
            .map_or_else(String::new, |reason| format!(" ({reason})"));
        return format!(
            "{} {}, and they are not compared{why}",
            other.server,
            format::per_second(other.throughput_rps)
        );
    };
    if ratio.standing == Standing::NoDifference {
        return format!(
            "but no difference from {} is certain ({})",
            other.server,
            ratio.text()
        );
    }
    format!(
        "{value} × as many as {} ({})",
        other.server,
        ratio.evidence()
    )
}

fn at_same_rate(
    record: &Record,
    point: &LoadPoint<'_>,
    best: &CellResult,
    other: &CellResult,
) -> String {
    let (Some(best), Some(other), Some(rate)) = (
        point.cell(&best.server),
        point.cell(&other.server),
        point.rate,
    ) else {
        return String::new();
    };
    let ratio = RatioOf::find(record, best, other, Metric::ServerCpuPerRequest);
    let Some(value) = ratio.value() else {
        return String::new();
    };
    format!(
        "; when both had to answer {} requests/s, {} spent {value} × {}'s CPU time per request ({}{})",
        format::per_second(rate),
        if is_contended(ratio.others_percent) {
            best.server.as_str()
        } else {
            "it"
        },
        other.server,
        ratio.evidence(),
        indicative(&ratio),
    )
}

/// CPU time per request depends on who else runs: caches and clocks are shared.
fn indicative(ratio: &RatioOf) -> String {
    let others = ratio
        .others_percent
        .filter(|&percent| is_contended(Some(percent)));
    others.map_or_else(String::new, |percent| {
        format!(
            "; indicative: other programs used {} of this machine",
            format::percent(percent)
        )
    })
}

fn fixed_rate_sentence(record: &Record, point: &LoadPoint<'_>) -> String {
    let rate = point.rate.map_or_else(String::new, |rate| {
        format!("at {} requests/s ", format::per_second(rate))
    });
    let with_cpu = |cell: &&&CellResult| cell.server_resources.cpu_us_per_request.is_some();
    let cpu = |cell: &CellResult| cell.server_resources.cpu_us_per_request.unwrap_or(f64::MAX);
    let cheapest = point
        .cells
        .iter()
        .filter(with_cpu)
        .min_by(|a, b| cpu(a).total_cmp(&cpu(b)));
    let Some((best, other)) = cheapest.and_then(|best| Some((*best, rival(point, best)?))) else {
        return single_fixed_rate(point, &rate);
    };
    let ratio = RatioOf::find(record, best, other, Metric::ServerCpuPerRequest);
    if is_contended(ratio.others_percent) {
        return contended_fixed_rate(&rate, best, other, &ratio);
    }
    let beside = ratio.value().map_or_else(String::new, |value| {
        format!(
            ", {value} × that of {} ({})",
            other.server,
            ratio.evidence()
        )
    });
    format!(
        "{rate}{} spent the least CPU time, {} per request{beside}{}",
        best.server,
        format::cpu_us(cpu(best)),
        match point.cells.iter().all(|cell| rate::is_kept(cell)) {
            true => "; the rate was the limit, not the servers",
            false => "",
        },
    )
}

fn contended_fixed_rate(
    rate: &str,
    best: &CellResult,
    other: &CellResult,
    ratio: &RatioOf,
) -> String {
    let cpu = |cell: &CellResult| {
        format::optional(cell.server_resources.cpu_us_per_request, format::cpu_us)
    };
    format!(
        "other programs used {} of this machine: no winner is named. End them, or measure on a quieter machine. CPU time is indicative: {rate}{} spent {} per request, {} {} ({})",
        format::optional(ratio.others_percent, format::percent),
        best.server,
        cpu(best),
        other.server,
        cpu(other),
        ratio.text()
    )
}

fn single_fixed_rate(point: &LoadPoint<'_>, rate: &str) -> String {
    let servers: Vec<String> = point
        .cells
        .iter()
        .map(|cell| {
            if cell.requests == 0 {
                return format!("{} answered no request", cell.server);
            }
            format!(
                "{} answered {} requests/s{}",
                cell.server,
                format::per_second(cell.throughput_rps),
                within(&cell.latency_us)
            )
        })
        .collect();
    format!("{rate}{}", servers.join("; "))
}

/// `, half of them within 1.20 ms`, as far as that is known.
fn within(latency: &LatencySummary) -> String {
    let (p50, max) = (latency.p50, latency.max);
    match (p50, max) {
        (Some(timeout), _) if latency.at_least.iter().any(|name| name == "p50") => format!(
            ", and left half of them without an answer for {} or more",
            format::duration_us(timeout)
        ),
        (Some(p50), _) => format!(", half of them within {}", format::duration_us(p50)),
        (None, Some(max)) => format!(", the slowest within {}", format::duration_us(max)),
        (None, None) => String::new(),
    }
}

/// What held the closed loop back.
fn limit(record: &Record, cell: &CellResult) -> String {
    let config = &record.config;
    let (server, client) = (config.server_cpus.as_deref(), config.client_cpus.as_deref());
    let cores = Cores::of(&record.environment, config.threads, server, client);
    limit::sentence(cell, cores, config.pool_threads(&cell.server))
}

/// First ÷ second by one metric, whichever way round the record compares them.
struct RatioOf {
    ratio: Option<f64>,
    ends: Option<(f64, f64)>,
    blocks: u32,
    confidence: f64,
    others_percent: Option<f64>,
    credited: Option<(f64, f64)>,
    standing: Standing,
    reason: Option<String>,
}

impl RatioOf {
    fn find(record: &Record, first: &CellResult, second: &CellResult, metric: Metric) -> RatioOf {
        let comparison = |pair| find(record, pair, metric, first);
        if let Some(found) = comparison((&second.server, &first.server)) {
            return RatioOf::from(found);
        }
        if let Some(found) = comparison((&first.server, &second.server)) {
            return RatioOf::from(found).inverted();
        }
        if metric == Metric::Throughput {
            return RatioOf::from(&comparisons::compare(second, first, metric));
        }
        RatioOf {
            ratio: metric
                .of_cell(first)
                .zip(metric.of_cell(second))
                .map(|(a, b)| a / b),
            ends: None,
            blocks: 0,
            confidence: 0.0,
            others_percent: usage::others_percent(first.blocks.iter().chain(&second.blocks)),
            credited: None,
            standing: Standing::NoInterval,
            reason: None,
        }
    }

    fn from(comparison: &Comparison) -> RatioOf {
        RatioOf {
            ratio: comparison.ratio,
            ends: comparison.low.zip(comparison.high),
            blocks: comparison.blocks,
            confidence: comparison.confidence,
            others_percent: comparison.others_percent,
            credited: comparison.credited_low.zip(comparison.credited_high),
            standing: comparisons::standing(comparison),
            reason: comparison.reason.clone(),
        }
    }

    fn inverted(self) -> RatioOf {
        RatioOf {
            ratio: self.ratio.map(f64::recip),
            ends: self.ends.map(|(low, high)| (high.recip(), low.recip())),
            credited: self.credited.map(|(low, high)| (high.recip(), low.recip())),
            ..self
        }
    }

    fn value(&self) -> Option<String> {
        self.ratio.map(format::ratio)
    }

    fn evidence(&self) -> String {
        match self.ends {
            Some((low, high)) => format!(
                "{} interval {}, {}",
                format::confidence(self.confidence),
                format::interval(low, high),
                format::counted(u64::from(self.blocks), "block"),
            ),
            None => "no interval".to_owned(),
        }
    }

    fn text(&self) -> String {
        match self.value() {
            Some(value) => format!("ratio {value}, {}", self.evidence()),
            None => self.evidence(),
        }
    }
}
