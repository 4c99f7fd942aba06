//! A sweep from fixed figures: throughput by a law, so that what the analysis finds can be computed.

use std::time::Duration;

use analysis::ceiling::ceiling_rps;
use record::limits::Ceiling;
use record::sweep::{
    Spot, StopCause, Stopped, SweepCell, SweepConfig, SweepRecord, SweepServer, Visit,
};
use record::{COUNTING_RULE, Environment, ServerConfig};
use render::{Format, RenderOptions};

use super::{CellSpec, Numbers};

pub(crate) const CONCURRENCIES: [u32; 6] = [1, 10, 100, 1_000, 3_162, 10_000];
const WAITS_MS: [u64; 2] = [0, 10];
pub(crate) const BLOCKS_PER_VISIT: u32 = 4;

/// γN ÷ (1 + α(N − 1) + βN(N − 1)), and never more than the waits allow.
pub(crate) fn throughput_rps(server: &str, spot: Spot) -> f64 {
    let n = f64::from(spot.concurrency);
    let (gamma, alpha, beta) = law(server);
    let computing = gamma * n / (1.0 + alpha * (n - 1.0) + beta * n * (n - 1.0));
    match spot.wait_ms {
        0 => computing,
        wait => (n * 1e3 / wait as f64).min(computing),
    }
}

pub(crate) fn law(server: &str) -> (f64, f64, f64) {
    match server {
        "sync" => (20_000.0, 0.30, 2e-6),
        _ => (18_000.0, 0.22, 1e-8),
    }
}

pub(crate) fn server(name: &'static str, spot: Spot, visits: usize) -> SweepServer {
    let throughput_rps = throughput_rps(name, spot);
    let blocks = visits as u32 * BLOCKS_PER_VISIT;
    let mut result = CellSpec {
        server: name,
        throughput_rps,
        median_us: f64::from(spot.concurrency) / throughput_rps * 1e6,
        server_cpu_us: 12.0,
        client_cpu_us: 6.0,
        threads: if name == "sync" {
            u64::from(spot.concurrency) + 4
        } else {
            5
        },
        blocks,
        duration_s: f64::from(blocks) * 0.1,
        ..CellSpec::default()
    }
    .build();
    result.concurrency = spot.concurrency;
    result.ceiling_rps = ceiling_rps(
        spot.concurrency as usize,
        Duration::from_millis(spot.wait_ms),
    );
    // What scatters is given here, so that the law below can be found again.
    let mut numbers =
        Numbers::new(u64::from(spot.concurrency) * 31 + name.len() as u64 + spot.wait_ms);
    for block in &mut result.blocks {
        block.throughput_rps = throughput_rps * (0.998 + 0.004 * numbers.next());
        block.requests = (block.throughput_rps * 1e3) as u64;
        block.duration_s = 1e3;
    }
    SweepServer {
        name: name.to_owned(),
        result: Some(result),
        limit: None,
        stopped: None,
    }
}

fn cell(spot: Spot) -> SweepCell {
    let visits = 4;
    let visit = |number: u32| Visit {
        first_block: number * BLOCKS_PER_VISIT,
        blocks: BLOCKS_PER_VISIT,
        took_s: 3.5,
    };
    let mut servers = vec![server("sync", spot, visits), server("async", spot, visits)];
    if spot.concurrency == 10_000 {
        servers[0].stopped = Some(Stopped {
            cause: StopCause::Threads,
            reason: "4,000 of 10,000 connections got no answer (4000 status); 4000 were refused with status 503".to_owned(),
            inferred: false,
        });
    }
    SweepCell {
        spot,
        in_turns: spot.concurrency == 10_000,
        slice_ms: Some(50.0),
        visits: (0..visits as u32).map(visit).collect(),
        servers,
        comparisons: Vec::new(),
    }
}

/// Two servers, two waits, six concurrencies; the first server does not work at the last of them.
pub(crate) fn sweep(quick: bool) -> SweepRecord {
    let named = |name: &str| ServerConfig {
        name: name.to_owned(),
        ..ServerConfig::default()
    };
    let config = SweepConfig {
        command: vec!["loadgen".to_owned(), "sweep".to_owned()],
        server_specs: vec!["sync".to_owned(), "async".to_owned()],
        servers: vec![named("sync"), named("async")],
        waits_ms: WAITS_MS.to_vec(),
        wait: "exact".to_owned(),
        cpu_units: vec![0],
        keep_alive: vec![true],
        concurrencies: CONCURRENCIES.to_vec(),
        quick,
        blocks_per_visit: BLOCKS_PER_VISIT,
        confidence: 0.95,
        margin: 0.02,
        time_limit_s: 1_080.0,
        warmup_s: 0.2,
        timeout_s: 5.0,
        threads: 2,
        seed: 7,
        counting_rule: COUNTING_RULE.to_owned(),
        server_cpus: None,
        client_cpus: None,
    };
    let mut record = SweepRecord {
        schema_version: 1,
        kind: "sweep".to_owned(),
        program_version: "0.1.0".to_owned(),
        started_at: "2026-11-22T10:00:00Z".to_owned(),
        interrupted: false,
        elapsed_s: 126.0,
        environment: Environment {
            cpu: Some("Test CPU".to_owned()),
            cores: 2,
            os: "linux".to_owned(),
            kernel: Some("6.1.0".to_owned()),
            toolchain: "rustc 1.88.0".to_owned(),
            build_profile: "dev".to_owned(),
            optimised: true,
            ..Environment::default()
        },
        ceilings: vec![Ceiling {
            server: "async".to_owned(),
            connections: 19_900,
            by: "open files".to_owned(),
            reason: "server and load generator may open 20000 files each".to_owned(),
        }],
        cells: config.spots().into_iter().map(cell).collect(),
        config,
        crossovers: Vec::new(),
        page: Vec::new(),
        warnings: Vec::new(),
    };
    analysis::sweep::analyse(&mut record);
    record
}

pub(crate) fn rendered(record: &SweepRecord, format: Format) -> String {
    pages::sweep::render(record, format, &RenderOptions::default()).text
}
