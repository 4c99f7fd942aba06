//! The plan of a run, made from the command line. No flag is looked at after this.

use std::time::Duration;

use bench::counters;
use engine::{Arrivals, ClientKind};
use experiments::plan::{Amount, DEFAULT_IDLE, LoadPoint, Plan, random_seed};
use experiments::scenarios::fitted;

use super::asked;
use crate::args::run::RunArgs;
use crate::args::{ArrivalsArg, ClientArg, Switch};

/// Measured time of a default run, per server.
const DEFAULT_DURATION: Duration = Duration::from_secs(5);

/// Makes a plan of the arguments.
///
/// # Errors
/// When they contradict each other, name what does not exist, or do not go with the work.
pub fn plan(args: &RunArgs) -> anyhow::Result<Plan> {
    let servers = asked::servers(args)?;
    let plan = Plan {
        work: asked::work(args, &servers)?,
        servers,
        traceparent: args
            .servers
            .traceparent
            .then(|| telemetry::TraceParent::random().to_string()),
        concurrency: args.load.concurrency as usize,
        amount: match args.load.requests {
            Some(requests) => Amount::Requests(requests),
            None => Amount::Time(args.load.duration.unwrap_or(DEFAULT_DURATION)),
        },
        threads: threads(args),
        load_points: points(args),
        arrivals: match args.load.arrivals {
            ArrivalsArg::Constant => Arrivals::Constant,
            ArrivalsArg::Poisson => Arrivals::Poisson,
        },
        keep_alive: args.load.keep_alive.settings(),
        idle_connections: args.servers.idle.map_or(DEFAULT_IDLE, |idle| idle as usize),
        wait: args.servers.wait,
        contrast: args.decision.contrast == Switch::On && args.load.requests.is_none(),
        warmup: args.load.warmup,
        warmup_until_settled: false,
        blocks: args.decision.blocks,
        interleave: args.decision.interleave == Switch::On,
        one_slice_per_block: false,
        timeout: args.load.timeout,
        client: match args.load.client {
            ClientArg::Raw => ClientKind::Raw,
            ClientArg::Reqwest => ClientKind::Reqwest,
        },
        seed: args.decision.seed.unwrap_or_else(random_seed),
        server_cpus: args
            .servers
            .server_cpus
            .clone()
            .map_or_else(Vec::new, |cpus| cpus.0),
        client_cpus: args
            .servers
            .client_cpus
            .clone()
            .map_or_else(Vec::new, |cpus| cpus.0),
        max_errors: args.decision.max_errors,
        quiet: args.output.quiet,
    };
    fitted::fit(plan, args.servers.idle.is_some())
}

fn points(args: &RunArgs) -> Vec<LoadPoint> {
    match args.load.rate {
        Some(rate) => vec![LoadPoint::Rate(rate)],
        None if args.url.is_some()
            || args.load.requests.is_some()
            || args.decision.same_rate == Switch::Off =>
        {
            vec![LoadPoint::Saturated]
        }
        None => vec![LoadPoint::Saturated, LoadPoint::SameRate],
    }
}

fn threads(args: &RunArgs) -> usize {
    let wanted = args
        .load
        .threads
        .map_or_else(counters::available_cores, |threads| threads as usize);
    wanted.min(args.load.concurrency as usize)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use bench::server_spec::ServerSource;
    use bench::work::Work;

    use super::*;
    use crate::cli::Cli;

    fn plan(line: &str) -> anyhow::Result<Plan> {
        let words = std::iter::once("loadgen").chain(line.split_whitespace());
        let args = Cli::try_parse_from(words)?.run;
        args.output.output()?;
        super::plan(&args)
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
