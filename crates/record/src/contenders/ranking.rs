//! What was found about the article: ranks, order, margins.

use serde::{Deserialize, Serialize};
use stats::claim::ClaimVerdict;

use crate::run::Comparison;

/// The article's order and margins held against this machine's, under one keep-alive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
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

/// Why a server's figures take part in no rank and in no claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// It did not last, or answered nothing.
    Failed,
    /// Some of its answers were not what the contract says.
    WrongAnswers,
    /// More than one request in a hundred failed.
    Errors,
    /// Throughput × latency does not give the connections (Little's law), and nothing that was counted explains it.
    NotAccountedFor,
    /// Other programs used much of the machine.
    OtherPrograms,
}

impl Doubt {
    /// In words, as the end of a sentence that opens with servers.
    pub fn words(self) -> &'static str {
        match self {
            Doubt::Failed => "failed under load",
            Doubt::WrongAnswers => "not all answers were right",
            Doubt::Errors => "more than one request in a hundred failed",
            Doubt::OtherPrograms => "other programs used more than a twentieth of the machine",
            Doubt::NotAccountedFor => {
                "throughput × latency does not give the connections (Little's law), and nothing that was counted explains it"
            }
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
    /// Threads were not counted, or their number would be the same with another model.
    CannotTell,
}
