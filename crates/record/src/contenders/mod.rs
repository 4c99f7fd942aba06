//! Contenders measured beside each other, and the article's table made again: a record with two parts more.
//!
//! # Layout
//!
//! - [`ContendersRecord`]: the file; [`Contender`]: what is declared of a server, and what became of it.
//! - `ranking`: what followed from the figures: ranks and claims, and which figures take part in neither.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::file::{self, FileError};
use crate::run::Record;

mod ranking;

pub use ranking::{Claim, ClaimKind, Doubt, ModelCheck, Place, Ranking, Row, Verdict};

/// The figure of a cell that says how long it was warmed up, in seconds.
pub const WARMUP_FIGURE: &str = "warmup";

/// What a comparison of contenders leaves behind. It reads as an ordinary record, too.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContendersRecord {
    /// The run.
    #[serde(flatten)]
    pub record: Record,
    /// All contenders that were asked for, those that were left out among them.
    pub contenders: Vec<Contender>,
    /// The article's order held against this machine's, one for each keep-alive that was measured.
    pub standings: Vec<Ranking>,
}

/// The parts that an ordinary record does not have.
#[derive(Deserialize)]
struct Parts {
    contenders: Vec<Contender>,
    standings: Vec<Ranking>,
}

impl ContendersRecord {
    /// Reads one back. `path` is what errors name.
    ///
    /// # Errors
    /// As [`file::parse`]; also when it is a record of another kind of run.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<ContendersRecord, FileError> {
        let record = file::parse(bytes, path)?;
        let Parts {
            contenders,
            standings,
        } = file::parse(bytes, path)?;
        Ok(ContendersRecord {
            record,
            contenders,
            standings,
        })
    }
}

/// One contender: what its manifest says, and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Contender {
    /// Its name, the server's name in the run.
    pub name: String,
    /// What it is called in tables.
    pub title: String,
    /// Programming language.
    pub language: String,
    /// Concurrency model as declared.
    pub model: Model,
    /// Size of its pool of threads, with [`Model::ThreadPool`].
    pub pool_threads: Option<u32>,
    /// The article's framework that it stands for.
    pub article: Option<String>,
    /// Shown beside its numbers.
    pub note: Option<String>,
    /// What makes it a fair production build.
    pub settings: Vec<String>,
    /// The built-in server that serves as this contender.
    pub builtin: Option<String>,
    /// Tools it was built and run with.
    pub tools: Vec<Tool>,
    /// Threads of all its processes when it was ready and had served nothing; null where not available.
    pub threads_idle: Option<u64>,
    /// Why it was not measured, or not to the end; null when it was.
    pub left_out: Option<LeftOut>,
}

/// A tool as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name in the manifest.
    pub name: String,
    /// Version it told.
    pub version: String,
    /// The program.
    pub program: String,
}

/// Why a contender was not measured, or not to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// What it failed at.
    pub stage: Stage,
    /// In words, with the output of the tool that failed.
    pub reason: String,
}

/// What a contender can fail at, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A tool is missing, too old or broken.
    Tools,
    /// It does not answer the path that is measured.
    Routes,
    /// Its build failed.
    Build,
    /// It did not start.
    Start,
    /// It answered something else than the contract says: disqualified.
    Answers,
    /// It ended, refused connections or answered wrongly while it was loaded.
    Load,
}

impl Stage {
    /// Whether it could run here, and so should have.
    pub fn is_failure(self) -> bool {
        !matches!(self, Stage::Tools | Stage::Routes)
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Stage::Tools => "a tool is missing or of no use",
            Stage::Routes => "does not have this workload",
            Stage::Build => "could not be built",
            Stage::Start => "did not start",
            Stage::Answers => "disqualified for a wrong answer",
            Stage::Load => "failed under load",
        }
    }
}

/// How a server serves many connections at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// An operating-system thread for every connection.
    #[default]
    ThreadPerConnection,
    /// A bounded number of threads that take turns.
    ThreadPool,
    /// One thread, or one per core, runs callbacks or coroutines; nothing moves between loops.
    EventLoop,
    /// Stackless tasks on one thread per core, which take work from each other.
    WorkStealingTasks,
    /// Coroutines with stacks, spread over a few threads by a runtime.
    Coroutines,
    /// Threads of the language, mounted on a few of the operating system's.
    VirtualThreads,
}

impl Model {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Model::ThreadPerConnection => "a thread per connection",
            Model::ThreadPool => "a pool of threads",
            Model::EventLoop => "event loop",
            Model::WorkStealingTasks => "work-stealing tasks",
            Model::Coroutines => "coroutines",
            Model::VirtualThreads => "virtual threads",
        }
    }
}
