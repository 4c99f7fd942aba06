//! What a sweep shall measure, by what is requested or by the record of an interrupted one.

use std::time::Duration;

use analysis::sweep::interim_looks::{BLOCKS_PER_VISIT, SECOND_LOOK_VISITS};
use anyhow::{Context as _, anyhow, bail};
use contract::Workload;
use record::sweep::{Spot, SweepConfig};
use record::{COUNTING_RULE, ServerConfig};
use stats::thresholds::CONFIDENCE;

use crate::plan::{check_pinning, random_seed};
use bench::counters;
use bench::server_spec::{ServerSpec, check_for_workloads};
use bench::values::Wait;
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
    /// Whether its record is kept under `results/`.
    pub save: bool,
    /// Whether nothing is said of how far it is.
    pub quiet: bool,
}

/// What is requested of a sweep; where a list is empty, what is measured by default.
#[derive(Debug, Clone)]
pub struct Requested {
    /// Servers as they are typed; the first is the baseline.
    pub servers: Vec<String>,
    /// Connections to each server.
    pub concurrencies: Vec<u32>,
    /// Waits in the handler, in milliseconds.
    pub waits_ms: Vec<u64>,
    /// What the waits of built-in servers are.
    pub wait: Wait,
    /// Computing in the handler, in units of about 1 µs.
    pub cpu_units: Vec<u64>,
    /// Keep-alive settings, in order.
    pub keep_alive: Vec<bool>,
    /// Whether each cell gets one short block only.
    pub quick: bool,
    /// Differences up to this many percent count as equal.
    pub margin_percent: f64,
    /// Longest time in all.
    pub time: Duration,
    /// Load time before each visit, per server.
    pub warmup: Duration,
    /// Time after which an unanswered request is an error.
    pub timeout: Duration,
    /// Worker threads of the load generator; one per CPU where none are named.
    pub threads: Option<u32>,
    /// CPUs of the servers, if they are pinned.
    pub server_cpus: Option<Vec<usize>>,
    /// CPUs of the load generator's threads, if they are pinned.
    pub client_cpus: Option<Vec<usize>>,
    /// Seed of the order of turns; a random one where none is named.
    pub seed: Option<u64>,
    /// Whether its record is kept under `results/`.
    pub save: bool,
    /// Whether nothing is said of how far it is.
    pub quiet: bool,
}

impl SweepPlan {
    /// Makes a plan.
    ///
    /// # Errors
    /// When what is requested contradicts itself or names what does not exist.
    pub fn new(requested: Requested) -> anyhow::Result<Self> {
        let specs = match requested.servers.is_empty() {
            true => servers::MODELS.map(str::to_owned).to_vec(),
            false => requested.servers,
        };
        let servers = parse(&specs)?;
        let config = SweepConfig {
            command: crate::document::command_line(),
            servers: servers.iter().map(unstarted).collect(),
            server_specs: specs,
            waits_ms: distinct(&requested.waits_ms),
            wait: requested.wait.name().to_owned(),
            cpu_units: distinct(&requested.cpu_units),
            keep_alive: requested.keep_alive,
            concurrencies: match requested.concurrencies.is_empty() {
                true => CONCURRENCIES.to_vec(),
                false => distinct(&requested.concurrencies),
            },
            quick: requested.quick,
            blocks_per_visit: if requested.quick { 1 } else { BLOCKS_PER_VISIT },
            confidence: CONFIDENCE,
            margin: requested.margin_percent / 100.0,
            time_limit_s: requested.time.as_secs_f64(),
            warmup_s: requested.warmup.as_secs_f64(),
            timeout_s: requested.timeout.as_secs_f64(),
            threads: requested
                .threads
                .unwrap_or_else(|| u32::try_from(counters::available_cores()).unwrap_or(1)),
            seed: requested.seed.unwrap_or_else(random_seed),
            counting_rule: COUNTING_RULE.to_owned(),
            server_cpus: requested.server_cpus,
            client_cpus: requested.client_cpus,
        };
        check_waits(&config)?;
        Self::checked(
            servers,
            config,
            requested.time,
            requested.save,
            requested.quiet,
        )
    }

    /// The plan of an interrupted sweep.
    ///
    /// # Errors
    /// When the record is damaged.
    pub fn resumed(
        config: SweepConfig,
        time: Duration,
        save: bool,
        quiet: bool,
    ) -> anyhow::Result<Self> {
        let servers = parse(&config.server_specs).context("the record cannot be gone on with")?;
        Self::checked(servers, config, time, save, quiet)
    }

    fn checked(
        servers: Vec<ServerSpec>,
        config: SweepConfig,
        time: Duration,
        save: bool,
        quiet: bool,
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
            save,
            quiet,
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
        let wait = Wait::parse(&self.config.wait);
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
