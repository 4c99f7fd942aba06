//! Capacity: the highest rate each server sustains under an objective, and latency against load.

use serde::{Deserialize, Serialize};

use crate::analysis::checks::CLIENT_BUSY_PERCENT;
use crate::analysis::comparisons::is_contended;
use crate::chart::{Axis, Chart, Mark, Scale, Series, Style};
use crate::document::{Document, Item, Section};
use crate::format;
use crate::record::{Environment, LatencySummary, ServerConfig, Warning};
use crate::render::{Format, RenderOptions, Rendered};
use crate::table::{Cell, Column, Layout, Table};

/// The version of the format that this program writes.
pub const SCHEMA_VERSION: u32 = 1;
/// What [`CapacityRecord::kind`] says.
pub const KIND: &str = "capacity";

/// Everything one search measured and was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapacityRecord {
    /// Version of this format.
    pub schema_version: u32,
    /// Always [`KIND`].
    pub kind: String,
    /// Version of the program that wrote the record.
    pub program_version: String,
    /// When the search began, RFC 3339 in UTC.
    pub started_at: String,
    /// True when it was ended early.
    pub interrupted: bool,
    /// The machine and the build.
    pub environment: Environment,
    /// What was asked for.
    pub config: CapacityConfig,
    /// One entry per server.
    pub servers: Vec<ServerCapacity>,
    /// Reasons to distrust a number.
    #[serde(default)]
    pub warnings: Vec<Warning>,
}

/// What was asked for, after defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CapacityConfig {
    /// The command line as typed.
    pub command: Vec<String>,
    /// Servers.
    pub servers: Vec<ServerConfig>,
    /// Workload.
    pub workload: String,
    /// What a trial must meet, as typed: `p99<50ms`.
    pub objective: String,
    /// Errors tolerated in a trial, as typed: `0` or `1%`.
    pub max_errors: String,
    /// Share of the rate asked for that must be answered.
    pub least_rate_kept: f64,
    /// Connections per server.
    pub concurrency: u32,
    /// Keep-alive.
    pub keep_alive: bool,
    /// Whether the servers were connected one at a time.
    #[serde(default)]
    pub in_turns: bool,
    /// Length of a trial in seconds.
    pub trial_s: f64,
    /// The search ends when upper ÷ lower end − 1 is at most this.
    pub relative_width: f64,
    /// Trials after which a search gives up.
    pub max_trials: u32,
    /// Time after which an unanswered request is an error, in seconds.
    pub timeout_s: f64,
    /// Worker threads of the load generator.
    pub threads: u32,
    /// Seed of arrivals.
    pub seed: u64,
    /// CPUs the servers were pinned to.
    pub server_cpus: Option<Vec<usize>>,
    /// CPUs the client was pinned to.
    pub client_cpus: Option<Vec<usize>>,
}

/// What a search found for one server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerCapacity {
    /// Server.
    pub server: String,
    /// Requests per second in a closed loop over the same connections: the median of those beside the trials.
    pub saturated_rps: f64,
    /// Their 10th and 90th percentile: how far the machine drifted during the search.
    #[serde(default)]
    pub saturated_spread_rps: Option<[f64; 2]>,
    /// Highest rate known to be sustained ÷ the closed loop beside it; null when not even the lowest was.
    #[serde(default)]
    pub low_over_saturated: Option<f64>,
    /// Lowest rate known not to be sustained ÷ the closed loop beside it; null when even the highest was.
    #[serde(default)]
    pub high_over_saturated: Option<f64>,
    /// The lower end in requests per second, where the closed loop was slow.
    pub low_rps: Option<f64>,
    /// The upper end in requests per second, where the closed loop was fast.
    pub high_rps: Option<f64>,
    /// Whether the interval is as narrow as asked for, and both its ends were confirmed by fresh trials.
    pub verified: bool,
    /// All trials, in the order in which they were made.
    pub trials: Vec<Trial>,
    /// Latency against load, up to and past the knee, by rising load.
    pub curve: Vec<Trial>,
}

impl ServerCapacity {
    /// What the curve's loads are shares of, as a multiple of the closed loop: the capacity, or the nearest
    /// that is known of it.
    pub fn knee(&self) -> f64 {
        self.low_over_saturated
            .or(self.high_over_saturated)
            .unwrap_or(1.0)
    }

    /// Spells the ends in requests per second: the drift of the closed loop is a part of the interval,
    /// because it is a part of what the next search will see.
    fn work_out(&mut self) {
        let closed_loops: Vec<f64> = self
            .trials
            .iter()
            .filter_map(|trial| trial.closed_loop_rps)
            .collect();
        let at = |share| stats::summary::quantile(&closed_loops, share);
        let (Some(slow), Some(median), Some(fast)) = (at(0.1), at(0.5), at(0.9)) else {
            return;
        };
        self.saturated_rps = median;
        self.saturated_spread_rps = Some([slow, fast]);
        self.low_rps = self.low_over_saturated.map(|low| low * slow);
        self.high_rps = self.high_over_saturated.map(|high| high * fast);
    }
}

/// What a trial was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Finding the interval.
    Search,
    /// Confirming one of its ends.
    Verify,
    /// A point of the curve.
    Curve,
}

/// One stretch of load at one rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Rate asked for in requests per second.
    pub rate_rps: f64,
    /// Requests per second in the closed loop just before it.
    #[serde(default)]
    pub closed_loop_rps: Option<f64>,
    /// What the rate is a multiple of: the median of the last few closed loops.
    #[serde(default)]
    pub saturated_rps: Option<f64>,
    /// What it was for.
    pub purpose: Purpose,
    /// Right answers per second that arrived inside the trial's time.
    pub throughput_rps: f64,
    /// Response times.
    pub latency_us: LatencySummary,
    /// Errors of all kinds.
    pub errors: u64,
    /// CPU time of the server per answer in microseconds.
    pub server_cpu_us_per_request: Option<f64>,
    /// Share of its threads' time in which the load generator ran or waited for a CPU, in percent.
    pub client_busy_percent: Option<f64>,
    /// Share of the machine's CPU that other programs used meanwhile, in percent; null where that is not known.
    #[serde(default)]
    pub others_percent: Option<f64>,
    /// What it did not meet; null when it met everything.
    pub failed_on: Option<String>,
}

impl Trial {
    /// The rate as a multiple of the closed loop beside it.
    fn over_saturated(&self) -> Option<f64> {
        Some(self.rate_rps / self.saturated_rps?)
    }
}

/// Fills in what follows from the trials, warnings too; doing it twice changes nothing.
pub fn analyse(record: &mut CapacityRecord) {
    const CODES: [&str; 6] = [
        "unoptimised_build",
        "interrupted",
        "not_verified",
        "client_saturated",
        "other_programs",
        "connections_in_turns",
    ];
    record.servers.iter_mut().for_each(ServerCapacity::work_out);
    record
        .warnings
        .retain(|warning| !CODES.contains(&warning.code.as_str()));
    let mut warn = |code: &str, message: String| {
        record.warnings.push(Warning {
            code: code.to_owned(),
            message,
        });
    };
    if !record.environment.optimised {
        warn(
            "unoptimised_build",
            "built without optimisation: figures say little".to_owned(),
        );
    }
    if record.interrupted {
        warn("interrupted", "the search was ended early".to_owned());
    }
    if record.config.in_turns {
        warn(
            "connections_in_turns",
            "the servers were connected one at a time, because the limit on open files does not allow all at once: each trial begins on fresh connections".to_owned(),
        );
    }
    for it in &record.servers {
        if !it.verified {
            let trials = format::counted(it.trials.len() as u64, "trial");
            warn(
                "not_verified",
                format!("{}: the interval is not verified after {trials}", it.server),
            );
        }
        if let Some(others) = others_percent(it).filter(|&others| is_contended(Some(others))) {
            warn(
                "other_programs",
                format!(
                    "{}: other programs used {} of this machine in its median trial: what ends there may be them, and no server is better than another by such figures",
                    it.server,
                    format::percent(others)
                ),
            );
        }
        if let Some(busy) = busy_at_the_upper_end(it).filter(|busy| *busy > CLIENT_BUSY_PERCENT) {
            warn(
                "client_saturated",
                format!(
                    "{}: at the upper end the load generator was busy for {} of its time: what ends there may be the client",
                    it.server,
                    format::percent(busy)
                ),
            );
        }
    }
}

/// What other programs used in the median trial.
fn others_percent(it: &ServerCapacity) -> Option<f64> {
    let known = it.trials.iter().filter_map(|trial| trial.others_percent);
    stats::summary::median(&known.collect::<Vec<_>>())
}

fn busy_at_the_upper_end(it: &ServerCapacity) -> Option<f64> {
    // The quotient of a product may differ from the factor by its last digit.
    let near = |one: f64, other: f64| (one / other - 1.0).abs() < 1e-9;
    let end = it.high_over_saturated?;
    let at_end = |trial: &&Trial| trial.over_saturated().is_some_and(|load| near(load, end));
    it.trials
        .iter()
        .filter(at_end)
        .filter_map(|trial| trial.client_busy_percent)
        .min_by(f64::total_cmp)
}

/// Spells the report in a format.
pub fn render(record: &CapacityRecord, format: Format, options: &RenderOptions) -> Rendered {
    crate::render::render_document(record, &document(record), format, options)
}

/// The report of a search.
pub fn document(record: &CapacityRecord) -> Document {
    let mut items = vec![Item::Table(overview(record))];
    items.extend(chart(record).map(Item::Chart));
    let curves = record.servers.iter().filter(|it| !it.curve.is_empty());
    items.extend(curves.map(curve).map(Item::Table));
    Document {
        title: format!("Capacity under {}", record.config.objective),
        verdict: record
            .servers
            .iter()
            .map(|it| sentence(record, it))
            .collect(),
        sections: vec![Section {
            heading: "Capacity".to_owned(),
            folded: false,
            items,
        }],
        warnings: record.warnings.clone(),
    }
}

fn sentence(record: &CapacityRecord, it: &ServerCapacity) -> String {
    let objective = &record.config.objective;
    let rate = |rps: f64| format!("{}/s", format::per_second(rps));
    match (it.low_rps, it.high_rps) {
        (Some(low), Some(high)) => format!(
            "{} sustains {} under {objective}, and no longer {}{}.",
            it.server,
            rate(low),
            rate(high),
            match (it.low_over_saturated, it.high_over_saturated) {
                (Some(low), Some(high)) => format!(
                    ": {} and {} times what it does in a closed loop",
                    format::fixed_ratio(low),
                    format::fixed_ratio(high)
                ),
                _ => String::new(),
            }
        ),
        (Some(low), None) => format!(
            "{} sustains at least {} under {objective}, the most that was tried.",
            it.server,
            rate(low)
        ),
        (None, Some(high)) => format!(
            "{} does not even sustain {} under {objective}.",
            it.server,
            rate(high)
        ),
        (None, None) => format!("{}: nothing is known yet.", it.server),
    }
}

fn overview(record: &CapacityRecord) -> Table {
    let config = &record.config;
    let row = |it: &ServerCapacity| {
        vec![
            Cell::text(it.server.clone()),
            Cell::figure(it.low_rps, format::per_second),
            Cell::figure(it.high_rps, format::per_second),
            Cell::text(shares(it)),
            Cell::figure(Some(it.trials.len() as f64), |trials| {
                format::count(trials as u64)
            }),
            Cell::text(if it.verified { "both ends" } else { "no" }),
            Cell::text(closed_loop(it)),
        ]
    };
    Table {
        id: "capacity".to_owned(),
        title: format!(
            "{}, {} connections: requests per second under {}",
            config.workload, config.concurrency, config.objective
        ),
        columns: vec![
            Column::words("Server", 0),
            Column::figures("Sustained", 0),
            Column::figures("No longer", 0),
            Column::figures("÷ closed loop", 0),
            Column::figures("Trials", 1),
            Column::words("Verified", 1),
            Column::figures("Closed loop", 1),
        ],
        rows: record.servers.iter().map(row).collect(),
        layout: Layout::Upright,
        notes: vec![
            "The search is for multiples of the closed loop measured beside each trial, because machines drift. In requests per second the ends are those multiples of the closed loop's 10th and 90th percentile.".to_owned(),
            format!(
            "A trial passes when it meets {}, at most {} errors, and {} of its rate. Each load is settled by a majority of trials of {}; both ends are then confirmed by fresh ones.",
            config.objective,
            config.max_errors,
            format::percent(config.least_rate_kept * 100.0),
            format::seconds(config.trial_s),
        )],
    }
}

/// The ends as multiples of the closed loop.
fn shares(it: &ServerCapacity) -> String {
    match (it.low_over_saturated, it.high_over_saturated) {
        (Some(low), Some(high)) => {
            format!("{}–{}", format::fixed_ratio(low), format::fixed_ratio(high))
        }
        (Some(low), None) => format!("≥ {}", format::fixed_ratio(low)),
        (None, Some(high)) => format!("< {}", format::fixed_ratio(high)),
        (None, None) => String::new(),
    }
}

/// The closed loop, and how far it drifted.
fn closed_loop(it: &ServerCapacity) -> String {
    let median = format::per_second(it.saturated_rps);
    match it.saturated_spread_rps {
        Some([slow, fast]) => format!(
            "{median} ({}–{})",
            format::per_second(slow),
            format::per_second(fast)
        ),
        None => median,
    }
}

fn curve(it: &ServerCapacity) -> Table {
    let row = |trial: &Trial| {
        vec![
            Cell::figure(Some(trial.rate_rps), format::per_second),
            Cell::figure(Some(trial.throughput_rps), format::per_second),
            Cell::figure(trial.latency_us.p50, format::duration_us),
            Cell::figure(trial.latency_us.p99, format::duration_us),
            Cell::figure(trial.server_cpu_us_per_request, format::cpu_us),
            Cell::figure(Some(trial.errors as f64), |errors| {
                format::count(errors as u64)
            }),
            Cell::text(trial.failed_on.clone().unwrap_or_else(|| "met".to_owned())),
        ]
    };
    Table {
        id: format!("curve-{}", it.server).replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
        title: format!("{}: latency against load", it.server),
        columns: vec![
            Column::figures("Rate", 0),
            Column::figures("Answered", 0),
            Column::figures("p50", 1),
            Column::figures("p99", 0),
            Column::figures("Server CPU/req", 2),
            Column::figures("Errors", 2),
            Column::words("Objective", 0),
        ],
        rows: it.curve.iter().map(row).collect(),
        layout: Layout::Upright,
        notes: Vec::new(),
    }
}

/// Latency against load, each server's load as a share of its own capacity: past 100 % the knee.
fn chart(record: &CapacityRecord) -> Option<Chart> {
    let longest = record.servers.iter().max_by_key(|it| it.curve.len())?;
    let knee = longest.knee();
    let share = |trial: &Trial| trial.over_saturated().unwrap_or_default() / knee;
    let places: Vec<Mark> = longest
        .curve
        .iter()
        .map(|trial| Mark::new(share(trial), format::percent(share(trial) * 100.0)))
        .collect();
    let p99 = |trial: &Trial| Scale::Log.mark(trial.latency_us.p99, format::duration_us);
    let values = record.servers.iter().flat_map(|it| &it.curve);
    let chart = Chart {
        id: "latency-against-load".to_owned(),
        title: format!("99th percentile against load, {}", record.config.workload),
        style: Style::Line,
        x: Axis {
            label: "share of the server's own capacity".to_owned(),
            min: 0.0,
            max: places.last().map_or(1.0, |last| last.at),
            ticks: places.clone(),
        },
        y: Scale::Log.axis(
            "99th percentile, logarithmic",
            values.filter_map(|trial| trial.latency_us.p99),
            format::duration_us,
        ),
        series: record
            .servers
            .iter()
            .enumerate()
            .map(|(colour, it)| Series {
                name: it.server.clone(),
                colour,
                values: (0..places.len())
                    .map(|place| it.curve.get(place).and_then(p99))
                    .collect(),
            })
            .collect(),
        places,
        in_terminal: false,
    };
    (!chart.is_empty()).then_some(chart)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(rate_rps: f64, p99_us: f64, failed_on: Option<&str>) -> Trial {
        Trial {
            rate_rps,
            closed_loop_rps: Some(1_000.0),
            saturated_rps: Some(1_000.0),
            purpose: Purpose::Search,
            throughput_rps: rate_rps,
            latency_us: LatencySummary {
                p99: Some(p99_us),
                ..LatencySummary::default()
            },
            errors: 0,
            server_cpu_us_per_request: Some(9.0),
            client_busy_percent: Some(91.0),
            others_percent: Some(12.0),
            failed_on: failed_on.map(str::to_owned),
        }
    }

    fn record(low: Option<f64>, high: Option<f64>) -> CapacityRecord {
        let mut record = CapacityRecord {
            schema_version: SCHEMA_VERSION,
            kind: KIND.to_owned(),
            program_version: "0.1.0".to_owned(),
            started_at: "2026-11-22T10:00:00Z".to_owned(),
            interrupted: false,
            environment: Environment {
                optimised: true,
                ..Environment::default()
            },
            config: CapacityConfig {
                objective: "p99 < 50.0 ms".to_owned(),
                workload: "hello".to_owned(),
                ..CapacityConfig::default()
            },
            servers: vec![ServerCapacity {
                server: "sync".to_owned(),
                saturated_rps: 0.0,
                saturated_spread_rps: None,
                low_over_saturated: low,
                high_over_saturated: high,
                low_rps: None,
                high_rps: None,
                verified: low.is_some(),
                trials: vec![
                    trial(900.0, 2e3, None),
                    trial(950.0, 9e4, Some("not p99 < 50.0 ms")),
                ],
                curve: vec![trial(450.0, 1e3, None), trial(900.0, 2e3, None)],
            }],
            warnings: Vec::new(),
        };
        analyse(&mut record);
        record
    }

    #[test]
    fn the_drift_of_the_closed_loop_is_a_part_of_the_interval() {
        let mut record = record(Some(0.9), Some(0.95));
        let server = &mut record.servers[0];
        server.trials = vec![trial(900.0, 2e3, None); 11];
        for (index, trial) in server.trials.iter_mut().enumerate() {
            trial.closed_loop_rps = Some(1_000.0 + 10.0 * index as f64);
        }
        analyse(&mut record);
        let server = &record.servers[0];
        assert_eq!(server.saturated_rps, 1_050.0);
        assert_eq!(server.saturated_spread_rps, Some([1_010.0, 1_090.0]));
        let end = |rps: Option<f64>| rps.map(f64::round);
        assert_eq!(
            (end(server.low_rps), end(server.high_rps)),
            (Some(909.0), Some(1_036.0))
        );
    }

    #[test]
    fn the_verdict_says_what_is_known_of_each_end() {
        for (low, high, told) in [
            (
                Some(0.9),
                Some(0.95),
                "sustains 900/s under p99 < 50.0 ms, and no longer 950/s: 0.900 and 0.950 times",
            ),
            (Some(0.9), None, "sustains at least 900/s"),
            (None, Some(0.01), "does not even sustain 10.0/s"),
            (None, None, "nothing is known yet"),
        ] {
            let verdict = document(&record(low, high)).verdict.remove(0);
            assert!(verdict.contains(told), "{verdict}");
        }
    }

    #[test]
    fn a_busy_client_and_an_unverified_end_are_warned_about() {
        let codes = |mut record: CapacityRecord| {
            analyse(&mut record);
            analyse(&mut record);
            record
                .warnings
                .into_iter()
                .map(|warning| warning.code)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            codes(record(Some(0.9), Some(0.95))),
            ["other_programs", "client_saturated"]
        );
        assert_eq!(
            codes(record(None, None)),
            ["not_verified", "other_programs"]
        );
    }

    #[test]
    fn curves_share_one_scale_of_load() {
        let chart = chart(&record(Some(0.9), Some(0.95))).expect("there is a curve");
        let places: Vec<&str> = chart
            .places
            .iter()
            .map(|place| place.text.as_str())
            .collect();
        assert_eq!(places, ["50 %", "100 %"]);
    }
}
