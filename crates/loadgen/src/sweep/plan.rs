//! What a sweep shall measure, made from the command line or from the record of an interrupted one.

use std::time::Duration;

use analysis::sweep::interim_looks::{BLOCKS_PER_VISIT, SECOND_LOOK_VISITS};
use anyhow::{Context as _, anyhow, bail};
use clap::ValueEnum as _;
use record::sweep::{Spot, SweepConfig};
use record::{COUNTING_RULE, ServerConfig};
use stats::thresholds::CONFIDENCE;
use workload::Workload;

use super::args::SweepArgs;
use crate::args::KeepAlive;
use crate::args::Wait;
use crate::args::output::OutputArgs;
use crate::output::Output;
use crate::plan::{check_pinning, random_seed};
use bench::counters;
use bench::server_spec::{ServerSpec, check_for_workloads};
use bench::waiting::Waiting;
use bench::work::Work;

/// 1 to 10,000 in steps of about √10.
const CONCURRENCIES: [u32; 9] = [1, 3, 10, 32, 100, 316, 1_000, 3_162, 10_000];

/// A sweep, as it shall be.
#[derive(Debug, Clone)]
pub struct SweepPlan {
    /// Servers; the first is the baseline.
    pub servers: Vec<ServerSpec>,
    /// Everything else that stands in the record.
    pub config: SweepConfig,
    /// Visits to a cell at most.
    pub most_visits: usize,
    /// Longest time in all.
    pub time: Duration,
    /// What becomes of the figures.
    pub output: Output,
}

impl SweepPlan {
    /// Makes a plan of the arguments.
    ///
    /// # Errors
    /// When they contradict each other or name what does not exist.
    pub fn new(args: &SweepArgs) -> anyhow::Result<Self> {
        let specs = match args.server.is_empty() {
            true => servers::MODELS.map(str::to_owned).to_vec(),
            false => args.server.clone(),
        };
        let servers = parse(&specs)?;
        let config = SweepConfig {
            command: crate::document::command_line(),
            servers: servers.iter().map(unstarted).collect(),
            server_specs: specs,
            waits_ms: distinct(&args.waits),
            wait: args.wait.name().to_owned(),
            cpu_units: distinct(&args.cpu_units),
            keep_alive: match args.keep_alive {
                KeepAlive::On => vec![true],
                KeepAlive::Off => vec![false],
                KeepAlive::Both => vec![true, false],
            },
            concurrencies: match args.concurrency.is_empty() {
                true => CONCURRENCIES.to_vec(),
                false => distinct(&args.concurrency),
            },
            quick: args.quick,
            blocks_per_visit: if args.quick { 1 } else { BLOCKS_PER_VISIT },
            confidence: CONFIDENCE,
            margin: args.margin / 100.0,
            time_limit_s: args.time.as_secs_f64(),
            warmup_s: args.warmup.as_secs_f64(),
            timeout_s: args.timeout.as_secs_f64(),
            threads: args
                .threads
                .unwrap_or_else(|| u32::try_from(counters::available_cores()).unwrap_or(1)),
            seed: args.seed.unwrap_or_else(random_seed),
            counting_rule: COUNTING_RULE.to_owned(),
            server_cpus: args.server_cpus.clone().map(|cpus| cpus.0),
            client_cpus: args.client_cpus.clone().map(|cpus| cpus.0),
        };
        check_waits(&config)?;
        Self::checked(servers, config, args.time, &args.output)
    }

    /// The plan of an interrupted sweep.
    ///
    /// # Errors
    /// When the record is damaged.
    pub fn resumed(config: SweepConfig, args: &SweepArgs) -> anyhow::Result<Self> {
        let servers = parse(&config.server_specs).context("the record cannot be gone on with")?;
        Self::checked(servers, config, args.time, &args.output)
    }

    fn checked(
        servers: Vec<ServerSpec>,
        config: SweepConfig,
        time: Duration,
        output: &OutputArgs,
    ) -> anyhow::Result<Self> {
        check_for_workloads(&servers)?;
        check_pinning(&[
            config.server_cpus.as_deref().unwrap_or_default(),
            config.client_cpus.as_deref().unwrap_or_default(),
        ])?;
        let plan = Self {
            servers,
            most_visits: if config.quick { 1 } else { SECOND_LOOK_VISITS },
            config,
            time,
            output: output.output()?,
        };
        plan.config
            .spots()
            .iter()
            .try_for_each(|spot| plan.work(*spot).map(drop))?;
        Ok(plan)
    }

    /// What waits are.
    ///
    /// # Errors
    /// When the record names what there is not.
    pub fn wait(&self) -> anyhow::Result<Wait> {
        let wait = Wait::from_str(&self.config.wait, false);
        wait.map_err(|error| anyhow!("the record has a wait of {:?}: {error}", self.config.wait))
    }

    /// The same with servers that wait as is said.
    pub fn waiting(mut self, waiting: &Waiting) -> Self {
        let servers = self.servers.into_iter().enumerate();
        self.servers = servers
            .map(|(number, server)| server.with_flags(&[waiting.flag(number)]))
            .collect();
        self
    }

    /// What a cell asks for.
    ///
    /// # Errors
    /// When the workload does not take the parameters, which a checked plan excludes.
    pub fn work(&self, spot: Spot) -> anyhow::Result<Work> {
        let text = format!("work?wait_ms={}&cpu_units={}", spot.wait_ms, spot.cpu_units);
        Ok(Work::Contract(text.parse::<Workload>()?))
    }

    /// Time after which an unanswered request is an error.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.config.timeout_s)
    }

    /// Load time before each visit.
    pub fn warmup(&self) -> Duration {
        Duration::from_secs_f64(self.config.warmup_s)
    }
}

fn parse(specs: &[String]) -> anyhow::Result<Vec<ServerSpec>> {
    specs.iter().map(|text| ServerSpec::parse(text)).collect()
}

/// No server answers in time what waits for longer.
fn check_waits(config: &SweepConfig) -> anyhow::Result<()> {
    let longest = config.waits_ms.last().copied().unwrap_or(0);
    let timeout_ms = config.timeout_s * 1e3;
    if longest as f64 >= timeout_ms {
        bail!(
            "a wait of {longest} ms is never answered within the timeout of {timeout_ms} ms: choose shorter --waits or a longer --timeout"
        );
    }
    Ok(())
}

/// Until it is started for the first time, only its name is known.
fn unstarted(server: &ServerSpec) -> ServerConfig {
    ServerConfig {
        name: server.label.clone(),
        ..ServerConfig::default()
    }
}

/// Ascending, each once.
fn distinct<T: Ord + Copy>(values: &[T]) -> Vec<T> {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: SweepArgs,
    }

    fn plan(line: &str) -> anyhow::Result<SweepPlan> {
        let words = std::iter::once("sweep").chain(line.split_whitespace());
        SweepPlan::new(&Line::try_parse_from(words)?.args)
    }

    #[test]
    fn by_default_all_built_in_servers_at_nine_concurrencies_and_four_waits() {
        let plan = plan("").unwrap();
        let names: Vec<_> = plan
            .config
            .servers
            .iter()
            .map(|server| server.name.as_str())
            .collect();
        assert_eq!(names, servers::MODELS);
        assert_eq!(plan.config.spots().len(), 36);
        assert_eq!(plan.config.blocks_per_visit, BLOCKS_PER_VISIT);
        assert_eq!(plan.time, Duration::from_secs(18 * 60));
    }

    #[test]
    fn what_is_varied_is_sorted_and_taken_once() {
        let plan =
            plan("-c 10,1,10 --waits 5 --keep-alive both --cpu-units 0,100 --quick").unwrap();
        assert_eq!(plan.config.concurrencies, [1, 10]);
        assert_eq!(plan.config.spots().len(), 8);
        assert_eq!(plan.config.blocks_per_visit, 1);
    }

    #[test]
    fn contradictions_are_told() {
        for (line, told) in [
            ("-s sync -s sync", "two servers"),
            ("-s nonsense", "no server"),
            ("-c 0", "0"),
            ("--resume x.json --quick", "cannot be used with"),
            ("-o x.docx", "docx"),
            ("--waits 0,5000", "a wait of 5000 ms is never answered"),
            ("--waits 10 --timeout 9ms", "timeout of 9 ms"),
        ] {
            let error = plan(line).expect_err(line).to_string();
            assert!(error.contains(told), "{line}: {error}");
        }
    }
}
