//! `loadgen suite` as typed.

use std::path::PathBuf;

use clap::Args;

use crate::args::run::RunOutputArgs;

/// `loadgen suite`.
#[derive(Debug, Args)]
pub struct SuiteArgs {
    /// Only these rows, repeatable [default: all]
    #[arg(
        long,
        value_name = "WORKLOAD[:MODE]",
        conflicts_with = "resume",
        help_heading = "What is measured"
    )]
    pub only: Vec<String>,
    /// Server to measure, repeatable: [LABEL=]sync|sync-pool|async-bare|async, with flags of `loadgen serve`
    /// behind the name if any; [LABEL=]URL; or [LABEL=]exec:COMMAND with {port} in it [default: all built-in ones]
    #[arg(
        short,
        long,
        value_name = "SERVER",
        conflicts_with = "resume",
        help_heading = "What is measured"
    )]
    pub server: Vec<String>,
    /// One short block per row: a first look in about two minutes, without intervals
    #[arg(long, conflicts_with = "resume", help_heading = "How")]
    pub quick: bool,
    /// Go on with an interrupted suite: its record. What failed is tried again
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "no_save",
        help_heading = "How"
    )]
    pub resume: Option<PathBuf>,
    /// Seed of the order of turns and of arrivals [default: random]
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "resume",
        help_heading = "How"
    )]
    pub seed: Option<u64>,

    /// What becomes of the figures.
    #[command(flatten)]
    pub output: RunOutputArgs,
}
