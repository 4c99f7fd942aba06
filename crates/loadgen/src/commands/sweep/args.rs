//! `loadgen sweep` as typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::args::Wait;
use crate::args::output::OutputArgs;
use crate::args::{Cpus, KeepAlive, parse_cpus, parse_duration, parse_duration_or_zero};

/// `loadgen sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// Connections to try [default: 1 to 10000 in nine steps of about √10]
    #[arg(short, long, value_name = "N,…", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "resume", help_heading = "What is varied")]
    pub concurrency: Vec<u32>,
    /// Waits in the handler, in milliseconds; shorter than --timeout
    #[arg(long, value_name = "MS,…", value_delimiter = ',', default_value = "0,1,10,100", value_parser = clap::value_parser!(u64).range(..=60_000), conflicts_with = "resume", help_heading = "What is varied")]
    pub waits: Vec<u64>,
    /// What the waits of built-in servers are
    #[arg(
        long,
        value_enum,
        default_value_t,
        conflicts_with = "resume",
        help_heading = "What is varied"
    )]
    pub wait: Wait,
    /// Computing in the handler, in units of about 1 µs
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "0", value_parser = clap::value_parser!(u64).range(..=1_000_000), conflicts_with = "resume", help_heading = "What is varied")]
    pub cpu_units: Vec<u64>,
    /// Keep connections open between requests
    #[arg(long, value_enum, default_value_t = KeepAlive::On, conflicts_with = "resume", help_heading = "What is varied")]
    pub keep_alive: KeepAlive,
    /// Server to measure, repeatable, the first is the baseline: [LABEL=]sync|sync-pool|async-bare|async,
    /// with flags of `loadgen serve` behind the name if any, or [LABEL=]URL [default: all built-in ones]
    #[arg(
        short,
        long,
        value_name = "SERVER",
        conflicts_with = "resume",
        help_heading = "What is varied"
    )]
    pub server: Vec<String>,

    /// Longest time in all; every cell is visited once even if that takes longer
    #[arg(long, value_name = "TIME", default_value = "18m", value_parser = parse_duration, help_heading = "How")]
    pub time: Duration,
    /// One short block per cell: a first look at the map in a few minutes, without intervals
    #[arg(long, conflicts_with = "resume", help_heading = "How")]
    pub quick: bool,
    /// Go on with an interrupted sweep: its record. What is measured is taken from there
    #[arg(long, value_name = "FILE", help_heading = "How")]
    pub resume: Option<PathBuf>,
    /// Differences up to this many percent count as equal
    #[arg(long, value_name = "PERCENT", default_value_t = 2.0, value_parser = parse_margin, conflicts_with = "resume", help_heading = "How")]
    pub margin: f64,
    /// Load time before each visit to a cell, per server
    #[arg(long, value_name = "TIME", default_value = "200ms", value_parser = parse_duration_or_zero, conflicts_with = "resume", help_heading = "How")]
    pub warmup: Duration,
    /// Time after which an unanswered request is an error
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_duration, conflicts_with = "resume", help_heading = "How")]
    pub timeout: Duration,
    /// Worker threads of the load generator [default: one per CPU]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024), conflicts_with = "resume", help_heading = "How")]
    pub threads: Option<u32>,
    /// Pin the servers to these CPUs: 0 or 0,2-3 (Linux)
    #[arg(long, value_name = "CPUS", value_parser = parse_cpus, conflicts_with = "resume", help_heading = "How")]
    pub server_cpus: Option<Cpus>,
    /// Pin the load generator's threads to these CPUs (Linux)
    #[arg(long, value_name = "CPUS", value_parser = parse_cpus, conflicts_with = "resume", help_heading = "How")]
    pub client_cpus: Option<Cpus>,
    /// Seed of the order of turns [default: random]
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "resume",
        help_heading = "How"
    )]
    pub seed: Option<u64>,

    /// What becomes of the figures.
    #[command(flatten)]
    pub output: OutputArgs,
}

fn parse_margin(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(margin) if (0.0..=50.0).contains(&margin) => Ok(margin),
        _ => Err("expected a percentage from 0 to 50".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_are_percentages() {
        assert_eq!(parse_margin("2"), Ok(2.0));
        assert_eq!(parse_margin("0.5%"), Ok(0.5));
        for wrong in ["", "-1", "51", "NaN", "two"] {
            assert!(parse_margin(wrong).is_err(), "{wrong}");
        }
    }
}
