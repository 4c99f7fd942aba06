//! A made-up search for capacity, for the tests of this crate and of `pages`.

use record::capacity::{
    CapacityConfig, CapacityRecord, KIND, Purpose, SCHEMA_VERSION, ServerCapacity, Trial,
};
use record::{Environment, LatencySummary};

/// A trial at 1,000 requests per second in the closed loop.
pub(crate) fn trial(rate_rps: f64, p99_us: f64, failed_on: Option<&str>) -> Trial {
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

/// A search that found these ends; nothing is concluded yet.
pub(crate) fn search(low: Option<f64>, high: Option<f64>) -> CapacityRecord {
    CapacityRecord {
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
    }
}
