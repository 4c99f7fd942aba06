//! What the figures say about the article: ranks, order, margins, and whether servers are what they are
//! declared to be.

use serde::{Deserialize, Serialize};
use stats::claim::{ClaimVerdict, judge_claim};
use stats::interval::ConfidenceInterval;
use stats::rank::{kendall_tau_b, ranks_descending};

use super::{Contender, Model};
use crate::analysis::cells::{LoadPoint, load_points};
use crate::analysis::comparisons::{Metric, compare};
use crate::article::{Framework, REFERENCE_FRAMEWORK, Reference};
use crate::record::{CellResult, Comparison, LoadKind, Record};

/// Below so many connections the number of threads says nothing about a model.
const CONNECTIONS_THAT_TELL: u32 = 64;
/// Threads that a runtime may start by itself (compilers, collectors, blocking calls).
const RUNTIME_THREADS: u64 = 16;

/// The article's framework whose margins it states, and the claims about them.
const MARGINS_OF: &str = "Hyperlane";
const MARGINS: [(&str, &str); 3] = [
    ("keepalive-vs-node", "Node.js"),
    ("keepalive-vs-go-std", "Go Std"),
    ("keepalive-vs-gin", "Gin"),
];

/// The article's order and margins held against this machine's, under one keep-alive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Whether connections were kept alive.
    pub keep_alive: bool,
    /// The article's frameworks, best first, with the servers that stand for them.
    pub rows: Vec<Row>,
    /// All servers that were measured, best first.
    pub places: Vec<Place>,
    /// Kendall's τ-b of requests per second there and here, over the frameworks measured; null with
    /// fewer than two.
    pub kendall_tau: Option<f64>,
    /// The article's claims about order (each pair of its frameworks) and about margins.
    pub claims: Vec<Claim>,
}

/// One of the article's frameworks, there and here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name in the article.
    pub framework: String,
    /// Requests per second as published.
    pub qps_there: f64,
    /// The same ÷ that of Rust Std there.
    pub relative_there: Option<f64>,
    /// Rank there, 1 is best.
    pub rank_there: usize,
    /// The server that stands for it; null when none was measured.
    pub server: Option<String>,
    /// Requests per second here.
    pub qps_here: Option<f64>,
    /// The same ÷ that of the server that stands for Rust Std.
    pub relative_here: Option<f64>,
    /// Rank here among the article's frameworks.
    pub rank_here: Option<usize>,
}

/// One server of this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Its name.
    pub server: String,
    /// Rank among all, 1 is best.
    pub rank: usize,
    /// Throughput ÷ that of the server that stands for Rust Std, paired by block; null without one.
    pub relative: Option<Comparison>,
    /// Bytes of an answer, its head included.
    pub bytes_per_answer: Option<f64>,
    /// Whether it has as many threads as its declared model has.
    pub model_check: ModelCheck,
}

/// A claim of the article, held against the interval measured here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// About order or about a margin.
    pub kind: ClaimKind,
    /// The framework that is said to be faster.
    pub faster: String,
    /// Than this one.
    pub slower: String,
    /// Throughput ratio that the claim says is exceeded: 1 for order, 2.32 for "132 % higher".
    pub claimed_ratio: f64,
    /// Ratio of the published figures.
    pub ratio_there: Option<f64>,
    /// Ratio here, paired by block; null when one of the two was not measured.
    pub here: Option<Comparison>,
    /// Whether it holds here.
    pub verdict: Verdict,
}

/// What a claim is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimKind {
    /// Who comes first.
    Order,
    /// By how much.
    Margin,
}

/// What the measurements say about a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The whole interval lies above what is claimed.
    Holds,
    /// The whole interval lies below it.
    DoesNotHold,
    /// The interval reaches or contains it, or there is none.
    CannotTell,
}

impl Verdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::DoesNotHold => "does not hold",
            Verdict::CannotTell => "cannot tell",
        }
    }
}

impl From<ClaimVerdict> for Verdict {
    fn from(verdict: ClaimVerdict) -> Verdict {
        match verdict {
            ClaimVerdict::Holds => Verdict::Holds,
            ClaimVerdict::DoesNotHold => Verdict::DoesNotHold,
            ClaimVerdict::CannotTell => Verdict::CannotTell,
        }
    }
}

/// Whether a server's threads under load fit its declared model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelCheck {
    /// They do.
    AsDeclared,
    /// They do not.
    NotAsDeclared,
    /// Threads were not counted, or there were too few connections for their number to tell.
    CannotTell,
}

/// One standing for each keep-alive that was measured saturated.
pub fn standings(record: &Record, contenders: &[Contender]) -> Vec<Standing> {
    let points = load_points(record);
    let saturated = points.iter().filter(|point| point.load == LoadKind::Closed);
    saturated
        .map(|point| standing(point, contenders, &Reference::load()))
        .collect()
}

fn standing(point: &LoadPoint<'_>, contenders: &[Contender], reference: &Reference) -> Standing {
    let frameworks = reference.frameworks(point.keep_alive);
    let cells: Vec<Option<&CellResult>> = frameworks
        .iter()
        .map(|framework| stands_for(point, contenders, &framework.name))
        .collect();
    let (there, here): (Vec<f64>, Vec<f64>) = frameworks
        .iter()
        .zip(&cells)
        .filter_map(|(framework, cell)| Some((framework.qps, cell.as_ref()?.throughput_rps)))
        .unzip();
    Standing {
        keep_alive: point.keep_alive,
        rows: rows(&frameworks, &cells),
        places: places(
            point,
            contenders,
            stands_for(point, contenders, REFERENCE_FRAMEWORK),
        ),
        kendall_tau: kendall_tau_b(&there, &here),
        claims: claims(&frameworks, &cells, reference, point.keep_alive),
    }
}

/// The first server that stands for a framework.
fn stands_for<'a>(
    point: &LoadPoint<'a>,
    contenders: &[Contender],
    framework: &str,
) -> Option<&'a CellResult> {
    let mut standing = contenders
        .iter()
        .filter(|contender| contender.article.as_deref() == Some(framework));
    standing.find_map(|contender| point.cell(&contender.name))
}

fn rows(frameworks: &[Framework], cells: &[Option<&CellResult>]) -> Vec<Row> {
    let qps_here = |index: usize| cells[index].map(|cell| cell.throughput_rps);
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
    let ranks_here = ranks((0..frameworks.len()).map(qps_here).collect());
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
            server: cells[index].map(|cell| cell.server.clone()),
            qps_here: qps_here(index),
            relative_here: ratio(qps_here(index), rust_std.and_then(qps_here)),
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

fn places(
    point: &LoadPoint<'_>,
    contenders: &[Contender],
    reference: Option<&CellResult>,
) -> Vec<Place> {
    let qps = point.cells.iter().map(|cell| Some(cell.throughput_rps));
    let ranks = ranks(qps.collect());
    let mut places: Vec<Place> = point
        .cells
        .iter()
        .zip(ranks)
        .map(|(cell, rank)| Place {
            server: cell.server.clone(),
            rank: rank.unwrap_or(usize::MAX),
            relative: reference
                .filter(|reference| reference.server != cell.server)
                .map(|reference| compare(reference, cell, Metric::Throughput)),
            bytes_per_answer: (cell.throughput_rps > 0.0)
                .then(|| cell.transfer_bytes_per_s / cell.throughput_rps),
            model_check: contenders
                .iter()
                .find(|contender| contender.name == cell.server)
                .map_or(ModelCheck::CannotTell, |contender| {
                    check_model(contender, cell)
                }),
        })
        .collect();
    places.sort_by_key(|place| place.rank);
    places
}

/// Counts threads: as many as connections for a thread each, no more than a pool's, and elsewhere a number
/// that did not grow with connections. What a server had before its first request is not held against it.
fn check_model(contender: &Contender, cell: &CellResult) -> ModelCheck {
    let connections = u64::from(cell.concurrency);
    let (Some(peak), Some(idle)) = (cell.server_resources.threads_peak, contender.threads_idle)
    else {
        return ModelCheck::CannotTell;
    };
    if cell.concurrency < CONNECTIONS_THAT_TELL {
        return ModelCheck::CannotTell;
    }
    let grown = peak.saturating_sub(idle);
    let fits = match contender.model {
        // With a connection per request, threads come and go.
        Model::ThreadPerConnection if !cell.keep_alive => grown > RUNTIME_THREADS,
        Model::ThreadPerConnection => peak >= connections,
        Model::ThreadPool => {
            grown <= u64::from(contender.pool_threads.unwrap_or(0)) + RUNTIME_THREADS
        }
        Model::EventLoop | Model::WorkStealingTasks | Model::Coroutines | Model::VirtualThreads => {
            grown <= RUNTIME_THREADS.max(connections / 4)
        }
    };
    if fits {
        ModelCheck::AsDeclared
    } else {
        ModelCheck::NotAsDeclared
    }
}

fn claims(
    frameworks: &[Framework],
    cells: &[Option<&CellResult>],
    reference: &Reference,
    keep_alive: bool,
) -> Vec<Claim> {
    let claim = |kind, faster: usize, slower: usize, claimed_ratio: f64| {
        let here = cells[slower]
            .zip(cells[faster])
            .map(|(slower, faster)| compare(slower, faster, Metric::Throughput));
        Claim {
            kind,
            faster: frameworks[faster].name.clone(),
            slower: frameworks[slower].name.clone(),
            claimed_ratio,
            ratio_there: (frameworks[slower].qps > 0.0)
                .then(|| frameworks[faster].qps / frameworks[slower].qps),
            verdict: judge_claim(here.as_ref().and_then(interval), claimed_ratio).into(),
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

fn interval(comparison: &Comparison) -> Option<ConfidenceInterval> {
    Some(ConfidenceInterval {
        low: comparison.low?,
        high: comparison.high?,
    })
}
