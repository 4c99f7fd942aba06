//! Two stored records side by side: advice, never a failure.
//!
//! One stored figure of another day says nothing about how much days differ, so there is no interval here.
//! A reference server measured in both records takes the machine's day out of the comparison: then
//! (B ÷ its reference) ÷ (A ÷ its reference) is shown as well.

use record::article::REFERENCE_SERVER;
use record::metric::Metric;
use record::{CellResult, Environment, LoadKind, Record, RequestConfig, counting, machine};
use serde::Serialize;
use stats::thresholds::SAME_RATE;

/// What two records have to say to each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordComparison {
    /// One row for each server, load and metric that both records have.
    pub rows: Vec<StoredRatio>,
    /// What makes the records, or some of their figures, not comparable.
    pub not_comparable: Vec<String>,
    /// What neither record says, so that nobody can tell whether it is alike.
    pub unknown: Vec<String>,
    /// Whether [`REFERENCE_SERVER`] stands in both records under a load that both have.
    pub has_reference: bool,
}

/// One figure in both records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredRatio {
    /// Server (both its names, where it has two) and workload.
    pub server: String,
    /// Rate of an open loop.
    pub rate: Option<f64>,
    /// Metric.
    pub metric: Metric,
    /// Figure in the first record.
    pub a: f64,
    /// Figure in the second record.
    pub b: f64,
    /// B ÷ A.
    pub ratio: f64,
    /// (B ÷ its reference) ÷ (A ÷ its reference), where both have one; `None` for the reference itself.
    pub against_reference: Option<f64>,
}

/// Compares two records, which have these names. Without rows nothing in them is comparable, and `not_comparable` says why.
pub fn compare(names: (&str, &str), a: &Record, b: &Record) -> RecordComparison {
    let mut not_comparable = machines(&a.environment, &b.environment);
    not_comparable.extend(clients(a, b));
    not_comparable.extend(counting_rules(a, b));
    let unknown = machine::unknown(&a.environment, &b.environment);
    let unknown = unknown.into_iter().map(str::to_owned).collect();
    if !not_comparable.is_empty() {
        return RecordComparison {
            rows: Vec::new(),
            not_comparable,
            unknown,
            has_reference: false,
        };
    }
    let mut rows = Vec::new();
    let mut has_reference = false;
    let (servers, theirs) = (servers(a), servers(b));
    let same_server = |server: &str| name_in(server, &servers, &theirs);
    for first in &a.results {
        let Some(server) = same_server(&first.server) else {
            continue;
        };
        match same_request(first, a, b).and_then(|()| same_load(first, server, b)) {
            Ok(second) => {
                let reference = references(a, b, first);
                has_reference |= reference.is_some();
                rows.extend(ratios(first, second, reference));
            }
            Err(reason) => not_comparable.push(reason),
        }
    }
    let missing = |server: &&str, record: &str| format!("`{server}` is missing in {record}");
    let only_a = servers.iter().filter(|it| same_server(it).is_none());
    not_comparable.extend(only_a.map(|it| missing(it, names.1)));
    let is_matched = |server: &&&str| servers.iter().any(|it| same_server(it) == Some(server));
    let only_b = theirs.iter().filter(|it| !is_matched(it));
    not_comparable.extend(only_b.map(|it| missing(it, names.0)));
    if rows.is_empty() && not_comparable.is_empty() {
        not_comparable.push("the first record has no results".to_owned());
    }
    RecordComparison {
        rows,
        not_comparable,
        unknown,
        has_reference,
    }
}

/// The servers of a record, in its order.
fn servers(record: &Record) -> Vec<&str> {
    let mut servers: Vec<&str> = record.results.iter().map(|it| it.server.as_str()).collect();
    let mut seen = std::collections::HashSet::new();
    servers.retain(|server| seen.insert(*server));
    servers
}

/// The name in the other record of a server of this one. One that runs already is called by its URL, and may listen at
/// another port another day: where both records have one server, that is the same.
fn name_in<'a>(server: &str, own: &[&str], others: &[&'a str]) -> Option<&'a str> {
    if let ([_], [other]) = (own, others)
        && server.contains("://")
        && without_port(server) == without_port(other)
    {
        return Some(other);
    }
    others.iter().find(|it| **it == server).copied()
}

fn without_port(url: &str) -> &str {
    match url.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => url,
    }
}

fn machines(a: &Environment, b: &Environment) -> Vec<String> {
    let differences = machine::differences(a, b).into_iter();
    let differences = differences.chain(machine::build_differences(a, b));
    differences.map(|it| it.to_string()).collect()
}

fn clients(a: &Record, b: &Record) -> Vec<String> {
    let cpus = |cpus: &Option<Vec<usize>>| format!("{cpus:?}");
    let (a, b) = (&a.config, &b.config);
    let facts = [
        ("client", a.client.clone(), b.client.clone()),
        (
            "number of client threads",
            a.threads.to_string(),
            b.threads.to_string(),
        ),
        ("arrivals", a.arrivals.clone(), b.arrivals.clone()),
        (
            "interleaving",
            a.interleave.to_string(),
            b.interleave.to_string(),
        ),
        ("server CPUs", cpus(&a.server_cpus), cpus(&b.server_cpus)),
        ("client CPUs", cpus(&a.client_cpus), cpus(&b.client_cpus)),
    ];
    differences(facts)
}

fn counting_rules(a: &Record, b: &Record) -> Option<String> {
    let same = counting::check_same(&a.config.counting_rule, &b.config.counting_rule);
    let mixed = same.err()?;
    Some(format!(
        "{mixed}; measure the older one again with this program"
    ))
}

fn differences<const N: usize>(facts: [(&str, String, String); N]) -> Vec<String> {
    let differing = facts.into_iter().filter(|(_, a, b)| a != b);
    differing
        .map(|(what, a, b)| format!("another {what}: {a} and {b}"))
        .collect()
}

/// Whether both records sent the same in a cell's workload.
fn same_request(cell: &CellResult, a: &Record, b: &Record) -> Result<(), String> {
    let (first, second) = (request(a, &cell.workload), request(b, &cell.workload));
    if first == second {
        return Ok(());
    }
    Err(format!(
        "{}, {}: another request, {} and {}",
        cell.server,
        cell.workload,
        request_text(first),
        request_text(second)
    ))
}

fn request<'a>(record: &'a Record, workload: &str) -> &'a RequestConfig {
    let config = &record.config;
    let mut of_each = config.requests_by_workload.iter();
    of_each
        .find(|it| it.workload == workload)
        .map_or(&config.request, |it| &it.request)
}

fn request_text(request: &RequestConfig) -> String {
    let headers = request.headers.iter();
    let headers: Vec<String> = headers
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let with = match headers.len() {
        0 => String::new(),
        _ => format!(" with {}", headers.join(", ")),
    };
    let body = match request.body_bytes {
        0 => String::new(),
        bytes => format!(" and a body of {}", format::counted(bytes, "byte")),
    };
    format!("{} {}{with}{body}", request.method, request.path)
}

/// The cell of a server of the other record that was measured under the same load, or why there is none.
fn same_load<'a>(
    cell: &CellResult,
    server: &str,
    other: &'a Record,
) -> Result<&'a CellResult, String> {
    let name = format!("{}, {}", cell.server, cell.workload);
    let same_kind: Vec<&CellResult> = other
        .results
        .iter()
        .filter(|it| {
            (it.server.as_str(), &it.workload, it.load, it.keep_alive)
                == (server, &cell.workload, cell.load, cell.keep_alive)
        })
        .collect();
    let same = same_kind
        .iter()
        .find(|it| it.concurrency == cell.concurrency && same_rate(it.rate, cell.rate));
    match (same, same_kind.first()) {
        (Some(same), _) => Ok(same),
        (None, None) => Err(format!(
            "{name}: the second record has no {}",
            load_name(cell)
        )),
        (None, Some(it)) => Err(format!(
            "{name}: another load, {} with {} and {} with {}",
            load_name(cell),
            format::counted(u64::from(cell.concurrency), "connection"),
            load_name(it),
            format::counted(u64::from(it.concurrency), "connection"),
        )),
    }
}

fn same_rate(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= SAME_RATE * a.max(b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

fn load_name(cell: &CellResult) -> String {
    let keep_alive = if cell.keep_alive {
        ""
    } else {
        ", keep-alive off"
    };
    match cell.rate {
        Some(rate) => format!("{}/s{keep_alive}", format::per_second(rate)),
        None => format!("closed loop{keep_alive}"),
    }
}

/// The reference server's cells under the load of a cell, first record first.
fn references<'a>(
    a: &'a Record,
    b: &'a Record,
    cell: &CellResult,
) -> Option<(&'a CellResult, &'a CellResult)> {
    if cell.server == REFERENCE_SERVER {
        return None;
    }
    let of = |record| same_load(cell, REFERENCE_SERVER, record).ok();
    Some((of(a)?, of(b)?))
}

fn ratios(
    a: &CellResult,
    b: &CellResult,
    reference: Option<(&CellResult, &CellResult)>,
) -> Vec<StoredRatio> {
    let metrics: &[Metric] = match a.load {
        LoadKind::Closed => &[Metric::Throughput],
        LoadKind::Open => &[Metric::ServerCpuPerRequest, Metric::P50],
    };
    let row = |metric: &Metric| {
        let (first, second) = (metric.of_cell(a)?, metric.of_cell(b)?);
        let against = reference.and_then(|(a, b)| Some((metric.of_cell(a)?, metric.of_cell(b)?)));
        Some(StoredRatio {
            server: match a.server == b.server {
                true => format!("{}, {}", a.server, a.workload),
                false => format!("{} and {}, {}", a.server, b.server, a.workload),
            },
            rate: a.rate,
            metric: *metric,
            a: first,
            b: second,
            ratio: second / first,
            against_reference: against.map(|(a, b)| second / first * a / b),
        })
    };
    metrics.iter().filter_map(row).collect()
}
