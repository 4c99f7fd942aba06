//! What several visits to a cell add up to.

use std::time::Duration;

use crate::record::{CellResult, Connections, ErrorCounts, LatencySummary, Resources};
use crate::summary::{HistogramError, decode_histogram, encode_histogram};

/// Adds a later visit to what earlier ones found. Percentiles come from the merged histogram, never from
/// other percentiles; the spread of latency distributions that are summarised only (send lag and the
/// like) is that of the later visit.
///
/// # Errors
/// When a histogram cannot be read.
pub fn add_visit(
    total: &mut CellResult,
    visit: CellResult,
    timeout: Duration,
) -> Result<(), HistogramError> {
    let mut latency = decode_histogram(&total.histogram)?;
    latency
        .add(decode_histogram(&visit.histogram)?)
        .map_err(|error| HistogramError::Format(error.to_string()))?;
    total.errors = add_errors(total.errors, visit.errors);
    let unanswered = total.errors.timeout + total.errors.unsent;
    total.latency_us = LatencySummary::from_histogram(&latency, unanswered, timeout);
    total.histogram = encode_histogram(&latency)?;

    let (before, after) = (total.duration_s, visit.duration_s);
    // Shares of time weigh as much as the time they are shares of.
    let mean = |a: f64, b: f64| weighted(a, before, b, after);
    total.transfer_bytes_per_s = weighted(
        total.transfer_bytes_per_s,
        before,
        visit.transfer_bytes_per_s,
        after,
    );
    total.server_resources = Resources {
        cores_used: pair(
            total.server_resources.cores_used,
            visit.server_resources.cores_used,
            mean,
        ),
        ..peaks(total.server_resources, visit.server_resources)
    };
    total.client_resources = Resources {
        cores_used: pair(
            total.client_resources.cores_used,
            visit.client_resources.cores_used,
            mean,
        ),
        run_queue_wait_percent: pair(
            total.client_resources.run_queue_wait_percent,
            visit.client_resources.run_queue_wait_percent,
            mean,
        ),
        ..peaks(total.client_resources, visit.client_resources)
    };
    total.requests += visit.requests;
    total.duration_s += visit.duration_s;
    total.throughput_rps = if total.duration_s > 0.0 {
        total.requests as f64 / total.duration_s
    } else {
        0.0
    };
    total.service_time_us = visit.service_time_us;
    total.send_lag_us = visit.send_lag_us;
    total.connect_us = visit.connect_us;
    for (status, count) in visit.status_codes {
        *total.status_codes.entry(status).or_default() += count;
    }
    total.in_flight_at_deadline += visit.in_flight_at_deadline;
    total.connections = Connections {
        established: total.connections.established + visit.connections.established,
        failed: total.connections.failed + visit.connections.failed,
        unanswered: total
            .connections
            .unanswered
            .max(visit.connections.unanswered),
        never_served: total
            .connections
            .never_served
            .max(visit.connections.never_served),
        ..visit.connections
    };
    total.blocks.extend(visit.blocks);
    per_request_from_blocks(total);
    Ok(())
}

/// Costs per request are weighted by requests: that is what the blocks are for.
fn per_request_from_blocks(total: &mut CellResult) {
    let blocks = &total.blocks;
    let mean = |of: fn(&crate::record::Block) -> Option<f64>| {
        let known = || {
            blocks
                .iter()
                .filter_map(|block| Some((of(block)?, block.requests as f64)))
        };
        let requests: f64 = known().map(|(_, requests)| requests).sum();
        (requests > 0.0)
            .then(|| known().map(|(cost, requests)| cost * requests).sum::<f64>() / requests)
    };
    let server = mean(|block| block.server_cpu_us_per_request);
    let client = mean(|block| block.client_cpu_us_per_request);
    let switches = mean(|block| block.context_switches_per_request);
    total.server_resources.cpu_us_per_request = server;
    total.client_resources.cpu_us_per_request = client;
    total.server_resources.context_switches_per_request = switches;
}

fn peaks(a: Resources, b: Resources) -> Resources {
    Resources {
        rss_peak_bytes: a.rss_peak_bytes.max(b.rss_peak_bytes),
        threads_peak: a.threads_peak.max(b.threads_peak),
        fds_peak: a.fds_peak.max(b.fds_peak),
        ..a
    }
}

fn pair(a: Option<f64>, b: Option<f64>, join: impl Fn(f64, f64) -> f64) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(join(a, b)),
        (a, b) => a.or(b),
    }
}

fn weighted(a: f64, weight_a: f64, b: f64, weight_b: f64) -> f64 {
    let weights = weight_a + weight_b;
    if weights > 0.0 {
        (a * weight_a + b * weight_b) / weights
    } else {
        0.0
    }
}

fn add_errors(a: ErrorCounts, b: ErrorCounts) -> ErrorCounts {
    ErrorCounts {
        total: a.total + b.total,
        connect: a.connect + b.connect,
        connect_timeout: a.connect_timeout + b.connect_timeout,
        ports: a.ports + b.ports,
        send: a.send + b.send,
        receive: a.receive + b.receive,
        closed: a.closed + b.closed,
        timeout: a.timeout + b.timeout,
        unsent: a.unsent + b.unsent,
        status: a.status + b.status,
        protocol: a.protocol + b.protocol,
        body: a.body + b.body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::analysis::testing::result;

    const TIMEOUT: Duration = Duration::from_secs(10);

    #[test]
    fn visits_add_up() {
        let mut total = result("sync", &[100.0, 100.0]);
        let visit = result("sync", &[400.0]);
        let (requests, duration) = (
            total.requests + visit.requests,
            total.duration_s + visit.duration_s,
        );
        add_visit(&mut total, visit, TIMEOUT).unwrap();
        assert_eq!(total.requests, requests);
        assert_eq!(total.latency_us.count, requests);
        assert!((total.throughput_rps - requests as f64 / duration).abs() < 1e-9);
        assert_eq!(total.blocks.len(), 3);
        assert_eq!(total.server_resources.threads_peak, Some(7));
    }

    #[test]
    fn costs_per_request_are_weighted_by_requests() {
        let mut total = result("sync", &[100.0]);
        let mut visit = result("sync", &[300.0]);
        total.blocks[0].server_cpu_us_per_request = Some(10.0);
        visit.blocks[0].server_cpu_us_per_request = Some(20.0);
        add_visit(&mut total, visit, TIMEOUT).unwrap();
        assert_eq!(total.server_resources.cpu_us_per_request, Some(17.5));
    }

    #[test]
    fn a_broken_histogram_is_an_error() {
        let mut total = result("sync", &[100.0]);
        total.histogram = "?".to_owned();
        assert!(add_visit(&mut total, result("sync", &[100.0]), TIMEOUT).is_err());
    }
}
