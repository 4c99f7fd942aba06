//! How a run was made: the machine, the build and what was asked for.

use record::article::Reference;
use record::{Config, Environment, Record};
use render::table::Table;

/// What was measured, in a few words.
pub(crate) fn title(record: &Record) -> String {
    let mut servers: Vec<&str> = Vec::new();
    for cell in &record.results {
        if !servers.contains(&cell.server.as_str()) {
            servers.push(&cell.server);
        }
    }
    format!(
        "{}: {} with {}",
        record.config.workload,
        format::list(&servers),
        format::counted(u64::from(record.config.concurrency), "connection")
    )
}

/// Everything a reader needs to repeat the run, as names and values.
pub(crate) fn table(record: &Record) -> Table {
    let mut facts = vec![
        ("started", record.started_at.clone()),
        ("command", command(&record.config.command)),
    ];
    facts.extend(machine(&record.environment));
    facts.extend(build(record));
    facts.extend(load(&record.config));
    for server in &record.config.servers {
        let started_by = match &server.command {
            Some(words) => format!("{} by {}", server.url, command(words)),
            None => server.url.clone(),
        };
        facts.push(("server", format!("{} at {started_by}", server.name)));
        if let Some(settings) = &server.settings {
            facts.push(("settings", format!("{}: {settings}", server.name)));
        }
    }
    if record
        .results
        .iter()
        .any(|cell| cell.server_resources.rss_peak_bytes.is_some())
    {
        let of = "CPU, memory, threads and descriptors are of each server's whole process tree";
        facts.push(("server figures", of.to_owned()));
    }
    if !record.article.is_empty() {
        facts.push(("article", Reference::load().article.retrieved_from));
    }
    facts.retain(|(_, value)| !value.is_empty());
    Table::of_facts(facts)
}

/// The machine in one line: processor, cores, memory, system.
pub(crate) fn machine_line(environment: &Environment) -> String {
    let cpu = environment.cpu.as_deref().unwrap_or("unknown processor");
    let kernel = environment.kernel.as_deref().unwrap_or("");
    format!(
        "{cpu}, {}, {} {kernel}",
        format::counted(u64::from(environment.cores), "core"),
        environment.os
    )
    .trim_end()
    .to_owned()
}

fn machine(environment: &Environment) -> Vec<(&'static str, String)> {
    let optional = |value: Option<u64>| value.map_or_else(String::new, format::count);
    vec![
        ("machine", machine_line(environment)),
        ("architecture", environment.arch.clone()),
        (
            "memory",
            environment
                .memory_bytes
                .map_or_else(String::new, |bytes| format::mebibytes(bytes as f64)),
        ),
        (
            "tcp_tw_reuse",
            optional(environment.tcp_tw_reuse.map(u64::from)),
        ),
        ("somaxconn", optional(environment.somaxconn.map(u64::from))),
        ("descriptor limit", optional(environment.descriptor_limit)),
    ]
}

fn build(record: &Record) -> Vec<(&'static str, String)> {
    let environment = &record.environment;
    let optimised = if environment.optimised {
        "optimised"
    } else {
        "not optimised"
    };
    let dirty = if environment.git_dirty == Some(true) {
        ", with uncommitted changes"
    } else {
        ""
    };
    let revision = environment.git_revision.as_ref();
    vec![
        ("program", record.program_version.clone()),
        (
            "build",
            format!(
                "{}, {optimised}, {}",
                environment.build_profile, environment.toolchain
            ),
        ),
        (
            "revision",
            revision.map_or_else(String::new, |revision| format!("{revision}{dirty}")),
        ),
    ]
}

fn load(config: &Config) -> Vec<(&'static str, String)> {
    let asked = match (config.duration_s, config.requests) {
        (Some(duration), _) => format!("{} per server and load point", format::seconds(duration)),
        (None, Some(requests)) => format!("{} per server", format::counted(requests, "request")),
        (None, None) => String::new(),
    };
    let interleaved = if config.interleave {
        "servers interleaved in short slices"
    } else {
        "each server in one stretch"
    };
    let cpus = |cpus: &Option<Vec<usize>>| {
        let cpus = cpus.iter().flatten().map(usize::to_string);
        cpus.collect::<Vec<_>>().join(", ")
    };
    let request = &config.request;
    let body = match request.body_bytes {
        0 => String::new(),
        bytes => format!(" with {}", format::counted(bytes, "byte")),
    };
    vec![
        (
            "request",
            format!("{} {}{body}", request.method, request.path),
        ),
        ("measured", asked),
        ("warm-up", format::seconds(config.warmup_s)),
        ("blocks", format!("{}, {interleaved}", config.blocks)),
        (
            "client",
            format!(
                "{}, {}",
                config.client,
                format::counted(u64::from(config.threads), "thread")
            ),
        ),
        ("timeout", format::seconds(config.timeout_s)),
        ("arrivals", config.arrivals.clone()),
        ("seed", config.seed.to_string()),
        ("server CPUs", cpus(&config.server_cpus)),
        ("client CPUs", cpus(&config.client_cpus)),
    ]
}

fn command(words: &[String]) -> String {
    words.join(" ")
}
