//! What is derived from a record: comparisons, the article's rows, warnings.

mod support;

use report::analyse;
use report::analysis::distrust::Distrust;
use report::record::*;
use support::{CellSpec, main_job, record};

fn comparison<'a>(
    record: &'a Record,
    pair: (&str, &str),
    metric: &str,
    load: LoadKind,
) -> &'a Comparison {
    record
        .comparisons
        .iter()
        .find(|c| {
            (c.baseline.as_str(), c.candidate.as_str()) == pair
                && c.metric == metric
                && c.load == load
        })
        .unwrap_or_else(|| panic!("no {metric} of {pair:?}"))
}

fn codes(record: &Record) -> Vec<&str> {
    record
        .warnings
        .iter()
        .map(|warning| warning.code.as_str())
        .collect()
}

fn message<'a>(record: &'a Record, code: &str) -> &'a str {
    let warning = record.warnings.iter().find(|warning| warning.code == code);
    &warning
        .unwrap_or_else(|| panic!("no warning {code}"))
        .message
}

/// A record changed by hand and analysed again.
fn changed(mut record: Record, change: impl FnOnce(&mut Record)) -> Record {
    change(&mut record);
    analyse(&mut record);
    record
}

#[test]
fn the_three_pairs_are_compared_at_both_load_points_by_three_metrics() {
    let record = main_job();
    assert_eq!(record.comparisons.len(), 3 * 2 * 3);
    let found = comparison(
        &record,
        ("sync", "async-bare"),
        "throughput",
        LoadKind::Closed,
    );
    let (ratio, low, high) = (
        found.ratio.unwrap(),
        found.low.unwrap(),
        found.high.unwrap(),
    );
    assert!(low < ratio && ratio < high);
    assert!((ratio / (158.0 / 104.0) - 1.0).abs() < 0.02, "{ratio}");
    assert_eq!(
        (found.blocks, found.confidence, found.reason.as_ref()),
        (8, 0.95, None)
    );
    assert!(
        found.sigma.unwrap() < 0.03,
        "drift that both servers share must cancel"
    );
}

#[test]
fn other_servers_are_compared_with_the_first() {
    let cells = ["node", "gin", "sync", "async"].map(|server| CellSpec {
        server,
        ..CellSpec::default()
    });
    let record = record(&cells);
    let mut pairs: Vec<(&str, &str)> = record
        .comparisons
        .iter()
        .map(|c| (c.baseline.as_str(), c.candidate.as_str()))
        .collect();
    pairs.dedup();
    assert_eq!(pairs, [("sync", "async"), ("node", "gin")]);
}

#[test]
fn five_blocks_give_a_ratio_but_no_interval_and_say_why() {
    let cells = ["sync", "async"].map(|server| CellSpec {
        server,
        blocks: 5,
        ..CellSpec::default()
    });
    let record = record(&cells);
    let found = comparison(&record, ("sync", "async"), "throughput", LoadKind::Closed);
    assert!(found.ratio.is_some());
    assert_eq!((found.low, found.high), (None, None));
    assert_eq!(
        found.reason.as_deref(),
        Some("5 blocks used; a 95 % interval needs 6")
    );
}

#[test]
fn dropped_blocks_are_left_out_and_too_many_of_them_are_inconclusive() {
    let drop_first = |count: usize| {
        changed(main_job(), |record| {
            for cell in &mut record.results {
                for block in &mut cell.blocks[..count] {
                    block.dropped = Some("12 % of the CPU time was stolen".into());
                    block.throughput_rps *= 100.0;
                }
            }
        })
    };
    let pair = ("sync", "async");
    let two = drop_first(2);
    let found = comparison(&two, pair, "throughput", LoadKind::Closed);
    assert_eq!(found.blocks, 6);
    assert!(found.low.is_some());
    assert!(
        message(&two, "blocks_dropped").contains("4 of 16 blocks"),
        "{:?}",
        two.warnings
    );

    let three = drop_first(3);
    let found = comparison(&three, pair, "throughput", LoadKind::Closed);
    assert_eq!((found.low, found.high), (None, None));
    assert!(
        found.reason.as_ref().unwrap().contains("inconclusive"),
        "{found:?}"
    );
}

#[test]
fn a_block_that_one_server_alone_failed_is_never_left_out() {
    let record = changed(main_job(), |record| {
        record.results[1].blocks[3].throughput_rps = 0.0
    });
    let found = comparison(
        &record,
        ("sync", "async-bare"),
        "throughput",
        LoadKind::Closed,
    );
    assert_eq!(found.ratio, None);
    assert_eq!(
        found.reason.as_deref(),
        Some("no request was answered by one of them in 1 of 8 blocks")
    );
}

#[test]
fn latency_of_a_block_with_send_lag_is_not_compared_but_cpu_is() {
    let record = changed(main_job(), |record| {
        let open = record
            .results
            .iter_mut()
            .filter(|cell| cell.load == LoadKind::Open);
        for cell in open {
            cell.blocks[0].send_lag_p90_us = Some(1_000.0);
            cell.blocks[0].send_lag_p99_us = Some(1_500.0);
            // A few late requests do not move a median.
            cell.blocks[1].send_lag_p99_us = Some(1_200.0);
            // A record from before the figure: the tail has to do.
            cell.blocks[2].send_lag_p90_us = None;
            cell.blocks[2].send_lag_p99_us = Some(1_100.0);
        }
    });
    let pair = ("sync", "async");
    assert_eq!(comparison(&record, pair, "p50", LoadKind::Open).blocks, 6);
    assert_eq!(
        comparison(&record, pair, "server_cpu_per_request", LoadKind::Open).blocks,
        8
    );
    let message = message(&record, "send_lag");
    assert!(
        message.contains("p99 up to 1.50 ms (3 of 8 blocks"),
        "{message}"
    );
    assert!(message.contains("as late (2 of 8)"), "{message}");
}

#[test]
fn connecting_in_a_closed_loop_is_no_late_sending() {
    let record = changed(main_job(), |record| {
        for cell in record
            .results
            .iter_mut()
            .filter(|it| it.load == LoadKind::Closed)
        {
            for block in &mut cell.blocks {
                (block.send_lag_p90_us, block.send_lag_p99_us) = (Some(9_000.0), Some(12_000.0));
            }
        }
    });
    assert_eq!(record.warnings, []);
    let p50 = comparison(&record, ("sync", "async"), "p50", LoadKind::Closed);
    assert_eq!(p50.blocks, 8);
}

#[test]
fn the_article_stands_beside_what_was_measured_on_one_scale() {
    let record = main_job();
    let row = |name: &str, source: &str| {
        record
            .article
            .iter()
            .find(|row| row.name == name && row.source == source)
            .unwrap()
    };
    assert_eq!(record.article.len(), 7 + 3);
    assert_eq!(row("Rust Std", "article").relative, Some(1.0));
    assert_eq!(row("Tokio", "article").qps, 340_130.92);
    assert_eq!(row("sync", "here").relative, Some(1.0));
    assert_eq!(
        row("sync", "here").stands_beside.as_deref(),
        Some("Rust Std")
    );
    assert_eq!(
        row("async-bare", "here").stands_beside.as_deref(),
        Some("Tokio")
    );
    assert_eq!(row("async", "here").stands_beside, None);
    assert_eq!(row("async-bare", "here").relative, Some(158.0 / 104.0));
}

#[test]
fn the_scale_here_is_named_after_the_server_that_is_1() {
    let record = changed(main_job(), |record| {
        let synced = record.results.iter_mut().filter(|it| it.server == "sync");
        synced.for_each(|cell| cell.server = "rust-std".to_owned());
    });
    let here = record.article.iter().find(|row| row.name == "rust-std");
    assert_eq!(here.unwrap().relative, Some(1.0));
    let rendered = report::render_all(
        &[record],
        report::Format::Text,
        &report::RenderOptions::default(),
    );
    assert!(rendered.text.contains("rust-std = 1"));
}

#[test]
fn the_article_says_nothing_about_other_workloads() {
    let cells = [CellSpec {
        workload: "waits:sequential",
        ..CellSpec::default()
    }];
    assert_eq!(record(&cells).article, []);
}

#[test]
fn a_clean_run_has_no_warning() {
    assert_eq!(main_job().warnings, []);
}

#[test]
fn deliveries_are_not_held_to_little_s_law() {
    let warned = |figure: &str| {
        let record = changed(main_job(), |record| {
            let cell = &mut record.results[0];
            cell.latency_us.mean = cell.latency_us.mean.map(|us| us * 0.5);
            cell.figures.push(Figure {
                name: figure.to_owned(),
                value: Some(0.0),
                unit: "1".to_owned(),
                label: figure.to_owned(),
            });
        });
        let mut codes = record.warnings.iter().map(|warning| &*warning.code);
        codes.any(|code| code == "littles_law")
    };
    assert!(warned("some other figure"));
    assert!(!warned(DELIVERIES_LOST));
}

#[test]
fn every_check_warns_with_its_number() {
    let closed =
        |change: fn(&mut CellResult)| changed(main_job(), |record| change(&mut record.results[0]));
    let cases: [(&str, Record, &str); 13] = [
        (
            "unoptimised_build",
            changed(main_job(), |r| r.environment.optimised = false),
            "profile dev",
        ),
        (
            "interrupted",
            changed(main_job(), |r| r.interrupted = true),
            "ended early",
        ),
        (
            "steal",
            closed(|c| c.blocks[1].steal_percent = Some(3.5)),
            "3.5 %",
        ),
        (
            "clock_spread",
            closed(|c| c.blocks[1].spin_us = Some(1_300.0)),
            "30 %",
        ),
        (
            "littles_law",
            closed(|c| c.latency_us.mean = c.latency_us.mean.map(|us| us * 0.5)),
            "sync, saturated",
        ),
        (
            "not_warmed_up",
            closed(|c| {
                c.blocks
                    .iter_mut()
                    .for_each(|b| b.last_third_over_first = Some(1.2))
            }),
            "1.20–1.20",
        ),
        (
            "errors",
            closed(|c| {
                c.errors = ErrorCounts {
                    total: 3,
                    closed: 2,
                    body: 1,
                    ..ErrorCounts::default()
                }
            }),
            "3 errors (2 closed early, 1 body)",
        ),
        (
            "unanswered_connections",
            closed(|c| c.connections.unanswered = 160),
            "160 of 360",
        ),
        (
            "rate_not_kept",
            changed(main_job(), |r| r.results[3].throughput_rps = 50_000.0),
            "96.2 %",
        ),
        (
            "client_busy",
            changed(main_job(), |r| {
                r.results[3].client_resources.run_queue_wait_percent = Some(70.0)
            }),
            "85.6 %",
        ),
        (
            "too_few_requests",
            closed(|c| c.latency_us.p99_9 = None),
            "p99.9 (needs 100,000)",
        ),
        (
            "throttled",
            closed(|c| c.blocks[2].throttled_periods = Some(7)),
            "7 periods",
        ),
        (
            "syn_retransmits",
            changed(main_job(), |r| r.tcp.syn_retransmits = Some(4)),
            "4 lost SYN packets",
        ),
    ];
    for (code, record, number) in cases {
        assert_eq!(codes(&record), [code]);
        assert!(
            message(&record, code).contains(number),
            "{code}: {}",
            message(&record, code)
        );
    }
}

#[test]
fn analysing_twice_changes_nothing_and_keeps_what_the_run_alone_saw() {
    let seen: Warning = Distrust::TakenInTurns {
        connections: 10_000,
        servers: 3,
        limit: 20_000,
    }
    .into();
    let once = changed(main_job(), |record| {
        record.interrupted = true;
        record.warnings.push(seen.clone());
    });
    assert_eq!(codes(&once), ["connections_in_turns", "interrupted"]);
    let twice = changed(once.clone(), |_| ());
    assert_eq!(once, twice);
}

#[test]
fn a_run_without_any_answer_is_analysed_too() {
    let cells = ["sync", "async"].map(|server| CellSpec {
        server,
        throughput_rps: 0.0,
        ..CellSpec::default()
    });
    let record = record(&cells);
    let found = comparison(&record, ("sync", "async"), "throughput", LoadKind::Closed);
    assert_eq!(found.ratio, None);
    assert!(found.reason.is_some());
    let sentences = report::analysis::verdict::sentences(&record);
    assert_eq!(sentences, ["no request was answered."]);
}
