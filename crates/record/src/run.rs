//! The record: the one file a run leaves behind.
//!
//! What was measured is written down here once, in full; every table, chart and report is made from it
//! again later. Field names are a promise to scripts. A unit is part of the name: `_us` microseconds,
//! `_s` seconds, `_rps` requests per second, `_bytes` bytes. `null` means "not available", never zero.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the format that this program writes. Older versions are read, newer ones refused.
pub const SCHEMA_VERSION: u32 = 1;

/// Name of the figure of a workload whose requests are deliveries: nobody asks for them, so that Little's law says
/// nothing about the number of connections.
pub const DELIVERIES_LOST: &str = "messages_lost";

/// A request belongs to the slice in which it was sent (open loop: intended), whenever its answer comes.
pub const COUNTING_RULE: &str = "sent";

/// Everything one run measured and was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Version of this format, [`SCHEMA_VERSION`] when written by this program.
    pub schema_version: u32,
    /// Version of the program that wrote the record.
    pub program_version: String,
    /// When the run began, RFC 3339 in UTC.
    pub started_at: String,
    /// When each of the runs began that this record was merged from; empty for a single run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged_from: Vec<String>,
    /// True when the run was ended early (Ctrl-C): what stands here was measured before.
    pub interrupted: bool,
    /// The machine and the build.
    pub environment: Environment,
    /// What was asked for.
    pub config: Config,
    /// One entry per server, load point and keep-alive.
    pub results: Vec<CellResult>,
    /// Ratios between servers, with intervals over blocks.
    #[serde(default)]
    pub comparisons: Vec<Comparison>,
    /// The article's frameworks beside this machine's servers, on one relative scale.
    #[serde(default)]
    pub article: Vec<ArticleRow>,
    /// TCP counters of the whole machine over the run.
    #[serde(default)]
    pub tcp: TcpCounters,
    /// How late the peers were that the servers' simulated waits were reads from; empty where waits were timers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_late: Vec<Lateness>,
    /// What the workload showed, in sentences made from the figures above.
    #[serde(default)]
    pub findings: Vec<String>,
    /// Reasons to distrust a number.
    #[serde(default)]
    pub warnings: Vec<Warning>,
}

/// TCP counters of the whole machine (of all its processes), their growth over the run, null where the system does not
/// tell; and what the load generator's own connects saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TcpCounters {
    /// Connections dropped because a listener's queue was full.
    pub listen_overflows: Option<u64>,
    /// SYN segments sent again: each costs its connection a second.
    pub syn_retransmits: Option<u64>,
    /// Slowest connect of the load generator itself before anything was measured, in microseconds; those that
    /// were measured stand in the cells.
    #[serde(default)]
    pub slowest_connect_us: Option<u64>,
    /// Connects of the load generator itself that failed before anything was measured.
    #[serde(default)]
    pub failed_connects: Option<u64>,
}

/// How late something was, over all of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lateness {
    /// How often it was waited for.
    pub waits: u64,
    /// Median, in microseconds.
    pub p50_us: f64,
    /// 99th percentile, in microseconds.
    pub p99_us: f64,
    /// Longest, in microseconds.
    pub max_us: f64,
}

/// The machine, its settings, and the build that measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// CPU model name.
    pub cpu: Option<String>,
    /// Logical CPUs this process may use.
    pub cores: u32,
    /// Memory of the machine in bytes.
    pub memory_bytes: Option<u64>,
    /// Operating system, for instance `linux`.
    pub os: String,
    /// Processor architecture, for instance `x86_64`.
    pub arch: String,
    /// Kernel release.
    pub kernel: Option<String>,
    /// Compiler that built the program.
    pub toolchain: String,
    /// Cargo profile of the build: `dev` or `release`.
    pub build_profile: String,
    /// Whether the compiler optimised.
    pub optimised: bool,
    /// Git revision the program was built from.
    pub git_revision: Option<String>,
    /// Whether that working tree had uncommitted changes.
    pub git_dirty: Option<bool>,
    /// `net.ipv4.tcp_tw_reuse`.
    pub tcp_tw_reuse: Option<u32>,
    /// `net.core.somaxconn`.
    pub somaxconn: Option<u32>,
    /// Soft limit on open descriptors while measuring.
    pub descriptor_limit: Option<u64>,
}

/// What the run was asked for, after defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Config {
    /// The command line as typed.
    pub command: Vec<String>,
    /// Servers in the order they were named.
    pub servers: Vec<ServerConfig>,
    /// Workload, for instance `hello` or `waits:sequential`; `custom` for a URL of the user's own.
    pub workload: String,
    /// Request line and body that were sent; with several workloads, those of the first.
    pub request: RequestConfig,
    /// The request of each workload of a gate that has several; empty elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests_by_workload: Vec<WorkloadRequest>,
    /// Connections per server.
    pub concurrency: u32,
    /// Measured time per server and load point in seconds; null when a number of requests was asked for.
    pub duration_s: Option<f64>,
    /// Requests in total per server, when that was asked for.
    pub requests: Option<u64>,
    /// Load time before measuring, per server, in seconds.
    pub warmup_s: f64,
    /// Worker threads of the load generator.
    pub threads: u32,
    /// Blocks per load point.
    pub blocks: u32,
    /// Whether slices of the servers were interleaved.
    pub interleave: bool,
    /// Length of a slice at the first load point, in milliseconds; null when a number of requests was
    /// asked for.
    pub slice_ms: Option<f64>,
    /// Arrivals of the open loop: `constant` or `poisson`.
    pub arrivals: String,
    /// Time after which an unanswered request is an error, in seconds.
    pub timeout_s: f64,
    /// Client: `raw` or `reqwest`.
    pub client: String,
    /// Seed of the order of slices and of arrivals.
    pub seed: u64,
    /// Which slice a request belongs to, [`COUNTING_RULE`] when written by this program; empty in older records,
    /// whose closed loops counted a request where it was done and lost what outlasted its slice.
    #[serde(default)]
    pub counting_rule: String,
    /// CPUs the servers were pinned to.
    pub server_cpus: Option<Vec<usize>>,
    /// CPUs the client was pinned to.
    pub client_cpus: Option<Vec<usize>>,
}

/// One server as it was started, or the URL that was loaded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerConfig {
    /// Name used throughout the record.
    pub name: String,
    /// Address or URL.
    pub url: String,
    /// The command that started it; null for a server that was already running.
    pub command: Option<Vec<String>>,
    /// Every tunable of a built-in server, as the server itself reported it.
    pub settings: Option<serde_json::Value>,
    /// Size of the pool of threads that a contender's manifest declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_threads: Option<u32>,
}

impl Config {
    /// Size of the bounded pool of threads that was declared for a server, each of which serves one connection until it
    /// closes; `None` where none was.
    pub fn pool_threads(&self, server: &str) -> Option<u64> {
        let mut servers = self.servers.iter();
        servers.find(|it| it.name == server)?.declared_pool()
    }
}

impl ServerConfig {
    /// Size of the bounded pool of threads that its manifest declares or that it told itself.
    pub fn declared_pool(&self) -> Option<u64> {
        let told = || self.settings.as_ref()?.get("pool_threads")?.as_u64();
        self.pool_threads.map(u64::from).or_else(told)
    }
}

/// The request of one workload among several.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkloadRequest {
    /// Workload.
    pub workload: String,
    /// What was sent.
    pub request: RequestConfig,
}

/// The request that was sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestConfig {
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Header fields added by the user.
    pub headers: Vec<(String, String)>,
    /// Length of the body in bytes.
    pub body_bytes: u64,
}

/// How requests were scheduled.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum LoadKind {
    /// Closed loop: every connection sends its next request when its last was answered.
    Closed,
    /// Open loop: requests are due at a fixed rate, whatever the server does.
    Open,
}

/// One server × workload × load × keep-alive, over all its blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CellResult {
    /// Server name.
    pub server: String,
    /// Workload name.
    pub workload: String,
    /// Closed or open loop.
    pub load: LoadKind,
    /// Whether connections were kept alive between requests.
    pub keep_alive: bool,
    /// Connections.
    pub concurrency: u32,
    /// Requests per second asked for; null in a closed loop.
    pub rate: Option<f64>,
    /// Requests sent inside the measured time (open loop: intended) whose answers were read completely and as
    /// expected, whenever that was.
    pub requests: u64,
    /// Measured time in seconds: the slices' windows added up.
    pub duration_s: f64,
    /// `requests` ÷ `duration_s`.
    pub throughput_rps: f64,
    /// What the waits of the workload allow in a closed loop: connections ÷ wait; null where nothing is waited for.
    #[serde(default)]
    pub ceiling_rps: Option<f64>,
    /// Bytes of answers, heads included, per second of measured time.
    pub transfer_bytes_per_s: f64,
    /// Response time (done − intended).
    pub latency_us: LatencySummary,
    /// Service time (done − sent).
    pub service_time_us: LatencySummary,
    /// Sent − intended.
    pub send_lag_us: LatencySummary,
    /// Time to establish a connection.
    pub connect_us: LatencySummary,
    /// Errors by kind.
    pub errors: ErrorCounts,
    /// Answers by status code, expected or not.
    pub status_codes: BTreeMap<u16, u64>,
    /// Requests that were given up because the run was ended early. In records of the older counting rule: sent but not
    /// answered when the last slice of each block ended, and counted nowhere else.
    pub in_flight_at_deadline: u64,
    /// Connections made, and how evenly they were served.
    pub connections: Connections,
    /// What the server used, all processes of its tree together.
    pub server_resources: Resources,
    /// What the load generator used for this server.
    pub client_resources: Resources,
    /// The statistical units.
    pub blocks: Vec<Block>,
    /// Per second of the run.
    pub time_series: Vec<SeriesPoint>,
    /// What the server did to its connections; null in records from before this was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_connections: Option<ClosedConnections>,
    /// Answers whose second part came 30 to 60 ms after their first; null in records from before this was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers_in_two_parts: Option<u64>,
    /// Latency histogram, nanoseconds, HdrHistogram V2 in base64; compressed, in older records not.
    pub histogram: String,
    /// Latency as wrk would print it; null where there is nothing to print.
    pub wrk_compatible: Option<WrkCompatible>,
    /// Latency by class of request, where the workload has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassResult>,
    /// Further figures of the workload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
}

/// A distribution of times in microseconds. A percentile that too few requests support is null.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LatencySummary {
    /// Values in the distribution.
    pub count: u64,
    /// Smallest.
    pub min: Option<f64>,
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Standard deviation with n − 1.
    pub stdev: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 75th percentile.
    pub p75: Option<f64>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// 99.9th percentile.
    pub p99_9: Option<f64>,
    /// 99.99th percentile.
    pub p99_99: Option<f64>,
    /// Largest.
    pub max: Option<f64>,
    /// Percentiles that lie among the requests which were never answered: their true value is at least
    /// the timeout, which is what stands in the field. Names as above, for instance `p99`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at_least: Vec<String>,
}

/// Errors by kind. No error counts as a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorCounts {
    /// All of the below.
    pub total: u64,
    /// Connection refused or otherwise not made.
    pub connect: u64,
    /// Connection not made in time.
    pub connect_timeout: u64,
    /// No local port was left to connect from.
    pub ports: u64,
    /// Writing the request failed.
    pub send: u64,
    /// Reading the answer failed.
    pub receive: u64,
    /// The peer closed before the answer was complete.
    pub closed: u64,
    /// A connection that had answered before was closed before any byte of the answer came; 0 in records from before
    /// this was told apart from `send`, `receive` and `closed`.
    #[serde(default)]
    pub stale: u64,
    /// No complete answer in time.
    pub timeout: u64,
    /// Open loop: never got a connection before the end.
    pub unsent: u64,
    /// Another status than expected.
    pub status: u64,
    /// The answer is not HTTP.
    pub protocol: u64,
    /// Another body than expected.
    pub body: u64,
}

impl ErrorCounts {
    /// Answers that came and were not what was expected.
    pub fn answered_wrongly(&self) -> u64 {
        self.status + self.protocol + self.body
    }
}

/// Connections of a cell and how evenly they were served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Connections {
    /// Connections that the run made to the server for this load, warm-up included.
    pub established: u64,
    /// Connection attempts that failed in the measured time.
    pub failed: u64,
    /// Connections that got no answer in the measured time.
    pub unanswered: u64,
    /// Connections that were asked and never answered, while the server was warmed up neither: nobody served them. One
    /// that was never needed is none of them. Null in records from before this was told apart.
    pub never_served: Option<u64>,
    /// Fewest requests on one connection; null with keep-alive off, like the rest.
    pub requests_min: Option<u64>,
    /// Median requests per connection.
    pub requests_median: Option<f64>,
    /// Most requests on one connection.
    pub requests_max: Option<u64>,
    /// Jain's fairness index of requests per connection, 1 = all alike.
    pub jain_index: Option<f64>,
}

impl Connections {
    /// Connections that nobody ever served. Those that hang in an answer which never comes are not among them.
    pub fn never_served(&self) -> u64 {
        self.never_served.unwrap_or(self.unanswered)
    }
}

/// How a server's connections ended: those that were to be kept alive and that it closed after it had answered on
/// them, warm-up included, and those that it was asked to close.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClosedConnections {
    /// The last answer said so (`Connection: close`, HTTP/1.0, a body that ends with the connection): answers on a
    /// connection, and how many connections were closed after so many.
    pub announced: BTreeMap<u64, u64>,
    /// The same where nothing said so.
    pub unannounced: BTreeMap<u64, u64>,
    /// Connections that the server was asked to close and did not close within a second.
    pub left_open: u64,
    /// Connections that the load generator closed itself, because 1,000 others waited for the server to.
    pub closed_by_client: u64,
}

/// What a server, or the load generator, used while the server was loaded. A server's figures are those of all its
/// processes together: of one that was started, or that listens at a URL of this machine, the whole process tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resources {
    /// CPU time, user and system, ended threads included, ÷ all answers of the same time.
    pub cpu_us_per_request: Option<f64>,
    /// CPU time ÷ wall time: cores in use.
    pub cores_used: Option<f64>,
    /// Peak resident memory in bytes.
    pub rss_peak_bytes: Option<u64>,
    /// Peak number of threads.
    pub threads_peak: Option<u64>,
    /// Peak number of open descriptors.
    pub fds_peak: Option<u64>,
    /// How many descriptors its processes may have open together (soft limits); null where that is not available, and in
    /// records that are older than the figure.
    #[serde(default)]
    pub fds_limit: Option<u64>,
    /// Voluntary and involuntary context switches ÷ all answers.
    pub context_switches_per_request: Option<f64>,
    /// Share of the time in which threads were ready but had no CPU, in percent (client only).
    pub run_queue_wait_percent: Option<f64>,
}

/// Who used the machine's CPU while one server was loaded in one block: its slices added up, lead-in and what comes behind the window
/// included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BlockCpu {
    /// CPU time there was, in seconds: wall time × CPUs of the machine.
    pub machine_s: f64,
    /// CPU time in which nothing ran.
    pub idle_s: f64,
    /// CPU time of this server's processes, its whole process tree; null where they are not known, came or went.
    pub server_s: Option<f64>,
    /// CPU time of the load generator.
    pub client_s: f64,
    /// CPU time of whatever else belongs to the run: the other servers, peers, proxies.
    pub helpers_s: Option<f64>,
    /// CPU time of all other programs, and of the kernel on nobody's behalf: what was neither idle, stolen nor the
    /// run's; null where the server's processes on this machine are not known.
    pub others_s: Option<f64>,
    /// Time in which threads of this server were ready and had no CPU, added up; null for very many threads, and
    /// where some ended.
    pub server_wait_s: Option<f64>,
    /// The same of the load generator's threads.
    pub client_wait_s: Option<f64>,
    /// Time in which some task of the machine was ready and had no CPU (pressure stall).
    pub pressure_s: Option<f64>,
    /// Share of the time in which this server's busiest thread ran, at most 1; null for very many threads.
    pub busiest_thread: Option<f64>,
}

impl BlockCpu {
    /// CPU time of the run: server, load generator and helpers, as far as they are on this machine.
    pub fn ours_s(&self) -> f64 {
        self.server_s.unwrap_or(0.0) + self.client_s + self.helpers_s.unwrap_or(0.0)
    }

    /// A part of the machine's CPU time, in percent.
    pub fn percent(&self, part_s: f64) -> Option<f64> {
        (self.machine_s > 0.0).then(|| (100.0 * part_s / self.machine_s).clamp(0.0, 100.0))
    }

    /// Share of the machine's CPU time in which it was not idle, in percent.
    pub fn busy_percent(&self) -> Option<f64> {
        self.percent(self.machine_s - self.idle_s)
    }
}

/// One block of one cell: the unit of every interval.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// Number within the run, from 0; the same number pairs the servers.
    pub index: u32,
    /// Requests.
    pub requests: u64,
    /// Measured time in seconds.
    pub duration_s: f64,
    /// Requests per second of measured time.
    pub throughput_rps: f64,
    /// Errors of all kinds.
    pub errors: u64,
    /// Median latency in microseconds.
    pub p50_us: Option<f64>,
    /// 99th percentile of latency in microseconds.
    pub p99_us: Option<f64>,
    /// Mean latency in microseconds.
    pub mean_us: Option<f64>,
    /// Time that the requests of the block's windows waited for their answers, or for being given up, added up, in
    /// seconds; null in records that are older than the figure.
    #[serde(default)]
    pub waited_s: Option<f64>,
    /// Closed loop: connections × `requests` ÷ `waited_s`, a second opinion on `throughput_rps` (Little's law).
    #[serde(default)]
    pub by_latency_rps: Option<f64>,
    /// Longest time in which the load generator itself stood still during this server's slices, in milliseconds.
    #[serde(default)]
    pub client_pause_ms: Option<f64>,
    /// Right answers that arrived inside the windows, whenever they were due; null in records that are older than the
    /// figure. In an open loop `requests` are those that were due inside, however late they were answered.
    #[serde(default)]
    pub answered_in_window: Option<u64>,
    /// Slices of this server in the block; null in records that are older than the figure.
    #[serde(default)]
    pub slices: Option<u32>,
    /// 90th percentile of send lag in microseconds; null in records that are older than the figure.
    #[serde(default)]
    pub send_lag_p90_us: Option<f64>,
    /// 99th percentile of send lag in microseconds.
    pub send_lag_p99_us: Option<f64>,
    /// Server CPU time per answer in microseconds.
    pub server_cpu_us_per_request: Option<f64>,
    /// Client CPU time per answer in microseconds.
    pub client_cpu_us_per_request: Option<f64>,
    /// Server context switches per answer.
    pub context_switches_per_request: Option<f64>,
    /// Who used the machine's CPU in this server's slices; null where the system does not tell.
    #[serde(default)]
    pub cpu: Option<BlockCpu>,
    /// CPU time stolen by the hypervisor during the block, in percent of all CPU time.
    pub steal_percent: Option<f64>,
    /// Time of a fixed spin before the block in microseconds, by its fastest part: the clock speed of the moment.
    pub spin_us: Option<f64>,
    /// Throughput of the last third of the block ÷ that of its first third: far from 1 when the server
    /// was not warmed up; null where the block was too short to tell.
    #[serde(default)]
    pub last_third_over_first: Option<f64>,
    /// Periods in which a control group's CPU limit held this server or its client back; null where there
    /// is no such limit.
    #[serde(default)]
    pub throttled_periods: Option<u64>,
    /// Why this block is left out of comparisons; null when it is not.
    pub dropped: Option<String>,
    /// Connections that were asked and had never been answered when the block ended; null in records that are older than
    /// the figure.
    #[serde(default)]
    pub never_served: Option<u64>,
}

/// One second of a run, as one server saw it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesPoint {
    /// Seconds since the run began.
    pub second: f64,
    /// Measured time of this server within that second, in seconds.
    pub measured_s: f64,
    /// Requests.
    pub requests: u64,
    /// Errors.
    pub errors: u64,
    /// Those of the errors that are complete answers, such as another status; 0 in records before they were told
    /// apart.
    #[serde(default)]
    pub wrong_answers: u64,
    /// Median latency in microseconds.
    pub p50_us: Option<f64>,
    /// 99th percentile of latency in microseconds.
    pub p99_us: Option<f64>,
    /// Cores used by the server over the second.
    pub server_cores_used: Option<f64>,
    /// Resident memory of the server in bytes.
    pub server_rss_bytes: Option<u64>,
    /// Threads of the server.
    pub server_threads: Option<u64>,
}

/// Latency the way wrk prints it: from a histogram that is filled up after the run (closed loop only).
/// Compare with wrk's latency columns; everywhere else nothing is corrected afterwards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WrkCompatible {
    /// wrk's *Requests/sec*: every parsed answer ÷ time, whatever its status.
    pub requests_per_s: f64,
    /// Mean of the filled histogram in microseconds.
    pub latency_mean_us: f64,
    /// Standard deviation of the filled histogram in microseconds.
    pub latency_stdev_us: f64,
    /// Largest value in microseconds: raw, as in wrk.
    pub latency_max_us: f64,
    /// Share of values within one standard deviation of the mean, in percent.
    pub within_stdev_percent: f64,
    /// Percentiles of the filled histogram in microseconds.
    pub p50_us: f64,
    /// 75th percentile.
    pub p75_us: f64,
    /// 90th percentile.
    pub p90_us: f64,
    /// 99th percentile.
    pub p99_us: f64,
}

/// Latency of one class of request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassResult {
    /// Name of the class, for instance `hello`.
    pub name: String,
    /// Requests of this class.
    pub requests: u64,
    /// Their latency.
    pub latency_us: LatencySummary,
}

/// One further figure of a workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    /// Stable name, for instance `time_to_first_byte_p50`.
    pub name: String,
    /// Value in `unit`; null where not available.
    pub value: Option<f64>,
    /// Unit, for instance `us`, `bytes`, `percent` or `1`.
    pub unit: String,
    /// What it says, in a few words.
    pub label: String,
}

/// A ratio between two servers at one load point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Server below the line.
    pub baseline: String,
    /// Server above the line.
    pub candidate: String,
    /// What is compared: `throughput`, `server_cpu_per_request`, `p50` or `p99`.
    pub metric: String,
    /// Load point.
    pub load: LoadKind,
    /// Keep-alive of both.
    pub keep_alive: bool,
    /// Connections of both.
    #[serde(default)]
    pub concurrency: u32,
    /// Requests per second asked of both; null in a closed loop.
    #[serde(default)]
    pub rate: Option<f64>,
    /// Candidate ÷ baseline; null when one of them measured nothing.
    pub ratio: Option<f64>,
    /// Lower end of the interval; null when there are too few blocks.
    pub low: Option<f64>,
    /// Upper end of the interval.
    pub high: Option<f64>,
    /// Confidence of the interval, for instance 0.95.
    pub confidence: f64,
    /// Blocks that were compared.
    pub blocks: u32,
    /// Standard deviation of the blocks' log ratios.
    pub sigma: Option<f64>,
    /// Why there is no ratio or no interval; null when there is.
    #[serde(default)]
    pub reason: Option<String>,
    /// Share of the machine's CPU that other programs used while the two were loaded, in percent; null where that is
    /// not known.
    #[serde(default)]
    pub others_percent: Option<f64>,
    /// Lower end of the interval (without one, the ratio) when the baseline of a throughput, the candidate of a latency, is credited with all
    /// the CPU that others took: throughput × (own + others) ÷ own, block by block; null for CPU time per request.
    #[serde(default)]
    pub credited_low: Option<f64>,
    /// Upper end of the interval when the other is.
    #[serde(default)]
    pub credited_high: Option<f64>,
    /// Whether both reach what the waits of the workload allow, so that throughput and latency rank nobody.
    #[serde(default)]
    pub at_ceiling: bool,
    /// The server that is better beyond doubt: by the whole interval, and still when the other one is credited with
    /// what other programs took; null when none is named.
    #[serde(default)]
    pub winner: Option<String>,
}

/// One row of the article's table, or one server of this machine beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArticleRow {
    /// Framework or server name.
    pub name: String,
    /// `article` or `here`.
    pub source: String,
    /// Requests per second.
    pub qps: f64,
    /// Relative to Rust Std (article) or `sync` (here); null where that is missing.
    pub relative: Option<f64>,
    /// The article's row that a server of this machine stands beside.
    pub stands_beside: Option<String>,
    /// Keep-alive of the figures.
    pub keep_alive: bool,
}

/// A reason to distrust a number, carried as data beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Stable code, for instance `steal`.
    pub code: String,
    /// What was seen, with its number, and what follows.
    pub message: String,
}
