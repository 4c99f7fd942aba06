//! Made-up figures for tests: of this crate, and of `analysis`.

use hdrhistogram::Histogram;
use record::summary::encode_histogram;
use record::{Block, CellResult, Connections, ErrorCounts, LatencySummary, LoadKind, Resources};

/// A server with these requests per second in blocks of a second each, at 10 connections.
pub(crate) fn result(server: &str, throughputs: &[f64]) -> CellResult {
    let requests: f64 = throughputs.iter().sum();
    let mut latency = Histogram::<u64>::new_with_bounds(1, 3_600_000_000_000, 3).unwrap();
    let mean_ns = 10e9 * throughputs.len() as f64 / requests.max(1.0);
    latency.record_n(mean_ns as u64, requests as u64).unwrap();
    let timeout = std::time::Duration::from_secs(10);
    let resources = Resources {
        cores_used: Some(0.9),
        cpu_us_per_request: Some(9.0),
        rss_peak_bytes: Some(8 << 20),
        threads_peak: Some(7),
        ..Resources::default()
    };
    CellResult {
        server: server.to_owned(),
        workload: "work".to_owned(),
        load: LoadKind::Closed,
        keep_alive: true,
        concurrency: 10,
        rate: None,
        requests: requests as u64,
        duration_s: throughputs.len() as f64,
        throughput_rps: requests / throughputs.len() as f64,
        ceiling_rps: None,
        transfer_bytes_per_s: 0.0,
        latency_us: LatencySummary::from_histogram(&latency, 0, timeout),
        service_time_us: LatencySummary::default(),
        send_lag_us: LatencySummary::default(),
        connect_us: LatencySummary::default(),
        errors: ErrorCounts::default(),
        status_codes: Default::default(),
        in_flight_at_deadline: 0,
        connections: Connections::default(),
        server_resources: resources,
        client_resources: resources,
        blocks: throughputs.iter().enumerate().map(block).collect(),
        time_series: Vec::new(),
        closed_connections: None,
        answers_in_two_parts: None,
        histogram: encode_histogram(&latency).unwrap(),
        wrk_compatible: None,
        classes: Vec::new(),
        figures: Vec::new(),
    }
}

fn block((index, &throughput_rps): (usize, &f64)) -> Block {
    Block {
        index: index as u32,
        requests: throughput_rps as u64,
        duration_s: 1.0,
        throughput_rps,
        ..Block::default()
    }
}
