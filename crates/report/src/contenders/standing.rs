//! What the figures say about the article: ranks, order, margins.

use serde::{Deserialize, Serialize};
use stats::claim::{ClaimVerdict, judge_claim};
use stats::interval::ConfidenceInterval;
use stats::rank::{kendall_tau_b, ranks_descending};

use super::Contender;
use super::doubt::{Doubt, doubt};
use super::model::{Host, ModelCheck, check_model};
use crate::analysis::cells::{LoadPoint, load_points};
use crate::analysis::comparisons::{Metric, compare};
use crate::article::{Framework, REFERENCE_FRAMEWORK, Reference};
use crate::record::{CellResult, Comparison, LoadKind, Record};

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
    /// All servers that were measured, best first, those in doubt last.
    pub places: Vec<Place>,
    /// Kendall's τ-b of requests per second there and here, over the frameworks that have a rank here; null
    /// with fewer than two.
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
    /// The same ÷ that of the server that stands for Rust Std; null where that is in doubt.
    pub relative_here: Option<f64>,
    /// Rank here among the article's frameworks; null when its figures are in doubt.
    pub rank_here: Option<usize>,
}

/// One server of this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Its name.
    pub server: String,
    /// Rank among all, 1 is best; null when its figures are in doubt.
    pub rank: Option<usize>,
    /// Why its figures take part in no rank and no claim; null when they do.
    #[serde(default)]
    pub doubt: Option<Doubt>,
    /// Throughput ÷ that of the server that stands for Rust Std, paired by block; null without one, or where
    /// that is in doubt.
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
    /// Whether it involves a server whose figures are in doubt.
    #[serde(default)]
    pub in_doubt: bool,
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
    /// The interval reaches or contains it, there is none, or one of the two is in doubt.
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

/// One standing for each keep-alive that was measured saturated.
pub fn standings(record: &Record, contenders: &[Contender]) -> Vec<Standing> {
    let points = load_points(record);
    let saturated = points.iter().filter(|point| point.load == LoadKind::Closed);
    saturated
        .map(|point| standing(point, contenders, record, &Reference::load()))
        .collect()
}

fn standing(
    point: &LoadPoint<'_>,
    contenders: &[Contender],
    record: &Record,
    reference: &Reference,
) -> Standing {
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
    Standing {
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
