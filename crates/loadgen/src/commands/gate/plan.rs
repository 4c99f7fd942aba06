//! What a gate shall do, made from the command line and the settings file and checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use engine::{ExpectStatus, Request};
use record::gate::{GateSettings, Tolerated};
use record::metric::Metric;

use super::args::GateArgs;
use super::blocks;
use super::settings::{self, ServerSettings, Settings, WorkloadSettings};
use crate::args::Verify;
use bench::agreement::Question;
use bench::counters;
use bench::process::ForeignCommand;
use bench::values::default_method;
use experiments::plan::{check_rate, random_seed};

const CONCURRENCY: usize = 50;
const WARMUP: Duration = Duration::from_millis(500);
const BLOCK_TIME: Duration = Duration::from_secs(4);
const TIMEOUT: Duration = Duration::from_secs(10);
const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// Where the port to listen on goes in a command.
const PORT: &str = "{port}";

/// A gate, as it shall be.
#[derive(Debug, Clone)]
pub struct GatePlan {
    /// The two servers.
    pub suts: Pair,
    /// How they are measured.
    pub measure: MeasurePlan,
    /// What is tolerated.
    pub settings: GateSettings,
}

/// The commands of the two servers.
#[derive(Debug, Clone)]
pub struct Pair {
    /// What is held against.
    pub baseline: ForeignCommand,
    /// What is judged.
    pub candidate: ForeignCommand,
}

/// How two servers are measured, whatever is done with the figures.
#[derive(Debug, Clone)]
pub struct MeasurePlan {
    /// What is asked for, at least one.
    pub workloads: Vec<WorkloadPlan>,
    /// Connections to each server.
    pub concurrency: usize,
    /// Worker threads of the load generator.
    pub threads: usize,
    /// Load time of each server before a block is measured.
    pub warmup: Duration,
    /// Measured time of a block and workload, over both servers and both loads.
    pub block_time: Duration,
    /// Time after which an unanswered request is an error.
    pub timeout: Duration,
    /// Seed of the order of turns.
    pub seed: u64,
}

/// One workload.
#[derive(Debug, Clone)]
pub struct WorkloadPlan {
    /// Its name.
    pub name: String,
    /// What is sent.
    pub request: Request,
    /// Statuses that can be measured.
    pub statuses: ExpectStatus,
    /// What must be alike in all answers.
    pub verify: Verify,
    /// The fixed rate; found when `None`.
    pub rate: Option<f64>,
}

impl GatePlan {
    /// Makes a plan of arguments and settings; a flag overrides a setting.
    ///
    /// # Errors
    /// When something is missing or contradicts itself.
    pub fn new(args: &GateArgs) -> anyhow::Result<Self> {
        let file = args.config.clone().or_else(default_file);
        let settings = file
            .as_deref()
            .map(settings::read)
            .transpose()?
            .unwrap_or_default();
        let folder = file
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(Path::new(""));
        let sut = |name: &str, flag: &Option<String>, given: Option<&ServerSettings>| {
            sut(name, flag.as_deref(), given, (folder, args, &settings))
        };
        Ok(Self {
            suts: Pair {
                baseline: sut("baseline", &args.baseline, settings.baseline.as_ref())?,
                candidate: sut("candidate", &args.candidate, settings.candidate.as_ref())?,
            },
            measure: MeasurePlan::new(args, &settings)?,
            settings: gate_settings(args, &settings)?,
        })
    }
}

impl MeasurePlan {
    /// How servers are measured, by arguments and settings.
    ///
    /// # Errors
    /// When a request is none.
    pub fn new(args: &GateArgs, settings: &Settings) -> anyhow::Result<Self> {
        let load = &settings.load;
        let concurrency = args.concurrency.or(load.concurrency.map(Into::into));
        let concurrency = concurrency.map_or(CONCURRENCY, |connections| connections as usize);
        let threads = args.threads.or(load.threads.map(Into::into));
        let threads = threads.map_or_else(counters::available_cores, |threads| threads as usize);
        let rate = args.rate.or(load.rate);
        let mut workloads = match &args.path {
            Some(path) => vec![WorkloadPlan::get(path)],
            None => settings.workloads.iter().map(WorkloadPlan::of).collect(),
        };
        if workloads.is_empty() {
            workloads.push(WorkloadPlan::get("/"));
        }
        for workload in &mut workloads {
            workload.rate = args.rate.or(workload.rate).or(rate);
        }
        let block_time = args.block_time.or(load.block_time).unwrap_or(BLOCK_TIME);
        for rate in workloads.iter().filter_map(|workload| workload.rate) {
            check_rate(rate, blocks::open_time(block_time))?;
        }
        Ok(Self {
            workloads,
            concurrency,
            threads: threads.min(concurrency),
            warmup: args.warmup.or(load.warmup).unwrap_or(WARMUP),
            block_time,
            timeout: args.timeout.or(load.timeout).unwrap_or(TIMEOUT),
            seed: args.seed.unwrap_or_else(random_seed),
        })
    }

    /// The names of all workloads.
    pub fn workload_names(&self) -> String {
        let names: Vec<&str> = self
            .workloads
            .iter()
            .map(|workload| workload.name.as_str())
            .collect();
        names.join(", ")
    }
}

impl WorkloadPlan {
    /// `GET path`.
    pub fn get(path: &str) -> Self {
        Self {
            name: format!("GET {path}"),
            request: Request::get(path),
            statuses: ExpectStatus::Any2xx,
            verify: Verify::Body,
            rate: None,
        }
    }

    /// The same as a question to servers.
    pub fn question(&self) -> Question<'_> {
        Question {
            name: &self.name,
            request: &self.request,
            statuses: self.statuses,
            verify: self.verify,
        }
    }

    fn of(settings: &WorkloadSettings) -> Self {
        let default = || default_method(settings.body.is_some()).to_owned();
        Self {
            name: settings.name.clone(),
            request: Request {
                method: settings.method.clone().unwrap_or_else(default),
                path: settings.path.clone(),
                headers: settings.headers.clone(),
                body: Bytes::from(settings.body.clone().unwrap_or_default()),
            },
            statuses: settings.expect.unwrap_or(ExpectStatus::Any2xx),
            verify: settings.verify,
            rate: settings.rate,
        }
    }
}

fn default_file() -> Option<PathBuf> {
    let file = PathBuf::from(settings::DEFAULT_FILE);
    file.exists().then_some(file)
}

/// The command of a server: the flag's or the settings'. Where it runs and what is added to its environment is
/// for the settings alone to say.
fn sut(
    name: &str,
    flag: Option<&str>,
    given: Option<&ServerSettings>,
    (folder, args, settings): (&Path, &GateArgs, &Settings),
) -> anyhow::Result<ForeignCommand> {
    let Some(line) = flag.or(given.map(|given| given.run.as_str())) else {
        bail!(
            "no command for the {name}: give --{name} 'COMMAND … {PORT}', or write {} (`loadgen init` \
             makes a commented one)",
            settings::DEFAULT_FILE
        )
    };
    // A command that was typed here runs here, unless a folder is named.
    let dir = match given.and_then(|given| given.dir.as_deref()) {
        Some(dir) => folder.join(dir),
        None if flag.is_some() => PathBuf::new(),
        None => folder.to_owned(),
    };
    let dir = Some(dir).filter(|dir| !dir.as_os_str().is_empty());
    if let Some(missing) = dir.as_ref().filter(|dir| !dir.is_dir()) {
        bail!("the {name}'s folder {} does not exist", missing.display());
    }
    let env = given.map_or_else(BTreeMap::new, |given| given.env.clone());
    let ready_path = args.ready.clone().or_else(|| settings.ready.path.clone());
    let command = ForeignCommand {
        command: words(line).with_context(|| format!("the {name}'s command"))?,
        dir,
        env: env.into_iter().collect(),
        env_removed: Vec::new(),
        ready_path: ready_path.unwrap_or_else(|| "/".to_owned()),
        ready_by_any_status: false,
        ready_timeout: settings.ready.timeout.unwrap_or(READY_TIMEOUT),
    };
    let has_port = |text: &String| text.contains(PORT);
    if !command.command.iter().any(has_port)
        && !command.env.iter().any(|(_, value)| has_port(value))
    {
        bail!(
            "the {name}'s command has no {PORT}, which stands for the port to listen on: {:?}",
            command.command.join(" ")
        );
    }
    Ok(command)
}

/// Splits a command line into words as a shell does.
pub fn words(line: &str) -> anyhow::Result<Vec<String>> {
    let words =
        shlex::split(line).with_context(|| format!("{line:?} has a quote that is not closed"))?;
    if words.is_empty() {
        bail!("it is empty");
    }
    Ok(words)
}

/// What is tolerated, by arguments and settings.
///
/// # Errors
/// When no metric is left to gate.
pub fn gate_settings(args: &GateArgs, settings: &Settings) -> anyhow::Result<GateSettings> {
    let default = Tolerated::default();
    let given = &settings.tolerated;
    let mut tolerated = Tolerated {
        server_cpu_per_request: given
            .server_cpu_per_request
            .unwrap_or(default.server_cpu_per_request),
        throughput: given.throughput.unwrap_or(default.throughput),
        p50: given.p50.unwrap_or(default.p50),
    };
    for &(metric, slowdown) in &args.tolerate {
        match metric {
            Metric::ServerCpuPerRequest => tolerated.server_cpu_per_request = slowdown,
            Metric::Throughput => tolerated.throughput = slowdown,
            Metric::P50 => tolerated.p50 = slowdown,
            Metric::P99 => bail!("p99 is never gated: it scatters by its own size"),
        }
    }
    if Metric::IN_GATES
        .into_iter()
        .all(|metric| tolerated.of(metric).is_none())
    {
        bail!("every metric is off: nothing is left to decide by");
    }
    Ok(GateSettings {
        tolerated,
        max_errors: args.max_errors.or(given.errors).unwrap_or(0.0),
        max_blocks: args.max_blocks.parse().context("--max-blocks")?,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn plan(words: &[&str]) -> anyhow::Result<GatePlan> {
        let line = ["loadgen", "gate"].iter().chain(words);
        match Cli::try_parse_from(line)?.command {
            Some(Command::Gate(args)) => GatePlan::new(&args),
            other => panic!("{other:?}"),
        }
    }

    fn with_commands(words: &[&str]) -> anyhow::Result<GatePlan> {
        let commands = [
            "--baseline",
            "a --port={port}",
            "--candidate",
            "'b c' {port}",
        ];
        plan(&[&commands, words].concat())
    }

    #[test]
    fn flags_alone_make_a_plan() {
        let plan = with_commands(&[]).unwrap();
        assert_eq!(plan.suts.baseline.command, ["a", "--port={port}"]);
        assert_eq!(plan.suts.candidate.command, ["b c", "{port}"]);
        assert_eq!(plan.measure.workload_names(), "GET /");
        assert_eq!(plan.settings, GateSettings::default());
    }

    #[test]
    fn flags_override_settings() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("loadgen.toml");
        let text = "[baseline]\nrun = \"a {port}\"\n[candidate]\nrun = \"b\"\nenv = { PORT = \"{port}\" }\n\
                    [load]\nconcurrency = 3\nrate = 7.0\n[tolerated]\np50 = \"off\"\n\
                    [[workload]]\nname = \"one\"\npath = \"/1\"\nbody = \"x\"\n[[workload]]\nname = \"two\"\npath = \"/2\"\nrate = 9.0\n";
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let given = plan(&["--config", file]).unwrap();
        assert_eq!(given.suts.candidate.dir.as_deref(), Some(folder.path()));
        assert_eq!(
            (given.measure.concurrency, given.measure.threads.min(3)),
            (3, given.measure.threads)
        );
        assert_eq!(given.settings.tolerated.p50, None);
        let methods: Vec<_> = given
            .measure
            .workloads
            .iter()
            .map(|it| (it.request.method.as_str(), it.rate))
            .collect();
        assert_eq!(methods, [("POST", Some(7.0)), ("GET", Some(9.0))]);
        let changed = plan(&[
            "--config",
            file,
            "-c",
            "5",
            "--rate",
            "8",
            "--path",
            "/",
            "--tolerate",
            "p50=20%",
        ])
        .unwrap();
        assert_eq!(
            (
                changed.measure.concurrency,
                changed.measure.workloads[0].rate
            ),
            (5, Some(8.0))
        );
        assert_eq!(changed.settings.tolerated.p50, Some(0.2));
    }

    #[test]
    fn a_command_that_is_overridden_keeps_its_folder_and_environment() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        std::fs::create_dir(&below).unwrap();
        let file = folder.path().join("loadgen.toml");
        let text = "[baseline]\nrun = \"a\"\ndir = \"below\"\nenv = { PORT = \"{port}\" }\n\
                    [candidate]\nrun = \"b {port}\"\n";
        std::fs::write(&file, text).unwrap();
        let given = plan(&[
            "--config",
            file.to_str().unwrap(),
            "--baseline",
            "c d",
            "--candidate",
            "e {port}",
        ]);
        let Pair {
            baseline,
            candidate,
        } = given.unwrap().suts;
        assert_eq!(baseline.command, ["c", "d"]);
        assert_eq!(baseline.dir, Some(below));
        assert_eq!(baseline.env, [("PORT".to_owned(), "{port}".to_owned())]);
        assert_eq!(candidate.command, ["e", "{port}"]);
        assert_eq!(candidate.dir, None, "what was typed here runs here");
    }

    #[test]
    fn what_is_missing_or_impossible_is_told() {
        let off = ["server_cpu_per_request=off", "throughput=off", "p50=off"];
        let off: Vec<&str> = off.iter().flat_map(|it| ["--tolerate", it]).collect();
        let cases: [(anyhow::Result<GatePlan>, &str); 7] = [
            (plan(&[]), "no command for the baseline"),
            (
                plan(&["--baseline", "a {port}"]),
                "no command for the candidate",
            ),
            (
                plan(&["--baseline", "a", "--candidate", "b {port}"]),
                "has no {port}",
            ),
            (
                plan(&["--baseline", "a 'b {port}", "--candidate", "b {port}"]),
                "not closed",
            ),
            (
                plan(&["--baseline", "", "--candidate", "b {port}"]),
                "it is empty",
            ),
            (plan(&["--config", "/no/such.toml"]), "/no/such.toml"),
            (with_commands(&off), "nothing is left"),
        ];
        for (result, told) in cases {
            let error = format!("{:#}", result.expect_err(told));
            assert!(error.contains(told), "{told}: {error}");
        }
    }
}
