//! The command lines of `loadgen gate`, `loadgen init` and `loadgen compare` as typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use record::metric::Metric;

use super::self_test::scenario::Scenario;
use crate::args::output::{OutputArgs, ShowArgs};
use crate::args::{parse_duration, parse_duration_or_zero, parse_path, parse_rate};

/// `loadgen gate`: is the candidate slower than the baseline by more than is tolerated?
///
/// Exit code: 0 passed, 1 regressed, 2 could not measure, 3 inconclusive, 130 interrupted.
#[derive(Debug, Args)]
pub struct GateArgs {
    /// Settings [default: loadgen.toml where there is one]
    #[arg(long, value_name = "FILE", conflicts_with = "self_test")]
    pub config: Option<PathBuf>,
    /// Command of the baseline; {port} in it stands for the port to listen on. The settings' `dir` and `env`
    /// stay in force
    #[arg(long, value_name = "COMMAND", conflicts_with = "self_test")]
    pub baseline: Option<String>,
    /// Command of the candidate, likewise
    #[arg(long, value_name = "COMMAND", conflicts_with = "self_test")]
    pub candidate: Option<String>,
    /// Path to ask for, instead of the workloads in the settings [default: /]
    #[arg(long, value_name = "PATH", value_parser = parse_path)]
    pub path: Option<String>,
    /// Path that answers with success (200 to 299) when a server is ready [default: /]
    #[arg(long, value_name = "PATH", value_parser = parse_path, conflicts_with = "self_test")]
    pub ready: Option<String>,

    /// Connections to each server [default: 50]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Load")]
    pub concurrency: Option<u32>,
    /// Fixed rate in requests per second, instead of about half the slower server's capacity
    #[arg(long, value_name = "RPS", value_parser = parse_rate, help_heading = "Load")]
    pub rate: Option<f64>,
    /// Load time of each server before a block is measured [default: 500ms]
    #[arg(long, value_name = "TIME", value_parser = parse_duration_or_zero, help_heading = "Load")]
    pub warmup: Option<Duration>,
    /// Measured time of a block, over both servers and both loads [default: 4s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration, help_heading = "Load")]
    pub block_time: Option<Duration>,
    /// Time after which an unanswered request is an error [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration, help_heading = "Load")]
    pub timeout: Option<Duration>,
    /// Worker threads of the load generator [default: one per CPU, never more than connections]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024), help_heading = "Load")]
    pub threads: Option<u32>,
    /// Seed of the order of turns [default: random]
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub seed: Option<u64>,

    /// Tolerated slowdown of a metric, or `off`; repeatable: server_cpu_per_request=5%, throughput=5%,
    /// p50=15%
    #[arg(long, value_name = "METRIC=SHARE", value_parser = parse_tolerance_of, conflicts_with = "self_test", help_heading = "Decision")]
    pub tolerate: Vec<(Metric, Option<f64>)>,
    /// Share of a server's requests that may be errors, and of its connections that may never be served [default: 0%]
    #[arg(long, value_name = "SHARE", value_parser = parse_share, conflicts_with = "self_test", help_heading = "Decision")]
    pub max_errors: Option<f64>,
    /// The last look that is taken: 8, 16 or 24 blocks. By several metrics no gate is regressed after 8
    #[arg(long, value_name = "N", default_value = "24", value_parser = ["8", "16", "24"], conflicts_with = "self_test", help_heading = "Decision")]
    pub max_blocks: String,
    /// What an inconclusive gate is to the exit code
    #[arg(
        long,
        value_enum,
        conflicts_with = "self_test",
        help_heading = "Decision"
    )]
    pub inconclusive_is: Option<InconclusiveIs>,

    /// What becomes of the result.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Gate a built-in server against itself and against itself with injected slowdowns
    #[arg(long, help_heading = "Self-test")]
    pub self_test: bool,
    /// Where blocks are kept; a bank that exists is gone on with
    #[arg(
        long,
        value_name = "FILE",
        default_value = "results/self-test.jsonl",
        requires = "self_test",
        help_heading = "Self-test"
    )]
    pub bank: PathBuf,
    /// How long to measure at most; 0s only judges what is in a bank that exists
    #[arg(long = "for", value_name = "TIME", default_value = "10m", value_parser = parse_duration_or_zero, requires = "self_test", help_heading = "Self-test")]
    pub time: Duration,
    /// What to measure: aa, cpu:PERCENT, throughput:PERCENT, pauses:PERCENT, sleep:US, lock:US
    #[arg(
        long,
        value_name = "LIST",
        default_value = "aa,cpu:3,cpu:5,cpu:8,cpu:10,cpu:20,throughput:10,pauses:10,sleep:1000,lock:10",
        value_delimiter = ',',
        requires = "self_test",
        help_heading = "Self-test"
    )]
    pub scenarios: Vec<Scenario>,
    /// A/A blocks wanted
    #[arg(
        long,
        value_name = "N",
        default_value_t = 480,
        requires = "self_test",
        help_heading = "Self-test"
    )]
    pub aa_blocks: u32,
    /// Gates wanted of each injected slowdown
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        requires = "self_test",
        help_heading = "Self-test"
    )]
    pub gates: u32,
    /// Built-in server, with flags of `loadgen serve` if any
    #[arg(
        long,
        value_name = "SERVER",
        default_value = "async",
        requires = "self_test",
        help_heading = "Self-test"
    )]
    pub server: String,
}

/// `loadgen init`: writes a commented settings file; never over one that exists.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// File to write
    #[arg(default_value = super::settings::DEFAULT_FILE)]
    pub file: PathBuf,
}

/// `loadgen compare`: holds two stored records against each other, as advice.
///
/// Exit code: 0 compared, 2 nothing in them is comparable.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The earlier record
    pub a: PathBuf,
    /// The later record
    pub b: PathBuf,
    /// Where it is shown.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// `--inconclusive-is`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InconclusiveIs {
    /// Exit code 0.
    Pass,
    /// Exit code 1.
    Fail,
}

/// A share in percent such as `5%`; 0 to 1000 %.
pub fn parse_share(text: &str) -> Result<f64, String> {
    let percent = text
        .strip_suffix('%')
        .and_then(|number| number.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if (0.0..=1000.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err(format!("{text:?} is not a share such as 5%")),
    }
}

/// A tolerated slowdown, or `off`.
pub fn parse_tolerance(text: &str) -> Result<Option<f64>, String> {
    match text {
        "off" => Ok(None),
        share => parse_share(share)
            .map(Some)
            .map_err(|error| format!("{error}, or off")),
    }
}

fn parse_tolerance_of(text: &str) -> Result<(Metric, Option<f64>), String> {
    let gated = [Metric::ServerCpuPerRequest, Metric::Throughput, Metric::P50];
    let names = || gated.map(Metric::name).join(", ");
    let (name, share) = text
        .split_once('=')
        .ok_or_else(|| format!("expected METRIC=SHARE with one of {}", names()))?;
    let metric = gated.into_iter().find(|metric| metric.name() == name);
    let metric = metric.ok_or_else(|| format!("{name:?} is not gated; there are {}", names()))?;
    Ok((metric, parse_tolerance(share)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances_are_shares_of_gated_metrics() {
        assert_eq!(parse_tolerance_of("p50=20%"), Ok((Metric::P50, Some(0.2))));
        assert_eq!(
            parse_tolerance_of("throughput=off"),
            Ok((Metric::Throughput, None))
        );
        for (wrong, told) in [
            ("p50", "METRIC=SHARE"),
            ("p99=5%", "not gated"),
            ("p50=5", "5%"),
            ("p50=-1%", "5%"),
        ] {
            let error = parse_tolerance_of(wrong).unwrap_err();
            assert!(error.contains(told), "{wrong}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn parsers_never_panic(text in "\\PC{0,20}") {
            let _ = parse_share(&text);
            let _ = parse_tolerance_of(&text);
        }
    }
}
