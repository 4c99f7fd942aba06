//! Several records: what becomes one, and what stays apart.

use crate::support::{main_job, trend};
use analysis::merge::merge;
use record::Record;
use record::summary::decode_histogram;

fn later(mut record: Record, started_at: &str) -> Record {
    record.started_at = started_at.into();
    record
}

fn two_runs() -> Record {
    let records = vec![later(main_job(), "2026-11-23T08:00:00Z"), main_job()];
    let mut merged = merge(records).unwrap();
    assert_eq!(merged.len(), 1);
    merged.remove(0)
}

#[test]
fn one_record_is_left_as_it_is() {
    assert!(merge(vec![main_job()]).unwrap() == [main_job()]);
}

#[test]
fn runs_of_the_same_are_added_oldest_first() {
    let (one, two) = (main_job(), two_runs());
    assert_eq!(two.started_at, one.started_at);
    assert_eq!(
        two.merged_from,
        ["2026-11-22T08:00:00Z", "2026-11-23T08:00:00Z"]
    );
    assert_eq!(two.results.len(), one.results.len());
    for (one, two) in one.results.iter().zip(&two.results) {
        assert_eq!(two.requests, 2 * one.requests);
        assert_eq!(two.duration_s, 2.0 * one.duration_s);
        assert_eq!(two.throughput_rps, one.throughput_rps);
        assert_eq!(two.status_codes[&200], 2 * one.requests);
        let (half, whole) = (
            decode_histogram(&one.histogram).unwrap(),
            decode_histogram(&two.histogram).unwrap(),
        );
        assert_eq!(whole.len(), 2 * half.len());
        assert_eq!(whole.value_at_quantile(0.99), half.value_at_quantile(0.99));
        assert_eq!(two.latency_us.p99, one.latency_us.p99);
    }
}

#[test]
fn percentiles_without_a_histogram_are_not_made_up() {
    let two = two_runs();
    let service_time = &two.results[0].service_time_us;
    assert_eq!(service_time.p50, None);
    assert_eq!(service_time.max, main_job().results[0].service_time_us.max);
    assert_eq!(
        service_time.count,
        2 * main_job().results[0].service_time_us.count
    );
}

#[test]
fn percentiles_come_from_added_histograms_not_from_averages() {
    let slow_tail = |record: &mut Record| {
        let mut histogram = decode_histogram(&record.results[0].histogram).unwrap();
        let requests = histogram.len();
        histogram.record_n(5_000_000_000, requests / 20).unwrap();
        record.results[0].histogram = record::summary::encode_histogram(&histogram).unwrap();
    };
    let mut second = later(main_job(), "2026-11-23T08:00:00Z");
    slow_tail(&mut second);
    let merged = merge(vec![main_job(), second]).unwrap();
    // 2.4 % of all requests took five seconds, so p99 is there, not half way.
    let p99 = merged[0].results[0].latency_us.p99.unwrap();
    assert!((p99 / 5_000_000.0 - 1.0).abs() < 0.01, "{p99}");
}

#[test]
fn blocks_of_different_runs_never_pair() {
    let two = two_runs();
    let blocks = &two.results[0].blocks;
    let numbers: Vec<u32> = blocks.iter().map(|block| block.index).collect();
    assert_eq!(numbers, (0..16).collect::<Vec<_>>());
    assert!(
        two.comparisons
            .iter()
            .all(|comparison| comparison.blocks == 16)
    );
    let seconds = two.results[0]
        .time_series
        .iter()
        .map(|sample| sample.second);
    assert!(
        seconds.is_sorted(),
        "seconds of the second run follow the first's"
    );
}

#[test]
fn other_machines_builds_and_questions_stay_apart() {
    assert_eq!(merge(trend()).unwrap().len(), 3);
    let changes: [fn(&mut Record); 7] = [
        |record| record.environment.cores = 64,
        |record| record.environment.kernel = Some("6.2.0".into()),
        |record| record.environment.build_profile = "release".into(),
        |record| record.environment.git_revision = None,
        |record| record.config.concurrency = 1,
        |record| record.config.request.path = "/json".into(),
        |record| record.config.servers[0].settings = None,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut other = main_job();
        change(&mut other);
        assert_eq!(
            merge(vec![main_job(), other]).unwrap().len(),
            2,
            "change {number}"
        );
    }
}

#[test]
fn records_of_two_counting_rules_are_shown_neither_together_nor_side_by_side() {
    let older = |change: fn(&mut Record)| {
        let mut older = main_job();
        older.config.counting_rule = String::new();
        change(&mut older);
        older
    };
    let mergeable = older(|_| ());
    let of_another_machine = older(|record| record.environment.cores = 64);
    for older in [mergeable, of_another_machine] {
        assert_eq!(merge(vec![older.clone()]).unwrap().len(), 1, "alone");
        let newer = later(main_job(), "2026-11-23T08:00:00Z");
        let error = merge(vec![newer, older]).unwrap_err().to_string();
        assert!(error.contains("another counting rule"), "{error}");
        assert!(error.contains("report each alone"), "{error}");
    }
}

#[test]
fn another_rate_is_another_load_point_of_the_same_record() {
    let mut other = later(main_job(), "2026-11-23T08:00:00Z");
    for cell in &mut other.results {
        cell.rate = cell.rate.map(|rate| rate + 1_000.0);
    }
    let merged = merge(vec![main_job(), other]).unwrap();
    assert_eq!(merged.len(), 1);
    assert_eq!(merged[0].results.len(), 3 + 3 + 3);
    let rates: Vec<Option<f64>> = merged[0]
        .comparisons
        .iter()
        .map(|comparison| comparison.rate)
        .collect();
    assert!(rates.contains(&Some(52_000.0)) && rates.contains(&Some(53_000.0)));
}

#[test]
fn a_histogram_that_cannot_be_read_is_named() {
    let mut broken = later(main_job(), "2026-11-23T08:00:00Z");
    broken.results[1].histogram = "?".into();
    let error = merge(vec![main_job(), broken]).unwrap_err().to_string();
    assert!(
        error.starts_with("the record of 2026-11-23T08:00:00Z cannot be merged: async-bare: "),
        "{error}"
    );
}
