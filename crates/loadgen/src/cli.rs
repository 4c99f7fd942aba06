//! The command line as typed. From [`crate::plan`] on, nothing of it remains.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::capacity::CapacityArgs;
use crate::contenders::cli::{ArticleArgs, ContendersCommand};
use crate::gate::args::{CompareArgs, GateArgs, InitArgs};
use crate::limits::LimitsArgs;
use crate::scale::ScaleArgs;
use crate::scripted::cli::ScriptedArgs;
use crate::self_check::SelfCheckArgs;
use crate::suite::args::SuiteArgs;
use crate::sweep::args::SweepArgs;
use crate::waiting::Wait;
use crate::waiting::peer::WaitsArgs;

/// Measures whether an async server beats a thread-per-connection server: by how much, and where it flips.
///
/// Without a URL, the built-in servers are started, verified, loaded in turns and compared. With a URL,
/// that server is loaded instead.
#[derive(Debug, Parser)]
#[command(
    name = "loadgen",
    version,
    args_conflicts_with_subcommands = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Instead of a run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// A run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What the program does besides running.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one built-in server until its standard input closes or SIGTERM comes
    Serve(ServeArgs),
    /// List the workloads: what each shows, its modes, and which server lacks it
    Workloads,
    /// Measure all workloads on all built-in servers and print one table, in about ten minutes
    Suite(SuiteArgs),
    /// Find the concurrency from which on async wins, for several waits: the crossover map
    Sweep(Box<SweepArgs>),
    /// Find the highest rate each server sustains under an objective such as p99<50ms
    Capacity(Box<CapacityArgs>),
    /// Fit the Universal Scalability Law to saved sweeps, or to one made for it
    Scale(Box<ScaleArgs>),
    /// Print what this machine allows, and what connection counts follow for each server
    Limits(LimitsArgs),
    /// Measure servers of known delays, pauses, losses and errors, on a machine kept busy too, and print known against
    /// reported: exit code 0 where all agree, 1 where a figure differs, 3 where the machine is too busy to tell
    SelfCheck(SelfCheckArgs),
    /// Make a report of saved records: nothing is measured, nothing is lost
    Report(ReportArgs),
    /// Servers that are not part of this program: what can run here, build, verify, measure
    #[command(subcommand)]
    Contenders(ContendersCommand),
    /// Make the article's table again on this machine, with equal work for all servers
    Article(Box<ArticleArgs>),
    /// Decide whether a candidate server is slower than a baseline: passed, regressed or inconclusive
    Gate(Box<GateArgs>),
    /// Write a commented settings file for `loadgen gate`
    Init(InitArgs),
    /// Hold two stored records against each other, as advice
    Compare(CompareArgs),
    /// Run a command that ends when standard input closes (used to start foreign servers)
    #[command(hide = true)]
    Guard(GuardArgs),
}

/// `loadgen serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Pin the server to these CPUs (Linux)
    #[arg(long, value_name = "CPUS", value_parser = parse_cpus)]
    pub cpus: Option<Cpus>,
    /// Which server.
    #[command(subcommand)]
    pub server: Serve,
}

/// The built-in servers.
#[derive(Debug, Subcommand)]
pub enum Serve {
    /// Blocking, one thread per connection
    Sync(sync_server::cli::Args),
    /// Blocking, a bounded pool of threads
    SyncPool(sync_server::cli::Args),
    /// The blocking server's HTTP code on Tokio tasks
    AsyncBare(async_server::cli::Args),
    /// Axum
    Async(async_server::cli::Args),
    /// A server of known delays, pauses and losses, to try a load generator on; GET /account tells what it did
    Scripted(ScriptedArgs),
    /// Answers 4 bytes, a time in microseconds, with one byte after that time: what servers with --wait wait for; GET /
    /// tells how late it was
    Waits(WaitsArgs),
}

/// `loadgen report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Records, as runs leave them under results/. Those of the same on the same machine are merged, others
    /// are shown side by side, oldest first
    #[arg(value_name = "RECORD", required = true)]
    pub records: Vec<PathBuf>,
    /// What is made [default: text, or what the ending of the file says]
    #[arg(long, value_enum)]
    pub format: Option<FormatArg>,
    /// Write to this file instead of standard output; repeatable. Charts of .md are SVG files beside it
    #[arg(short, long, value_name = "FILE")]
    pub output: Vec<PathBuf>,
    /// Bars of text instead of SVG files
    #[arg(long)]
    pub no_images: bool,
}

/// `loadgen guard`.
#[derive(Debug, Args)]
pub struct GuardArgs {
    /// Pin the command to these CPUs
    #[arg(long, value_parser = parse_cpus)]
    pub cpus: Option<Cpus>,
    /// Program and arguments.
    #[arg(last = true, required = true)]
    pub command: Vec<String>,
}

/// A run: what is loaded, how, and what becomes of the figures.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Load the server at this URL instead of the built-in ones
    #[arg(value_name = "URL", value_parser = parse_url)]
    pub url: Option<String>,

    /// Connections per server
    #[arg(short, long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Load")]
    pub concurrency: u32,
    /// Measured time per server: 60s, 2m, 500ms [default: 5s]
    #[arg(short, long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "requests", help_heading = "Load")]
    pub duration: Option<Duration>,
    /// Requests in total per server, instead of a duration; one block, no interval
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Load")]
    pub requests: Option<u64>,
    /// Worker threads of the load generator [default: one per CPU, never more than connections]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024), help_heading = "Load")]
    pub threads: Option<u32>,
    /// Open loop at this many requests per second in total
    #[arg(long, value_name = "RPS", value_parser = parse_rate, allow_negative_numbers = true, conflicts_with = "requests", help_heading = "Load")]
    pub rate: Option<f64>,
    /// Spacing of the open loop's requests
    #[arg(long, value_enum, default_value_t = ArrivalsArg::Constant, help_heading = "Load")]
    pub arrivals: ArrivalsArg,
    /// Keep connections open between requests
    #[arg(long, value_enum, default_value_t = KeepAlive::On, help_heading = "Load")]
    pub keep_alive: KeepAlive,
    /// Load time before measuring, per server
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_duration_or_zero, help_heading = "Load")]
    pub warmup: Duration,
    /// Time after which an unanswered request is an error
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration, help_heading = "Load")]
    pub timeout: Duration,
    /// HTTP client: raw sockets, or reqwest (always for https)
    #[arg(long, value_enum, default_value_t = ClientArg::Raw, help_heading = "Load")]
    pub client: ClientArg,

    /// Server to measure, repeatable: [LABEL=]sync|sync-pool|async-bare|async, with flags of `loadgen
    /// serve` behind the name if any; [LABEL=]URL; or [LABEL=]exec:COMMAND with {port} in it [default: sync, async-bare, async]
    #[arg(
        short,
        long,
        value_name = "SERVER",
        conflicts_with = "url",
        help_heading = "Servers and requests"
    )]
    pub server: Vec<String>,
    /// Kind of work asked for
    #[arg(
        short,
        long,
        value_name = "NAME[:MODE]",
        default_value = "hello",
        help_heading = "Servers and requests"
    )]
    pub workload: String,
    /// What the built-in servers' simulated waits are
    #[arg(
        long,
        value_enum,
        default_value_t,
        help_heading = "Servers and requests"
    )]
    pub wait: Wait,
    /// Method, with a URL
    #[arg(short, long, requires = "url", help_heading = "Servers and requests")]
    pub method: Option<String>,
    /// Header field, repeatable: 'Name: value'
    #[arg(short = 'H', long, value_name = "FIELD", value_parser = parse_header, help_heading = "Servers and requests")]
    pub header: Vec<(String, String)>,
    /// Send `traceparent` with every request: one trace, new and sampled, for all of the run. Its id is told
    /// on standard error and stands in the record
    #[arg(long, help_heading = "Servers and requests")]
    pub traceparent: bool,
    /// Body, with a URL; @FILE takes it from a file
    #[arg(short, long, requires = "url", help_heading = "Servers and requests")]
    pub body: Option<String>,
    /// Idle connections held open beside the load, with the workload idle [default: 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Servers and requests")]
    pub idle: Option<u32>,
    /// Pin the servers to these CPUs: 0 or 0,2-3 (Linux)
    #[arg(long, value_name = "CPUS", value_parser = parse_cpus, help_heading = "Servers and requests")]
    pub server_cpus: Option<Cpus>,
    /// Pin the load generator's threads to these CPUs (Linux)
    #[arg(long, value_name = "CPUS", value_parser = parse_cpus, help_heading = "Servers and requests")]
    pub client_cpus: Option<Cpus>,

    /// Blocks per load point; at least 6 give an interval. Fewer are made when one would have under a second
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "Comparison")]
    pub blocks: u32,
    /// Load the servers in short turns, so that drift of the machine hits all alike
    #[arg(long, value_enum, default_value_t = Switch::On, help_heading = "Comparison")]
    pub interleave: Switch,
    /// Afterwards load all servers at the same rate, half the slowest one's capacity
    #[arg(long, value_enum, default_value_t = Switch::On, help_heading = "Comparison")]
    pub same_rate: Switch,
    /// Load the workload's other modes for a shorter time as well, for comparison
    #[arg(long, value_enum, default_value_t = Switch::On, help_heading = "Comparison")]
    pub contrast: Switch,
    /// Seed of the order of turns and of arrivals [default: random]
    #[arg(long, value_name = "N", help_heading = "Comparison")]
    pub seed: Option<u64>,
    /// Errors tolerated before the exit code says so: a number, or a share such as 0.5%
    #[arg(long, value_name = "N|N%", default_value = "1%", value_parser = parse_max_errors, help_heading = "Comparison")]
    pub max_errors: MaxErrors,

    /// What is printed
    #[arg(long, value_enum, default_value_t = FormatArg::Text, help_heading = "Output")]
    pub format: FormatArg,
    /// Write the result to this file too; the ending decides the format (.md, .html, .csv, .json, .hgrm, .txt); repeatable
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Vec<PathBuf>,
    /// Do not save the record under results/
    #[arg(long, help_heading = "Output")]
    pub no_save: bool,
    /// No progress
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// A list of CPU numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpus(pub Vec<usize>);

/// `on` or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

/// `--keep-alive`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeepAlive {
    /// Connections stay open.
    On,
    /// A connection per request.
    Off,
    /// One after the other.
    Both,
}

/// `--arrivals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ArrivalsArg {
    /// Evenly spaced.
    Constant,
    /// Exponentially distributed gaps, as of many independent users.
    Poisson,
}

/// `--client`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClientArg {
    /// The engine's own HTTP/1.1 client.
    Raw,
    /// What an application's own client would see.
    Reqwest,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// Tables for a terminal.
    Text,
    /// The record.
    Json,
    /// For a README or a pull request.
    Markdown,
    /// One page that needs nothing else.
    Html,
    /// A row for each cell and each block.
    Csv,
    /// What HdrHistogram's plotter reads.
    Hgrm,
}

impl From<FormatArg> for report::Format {
    fn from(format: FormatArg) -> report::Format {
        match format {
            FormatArg::Text => report::Format::Text,
            FormatArg::Json => report::Format::Json,
            FormatArg::Markdown => report::Format::Markdown,
            FormatArg::Html => report::Format::Html,
            FormatArg::Csv => report::Format::Csv,
            FormatArg::Hgrm => report::Format::Hgrm,
        }
    }
}

/// `--max-errors`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxErrors {
    /// At most so many.
    Count(u64),
    /// At most this share of all requests, 0 to 1.
    Share(f64),
}

pub(crate) fn parse_duration_or_zero(text: &str) -> Result<Duration, String> {
    let allowed = "a time with its unit, such as 60s, 2m or 500ms";
    let signed: jiff::SignedDuration = text.parse().map_err(|_| format!("expected {allowed}"))?;
    let duration =
        Duration::try_from(signed).map_err(|_| format!("expected {allowed}, not negative"))?;
    if duration > Duration::from_secs(24 * 3600) {
        return Err("at most 24h".to_owned());
    }
    Ok(duration)
}

/// At least a millisecond: nothing shorter can be measured.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    match parse_duration_or_zero(text)? {
        duration if duration < Duration::from_millis(1) => Err("at least 1ms".to_owned()),
        duration => Ok(duration),
    }
}

pub(crate) fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.01..=10_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected requests per second, 0.01 to 10000000".to_owned()),
    }
}

fn parse_url(text: &str) -> Result<String, String> {
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(text.to_owned());
    }
    Err("neither a command (see --help) nor a URL that begins with http:// or https://".to_owned())
}

pub fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected 'Name: value'")?;
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err(format!("{name:?} is not a header name"));
    }
    let value = value.trim();
    if value.chars().any(char::is_control) {
        return Err("the value has control characters".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// `0`, `0,2` or `0-3,8`.
pub(crate) fn parse_cpus(text: &str) -> Result<Cpus, String> {
    const LARGEST: usize = 1023;
    let number = |text: &str| match text.parse::<usize>() {
        Ok(cpu) if cpu <= LARGEST => Ok(cpu),
        _ => Err(format!(
            "{text:?} is not a CPU number from 0 to {LARGEST}; expected a list such as 0,2-3"
        )),
    };
    let mut cpus = Vec::new();
    for part in text.split(',') {
        match part.split_once('-') {
            Some((first, last)) => cpus.extend(number(first)?..=number(last)?),
            None => cpus.push(number(part)?),
        }
    }
    if cpus.is_empty() {
        return Err(format!("{text:?} names no CPU"));
    }
    Ok(Cpus(cpus))
}

pub(crate) fn parse_max_errors(text: &str) -> Result<MaxErrors, String> {
    let wrong = || "expected a number of errors, or a share of all requests such as 1%".to_owned();
    match text.strip_suffix('%') {
        Some(percent) => match percent.parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => {
                Ok(MaxErrors::Share(percent / 100.0))
            }
            _ => Err(wrong()),
        },
        None => text.parse().map(MaxErrors::Count).map_err(|_| wrong()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_carry_units() {
        assert_eq!(parse_duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration_or_zero("0s"), Ok(Duration::ZERO));
        for wrong in ["", "60", "s", "-1s", "1us", "25h", "1e9s", "∞"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn cpu_lists_take_single_numbers_and_ranges() {
        assert_eq!(parse_cpus("0,2-4"), Ok(Cpus(vec![0, 2, 3, 4])));
        for wrong in ["", "a", "1-", "-1", "3-1", "99999"] {
            assert!(parse_cpus(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tolerated_errors_are_a_number_or_a_share() {
        assert_eq!(parse_max_errors("0"), Ok(MaxErrors::Count(0)));
        assert_eq!(parse_max_errors("0.5%"), Ok(MaxErrors::Share(0.005)));
        for wrong in ["", "%", "-1", "101%", "one"] {
            assert!(parse_max_errors(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn header_fields_cannot_smuggle_lines() {
        assert_eq!(
            parse_header("X-A: b c "),
            Ok(("X-A".to_owned(), "b c".to_owned()))
        );
        for wrong in ["", "novalue", ": x", "a b: c", "a: b\r\nc: d"] {
            assert!(parse_header(wrong).is_err(), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn parsers_never_panic(text in "\\PC{0,20}") {
            let _ = parse_duration_or_zero(&text);
            let _ = parse_rate(&text);
            let _ = parse_url(&text);
            let _ = parse_header(&text);
            let _ = parse_cpus(&text);
            let _ = parse_max_errors(&text);
        }
    }
}
