//! What a run shall measure, checked. It knows no flag.

use std::time::Duration;

use anyhow::bail;
use contract::Scenario;
use engine::{Arrivals, ClientKind, RequestClass};

use bench::counters;
use bench::server_spec::{self, ServerSpec, check_labels};
use bench::server_under_test::ServerUnderTest;
use bench::values::{MaxErrors, Wait};
use bench::work::Work;

mod load;

pub use load::{Amount, LoadPoint, check_rate, has_requests, round_rate};

/// Idle connections of a run that has such.
pub const DEFAULT_IDLE: usize = 1000;

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
    /// Whether nothing is said of how far it is.
    pub quiet: bool,
}

impl Plan {
    /// A closed loop over connections that stay open, measured for so long in 8 blocks. Who wants something else says so.
    pub fn closed_loop(
        servers: Vec<ServerSpec>,
        work: Work,
        connections: usize,
        measured: Duration,
    ) -> Self {
        Self {
            servers,
            work,
            traceparent: None,
            concurrency: connections,
            amount: Amount::Time(measured),
            threads: counters::available_cores().min(connections),
            load_points: vec![LoadPoint::Saturated],
            arrivals: Arrivals::Constant,
            keep_alive: vec![true],
            idle_connections: DEFAULT_IDLE,
            wait: Wait::Exact,
            contrast: false,
            warmup: Duration::from_secs(1),
            warmup_until_settled: false,
            blocks: 8,
            interleave: true,
            one_slice_per_block: false,
            timeout: Duration::from_secs(10),
            client: ClientKind::Raw,
            seed: random_seed(),
            server_cpus: Vec::new(),
            client_cpus: Vec::new(),
            max_errors: MaxErrors::Share(0.01),
            quiet: false,
        }
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
