//! What several measurements of one cell add up to: the visits of a sweep, and runs of the same thing. The one place that
//! adds cells, so that two commands cannot add them differently.
//!
//! Counts and histograms are added. A percentile is never averaged: of what kept no histogram (send lag, connecting,
//! classes), only count, ends and mean are left. Per request weighs by requests, per second by seconds; what one of them
//! does not know, the total does not know either.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::run::{
    CellResult, ClassResult, ClosedConnections, Connections, ErrorCounts, LatencySummary, Resources,
};
use crate::summary::{HistogramError, decode_histogram, encode_histogram};

/// Adds a later measurement of the same cell. `timeout`: what an unanswered request waited at least.
///
/// # Errors
/// When a histogram cannot be read; `total` is as it was then.
pub fn add(
    total: &mut CellResult,
    later: CellResult,
    timeout: Duration,
) -> Result<(), HistogramError> {
    let mut latency = decode_histogram(&total.histogram)?;
    latency
        .add(decode_histogram(&later.histogram)?)
        .map_err(|error| HistogramError::Format(error.to_string()))?;
    let histogram = encode_histogram(&latency)?;
    add_figures(total, later);
    let lost = total.errors.timeout + total.errors.unsent;
    total.latency_us = LatencySummary::from_histogram(&latency, lost, timeout);
    total.histogram = histogram;
    Ok(())
}

/// Adds everything but the histogram and what is made from it.
fn add_figures(total: &mut CellResult, later: CellResult) {
    let requests = (total.requests as f64, later.requests as f64);
    let seconds = (total.duration_s, later.duration_s);
    total.transfer_bytes_per_s = weighted(
        (total.transfer_bytes_per_s, later.transfer_bytes_per_s),
        seconds,
    );
    total.requests += later.requests;
    total.duration_s += later.duration_s;
    total.throughput_rps = if total.duration_s > 0.0 {
        total.requests as f64 / total.duration_s
    } else {
        0.0
    };
    total.errors = errors(total.errors, later.errors);
    for (known, other) in [
        (&mut total.service_time_us, &later.service_time_us),
        (&mut total.send_lag_us, &later.send_lag_us),
        (&mut total.connect_us, &later.connect_us),
    ] {
        *known = without_percentiles(known, other);
    }
    for (status, count) in later.status_codes {
        *total.status_codes.entry(status).or_default() += count;
    }
    total.in_flight_at_deadline += later.in_flight_at_deadline;
    total.closed_connections = both(
        total.closed_connections.take(),
        later.closed_connections,
        closed,
    );
    total.answers_in_two_parts = both(
        total.answers_in_two_parts,
        later.answers_in_two_parts,
        |a, b| a + b,
    );
    total.connections = connections(total.connections, later.connections);
    let weights = (requests, seconds);
    total.server_resources = resources(total.server_resources, later.server_resources, weights);
    total.client_resources = resources(total.client_resources, later.client_resources, weights);
    total.blocks.extend(later.blocks);
    total.time_series.extend(later.time_series);
    total.wrk_compatible = None;
    total.classes = classes(&total.classes, &later.classes);
    for figure in &mut total.figures {
        figure.value = None;
    }
}

fn weighted((a, b): (f64, f64), (weight_a, weight_b): (f64, f64)) -> f64 {
    let total = weight_a + weight_b;
    if total > 0.0 {
        (a * weight_a + b * weight_b) / total
    } else {
        0.0
    }
}

fn weighted_optional(values: (Option<f64>, Option<f64>), weights: (f64, f64)) -> Option<f64> {
    Some(weighted((values.0?, values.1?), weights))
}

/// `requests` and `seconds` of both.
fn resources(
    a: Resources,
    b: Resources,
    (requests, seconds): ((f64, f64), (f64, f64)),
) -> Resources {
    Resources {
        cpu_us_per_request: weighted_optional(
            (a.cpu_us_per_request, b.cpu_us_per_request),
            requests,
        ),
        cores_used: weighted_optional((a.cores_used, b.cores_used), seconds),
        rss_peak_bytes: a.rss_peak_bytes.max(b.rss_peak_bytes),
        threads_peak: a.threads_peak.max(b.threads_peak),
        fds_peak: a.fds_peak.max(b.fds_peak),
        fds_limit: a.fds_limit.max(b.fds_limit),
        context_switches_per_request: weighted_optional(
            (
                a.context_switches_per_request,
                b.context_switches_per_request,
            ),
            requests,
        ),
        run_queue_wait_percent: weighted_optional(
            (a.run_queue_wait_percent, b.run_queue_wait_percent),
            seconds,
        ),
    }
}

/// Each measurement had as many connections, and made them anew: of those without an answer, the most at once count, or
/// more than there are could have had none.
fn connections(a: Connections, b: Connections) -> Connections {
    Connections {
        established: a.established + b.established,
        failed: a.failed + b.failed,
        unanswered: a.unanswered.max(b.unanswered),
        never_served: a.never_served.max(b.never_served),
        requests_min: a.requests_min.zip(b.requests_min).map(|(a, b)| a.min(b)),
        requests_median: None,
        requests_max: a.requests_max.max(b.requests_max),
        jain_index: None,
    }
}

/// The sum of two figures, which is not available where one of them is not.
fn both<T>(a: Option<T>, b: Option<T>, sum: impl Fn(T, T) -> T) -> Option<T> {
    a.zip(b).map(|(a, b)| sum(a, b))
}

fn closed(mut a: ClosedConnections, b: ClosedConnections) -> ClosedConnections {
    for (own, later) in [
        (&mut a.announced, b.announced),
        (&mut a.unannounced, b.unannounced),
    ] {
        for (answers, connections) in later {
            *own.entry(answers).or_default() += connections;
        }
    }
    a.left_open += b.left_open;
    a.closed_by_client += b.closed_by_client;
    a
}

fn errors(a: ErrorCounts, b: ErrorCounts) -> ErrorCounts {
    ErrorCounts {
        total: a.total + b.total,
        connect: a.connect + b.connect,
        connect_timeout: a.connect_timeout + b.connect_timeout,
        ports: a.ports + b.ports,
        send: a.send + b.send,
        receive: a.receive + b.receive,
        closed: a.closed + b.closed,
        stale: a.stale + b.stale,
        timeout: a.timeout + b.timeout,
        unsent: a.unsent + b.unsent,
        status: a.status + b.status,
        protocol: a.protocol + b.protocol,
        body: a.body + b.body,
    }
}

/// What two summaries say together without their histograms: count, ends and mean.
fn without_percentiles(a: &LatencySummary, b: &LatencySummary) -> LatencySummary {
    if a.count == 0 || b.count == 0 {
        return if a.count == 0 { b.clone() } else { a.clone() };
    }
    let smallest = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a.min(b));
    let largest = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a.max(b));
    LatencySummary {
        count: a.count + b.count,
        min: smallest(a.min, b.min),
        mean: weighted_optional((a.mean, b.mean), (a.count as f64, b.count as f64)),
        max: largest(a.max, b.max),
        ..LatencySummary::default()
    }
}

fn classes(a: &[ClassResult], b: &[ClassResult]) -> Vec<ClassResult> {
    let mut merged: BTreeMap<&str, ClassResult> = BTreeMap::new();
    for class in a.iter().chain(b) {
        let known = merged.get(class.name.as_str()).cloned();
        let sum = known.map_or_else(
            || class.clone(),
            |known| ClassResult {
                name: known.name,
                requests: known.requests + class.requests,
                latency_us: without_percentiles(&known.latency_us, &class.latency_us),
            },
        );
        merged.insert(&class.name, sum);
    }
    merged.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::result;

    const TIMEOUT: Duration = Duration::from_secs(10);

    #[test]
    fn measurements_add_up() {
        let mut total = result("sync", &[100.0, 100.0]);
        let later = result("sync", &[400.0]);
        let (requests, duration) = (
            total.requests + later.requests,
            total.duration_s + later.duration_s,
        );
        add(&mut total, later, TIMEOUT).unwrap();
        assert_eq!(total.requests, requests);
        assert_eq!(total.latency_us.count, requests);
        assert!((total.throughput_rps - requests as f64 / duration).abs() < 1e-9);
        assert_eq!(total.blocks.len(), 3);
        assert_eq!(total.server_resources.threads_peak, Some(7));
    }

    #[test]
    fn costs_per_request_are_weighted_by_requests() {
        let mut total = result("sync", &[100.0]);
        let mut later = result("sync", &[300.0]);
        total.server_resources.cpu_us_per_request = Some(10.0);
        later.server_resources.cpu_us_per_request = Some(20.0);
        add(&mut total, later.clone(), TIMEOUT).unwrap();
        assert_eq!(total.server_resources.cpu_us_per_request, Some(17.5));
        later.server_resources.cpu_us_per_request = None;
        add(&mut total, later, TIMEOUT).unwrap();
        assert_eq!(total.server_resources.cpu_us_per_request, None);
    }

    #[test]
    fn no_more_connections_are_without_an_answer_than_were_so_at_once() {
        let mut total = result("sync", &[100.0]);
        let mut later = total.clone();
        total.connections.unanswered = 3;
        later.connections.unanswered = 5;
        later.connections.never_served = Some(2);
        add(&mut total, later, TIMEOUT).unwrap();
        assert_eq!(total.connections.unanswered, 5);
        assert_eq!(total.connections.never_served, Some(2));
    }

    #[test]
    fn percentiles_without_a_histogram_are_not_made_up() {
        let mut total = result("sync", &[100.0]);
        let lag = |mean| LatencySummary {
            count: 10,
            mean: Some(mean),
            max: Some(2.0 * mean),
            p99: Some(mean),
            ..LatencySummary::default()
        };
        total.send_lag_us = lag(10.0);
        let mut later = result("sync", &[100.0]);
        later.send_lag_us = lag(30.0);
        add(&mut total, later, TIMEOUT).unwrap();
        let LatencySummary { mean, max, p99, .. } = total.send_lag_us;
        assert_eq!((mean, max, p99), (Some(20.0), Some(60.0), None));
    }

    #[test]
    fn a_broken_histogram_is_an_error() {
        let mut total = result("sync", &[100.0]);
        total.histogram = "?".to_owned();
        assert!(add(&mut total, result("sync", &[100.0]), TIMEOUT).is_err());
    }
}
