//! What shall be measured, made from the command line and checked. No flag is looked at after this.

use std::time::Duration;

use anyhow::bail;
use engine::{Arrivals, ClientKind, RequestClass};
use workload::Scenario;

use crate::args::run::RunArgs;
use crate::args::{ArrivalsArg, ClientArg, KeepAlive, MaxErrors, Switch, Wait};
use crate::counters;
use crate::output::{Output, check_files};
use crate::server_spec::{self, ServerSpec, check_labels};
use crate::server_under_test::ServerUnderTest;
use crate::work::Work;

mod asked;
mod load;

pub use load::{Amount, LoadPoint, check_rate, has_requests, round_rate};

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

impl Plan {
    /// Makes a plan of the arguments.
    ///
    /// # Errors
    /// When they contradict each other or name what does not exist.
    pub fn new(args: &RunArgs) -> anyhow::Result<Self> {
        let servers = asked::servers(args)?;
        Ok(Self {
            work: asked::work(args, &servers)?,
            servers,
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
        })
    }

    /// Fails where the parts of a plan do not go together.
    ///
    /// # Errors
    /// Then, with what to do.
    pub fn check(&self) -> anyhow::Result<()> {
        check_labels(&self.servers)?;
        if let Work::Contract(workload) = &self.work {
            self.servers
                .iter()
                .try_for_each(|server| server_spec::check_has(server, workload))?;
            if self.traceparent.is_some() && workload.definition().scenario == Scenario::WebSocket {
                bail!("--traceparent goes with requests: messages over WebSocket carry no trace");
            }
        }
        for &point in &self.load_points {
            if let (LoadPoint::Rate(rate), Some(time)) = (point, self.measured_time(point)) {
                check_rate(rate, time)?;
            }
        }
        let at_socket = self.servers.iter().find(|server| server.is_at_socket());
        if let (Some(server), ClientKind::Reqwest) = (at_socket, self.client) {
            bail!(
                "--client reqwest connects by TCP only: measure {} at its Unix socket with --client raw",
                server.label
            );
        }
        check_files(&self.output.files)?;
        check_pinning(&[&self.server_cpus, &self.client_cpus])
    }

    /// The same plan, once it is known what the servers answer alike to a request of the user's own.
    ///
    /// # Errors
    /// When they do not answer alike.
    pub fn agreed(&self, suts: &[ServerUnderTest]) -> anyhow::Result<Self> {
        let mut plan = self.clone();
        if let Work::Own(own) = &mut plan.work {
            own.agree(suts, self.timeout)?;
        }
        Ok(plan)
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
}

/// Fails where pinning is asked for and cannot be had.
///
/// # Errors
/// Everywhere but on Linux, and for CPUs that this process may not use.
pub fn check_pinning(asked_for: &[&[usize]]) -> anyhow::Result<()> {
    let wanted: Vec<usize> = asked_for.iter().copied().flatten().copied().collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let Some(usable) = counters::usable_cpus() else {
        bail!("--server-cpus and --client-cpus work on Linux only");
    };
    if let Some(missing) = wanted.iter().find(|cpu| !usable.contains(cpu)) {
        bail!("there is no CPU {missing} that this process may use; there are {usable:?}");
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
    use crate::scenarios::fitted;
    use crate::server_spec::ServerSource;

    fn plan(line: &str) -> anyhow::Result<Plan> {
        let words = std::iter::once("loadgen").chain(line.split_whitespace());
        fitted::plan(&Cli::try_parse_from(words)?.run)
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
        assert_eq!(
            fitted::estimated_time(&plan),
            Some(Duration::from_secs(3 * 77))
        );
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
        assert_eq!(own(&plan), "GET /a?b=c");
        assert_eq!(plan.load_points, [LoadPoint::Saturated]);
        assert_eq!(fitted::estimated_time(&plan), None);
    }

    #[test]
    fn a_body_makes_it_a_post() {
        assert_eq!(own(&plan("http://[::1]:1 -b x").unwrap()), "POST /");
        let empty = plan("localhost:1 -b @/dev/null").unwrap();
        assert_eq!(own(&empty), "POST /", "an empty body is one too");
    }

    #[test]
    fn servers_of_one_s_own_are_asked_for_what_they_have() {
        for (line, wanted) in [
            ("-s a=http://h:1 -s b=http://h:2", Some("GET /")),
            ("-s a=http://h:1/x -s b=http://h:2/y", Some("GET /")),
            (
                "-s a=http://h:1 -s b=exec:x{port} --path /a?b=c",
                Some("GET /a?b=c"),
            ),
            ("-s sync -s mine=http://h:1 --path /json", Some("GET /json")),
            ("-s sync -s mine=http://h:1", None),
            ("-s mine=http://h:1 -w json", None),
        ] {
            let plan = plan(line).expect(line);
            let is_own = matches!(plan.work, Work::Own(_));
            assert_eq!(is_own.then(|| own(&plan)).as_deref(), wanted, "{line}");
        }
    }

    fn own(plan: &Plan) -> String {
        match &plan.work {
            Work::Own(own) => own.name(),
            Work::Contract(workload) => panic!("{workload}"),
        }
    }

    #[test]
    fn contradictions_are_told() {
        for (line, told) in [
            ("--server sync --server sync", "two servers"),
            ("--server tomcat", "no server"),
            ("--server exec:", "no command"),
            ("--server exec:httpd", "{port}"),
            (
                "--server http://127.0.0.1:1/path -w json",
                "exclude each other",
            ),
            ("-H a:b -w json", "--header exclude each other"),
            ("-m post", "did you mean POST"),
            ("-b @/dev/zero", "more than 256 MiB"),
            ("--server-cpus 999", "there is no CPU 999"),
            ("--server exec:'a{port}", "not closed"),
            ("http:// ", "no host"),
            ("-s sync -s asynch", "(did you mean `async`?)"),
            ("-w helo", "(did you mean `hello`?)"),
            ("-w mixed:cpuu", "has no mode `cpuu`"),
            (
                "unix:/a.sock --client reqwest",
                "--client reqwest connects by TCP only",
            ),
            ("-s a=unix::/b", "names no socket"),
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
