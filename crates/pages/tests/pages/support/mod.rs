//! Records made by a small deterministic builder: the same figures on every machine and every day.

#![allow(dead_code)]

pub(crate) mod sweeps;

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use record::summary::encode_histogram;
use record::*;

/// A small generator of numbers between 0 and 1 (a Weyl sequence through splitmix64).
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Numbers {
        Numbers(seed)
    }

    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64
    }
}

/// One server under one load.
#[derive(Clone)]
pub(crate) struct CellSpec {
    pub(crate) server: &'static str,
    pub(crate) workload: &'static str,
    pub(crate) load: LoadKind,
    pub(crate) keep_alive: bool,
    pub(crate) rate: Option<f64>,
    pub(crate) throughput_rps: f64,
    pub(crate) median_us: f64,
    pub(crate) server_cpu_us: f64,
    pub(crate) client_cpu_us: f64,
    pub(crate) threads: u64,
    pub(crate) blocks: u32,
    pub(crate) duration_s: f64,
    pub(crate) errors: ErrorCounts,
}

impl Default for CellSpec {
    fn default() -> CellSpec {
        CellSpec {
            server: "sync",
            workload: "hello",
            load: LoadKind::Closed,
            keep_alive: true,
            rate: None,
            throughput_rps: 100_000.0,
            median_us: 3_400.0,
            server_cpu_us: 12.0,
            client_cpu_us: 6.0,
            threads: 362,
            blocks: 8,
            duration_s: 60.0,
            errors: ErrorCounts::default(),
        }
    }
}

pub(crate) const CONCURRENCY: u32 = 360;

impl CellSpec {
    pub(crate) fn build(&self) -> CellResult {
        let seed = self
            .server
            .bytes()
            .fold(7_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
        let mut numbers = Numbers::new(seed);
        let requests = (self.throughput_rps * self.duration_s) as u64;
        let histogram = self.histogram(requests, &mut numbers);
        let latency_us = LatencySummary::from_histogram(
            &histogram,
            self.errors.timeout + self.errors.unsent,
            Duration::from_secs(10),
        );
        let per_block = self.duration_s / f64::from(self.blocks);
        let blocks: Vec<Block> = (0..self.blocks)
            .map(|index| self.block(index, per_block, &latency_us, &mut numbers))
            .collect();
        let empty = LatencySummary::default();
        CellResult {
            server: self.server.into(),
            workload: self.workload.into(),
            load: self.load,
            keep_alive: self.keep_alive,
            concurrency: CONCURRENCY,
            rate: self.rate,
            requests,
            duration_s: self.duration_s,
            throughput_rps: self.throughput_rps,
            ceiling_rps: None,
            transfer_bytes_per_s: self.throughput_rps * 130.0,
            service_time_us: latency_us.clone(),
            send_lag_us: if self.rate.is_some() {
                latency_us.clone()
            } else {
                empty.clone()
            },
            connect_us: if self.keep_alive {
                empty
            } else {
                latency_us.clone()
            },
            errors: self.errors,
            status_codes: BTreeMap::from([(200, requests)]),
            in_flight_at_deadline: u64::from(CONCURRENCY),
            connections: Connections {
                established: if self.keep_alive {
                    u64::from(CONCURRENCY)
                } else {
                    requests
                },
                requests_min: self.keep_alive.then_some(requests / 400),
                requests_median: self.keep_alive.then_some(requests as f64 / 360.0),
                requests_max: self.keep_alive.then_some(requests / 320),
                jain_index: self.keep_alive.then_some(0.98),
                ..Connections::default()
            },
            server_resources: Resources {
                cpu_us_per_request: Some(self.server_cpu_us),
                cores_used: Some(self.server_cpu_us * self.throughput_rps / 1e6),
                rss_peak_bytes: Some(9_000_000 + self.threads * 20_000),
                threads_peak: Some(self.threads),
                fds_peak: Some(367),
                fds_limit: Some(1_048_576),
                context_switches_per_request: Some(if self.threads > 100 { 1.02 } else { 0.031 }),
                run_queue_wait_percent: None,
            },
            client_resources: Resources {
                cpu_us_per_request: Some(self.client_cpu_us),
                cores_used: Some(self.client_cpu_us * self.throughput_rps / 1e6),
                rss_peak_bytes: Some(11_000_000),
                threads_peak: Some(3),
                fds_peak: Some(730),
                fds_limit: Some(1_048_576),
                context_switches_per_request: Some(0.05),
                run_queue_wait_percent: Some(21.0),
            },
            time_series: self.series(&latency_us, &mut numbers),
            blocks,
            histogram: encode_histogram(&histogram).unwrap(),
            wrk_compatible: None,
            classes: vec![],
            closed_connections: None,
            answers_in_two_parts: None,
            figures: vec![],
            latency_us,
        }
    }

    /// A skewed distribution about the median with a thin tail, as many values as requests.
    fn histogram(&self, requests: u64, numbers: &mut Numbers) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000_000, 3).unwrap();
        let distinct = requests.clamp(1, 4_000);
        let mut values: Vec<u64> = (0..distinct)
            .map(|step| {
                let share = (step as f64 + 0.5) / distinct as f64;
                let logit = (share / (1.0 - share)).ln();
                let jitter = 1.0 + 0.02 * numbers.next();
                (self.median_us * 1e3 * (0.18 * logit).exp() * jitter) as u64
            })
            .collect();
        values.push((self.median_us * 1e3 * 21.0) as u64);
        let each = requests / values.len() as u64;
        let last = values.len() - 1;
        for value in &values[..last] {
            histogram.record_n(*value, each).unwrap();
        }
        let rest = requests - each * last as u64;
        histogram
            .record_n(values[0], rest.saturating_sub(1))
            .unwrap();
        histogram.record_n(values[last], rest.min(1)).unwrap();
        histogram
    }

    fn block(
        &self,
        index: u32,
        seconds: f64,
        latency: &LatencySummary,
        numbers: &mut Numbers,
    ) -> Block {
        // The machine's drift, alike for all servers of a block, and a scatter of each one's own.
        let drift = 1.0 + 0.08 * f64::from(index % 5) / 5.0;
        let mut own = || 0.98 + 0.04 * numbers.next();
        let throughput_rps =
            self.throughput_rps * own() / if self.rate.is_some() { 1.0 } else { drift };
        let p50_us = latency.p50.map(|us| us * own() * drift);
        Block {
            index,
            requests: (throughput_rps * seconds) as u64,
            duration_s: seconds,
            throughput_rps,
            errors: 0,
            p50_us,
            p99_us: latency.p99.map(|us| us * own() * drift),
            mean_us: latency.mean.map(|us| us * own() * drift),
            waited_s: None,
            by_latency_rps: None,
            client_pause_ms: None,
            answered_in_window: None,
            slices: None,
            send_lag_p90_us: self.rate.map(|_| 60.0),
            send_lag_p99_us: self.rate.map(|_| 120.0),
            server_cpu_us_per_request: Some(self.server_cpu_us * own() * drift),
            client_cpu_us_per_request: Some(self.client_cpu_us * own() * drift),
            context_switches_per_request: Some(0.4),
            cpu: Some(self.cpu(seconds)),
            steal_percent: Some(0.1),
            spin_us: Some(1_000.0 * (1.0 + 0.005 * f64::from(index % 3))),
            last_third_over_first: Some(own()),
            throttled_periods: None,
            dropped: None,
            never_served: Some(0),
        }
    }

    /// Of a machine of two cores on which nobody else does anything.
    fn cpu(&self, seconds: f64) -> BlockCpu {
        let used_s = |us_per_request: f64| us_per_request * self.throughput_rps * seconds / 1e6;
        let (server_s, client_s) = (used_s(self.server_cpu_us), used_s(self.client_cpu_us));
        let machine_s = 2.0 * seconds;
        BlockCpu {
            machine_s,
            idle_s: (machine_s - server_s - client_s).max(0.0),
            server_s: Some(server_s),
            client_s,
            helpers_s: Some(0.0),
            others_s: Some(0.0),
            busiest_thread: Some(server_s / seconds / self.threads as f64),
            ..BlockCpu::default()
        }
    }

    fn series(&self, latency: &LatencySummary, numbers: &mut Numbers) -> Vec<SeriesPoint> {
        let seconds = (self.duration_s * 3.0) as u32;
        (0..seconds)
            .map(|second| {
                let wobble = 0.95 + 0.1 * numbers.next();
                SeriesPoint {
                    second: f64::from(second),
                    measured_s: 0.33,
                    requests: (self.throughput_rps * 0.33 * wobble) as u64,
                    errors: 0,
                    wrong_answers: 0,
                    p50_us: latency.p50.map(|us| us * wobble),
                    p99_us: latency.p99.map(|us| us * wobble * wobble),
                    server_cores_used: Some(
                        self.server_cpu_us * self.throughput_rps / 1e6 * wobble,
                    ),
                    server_rss_bytes: Some(9_000_000 + self.threads * 20_000),
                    server_threads: Some(self.threads),
                }
            })
            .collect()
    }
}

/// A record of these cells on the described machine, analysed.
pub(crate) fn record(cells: &[CellSpec]) -> Record {
    let mut record = Record {
        schema_version: SCHEMA_VERSION,
        program_version: "0.1.0".into(),
        started_at: "2026-11-22T08:00:00Z".into(),
        merged_from: vec![],
        interrupted: false,
        environment: environment(),
        config: config(cells),
        results: cells.iter().map(CellSpec::build).collect(),
        comparisons: vec![],
        article: vec![],
        tcp: TcpCounters {
            listen_overflows: Some(0),
            syn_retransmits: Some(0),
            ..TcpCounters::default()
        },
        waits_late: Vec::new(),
        findings: vec![],
        warnings: vec![],
    };
    analysis::analyse(&mut record);
    record
}

fn environment() -> Environment {
    Environment {
        cpu: Some("Example CPU 3000".into()),
        cores: 2,
        memory_bytes: Some(8 << 30),
        os: "linux".into(),
        arch: "x86_64".into(),
        kernel: Some("6.1.0".into()),
        toolchain: "rustc 1.95.0".into(),
        build_profile: "dev".into(),
        optimised: true,
        git_revision: Some("0123456789ab".into()),
        git_dirty: Some(false),
        tcp_tw_reuse: Some(2),
        somaxconn: Some(4096),
        descriptor_limit: Some(20_000),
    }
}

fn config(cells: &[CellSpec]) -> Config {
    let mut servers: Vec<ServerConfig> = Vec::new();
    for cell in cells {
        if servers.iter().all(|server| server.name != cell.server) {
            servers.push(ServerConfig {
                name: cell.server.into(),
                url: format!("http://127.0.0.1:{}/", 40_000 + servers.len()),
                command: Some(vec!["loadgen".into(), "serve".into(), cell.server.into()]),
                settings: Some(serde_json::json!({ "backlog": 4096 })),
                pool_threads: None,
            });
        }
    }
    Config {
        command: ["loadgen", "--concurrency", "360", "--duration", "60s"]
            .map(String::from)
            .to_vec(),
        servers,
        workload: cells.first().map_or("hello", |cell| cell.workload).into(),
        request: RequestConfig {
            method: "GET".into(),
            path: "/".into(),
            headers: vec![],
            body_bytes: 0,
        },
        requests_by_workload: vec![],
        concurrency: CONCURRENCY,
        duration_s: Some(60.0),
        requests: None,
        warmup_s: 1.0,
        threads: 2,
        blocks: 8,
        interleave: true,
        slice_ms: Some(50.0),
        arrivals: "constant".into(),
        timeout_s: 10.0,
        client: "raw".into(),
        seed: 42,
        counting_rule: COUNTING_RULE.into(),
        server_cpus: None,
        client_cpus: None,
    }
}

/// The main job: three servers at both load points.
pub(crate) fn main_job() -> Record {
    record(&main_job_cells())
}

pub(crate) fn main_job_cells() -> Vec<CellSpec> {
    let servers = [
        ("sync", 104_000.0, 12.1, 362, 21.0),
        ("async-bare", 158_000.0, 6.9, 3, 10.2),
        ("async", 117_000.0, 10.6, 3, 19.4),
    ];
    let saturated = servers
        .iter()
        .map(|(server, throughput_rps, cpu, threads, _)| CellSpec {
            server,
            throughput_rps: *throughput_rps,
            median_us: 0.938 * 360.0 / throughput_rps * 1e6,
            server_cpu_us: *cpu,
            threads: *threads,
            ..CellSpec::default()
        });
    let same_rate = servers.iter().map(|(server, _, _, threads, cpu)| CellSpec {
        server,
        load: LoadKind::Open,
        rate: Some(52_000.0),
        throughput_rps: 52_000.0,
        median_us: cpu * 11.0,
        server_cpu_us: *cpu,
        threads: *threads,
        duration_s: 15.0,
        ..CellSpec::default()
    });
    saturated.chain(same_rate).collect()
}

/// The main job with a connection per request as well.
pub(crate) fn both_keep_alives() -> Record {
    let closing = main_job_cells().into_iter().map(|cell| CellSpec {
        keep_alive: false,
        throughput_rps: cell.throughput_rps / 6.0,
        median_us: cell.median_us * 3.0,
        rate: cell.rate.map(|rate| rate / 6.0),
        ..cell
    });
    record(
        &main_job_cells()
            .into_iter()
            .chain(closing)
            .collect::<Vec<_>>(),
    )
}

/// Names and texts that try to be markup in every format.
pub(crate) fn hostile() -> Record {
    let names = [
        "</script><script>document.title='owned'</script>",
        "<img src=x onerror=document.title='owned'>|a|`b`*c*",
        "=1+1\",\n![x](http://192.0.2.1/x.png)\u{1b}[2J",
    ];
    let cells: Vec<CellSpec> = names
        .iter()
        .map(|server| CellSpec {
            server,
            errors: ErrorCounts {
                total: 1,
                closed: 1,
                ..ErrorCounts::default()
            },
            ..CellSpec::default()
        })
        .collect();
    record(&cells)
}

/// Three runs that cannot be merged: another revision, then another machine.
pub(crate) fn trend() -> Vec<Record> {
    let mut records = vec![main_job(), main_job(), main_job()];
    records[1].started_at = "2026-11-23T08:00:00Z".into();
    records[1].environment.git_revision = Some("fedcba987654".into());
    records[2].started_at = "2026-11-24T08:00:00Z".into();
    records[2].environment.cpu = Some("Another CPU 9".into());
    records[2].results[0].throughput_rps *= 1.4;
    records
}
