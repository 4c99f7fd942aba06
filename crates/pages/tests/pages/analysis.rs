//! What is derived from a record: comparisons, the article's rows, warnings.

use crate::support::{CellSpec, main_job, record};
use analysis::analyse;
use analysis::caveat::Caveat;
use record::*;

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
fn latency_of_a_block_in_which_the_load_generator_stood_still_is_not_compared() {
    let record = changed(main_job(), |record| {
        for cell in &mut record.results {
            for (block, pause_ms) in cell.blocks.iter_mut().zip([99.9, 100.0, 3_000.0]) {
                block.client_pause_ms = Some(pause_ms);
            }
            // Such a block serves no latency figure, and that is no lack of requests.
            cell.blocks[2].p50_us = None;
        }
    });
    let pair = ("sync", "async");
    for load in [LoadKind::Closed, LoadKind::Open] {
        assert_eq!(comparison(&record, pair, "p50", load).blocks, 6);
        assert!(comparison(&record, pair, "p50", load).low.is_some());
    }
    let throughput = comparison(&record, pair, "throughput", LoadKind::Closed);
    assert_eq!(throughput.blocks, 8);
    assert_eq!(
        message(&record, "client_paused"),
        "sync, saturated: the load generator itself stood still for up to 3.00 s (2 of 8 blocks hold a pause of 100 ms or more): no latency is taken from those blocks."
    );
    let all = changed(record, |record| {
        let blocks = record.results.iter_mut().flat_map(|cell| &mut cell.blocks);
        blocks.for_each(|block| block.client_pause_ms = Some(200.0));
    });
    assert_eq!(
        comparison(&all, pair, "p50", LoadKind::Closed)
            .reason
            .as_deref(),
        Some("the load generator sent late or stood still in 8 of 8 blocks")
    );
}

#[test]
fn requests_whose_latency_is_not_known_are_not_called_too_few() {
    let record = changed(main_job(), |record| {
        record.results.truncate(1);
        record.results[0].requests = 1_190;
        record.results[0].latency_us = Default::default();
    });
    let message = message(&record, "too_few_requests");
    let expected = "sync, saturated: of 1,190 requests the latency of 0 is known, too few for p50";
    assert!(message.starts_with(expected), "{message}");
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
    let rendered = pages::render_all(
        &[record],
        render::Format::Text,
        &render::RenderOptions::default(),
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

/// Lets the requests of a cell have waited so many times as long as connections were there.
fn waited(cell: &mut CellResult, share: f64) {
    let connections = f64::from(cell.concurrency);
    cell.latency_us.mean = Some(share * connections / cell.throughput_rps * 1e6);
    for block in &mut cell.blocks {
        block.by_latency_rps = Some(block.throughput_rps / share);
    }
}

#[test]
fn little_s_law_has_a_sentence_for_too_little_and_another_for_too_much() {
    let told = |share| {
        let record = changed(main_job(), |record| waited(&mut record.results[0], share));
        message(&record, "littles_law").to_owned()
    };
    assert_eq!(
        told(0.8),
        "sync, saturated: throughput × mean latency is 288, not the 360 connections: they spent time in which they waited for nothing that was measured (Little's law): by what requests waited, throughput is 130,000/s."
    );
    assert_eq!(
        told(1.25),
        "sync, saturated: throughput × mean latency is 450, more than the 360 connections: requests waited longer than was measured, for answers or to be given up (Little's law): by what requests waited, throughput is 83,200/s."
    );
}

#[test]
fn a_number_of_requests_is_not_held_to_little_s_law_and_time_to_connect_is_not_added() {
    let record = changed(main_job(), |record| {
        record.config.requests = Some(1_000_000);
        waited(&mut record.results[0], 0.5);
    });
    assert_eq!(record.warnings, []);
    let record = changed(main_job(), |record| {
        let cell = &mut record.results[0];
        waited(cell, 1.0);
        cell.keep_alive = false;
        cell.connect_us.mean = cell.latency_us.mean;
    });
    assert!(
        !codes(&record).contains(&"littles_law"),
        "{:?}",
        record.warnings
    );
}

#[test]
fn deliveries_are_not_held_to_little_s_law() {
    let warned = |figure: &str| {
        let record = changed(main_job(), |record| {
            let cell = &mut record.results[0];
            waited(cell, 0.5);
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

/// Says of each block how much of its part was answered before its windows ended.
fn answered_in_windows(cell: &mut CellResult, share: f64) {
    let per_block = cell.requests as f64 / cell.blocks.len() as f64;
    for block in &mut cell.blocks {
        block.slices = Some(1);
        block.answered_in_window = Some((per_block * share).round() as u64);
    }
}

#[test]
fn errors_that_explain_a_lost_rate_are_told_and_capacity_is_not_blamed() {
    let record = changed(main_job(), |record| {
        let cell = &mut record.results[3];
        cell.requests -= 200_000;
        cell.status_codes.insert(200, cell.requests);
        (cell.errors.connect, cell.errors.total) = (200_000, 200_000);
        answered_in_windows(cell, 1.0);
    });
    assert_eq!(codes(&record), ["errors", "rate_lost_to_errors"]);
    assert_eq!(
        message(&record, "rate_lost_to_errors"),
        "sync, 52,000/s: 580,000 of 780,000 requests due in the measured time were answered in it, 74.4 %: errors explain it (200,000 connect), not the rate."
    );
}

#[test]
fn late_answers_after_a_time_without_a_server_do_not_speak_of_capacity() {
    let record = changed(main_job(), |record| {
        let cell = &mut record.results[3];
        answered_in_windows(cell, 0.7);
        (cell.errors.connect, cell.errors.total) = (80, 80);
        for second in &mut cell.time_series[10..20] {
            (second.requests, second.errors) = (0, 8);
        }
    });
    assert!(
        codes(&record).contains(&"rate_lost_to_errors"),
        "{:?}",
        record.warnings
    );
    assert!(!codes(&record).contains(&"rate_not_kept"));
}

#[test]
fn requests_refused_on_purpose_are_no_lost_rate() {
    let record = changed(main_job(), |record| {
        let cell = &mut record.results[3];
        cell.requests -= 400_000;
        cell.status_codes = [(200, cell.requests), (503, 400_000)].into();
        cell.throughput_rps /= 2.0;
    });
    assert_eq!(record.warnings, []);
}

#[test]
fn the_machine_s_counters_say_nothing_of_a_run_whose_connects_were_all_made_at_once() {
    let record = changed(main_job(), |record| {
        (record.tcp.syn_retransmits, record.tcp.listen_overflows) = (Some(4), Some(17));
        for cell in &mut record.results {
            cell.connect_us.max = Some(999_000.0);
        }
    });
    assert_eq!(record.warnings, []);
}

#[test]
fn every_check_warns_with_its_number() {
    let closed =
        |change: fn(&mut CellResult)| changed(main_job(), |record| change(&mut record.results[0]));
    let cases: [(&str, Record, &str); 15] = [
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
            closed(|c| waited(c, 0.5)),
            "sync, saturated: throughput × mean latency is 180, not the 360 connections",
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
            changed(main_job(), |r| answered_in_windows(&mut r.results[3], 0.9)),
            " of 780,000 requests due in the measured time were answered in it, 90 %",
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
            "server_down",
            closed(|c| {
                for second in &mut c.time_series[100..103] {
                    (second.requests, second.errors) = (0, 9);
                }
            }),
            "sync, saturated: in 990 ms of 60 s nothing was answered and requests failed",
        ),
        (
            "throttled",
            closed(|c| c.blocks[2].throttled_periods = Some(7)),
            "7 periods",
        ),
        (
            "syn_retransmits",
            changed(main_job(), |r| {
                r.tcp.syn_retransmits = Some(4);
                r.results[0].connect_us.max = Some(1_020_000.0);
            }),
            "Of the connects of this run the slowest took 1.02 s: a lost SYN packet delays its connection by a second, and the machine, for all its processes, sent 4 again meanwhile.",
        ),
        (
            "listen_overflows",
            changed(main_job(), |r| {
                r.tcp.listen_overflows = Some(17);
                r.results[0].connections.failed = 1;
            }),
            "1 connect of this run failed: the machine, for all its processes, counted 17 overflows",
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
    let seen: Warning = Caveat::TakenInTurns {
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
fn no_sentence_is_made_from_a_figure_that_is_not_there() {
    let said = |change: fn(&mut CellResult)| {
        let mut record = record(&[CellSpec {
            load: LoadKind::Open,
            rate: Some(10.0),
            throughput_rps: 10.0,
            ..CellSpec::default()
        }]);
        let cell = &mut record.results[0];
        cell.server_resources.cpu_us_per_request = None;
        (cell.latency_us.p50, cell.latency_us.max) = (None, Some(2_000.0));
        change(cell);
        analysis::verdict::sentences(&record).join(" ")
    };
    let begin = "at 10.0 requests/s sync answered";
    assert_eq!(
        said(|_| ()),
        format!("{begin} 10.0 requests/s, the slowest within 2.00 ms.")
    );
    assert_eq!(
        said(|cell| cell.latency_us.max = None),
        format!("{begin} 10.0 requests/s.")
    );
    assert_eq!(
        said(|cell| cell.requests = 0),
        format!("{begin} no request.")
    );
    let lost = said(|cell| {
        cell.latency_us.p50 = Some(1e7);
        cell.latency_us.at_least = vec!["p50".to_owned()];
    });
    assert!(
        lost.ends_with("and left half of them without an answer for 10.0 s or more."),
        "{lost}"
    );
}

#[test]
fn servers_without_a_ratio_are_told_beside_each_other_with_the_reason() {
    let record = changed(main_job(), |record| {
        record.results[0].blocks[3].throughput_rps = 0.0
    });
    let said = analysis::verdict::sentences(&record).join(" ");
    assert!(
        said.contains("sync 104,000, and they are not compared (no request was answered by one of them in 1 of 8 blocks)"),
        "{said}"
    );
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
    let sentences = analysis::verdict::sentences(&record);
    assert_eq!(sentences, ["no request was answered."]);
}

#[test]
fn where_both_reach_what_the_wait_allows_the_wait_is_the_answer() {
    let said = |share_of_ceiling: f64| {
        let record = changed(main_job(), |record| {
            for cell in &mut record.results {
                let is_closed = cell.load == LoadKind::Closed;
                cell.ceiling_rps = is_closed.then_some(cell.throughput_rps / share_of_ceiling);
            }
        });
        let winner = comparison(&record, ("sync", "async"), "throughput", LoadKind::Closed);
        let winner = winner.winner.clone();
        (analysis::verdict::sentences(&record)[0].clone(), winner)
    };
    let (sentence, winner) = said(0.97);
    assert!(
        sentence.starts_with("The wait is the answer: 360 connections ÷ wait allow "),
        "{sentence}"
    );
    assert_eq!(winner, None);
    let (sentence, winner) = said(0.9);
    assert!(sentence.starts_with("async"), "{sentence}");
    assert!(winner.is_some());
}
