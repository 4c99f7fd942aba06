//! `loadgen capacity` as typed.

use std::time::Duration;

use clap::Args;

use super::objective::Slo;
use crate::args::output::OutputArgs;
use crate::args::{Cpus, MaxErrors, parse_cpus, parse_duration, parse_max_errors};

/// `loadgen capacity`.
#[derive(Debug, Args)]
pub struct CapacityArgs {
    /// What must be met: p50, p99, p99.9, …, mean or max, < or <=, a time; several joined by commas
    #[arg(long, value_name = "OBJECTIVE", default_value = "p99<50ms")]
    pub slo: Slo,
    /// Errors tolerated in a trial: a number, or a share such as 0.5%
    #[arg(long, value_name = "N|N%", default_value = "0", value_parser = parse_max_errors)]
    pub max_errors: MaxErrors,
    /// Kind of work asked for
    #[arg(
        short,
        long,
        value_name = "NAME[:MODE][?PARAMETERS]",
        default_value = "hello"
    )]
    pub workload: String,
    /// Connections per server
    #[arg(short, long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub concurrency: u32,
    /// Make a connection for each request
    #[arg(long)]
    pub no_keep_alive: bool,
    /// Server to measure, repeatable: [LABEL=]sync|sync-pool|async-bare|async, with flags of `loadgen
    /// serve` behind the name if any, or [LABEL=]URL [default: sync, async-bare, async]
    #[arg(short, long, value_name = "SERVER")]
    pub server: Vec<String>,

    /// Length of a trial; longer where that is too short for the requests a percentile needs
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_duration, help_heading = "Search")]
    pub trial: Duration,
    /// Narrow the interval to this many percent
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = parse_width, help_heading = "Search")]
    pub width: f64,
    /// Trials per server after which the search gives up
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "Search")]
    pub max_trials: u32,
    /// Do not measure latency against load afterwards
    #[arg(long, help_heading = "Search")]
    pub no_curve: bool,
    /// Time after which an unanswered request is an error
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_duration, help_heading = "Search")]
    pub timeout: Duration,
    /// Worker threads of the load generator [default: one per CPU, never more than connections]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024), help_heading = "Search")]
    pub threads: Option<u32>,
    /// Pin the servers to these CPUs: 0 or 0,2-3 (Linux)
    #[arg(long, value_name = "CPUS", value_parser = parse_cpus, help_heading = "Search")]
    pub server_cpus: Option<Cpus>,
    /// Pin the load generator's threads to these CPUs (Linux)
    #[arg(long, value_name = "CPUS", value_parser = parse_cpus, help_heading = "Search")]
    pub client_cpus: Option<Cpus>,
    /// Seed of everything random [default: random]
    #[arg(long, value_name = "N", help_heading = "Search")]
    pub seed: Option<u64>,

    /// What becomes of the figures.
    #[command(flatten)]
    pub output: OutputArgs,
}

fn parse_width(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(width) if (0.1..=100.0).contains(&width) => Ok(width),
        _ => Err("expected a percentage from 0.1 to 100".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_percentages() {
        assert_eq!(parse_width("5"), Ok(5.0));
        assert_eq!(parse_width("0.5%"), Ok(0.5));
        for wrong in ["", "0", "101", "NaN", "five"] {
            assert!(parse_width(wrong).is_err(), "{wrong}");
        }
    }
}
