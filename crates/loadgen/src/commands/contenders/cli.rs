//! The command line of contenders as typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::args::output::ShowArgs;
use crate::args::{
    Cpus, FormatArg, KeepAlive, MaxErrors, parse_cpus, parse_duration, parse_duration_or_zero,
    parse_max_errors,
};

/// What can be done with contenders.
#[derive(Debug, Subcommand)]
pub enum ContendersCommand {
    /// Show what can run here and, if not, which tool is missing and how to get it
    List(ListArgs),
    /// Build what can be built here
    Build(Select),
    /// Build, start one after another and compare every answer with the contract
    Verify(ListArgs),
    /// Build, verify and measure, with a workload and load of one's own
    Run(RunArgs),
}

/// Which contenders.
#[derive(Debug, Args)]
pub struct Select {
    /// Folder that holds contenders, each in a folder of its own; repeatable [default: contenders]
    #[arg(
        long = "contenders",
        value_name = "DIR",
        help_heading = "Which contenders"
    )]
    pub folders: Vec<PathBuf>,
    /// These only: names separated by commas
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        help_heading = "Which contenders"
    )]
    pub only: Vec<String>,
    /// Fail when one cannot run because a tool is missing, too
    #[arg(long, help_heading = "Which contenders")]
    pub strict: bool,
    /// No progress
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// `loadgen contenders list` and `verify`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Which contenders.
    #[command(flatten)]
    pub select: Select,
    /// What is printed, and which files are written.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// `loadgen contenders run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Kind of work asked for; contenders that do not have it are left out
    #[arg(
        short,
        long,
        value_name = "NAME[:MODE]",
        default_value = "hello",
        help_heading = "Load"
    )]
    pub workload: String,
    /// How it is measured.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// `loadgen article`.
#[derive(Debug, Args)]
pub struct ArticleArgs {
    /// Measure nothing: show the record of an earlier run again
    #[arg(long, value_name = "RECORD")]
    pub from: Option<PathBuf>,
    /// How it is measured.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// How contenders are measured.
#[derive(Debug, Args)]
pub struct MeasureArgs {
    /// Which contenders.
    #[command(flatten)]
    pub select: Select,

    /// Connections per server; the article has 360
    #[arg(short, long, value_name = "N", default_value_t = 360, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Load")]
    pub concurrency: u32,
    /// Measured time per server: 60s, 2m, 500ms; the article has 60s
    #[arg(short, long, value_name = "TIME", default_value = "10s", value_parser = parse_duration, help_heading = "Load")]
    pub duration: Duration,
    /// Longest warm-up per server: it ends earlier, once throughput has settled
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration_or_zero, help_heading = "Load")]
    pub warmup: Duration,
    /// Keep connections open between requests
    #[arg(long, value_enum, default_value_t = KeepAlive::On, help_heading = "Load")]
    pub keep_alive: KeepAlive,
    /// Worker threads of the load generator [default: one per CPU, never more than connections]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024), help_heading = "Load")]
    pub threads: Option<u32>,
    /// Time after which an unanswered request is an error
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration, help_heading = "Load")]
    pub timeout: Duration,
    /// Blocks; at least 6 give an interval. Fewer are made when one would have under a second
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "Load")]
    pub blocks: u32,
    /// Seed of the order of turns [default: random]
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub seed: Option<u64>,
    /// Errors tolerated before the exit code says so: a number, or a share such as 0.5%
    #[arg(long, value_name = "N|N%", default_value = "1%", value_parser = parse_max_errors, help_heading = "Load")]
    pub max_errors: MaxErrors,
    /// Pin the servers to these CPUs: 0 or 0,2-3 (Linux)
    #[arg(long, value_name = "CPUS", value_parser = parse_cpus, help_heading = "Load")]
    pub server_cpus: Option<Cpus>,
    /// Pin the load generator's threads to these CPUs (Linux)
    #[arg(long, value_name = "CPUS", value_parser = parse_cpus, help_heading = "Load")]
    pub client_cpus: Option<Cpus>,

    /// What is printed
    #[arg(long, value_enum, default_value_t = FormatArg::Text, help_heading = "Output")]
    pub format: FormatArg,
    /// Write the result to this file too; the ending decides the format; repeatable
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Vec<PathBuf>,
    /// Do not save the record under results/
    #[arg(long, help_heading = "Output")]
    pub no_save: bool,
}
