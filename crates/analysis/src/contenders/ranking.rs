//! What the figures say about the article: ranks, order, margins.

use record::article::{Framework, REFERENCE_FRAMEWORK, Reference};
use record::contenders::{Claim, ClaimKind, Contender, Doubt, ModelCheck, Place, Ranking, Row};
use record::{CellResult, Comparison, LoadKind, Record};
use stats::claim::judge_claim;
use stats::interval::ConfidenceInterval;
use stats::rank::{kendall_tau_b, ranks_descending};

use crate::cells::{LoadPoint, load_points};
use crate::comparisons::compare;
use crate::contenders::doubt::doubt;
use crate::contenders::model::{Host, check_model};
use record::metric::Metric;

/// The article's framework whose margins it states, and the claims about them.
const MARGINS_OF: &str = "Hyperlane";
const MARGINS: [(&str, &str); 3] = [
    ("keepalive-vs-node", "Node.js"),
    ("keepalive-vs-go-std", "Go Std"),
    ("keepalive-vs-gin", "Gin"),
];

/// One ranking for each keep-alive that was measured saturated.
pub fn standings(record: &Record, contenders: &[Contender]) -> Vec<Ranking> {
    let points = load_points(record);
    let saturated = points.iter().filter(|point| point.load == LoadKind::Closed);
    saturated
        .map(|point| ranking(point, contenders, record, &Reference::load()))
        .collect()
}

fn ranking(
    point: &LoadPoint<'_>,
    contenders: &[Contender],
    record: &Record,
    reference: &Reference,
) -> Ranking {
    let host = Host::of(record);
    let frameworks = reference.frameworks(point.keep_alive);
    let servers = judge(point, contenders, record.config.timeout_s);
    let here: Vec<Option<&Judged<'_>>> = frameworks
        .iter()
        .map(|framework| stands_for(&servers, &framework.name))
        .collect();
    let (there_rps, here_rps): (Vec<f64>, Vec<f64>) = frameworks
        .iter()
        .zip(&here)
        .filter_map(|(framework, here)| Some((framework.qps, here.and_then(Judged::sure_rps)?)))
        .unzip();
    Ranking {
        keep_alive: point.keep_alive,
        rows: rows(&frameworks, &here),
        places: places(&servers, stands_for(&servers, REFERENCE_FRAMEWORK), host),
        kendall_tau: kendall_tau_b(&there_rps, &here_rps),
        claims: claims(&frameworks, &here, reference, point.keep_alive),
    }
}

/// A server's cell, its manifest, and why it is not judged, if it is not.
struct Judged<'a> {
    cell: &'a CellResult,
    contender: Option<&'a Contender>,
    doubt: Option<Doubt>,
}

impl Judged<'_> {
    /// Requests per second, unless they are in doubt.
    fn sure_rps(&self) -> Option<f64> {
        self.doubt.is_none().then_some(self.cell.throughput_rps)
    }
}

fn judge<'a>(
    point: &LoadPoint<'a>,
    contenders: &'a [Contender],
    timeout_s: f64,
) -> Vec<Judged<'a>> {
    let blocks = point.cells.iter().map(|cell| cell.blocks.len()).max();
    let judged = point.cells.iter().map(|cell| {
        let contender = contenders.iter().find(|it| it.name == cell.server);
        Judged {
            cell,
            contender,
            doubt: doubt(cell, contender, (blocks.unwrap_or(0), timeout_s)),
        }
    });
    judged.collect()
}

/// The first server that stands for a framework.
fn stands_for<'s, 'a>(servers: &'s [Judged<'a>], framework: &str) -> Option<&'s Judged<'a>> {
    let row = |it: &Judged<'_>| it.contender.and_then(|it| it.article.clone());
    servers
        .iter()
        .find(|it| row(it).as_deref() == Some(framework))
}

fn rows(frameworks: &[Framework], here: &[Option<&Judged<'_>>]) -> Vec<Row> {
    let qps_here = |index: usize| here[index].map(|it| it.cell.throughput_rps);
    let sure_here = |index: usize| here[index].and_then(Judged::sure_rps);
    let rust_std = frameworks
        .iter()
        .position(|framework| framework.name == REFERENCE_FRAMEWORK);
    let ratio =
        |part: Option<f64>, whole: Option<f64>| Some(part? / whole.filter(|whole| *whole > 0.0)?);
    let ranks_there = ranks(
        frameworks
            .iter()
            .map(|framework| Some(framework.qps))
            .collect(),
    );
    let ranks_here = ranks((0..frameworks.len()).map(sure_here).collect());
    frameworks
        .iter()
        .enumerate()
        .map(|(index, framework)| Row {
            framework: framework.name.clone(),
            qps_there: framework.qps,
            relative_there: ratio(
                Some(framework.qps),
                rust_std.map(|index| frameworks[index].qps),
            ),
            rank_there: ranks_there[index].unwrap_or(index + 1),
            server: here[index].map(|it| it.cell.server.clone()),
            qps_here: qps_here(index),
            relative_here: ratio(qps_here(index), rust_std.and_then(sure_here)),
            rank_here: ranks_here[index],
        })
        .collect()
}

/// Ranks of those that there are.
fn ranks(values: Vec<Option<f64>>) -> Vec<Option<usize>> {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    let mut ranks = ranks_descending(&known).unwrap_or_default().into_iter();
    values
        .iter()
        .map(|value| value.and_then(|_| ranks.next()))
        .collect()
}

fn places(servers: &[Judged<'_>], reference: Option<&Judged<'_>>, host: Host) -> Vec<Place> {
    let reference = reference.filter(|it| it.doubt.is_none());
    let ranks = ranks(servers.iter().map(Judged::sure_rps).collect());
    let mut places: Vec<(f64, Place)> = servers
        .iter()
        .zip(ranks)
        .map(|(it, rank)| (it.cell.throughput_rps, place(it, rank, reference, host)))
        .collect();
    places.sort_by(|(a_rps, a), (b_rps, b)| {
        let in_doubt = (a.doubt.is_some()).cmp(&b.doubt.is_some());
        in_doubt.then(b_rps.total_cmp(a_rps))
    });
    places.into_iter().map(|(_, place)| place).collect()
}

fn place(
    it: &Judged<'_>,
    rank: Option<usize>,
    reference: Option<&Judged<'_>>,
    host: Host,
) -> Place {
    let cell = it.cell;
    Place {
        server: cell.server.clone(),
        rank,
        doubt: it.doubt,
        relative: reference
            .filter(|reference| reference.cell.server != cell.server)
            .map(|reference| compare(reference.cell, cell, Metric::Throughput)),
        bytes_per_answer: (cell.throughput_rps > 0.0)
            .then(|| cell.transfer_bytes_per_s / cell.throughput_rps),
        model_check: it.contender.map_or(ModelCheck::CannotTell, |contender| {
            check_model(contender, cell, host)
        }),
    }
}

fn claims(
    frameworks: &[Framework],
    here: &[Option<&Judged<'_>>],
    reference: &Reference,
    keep_alive: bool,
) -> Vec<Claim> {
    let claim = |kind, faster: usize, slower: usize, claimed_ratio: f64| {
        let pair = here[slower].zip(here[faster]);
        let here =
            pair.map(|(slower, faster)| compare(slower.cell, faster.cell, Metric::Throughput));
        let in_doubt = pair.is_some_and(|(a, b)| a.doubt.is_some() || b.doubt.is_some());
        let sure = here.as_ref().filter(|_| !in_doubt);
        Claim {
            kind,
            faster: frameworks[faster].name.clone(),
            slower: frameworks[slower].name.clone(),
            claimed_ratio,
            ratio_there: (frameworks[slower].qps > 0.0)
                .then(|| frameworks[faster].qps / frameworks[slower].qps),
            in_doubt,
            verdict: judge_claim(sure.and_then(interval), claimed_ratio).into(),
            here,
        }
    };
    let mut claims = Vec::new();
    for faster in 0..frameworks.len() {
        for slower in faster + 1..frameworks.len() {
            claims.push(claim(ClaimKind::Order, faster, slower, 1.0));
        }
    }
    let index = |name: &str| {
        frameworks
            .iter()
            .position(|framework| framework.name == name)
    };
    // The article states its margins for connections that are kept alive.
    for (id, slower) in MARGINS.iter().filter(|_| keep_alive) {
        let percent = reference.claim(id).and_then(|claim| claim.value_percent);
        if let (Some(faster), Some(slower), Some(percent)) =
            (index(MARGINS_OF), index(slower), percent)
        {
            claims.push(claim(
                ClaimKind::Margin,
                faster,
                slower,
                1.0 + percent / 100.0,
            ));
        }
    }
    claims
}

/// The interval of a claim: also holds what the ratio were, had either had the CPU that other programs took.
fn interval(comparison: &Comparison) -> Option<ConfidenceInterval> {
    let (low, high) = (comparison.low?, comparison.high?);
    Some(ConfidenceInterval {
        low: comparison.credited_low.unwrap_or(low),
        high: comparison.credited_high.unwrap_or(high),
    })
}
