//! The flags of a run, in four groups.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use engine::ExpectStatus;

use super::output::FormatArg;
use crate::output::{Output, check_files};
use bench::values::{
    ArrivalsArg, ClientArg, Cpus, KeepAlive, MaxErrors, Switch, Verify, Wait, parse_cpus,
    parse_duration, parse_duration_or_zero, parse_header, parse_max_errors, parse_method,
    parse_path, parse_rate, parse_statuses, parse_url,
};

/// A run: what is loaded, how, and what becomes of the figures.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Load the server at this URL instead of the built-in ones: http://host:port/path, or
    /// unix:/run/app.sock:/path at a Unix socket
    #[arg(value_name = "URL", value_parser = parse_url)]
    pub url: Option<String>,
    /// How hard, and for how long.
    #[command(flatten)]
    pub load: LoadArgs,
    /// Which servers, and what they are asked.
    #[command(flatten)]
    pub servers: ServersArgs,
    /// How the servers are compared.
    #[command(flatten)]
    pub decision: DecisionArgs,
    /// What becomes of the figures.
    #[command(flatten)]
    pub output: RunOutputArgs,
}

/// How hard servers are loaded, and for how long.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Connections per server
    #[arg(short, long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Load")]
    pub concurrency: u32,
    /// Measured time per server: 60s, 2m, 500ms [default: 5s]
    #[arg(short, long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "requests", help_heading = "Load")]
    pub duration: Option<Duration>,
    /// Requests in total per server, instead of a duration; one block, no interval. With --rate, so many at that rate
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Load")]
    pub requests: Option<u64>,
    /// Worker threads of the load generator [default: one per CPU, never more than connections]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024), help_heading = "Load")]
    pub threads: Option<u32>,
    /// Open loop at this many requests per second in total
    #[arg(long, value_name = "RPS", value_parser = parse_rate, allow_negative_numbers = true, help_heading = "Load")]
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
    /// HTTP client: raw sockets (always at Unix sockets), or reqwest (always for https)
    #[arg(long, value_enum, default_value_t = ClientArg::Raw, help_heading = "Load")]
    pub client: ClientArg,
}

/// Which servers are loaded, and what they are asked.
#[derive(Debug, Args)]
pub struct ServersArgs {
    /// Server to measure, repeatable: [LABEL=]sync|sync-pool|async-bare|async, with flags of `loadgen
    /// serve` behind the name if any; [LABEL=]URL (unix:/run/app.sock:/path too); or [LABEL=]exec:COMMAND with {port} in it [default: sync, async-bare, async]
    #[arg(
        short,
        long,
        value_name = "SERVER",
        conflicts_with = "url",
        help_heading = "Servers and requests"
    )]
    pub server: Vec<String>,
    /// Kind of work asked for
    /// [default: hello; where all servers are your own, GET /]
    #[arg(
        short,
        long,
        value_name = "NAME[:MODE]",
        help_heading = "Servers and requests"
    )]
    pub workload: Option<String>,
    /// What the built-in servers' simulated waits are
    #[arg(
        long,
        value_enum,
        default_value_t,
        help_heading = "Servers and requests"
    )]
    pub wait: Wait,
    /// Ask all servers for this path and query instead of a workload
    #[arg(long, value_name = "PATH", value_parser = parse_path, conflicts_with = "url", help_heading = "Servers and requests")]
    pub path: Option<String>,
    /// Method [default: GET, with a body POST]
    #[arg(short, long, value_parser = parse_method, help_heading = "Servers and requests")]
    pub method: Option<String>,
    /// Header field, repeatable: 'Name: value'
    #[arg(short = 'H', long, value_name = "FIELD", value_parser = parse_header, help_heading = "Servers and requests")]
    pub header: Vec<(String, String)>,
    /// Send `traceparent` with every request: one trace, new and sampled, for all of the run. Its id is told
    /// on standard error and stands in the record
    #[arg(long, help_heading = "Servers and requests")]
    pub traceparent: bool,
    /// Body; @FILE takes it from a file, @- from standard input
    #[arg(short, long, help_heading = "Servers and requests")]
    pub body: Option<String>,
    /// Statuses that are right answers: 304 or 2xx,404 [default: 2xx]
    #[arg(long, value_name = "STATUS,…", value_parser = parse_statuses, help_heading = "Servers and requests")]
    pub expect: Option<ExpectStatus>,
    /// What servers of your own must answer alike [default: body]
    #[arg(long, value_enum, help_heading = "Servers and requests")]
    pub verify: Option<Verify>,
    /// Idle connections held open beside the load, with the workload idle [default: 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Servers and requests")]
    pub idle: Option<u32>,
    /// Pin the servers to these CPUs: 0 or 0,2-3 (Linux)
    #[arg(long, value_name = "CPUS", value_parser = parse_cpus, help_heading = "Servers and requests")]
    pub server_cpus: Option<Cpus>,
    /// Pin the load generator's threads to these CPUs (Linux)
    #[arg(long, value_name = "CPUS", value_parser = parse_cpus, help_heading = "Servers and requests")]
    pub client_cpus: Option<Cpus>,
}

/// How servers are compared, and what is tolerated.
#[derive(Debug, Args)]
pub struct DecisionArgs {
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
    /// Errors tolerated before the exit code says so: a number, or a share such as 0.5%. Connections that were never
    /// served count alike, beside all connections
    #[arg(long, value_name = "N|N%", default_value = "1%", value_parser = parse_max_errors, help_heading = "Comparison")]
    pub max_errors: MaxErrors,
}

/// Where a run is shown and kept: its formats are those of a single run.
#[derive(Debug, Args)]
pub struct RunOutputArgs {
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

impl RunOutputArgs {
    /// The same, checked.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn output(&self) -> anyhow::Result<Output> {
        check_files(&self.output)?;
        Ok(Output {
            format: self.format.into(),
            files: self.output.clone(),
            save: !self.no_save,
            quiet: self.quiet,
        })
    }
}
