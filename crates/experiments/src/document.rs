//! The record around the cells: what was asked for, on which machine, and what to distrust.

use analysis::caveat::Caveat;
use engine::{Arrivals, ClientKind, Request};
use record::{
    COUNTING_RULE, Config, Record, RequestConfig, SCHEMA_VERSION, ServerConfig, TcpCounters,
};

use crate::plan::{Amount, Plan};
use bench::counters::{self, ListenQueue};
use bench::descriptors::Room;
use bench::server_under_test::{Connects, ServerUnderTest};
use bench::work::Work;
use bench::{environment, floor, journal, url};

/// A record in which nothing has been measured yet.
pub fn begin(plan: &Plan, suts: &[ServerUnderTest]) -> Record {
    blank(config(plan, suts))
}

/// A record of now and here, in which nothing has been measured yet.
pub fn blank(config: Config) -> Record {
    Record {
        schema_version: SCHEMA_VERSION,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: journal::started_at(),
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
        let in_turns = Caveat::TakenInTurns {
            connections: plan.concurrency as u64,
            servers: plan.servers.len(),
            limit: record.environment.descriptor_limit.unwrap_or_default(),
        };
        record.warnings.push(in_turns.into());
    }
    analysis::analyse(record);
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
        headers: request
            .headers
            .iter()
            .map(|(name, value)| match is_secret(name) {
                true => (name.clone(), NOT_KEPT.to_owned()),
                false => (name.clone(), value.clone()),
            })
            .collect(),
        body_bytes: request.body.len() as u64,
    }
}

fn config(plan: &Plan, suts: &[ServerUnderTest]) -> Config {
    let request = &plan.requests(&plan.work)[0].request;
    let cpus = |cpus: &[usize]| (!cpus.is_empty()).then(|| cpus.to_vec());
    Config {
        command: command_line(),
        servers: suts.iter().map(server).collect(),
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
    words.iter().map(|word| without_secrets(word)).collect()
}

/// A word of a command line without what opens doors: the password of a URL, the value of a header that carries one.
fn without_secrets(word: &str) -> String {
    // `Name: value`, `-HName: value` and `--header=Name: value`.
    let name_of = |flag: &str| {
        let name = flag.rsplit_once('=').map_or(flag, |(_, name)| name);
        name.strip_prefix("-H").unwrap_or(name).to_owned()
    };
    let field = word.split_once(':');
    match field.filter(|(flag, _)| is_secret(&name_of(flag))) {
        Some((name, _)) => format!("{name}: {NOT_KEPT}"),
        None => url::without_password(word),
    }
}

/// Stands for what no record keeps.
const NOT_KEPT: &str = "(not kept)";

fn is_secret(name: &str) -> bool {
    const SECRET: [&str; 4] = [
        "authorization",
        "cookie",
        "proxy-authorization",
        "x-api-key",
    ];
    SECRET
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret))
}

/// https is always reqwest's.
fn effective_client(plan: &Plan) -> ClientKind {
    use bench::server_spec::ServerSource::Running;
    let https = |server: &bench::server_spec::ServerSpec| matches!(&server.source, Running { base_url } if base_url.starts_with("https:"));
    if matches!(plan.work, Work::Own(_)) && plan.servers.iter().any(https) {
        ClientKind::Reqwest
    } else {
        plan.client
    }
}

/// A server as it was started.
pub fn server(sut: &ServerUnderTest) -> ServerConfig {
    ServerConfig {
        name: sut.label.clone(),
        url: sut.url(),
        command: sut
            .process
            .as_ref()
            .map(|process| process.command().to_vec()),
        settings: sut
            .process
            .as_ref()
            .and_then(|process| process.settings().cloned()),
        pool_threads: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_a_command_line_opens_a_door() {
        for (word, kept) in [
            ("Authorization: Bearer x", "Authorization: (not kept)"),
            ("-Hcookie: a=b", "-Hcookie: (not kept)"),
            ("--header=X-API-Key: x", "--header=X-API-Key: (not kept)"),
            ("accept: text/html", "accept: text/html"),
            ("mine=http://u:p@h/a", "mine=http://h/a"),
        ] {
            assert_eq!(without_secrets(word), kept);
        }
    }
}
