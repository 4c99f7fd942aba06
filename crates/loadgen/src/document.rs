//! The record around the cells: what was asked for, on which machine, and what to distrust.

use engine::{Arrivals, ClientKind, Request};
use jiff::Timestamp;
use report::analysis::distrust::Distrust;
use report::record::{
    COUNTING_RULE, Config, Record, RequestConfig, SCHEMA_VERSION, ServerConfig, TcpCounters,
};

use crate::arm::{Arm, Connects};
use crate::counters::{self, ListenQueue};
use crate::descriptors::Room;
use crate::environment;
use crate::gate::floor;
use crate::plan::{Amount, Plan, Work};

/// A record in which nothing has been measured yet.
pub fn begin(plan: &Plan, arms: &[Arm]) -> Record {
    blank(config(plan, arms))
}

/// A record of now and here, in which nothing has been measured yet.
pub fn blank(config: Config) -> Record {
    Record {
        schema_version: SCHEMA_VERSION,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        merged_from: Vec::new(),
        interrupted: false,
        environment: environment::look(),
        config,
        results: Vec::new(),
        comparisons: Vec::new(),
        article: Vec::new(),
        tcp: TcpCounters::default(),
        waits_late: Vec::new(),
        findings: Vec::new(),
        warnings: Vec::new(),
    }
}

/// Adds what is known only at the end, and all that follows from the figures.
pub fn finish(record: &mut Record, plan: &Plan, room: Room, tcp: TcpCounters) {
    record.tcp = tcp;
    record.findings.extend(floor::sentence(&record.environment));
    if room == Room::InTurns {
        let in_turns = Distrust::TakenInTurns {
            connections: plan.concurrency as u64,
            servers: plan.servers.len(),
            limit: record.environment.descriptor_limit.unwrap_or_default(),
        };
        record.warnings.push(in_turns.into());
    }
    report::analyse(record);
}

/// Growth of the machine's TCP counters, and what the connects before the measuring saw.
pub fn tcp_since(before: Option<ListenQueue>, connects: Connects) -> TcpCounters {
    let after = counters::listen_queue();
    let growth = |of: fn(ListenQueue) -> u64| Some(of(after?).saturating_sub(of(before?)));
    TcpCounters {
        listen_overflows: growth(|queue| queue.overflows),
        syn_retransmits: growth(|queue| queue.syn_retransmits),
        slowest_connect_us: u64::try_from(connects.slowest.as_micros()).ok(),
        failed_connects: Some(connects.failed),
    }
}

/// A request as the record tells it.
pub fn request(request: &Request) -> RequestConfig {
    RequestConfig {
        method: request.method.clone(),
        path: request.path.clone(),
        headers: request.headers.clone(),
        body_bytes: request.body.len() as u64,
    }
}

fn config(plan: &Plan, arms: &[Arm]) -> Config {
    let request = &plan.requests(&plan.work)[0].request;
    let cpus = |cpus: &[usize]| (!cpus.is_empty()).then(|| cpus.to_vec());
    Config {
        command: command_line(),
        servers: arms.iter().map(server).collect(),
        workload: plan.work.name(),
        request: self::request(request),
        requests_by_workload: Vec::new(),
        concurrency: u32::try_from(plan.concurrency).unwrap_or(u32::MAX),
        duration_s: match plan.amount {
            Amount::Time(time) => Some(time.as_secs_f64()),
            Amount::Requests(_) => None,
        },
        requests: match plan.amount {
            Amount::Time(_) => None,
            Amount::Requests(requests) => Some(requests),
        },
        warmup_s: plan.warmup.as_secs_f64(),
        threads: u32::try_from(plan.threads).unwrap_or(u32::MAX),
        blocks: plan.blocks,
        interleave: plan.interleave,
        slice_ms: None,
        arrivals: match plan.arrivals {
            Arrivals::Constant => "constant".to_owned(),
            Arrivals::Poisson => "poisson".to_owned(),
        },
        timeout_s: plan.timeout.as_secs_f64(),
        client: match effective_client(plan) {
            ClientKind::Raw => "raw".to_owned(),
            ClientKind::Reqwest => "reqwest".to_owned(),
        },
        seed: plan.seed,
        counting_rule: COUNTING_RULE.to_owned(),
        server_cpus: cpus(&plan.server_cpus),
        client_cpus: cpus(&plan.client_cpus),
    }
}

/// As typed, but for the folder the program lies in.
pub fn command_line() -> Vec<String> {
    let mut words: Vec<String> = std::env::args().collect();
    if let Some(program) = words.first_mut()
        && let Some(name) = std::path::Path::new(program.as_str()).file_name()
    {
        *program = name.to_string_lossy().into_owned();
    }
    words
}

/// https is always reqwest's.
fn effective_client(plan: &Plan) -> ClientKind {
    use crate::plan::ServerSource::Running;
    let https = |server: &crate::plan::ServerSpec| matches!(&server.source, Running { base_url } if base_url.starts_with("https:"));
    if matches!(plan.work, Work::Custom(_)) && plan.servers.iter().any(https) {
        ClientKind::Reqwest
    } else {
        plan.client
    }
}

/// A server as it was started.
pub fn server(arm: &Arm) -> ServerConfig {
    ServerConfig {
        name: arm.label.clone(),
        url: arm.base_url.clone(),
        command: arm
            .process
            .as_ref()
            .map(|process| process.command().to_vec()),
        settings: arm
            .process
            .as_ref()
            .and_then(|process| process.settings().cloned()),
    }
}
