//! What shall be measured, made from the command line and checked. No flag is looked at after this.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use engine::{Arrivals, ClientKind, Expect, ExpectBody, ExpectStatus, Request, RequestClass};
use workload::{Shape, Workload};

use crate::cli::{ArrivalsArg, ClientArg, KeepAlive, MaxErrors, RunArgs, Switch};
use crate::process::ForeignCommand;
use crate::{counters, servers, shapes};

/// Measured time of a default run, per server.
const DEFAULT_DURATION: Duration = Duration::from_secs(5);
/// Idle connections of a run that has such.
pub(crate) const DEFAULT_IDLE: usize = 1000;
/// The servers of a default run.
const DEFAULT_SERVERS: [&str; 3] = ["sync", "async-bare", "async"];
/// Share of the measured time that the same-rate load point gets.
const SAME_RATE_SHARE: f64 = 0.25;

/// A run, as it shall be.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Servers, in the order they are shown.
    pub servers: Vec<ServerSpec>,
    /// What they are asked for.
    pub work: Work,
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

/// One server to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSpec {
    /// Name it is shown by.
    pub label: String,
    /// Where it comes from.
    pub source: ServerSource,
}

/// Where a server comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerSource {
    /// `loadgen serve MODEL FLAGS`, a process of its own.
    BuiltIn {
        /// `sync`, `sync-pool`, `async-bare` or `async`.
        model: String,
        /// Further flags.
        flags: Vec<String>,
    },
    /// A command of the user's own that serves HTTP on `{port}`.
    Command {
        /// Program and arguments.
        command: Vec<String>,
    },
    /// A contender, its command ready to run.
    Contender(Box<ForeignCommand>),
    /// A server that runs already: its base URL, without a path.
    Running {
        /// `http://host:port`.
        base_url: String,
    },
}

/// What the servers are asked for.
#[derive(Debug, Clone)]
pub enum Work {
    /// A workload of the contract, with answers that can be verified.
    Contract(Workload),
    /// A request of the user's own.
    Custom(Request),
}

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// Measured time per server.
    Time(Duration),
    /// Requests in total per server.
    Requests(u64),
}

/// How hard the servers are loaded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LoadPoint {
    /// As hard as the connections allow.
    Saturated,
    /// Open loop at this rate in requests per second.
    Rate(f64),
    /// Open loop at half the throughput of the slowest server at the saturated load point.
    SameRate,
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
            servers: servers(args)?,
            work: work(args)?,
            concurrency: args.concurrency as usize,
            amount: match args.requests {
                Some(requests) => Amount::Requests(requests),
                None => Amount::Time(args.duration.unwrap_or(DEFAULT_DURATION)),
            },
            threads: threads(args),
            load_points: load_points(args),
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
            contrast: args.contrast == Switch::On && args.requests.is_none(),
            warmup: args.warmup,
            warmup_until_settled: false,
            blocks: args.blocks,
            interleave: args.interleave == Switch::On,
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
        }
        check_files(&self.output.files)?;
        check_pinning(!(self.server_cpus.is_empty() && self.client_cpus.is_empty()))
    }

    /// Measured time per server at a load point; `None` when a number of requests decides.
    pub fn measured_time(&self, point: LoadPoint) -> Option<Duration> {
        match (self.amount, point) {
            (Amount::Time(time), LoadPoint::SameRate) => Some(time.mul_f64(SAME_RATE_SHARE)),
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

/// Fails when two servers have one name.
///
/// # Errors
/// Then, with the name.
pub fn check_labels(servers: &[ServerSpec]) -> anyhow::Result<()> {
    for (index, server) in servers.iter().enumerate() {
        if servers[..index]
            .iter()
            .any(|earlier| earlier.label == server.label)
        {
            bail!(
                "two servers are called {:?}: give one a name of its own, --server NAME={0}",
                server.label
            );
        }
    }
    Ok(())
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

impl Work {
    /// Name in the record.
    pub fn name(&self) -> String {
        match self {
            Self::Contract(workload) => workload.to_string(),
            Self::Custom(_) => "custom".to_owned(),
        }
    }

    /// The requests to send, and the answers that count.
    pub fn classes(&self) -> Vec<RequestClass> {
        match self {
            Self::Contract(workload) => servers::request_classes(workload),
            Self::Custom(request) => vec![RequestClass {
                name: "custom".to_owned(),
                weight: 1,
                request: request.clone(),
                expect: Expect {
                    status: ExpectStatus::Any2xx,
                    body: ExpectBody::Any,
                },
            }],
        }
    }
}

impl ServerSpec {
    /// A built-in server with further flags and their values, but for those it was given itself.
    pub fn with_flags(mut self, further: &[(&str, String)]) -> Self {
        if let ServerSource::BuiltIn { flags, .. } = &mut self.source {
            let given = |name: &str| {
                let with_value = format!("{name}=");
                flags
                    .iter()
                    .any(|flag| flag == name || flag.starts_with(&with_value))
            };
            let missing = further.iter().filter(|(name, _)| !given(name));
            let missing: Vec<String> = missing
                .flat_map(|(name, value)| [(*name).to_owned(), value.clone()])
                .collect();
            flags.extend(missing);
        }
        self
    }

    /// Reads `[LABEL=]MODEL [FLAGS]`, `[LABEL=]URL` or `[LABEL=]exec:COMMAND`.
    ///
    /// # Errors
    /// When it is none of these, with what there is.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let (label, rest) = match text.split_once('=') {
            // A `=` further on belongs to a flag or a URL.
            Some((label, rest)) if !label.is_empty() && !label.contains([' ', ':', '/']) => {
                (Some(label), rest)
            }
            _ => (None, text),
        };
        if rest.starts_with("http://") || rest.starts_with("https://") {
            let (base_url, path) = split_url(rest)?;
            if path != "/" {
                bail!("--server {text:?}: a server is named without a path, such as {base_url}");
            }
            let label = label.map_or_else(|| base_url.clone(), str::to_owned);
            return Ok(Self {
                label,
                source: ServerSource::Running { base_url },
            });
        }
        if let Some(command) = rest.strip_prefix("exec:") {
            let command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
            let Some(program) = command.first() else {
                bail!("--server {text:?} names no command")
            };
            if !command.iter().any(|word| word.contains("{port}")) {
                bail!(
                    "--server {text:?}: the command must say with {{port}} where it takes its port"
                );
            }
            let label = label.unwrap_or(program).to_owned();
            return Ok(Self {
                label,
                source: ServerSource::Command { command },
            });
        }
        let mut words = rest.split_whitespace().map(str::to_owned);
        let model = words.next().unwrap_or_default();
        if !servers::MODELS.contains(&model.as_str()) {
            bail!(
                "--server {text:?}: there is no server {model:?}; there are {}, URLs and exec:COMMAND",
                servers::MODELS.join(", ")
            );
        }
        Ok(Self {
            label: label.map_or_else(|| model.clone(), str::to_owned),
            source: ServerSource::BuiltIn {
                model,
                flags: words.collect(),
            },
        })
    }
}

fn servers(args: &RunArgs) -> anyhow::Result<Vec<ServerSpec>> {
    if let Some(url) = &args.url {
        let (base_url, _) = split_url(url)?;
        return Ok(vec![ServerSpec {
            label: base_url.clone(),
            source: ServerSource::Running { base_url },
        }]);
    }
    if args.server.is_empty() {
        return DEFAULT_SERVERS
            .iter()
            .map(|name| ServerSpec::parse(name))
            .collect();
    }
    args.server
        .iter()
        .map(|text| ServerSpec::parse(text))
        .collect()
}

fn work(args: &RunArgs) -> anyhow::Result<Work> {
    let Some(url) = &args.url else {
        if !args.header.is_empty() {
            bail!("--header goes with a URL: the requests of a workload are fixed");
        }
        return Ok(Work::Contract(args.workload.parse()?));
    };
    if args.workload != "hello" {
        bail!(
            "--workload {} and a URL exclude each other; to load that server with a workload: --server {url}",
            args.workload
        );
    }
    let body = match args.body.as_deref() {
        None => Bytes::new(),
        Some(text) => match text.strip_prefix('@') {
            Some(path) => std::fs::read(path)
                .with_context(|| format!("--body: cannot read {path}"))?
                .into(),
            None => Bytes::copy_from_slice(text.as_bytes()),
        },
    };
    let method = match args.method.as_deref() {
        Some(method) if method.is_empty() || !method.chars().all(|c| c.is_ascii_alphabetic()) => {
            bail!("--method {method:?} is not an HTTP method")
        }
        Some(method) => method.to_ascii_uppercase(),
        None if body.is_empty() => "GET".to_owned(),
        None => "POST".to_owned(),
    };
    let (_, path) = split_url(url)?;
    Ok(Work::Custom(Request {
        method,
        path,
        headers: args.header.clone(),
        body,
    }))
}

/// Splits a URL into its base and its path with query. The fragment never leaves a client.
fn split_url(url: &str) -> anyhow::Result<(String, String)> {
    let without_fragment = url.split('#').next().unwrap_or_default();
    let Some(start) = without_fragment.find("://").map(|at| at + 3) else {
        bail!("{url:?} is not a URL")
    };
    let end = without_fragment[start..]
        .find(['/', '?'])
        .map_or(without_fragment.len(), |at| start + at);
    let (base, path) = without_fragment.split_at(end);
    if base.len() == start || base.contains(char::is_whitespace) || base.contains('@') {
        bail!("{url:?} has no host that can be used");
    }
    if path.contains(|c: char| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        bail!("{url:?} has characters in its path that must be percent-encoded");
    }
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    Ok((base.to_owned(), path))
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

fn load_points(args: &RunArgs) -> Vec<LoadPoint> {
    match args.rate {
        Some(rate) => vec![LoadPoint::Rate(rate)],
        None if args.url.is_some() || args.requests.is_some() || args.same_rate == Switch::Off => {
            vec![LoadPoint::Saturated]
        }
        None => vec![LoadPoint::Saturated, LoadPoint::SameRate],
    }
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
    fn servers_take_labels_flags_and_urls() {
        let spec = ServerSpec::parse("ct=async --flavor current-thread").unwrap();
        assert_eq!(spec.label, "ct");
        let flags = vec!["--flavor".to_owned(), "current-thread".to_owned()];
        assert_eq!(
            spec.source,
            ServerSource::BuiltIn {
                model: "async".to_owned(),
                flags
            }
        );
        assert_eq!(
            ServerSpec::parse("mine=http://127.0.0.1:1").unwrap().label,
            "mine"
        );
        assert_eq!(
            ServerSpec::parse("sync --stack-size=65536").unwrap().label,
            "sync"
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
        ] {
            let error = plan(line).expect_err(line).to_string();
            assert!(error.contains(told), "{line}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn splitting_urls_never_panics_and_loses_nothing(rest in "[a-z0-9:./?=&-]{1,30}") {
            if let Ok((base, path)) = split_url(&format!("http://{rest}")) {
                let joined = format!("{base}{path}").replace("/?", "?");
                let original = format!("http://{rest}").replace("/?", "?");
                proptest::prop_assert_eq!(joined.trim_end_matches('/'), original.trim_end_matches('/'));
            }
        }
    }
}
