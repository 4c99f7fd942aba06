//! What shall be measured, made from the command line and checked. No flag is looked at after this.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use engine::{Arrivals, ClientKind, RequestClass};
use workload::{Shape, Workload};

use crate::cli::{ArrivalsArg, ClientArg, KeepAlive, MaxErrors, RunArgs, Switch};
use crate::waiting::Wait;
use crate::{counters, servers, shapes};

mod load;
mod server;
mod url;
mod work;

pub use load::{Amount, LoadPoint, check_rate, has_requests};
pub use server::{ServerSource, ServerSpec, check_labels};
pub use work::Work;

/// Measured time of a default run, per server.
const DEFAULT_DURATION: Duration = Duration::from_secs(5);
/// Idle connections of a run that has such.
pub(crate) const DEFAULT_IDLE: usize = 1000;

/// A run, as it shall be.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Servers, in the order they are shown.
    pub servers: Vec<ServerSpec>,
    /// What they are asked for.
    pub work: Work,
    /// The value of `traceparent` that every request carries, if any.
    pub traceparent: Option<String>,
    /// Connections per server.
    pub concurrency: usize,
    /// How much is measured per server at the first load point.
    pub amount: Amount,
    /// Worker threads of the load generator.
    pub threads: usize,
    /// Load points, in order.
    pub load_points: Vec<LoadPoint>,
    /// Spacing of an open loop.
    pub arrivals: Arrivals,
    /// Keep-alive settings, in order.
    pub keep_alive: Vec<bool>,
    /// Idle connections held open beside the load, where the workload has such.
    pub idle_connections: usize,
    /// What simulated waits of the built-in servers are.
    pub wait: Wait,
    /// Whether contrasts are measured besides.
    pub contrast: bool,
    /// Load before measuring, per server.
    pub warmup: Duration,
    /// Whether the warm-up ends earlier, once throughput has settled.
    pub warmup_until_settled: bool,
    /// Blocks asked for per load point.
    pub blocks: u32,
    /// Whether servers take short turns.
    pub interleave: bool,
    /// Whether a block has one slice of each server only: for answers so slow that several would take too long.
    pub one_slice_per_block: bool,
    /// Time after which an unanswered request is an error.
    pub timeout: Duration,
    /// HTTP client.
    pub client: ClientKind,
    /// Seed of every random choice.
    pub seed: u64,
    /// CPUs of the servers; empty is not pinned.
    pub server_cpus: Vec<usize>,
    /// CPUs of the client's threads; empty is not pinned.
    pub client_cpus: Vec<usize>,
    /// Errors tolerated.
    pub max_errors: MaxErrors,
    /// What becomes of the figures.
    pub output: Output,
}

/// What becomes of the figures.
#[derive(Debug, Clone)]
pub struct Output {
    /// Printed as.
    pub format: report::Format,
    /// Files written beside.
    pub files: Vec<PathBuf>,
    /// Whether the record goes to `results/`.
    pub save: bool,
    /// Whether progress is shown.
    pub quiet: bool,
}

impl Plan {
    /// Makes a plan of the arguments.
    ///
    /// # Errors
    /// When they contradict each other or name what does not exist.
    pub fn new(args: &RunArgs) -> anyhow::Result<Self> {
        let mut plan = Self {
            servers: server::asked_for(args)?,
            work: work::asked_for(args)?,
            traceparent: args
                .traceparent
                .then(|| telemetry::TraceParent::random().to_string()),
            concurrency: args.concurrency as usize,
            amount: match args.requests {
                Some(requests) => Amount::Requests(requests),
                None => Amount::Time(args.duration.unwrap_or(DEFAULT_DURATION)),
            },
            threads: threads(args),
            load_points: load::points(args),
            arrivals: match args.arrivals {
                ArrivalsArg::Constant => Arrivals::Constant,
                ArrivalsArg::Poisson => Arrivals::Poisson,
            },
            keep_alive: match args.keep_alive {
                KeepAlive::On => vec![true],
                KeepAlive::Off => vec![false],
                KeepAlive::Both => vec![true, false],
            },
            idle_connections: args.idle.map_or(DEFAULT_IDLE, |idle| idle as usize),
            wait: args.wait,
            contrast: args.contrast == Switch::On && args.requests.is_none(),
            warmup: args.warmup,
            warmup_until_settled: false,
            blocks: args.blocks,
            interleave: args.interleave == Switch::On,
            one_slice_per_block: false,
            timeout: args.timeout,
            client: match args.client {
                ClientArg::Raw => ClientKind::Raw,
                ClientArg::Reqwest => ClientKind::Reqwest,
            },
            seed: args.seed.unwrap_or_else(random_seed),
            server_cpus: args
                .server_cpus
                .clone()
                .map_or_else(Vec::new, |cpus| cpus.0),
            client_cpus: args
                .client_cpus
                .clone()
                .map_or_else(Vec::new, |cpus| cpus.0),
            max_errors: args.max_errors,
            output: output(args)?,
        };
        shapes::of(&plan.work).fit(&mut plan)?;
        let holds_idle = |workload: &Workload| workload.definition().shape == Shape::BesideIdle;
        if args.idle.is_some()
            && !matches!(&plan.work, Work::Contract(workload) if holds_idle(workload))
        {
            bail!("--idle goes with --workload idle");
        }
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> anyhow::Result<()> {
        check_labels(&self.servers)?;
        if let Work::Contract(workload) = &self.work {
            self.servers
                .iter()
                .try_for_each(|server| servers::check_has(server, workload))?;
            if self.traceparent.is_some() && workload.definition().shape == Shape::WebSocket {
                bail!("--traceparent goes with requests: messages over WebSocket carry no trace");
            }
        }
        for &point in &self.load_points {
            if let (LoadPoint::Rate(rate), Some(time)) = (point, self.measured_time(point)) {
                check_rate(rate, time)?;
            }
        }
        check_files(&self.output.files)?;
        check_pinning(!(self.server_cpus.is_empty() && self.client_cpus.is_empty()))
    }

    /// The requests to send for this work, and the answers that count.
    pub fn requests(&self, work: &Work) -> Vec<RequestClass> {
        let mut classes = work.classes();
        if let Some(parent) = &self.traceparent {
            for class in &mut classes {
                let field = (telemetry::context::TRACEPARENT.to_owned(), parent.clone());
                class.request.headers.push(field);
            }
        }
        classes
    }

    /// Measured time per server at a load point; `None` when a number of requests decides.
    pub fn measured_time(&self, point: LoadPoint) -> Option<Duration> {
        match (self.amount, point) {
            (Amount::Time(time), LoadPoint::SameRate) => Some(time.mul_f64(load::SAME_RATE_SHARE)),
            (Amount::Time(time), _) => Some(time),
            (Amount::Requests(_), _) => None,
        }
    }

    /// Connections to each server, those beside the load included.
    pub fn connections(&self) -> usize {
        let beside = shapes::of(&self.work).beside(self);
        self.concurrency + beside.map_or(0, |beside| beside.connections)
    }

    /// About how long the run takes, without starting servers; `None` when a number of requests decides.
    pub fn estimated_time(&self) -> Option<Duration> {
        let per_server = |point: &LoadPoint| Some(self.warmup + self.measured_time(*point)?);
        let mut once: Duration = self.load_points.iter().map(per_server).sum::<Option<_>>()?;
        if self.contrast
            && let Amount::Time(time) = self.amount
        {
            let contrasts = shapes::of(&self.work).contrasts(self);
            let per_contrast = |share: f64| self.warmup + time.mul_f64(share);
            once += contrasts
                .iter()
                .map(|contrast| per_contrast(contrast.share))
                .sum::<Duration>();
        }
        Some(once * u32::try_from(self.servers.len() * self.keep_alive.len()).unwrap_or(u32::MAX))
    }
}

/// Fails when a file that is asked for cannot be written, before anything is measured.
///
/// # Errors
/// Then, with the reason.
pub fn check_files(files: &[PathBuf]) -> anyhow::Result<()> {
    for path in files {
        report::Format::of_path(path)?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            bail!(
                "cannot write {}: there is no folder {}",
                path.display(),
                folder.display()
            );
        }
    }
    Ok(())
}

/// Fails where pinning is asked for and cannot be had.
///
/// # Errors
/// Everywhere but on Linux.
pub fn check_pinning(asked_for: bool) -> anyhow::Result<()> {
    if asked_for && cfg!(not(target_os = "linux")) {
        bail!("--server-cpus and --client-cpus work on Linux only");
    }
    Ok(())
}

/// Small enough that every reader of JSON keeps it exactly.
pub fn random_seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id()) >> 11
}

fn threads(args: &RunArgs) -> usize {
    let wanted = args
        .threads
        .map_or_else(counters::available_cores, |threads| threads as usize);
    wanted.min(args.concurrency as usize)
}

fn output(args: &RunArgs) -> anyhow::Result<Output> {
    Ok(Output {
        format: args.format.into(),
        files: args.output.clone(),
        save: !args.no_save,
        quiet: args.quiet,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    fn plan(line: &str) -> anyhow::Result<Plan> {
        let words = std::iter::once("loadgen").chain(line.split_whitespace());
        Plan::new(&Cli::try_parse_from(words)?.run)
    }

    #[test]
    fn by_default_three_servers_are_compared_at_two_load_points() {
        let plan = plan("-c 360 -d 60s").unwrap();
        let labels: Vec<_> = plan
            .servers
            .iter()
            .map(|server| server.label.as_str())
            .collect();
        assert_eq!(labels, ["sync", "async-bare", "async"]);
        assert_eq!(
            plan.load_points,
            [LoadPoint::Saturated, LoadPoint::SameRate]
        );
        assert_eq!(
            plan.measured_time(LoadPoint::SameRate),
            Some(Duration::from_secs(15))
        );
        assert_eq!(plan.estimated_time(), Some(Duration::from_secs(3 * 77)));
    }

    #[test]
    fn threads_never_exceed_connections() {
        assert_eq!(plan("-c 1 -t 8").unwrap().threads, 1);
        assert_eq!(plan("-c 100 -t 8").unwrap().threads, 8);
    }

    #[test]
    fn a_url_is_loaded_alone_at_the_one_load_point() {
        let plan = plan("http://127.0.0.1:8080/a?b=c#d -n 10").unwrap();
        assert_eq!(
            plan.servers[0].source,
            ServerSource::Running {
                base_url: "http://127.0.0.1:8080".to_owned()
            }
        );
        let Work::Custom(request) = &plan.work else {
            panic!("{:?}", plan.work)
        };
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("GET", "/a?b=c")
        );
        assert_eq!(plan.load_points, [LoadPoint::Saturated]);
        assert_eq!(plan.estimated_time(), None);
    }

    #[test]
    fn a_body_makes_it_a_post() {
        let Work::Custom(request) = plan("http://[::1]:1 -b x").unwrap().work else {
            panic!()
        };
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/")
        );
    }

    #[test]
    fn contradictions_are_told() {
        for (line, told) in [
            ("--server sync --server sync", "two servers"),
            ("--server tomcat", "no server"),
            ("--server exec:", "no command"),
            ("--server exec:httpd", "{port}"),
            ("--server http://127.0.0.1:1/path", "without a path"),
            ("-H a:b", "goes with a URL"),
            ("http:// ", "no host"),
            ("http://127.0.0.1:1 --workload json", "exclude each other"),
            ("--workload nonsense", "nonsense"),
            ("-o x.docx", "docx"),
            ("-o /no/such/folder/x.json", "no folder"),
            ("http://127.0.0.1:1 -m G=T", "not an HTTP method"),
            (
                "http://127.0.0.1:1 --rate 0.5 -d 1s",
                "measure for 2 s or longer",
            ),
        ] {
            let error = plan(line).expect_err(line).to_string();
            assert!(error.contains(told), "{line}: {error}");
        }
    }
}
