//! A suite from fixed figures: the table in every format, and the conclusions that follow from them.

use std::path::Path;

use crate::support::{CellSpec, record};
use analysis::findings::{cells, conclusion, limited};
use record::any::AnyRecord;
use record::limited::LimitedBy;
use record::suite::{KIND, Lacking, SuiteConfig, SuiteRecord, SuiteRow};
use record::{COUNTING_RULE, DELIVERIES_LOST, ErrorCounts, Figure, LoadKind, Record};
use render::{Format, RenderOptions, json};

/// A row on these servers, each with its QPS and the CPU time of a request in microseconds.
fn row(workload: &'static str, servers: &[(&'static str, f64, f64)], blocks: u32) -> SuiteRow {
    let cells: Vec<CellSpec> = servers
        .iter()
        .map(|&(server, throughput_rps, server_cpu_us)| CellSpec {
            server,
            workload,
            throughput_rps,
            server_cpu_us,
            median_us: 0.938 * 360.0 / throughput_rps * 1e6,
            threads: if server.starts_with("sync") { 364 } else { 3 },
            duration_s: 4.0,
            blocks,
            ..CellSpec::default()
        })
        .collect();
    measured(workload, record(&cells))
}

fn measured(workload: &str, run: Record) -> SuiteRow {
    SuiteRow {
        took_s: Some(9.5),
        run: Some(run),
        ..SuiteRow::new(workload, crate::support::CONCURRENCY, Vec::new())
    }
}

fn probes() -> SuiteRow {
    let cell = |server, median_us| CellSpec {
        server,
        workload: "blocking:wrong",
        load: LoadKind::Open,
        rate: Some(200.0),
        throughput_rps: 200.0,
        median_us,
        ..CellSpec::default()
    };
    let mut run = record(&[cell("sync", 210.0), cell("async", 320.0)]);
    run.findings = vec![
        "On sync, the slowest probe took 1 ms.".to_owned(),
        "On async, the slowest probe took 203 ms.".to_owned(),
    ];
    measured("blocking:wrong", run)
}

fn suite(quick: bool) -> SuiteRecord {
    let blocks = if quick { 1 } else { 8 };
    let all = [
        ("sync", 104_000.0, 12.1),
        ("sync-pool", 104_100.0, 12.0),
        ("async-bare", 158_000.0, 6.9),
        ("async", 117_000.0, 10.6),
    ];
    let waits = |rps: f64| all.map(|(server, ..)| (server, rps, 40.0));
    let mut pool = row("waits:sequential", &waits(600.0), blocks);
    pool.run.as_mut().unwrap().findings = vec!["What async gave: 3 threads.".to_owned()];
    let mut concurrent = row("waits:concurrent", &waits(1_200.0), blocks);
    let run = concurrent.run.as_mut().unwrap();
    for cell in &mut run.results {
        cell.ceiling_rps = Some(1_200.0);
    }
    analysis::analyse(run);
    let upload = SuiteRow {
        lacking: vec![Lacking {
            server: "async-bare".to_owned(),
            reason: "it is without Axum's parts".to_owned(),
        }],
        ..row(
            "upload:stream",
            &[("sync", 450.0, 1_900.0), ("async", 380.0, 2_300.0)],
            blocks,
        )
    };
    let failed = SuiteRow {
        took_s: Some(0.4),
        failed: Some("async answers GET /json wrongly: the body differs".to_owned()),
        ..SuiteRow::new("json", 100, Vec::new())
    };
    let mut rows = vec![
        row("hello", &all, blocks),
        failed,
        probes(),
        upload,
        pool,
        concurrent,
        SuiteRow::new("timeout", 50, Vec::new()),
    ];
    for run in rows.iter_mut().filter_map(|row| row.run.as_mut()) {
        run.findings
            .push("Of this machine: nothing below 1 % can be seen.".to_owned());
    }
    SuiteRecord {
        schema_version: 1,
        kind: KIND.to_owned(),
        program_version: "0.1.0".to_owned(),
        started_at: "2026-11-22T08:00:00Z".to_owned(),
        interrupted: true,
        elapsed_s: 57.4,
        environment: record(&[]).environment,
        config: SuiteConfig {
            command: vec!["loadgen".to_owned(), "suite".to_owned()],
            servers: all.map(|(server, ..)| server.to_owned()).to_vec(),
            quick,
            seed: 42,
            counting_rule: COUNTING_RULE.to_owned(),
        },
        rows,
    }
}

fn render(record: &SuiteRecord, format: Format, width: usize) -> String {
    let options = RenderOptions {
        width,
        ..RenderOptions::default()
    };
    pages::suite::render(record, format, &options).text
}

fn said(record: &SuiteRecord, workload: &str) -> String {
    let row = record.rows.iter().find(|row| row.workload == workload);
    conclusion(record, row.expect("the row"))
}

#[test]
fn for_terminals() {
    let suite = suite(false);
    for width in [80, 100] {
        let text = render(&suite, Format::Text, width);
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        insta::assert_snapshot!(format!("in_{width}_columns"), text);
    }
}

#[test]
fn in_markdown() {
    insta::assert_snapshot!(render(&suite(true), Format::Markdown, 100));
}

#[test]
fn every_format_has_every_row_that_was_measured() {
    let suite = suite(false);
    for (format, _) in Format::ENDINGS {
        let text = render(&suite, *format, 100);
        if *format == Format::Hgrm {
            let distributions = suite.rows.iter().filter_map(|row| row.run.as_ref());
            let cells: usize = distributions.map(|run| run.results.len()).sum();
            assert_eq!(text.matches("#[Mean").count(), cells);
            continue;
        }
        for row in suite.rows.iter().filter(|row| row.run.is_some()) {
            assert!(text.contains(row.name()), "{format:?}: {}", row.workload);
        }
    }
}

#[test]
fn a_record_is_read_back_as_it_was_written() {
    let suite = suite(false);
    let text = json::on_one_line(&suite);
    let read = |text: &str| record::any::parse(text.as_bytes(), Path::new("suite.json"));
    let AnyRecord::Suite(back) = read(&text).expect("it was written by this program") else {
        panic!("it is a suite");
    };
    assert_eq!(json::on_one_line(&back), text);
    let newer = text.replacen("\"schema_version\":1", "\"schema_version\":2", 1);
    let error = read(&newer).unwrap_err();
    assert!(error.to_string().contains("newer"), "{error}");
}

#[test]
fn conclusions_follow_from_the_figures() {
    let suite = suite(false);
    let hello = said(&suite, "hello");
    assert!(
        hello.starts_with("async-bare did 1.5") && hello.contains("× sync's QPS"),
        "{hello}"
    );
    assert!(
        hello.contains("no difference from sync seen for sync-pool ("),
        "{hello}"
    );
    assert!(
        !hello.contains("Of this machine"),
        "said in every row: {hello}"
    );
    let waits = said(&suite, "waits:sequential");
    assert!(waits.contains("the waits limited all"), "{waits}");
    assert!(waits.ends_with("What async gave: 3 threads."), "{waits}");
    let concurrent = said(&suite, "waits:concurrent");
    assert!(
        concurrent.contains("QPS ÷ that in mode sequential: 2.00 on sync"),
        "{concurrent}"
    );
    let probes = said(&suite, "blocking:wrong");
    assert!(
        probes.starts_with("at 200 requests/s: sync p50 "),
        "{probes}"
    );
    assert!(
        probes.contains("the rate asked for limited all"),
        "{probes}"
    );
    assert_eq!(
        said(&suite, "json"),
        "failed: async answers GET /json wrongly: the body differs."
    );
    assert_eq!(said(&suite, "timeout"), "not measured.");
}

#[test]
fn turned_figures_turn_the_conclusion() {
    let mut slower = suite(false);
    slower.rows[0] = row(
        "hello",
        &[("sync", 90_000.0, 9.0), ("async", 60_000.0, 14.0)],
        8,
    );
    let text = said(&slower, "hello");
    assert!(text.starts_with("async did 0.67 × sync's QPS ("), "{text}");
    slower.rows[0] = row("hello", &[("async", 60_000.0, 14.0)], 8);
    assert!(said(&slower, "hello").starts_with("async answered 60,000 requests/s"));
}

#[test]
fn without_intervals_nothing_is_certain() {
    let quick = suite(true);
    let text = said(&quick, "hello");
    assert!(
        text.contains("without intervals") && !text.contains("no difference"),
        "{text}"
    );
    let page = render(&quick, Format::Text, 100);
    assert!(page.contains("a first look without intervals"), "{page}");
}

#[test]
fn what_limited_a_server_is_told_by_cpu_rate_and_threads() {
    let busy = row("hello", &[("sync", 104_000.0, 12.1)], 8);
    let run = busy.run.unwrap();
    assert_eq!(limited(cells(&run)[0], &run), LimitedBy::ServerCpu);
    let client = CellSpec {
        server_cpu_us: 2.0,
        client_cpu_us: 17.5,
        throughput_rps: 100_000.0,
        median_us: 3_376.0,
        ..CellSpec::default()
    };
    let run = record(&[client]);
    assert_eq!(limited(cells(&run)[0], &run), LimitedBy::ClientCpu);
    let mut starved = record(&[CellSpec {
        throughput_rps: 100.0,
        median_us: 600_000.0,
        ..CellSpec::default()
    }]);
    starved.results[0].connections.unanswered = 300;
    assert_eq!(limited(cells(&starved)[0], &starved), LimitedBy::Threads);
    let mut room = starved;
    room.results[0].figures = vec![Figure {
        name: DELIVERIES_LOST.to_owned(),
        value: Some(0.0),
        unit: "1".to_owned(),
        label: "deliveries lost".to_owned(),
    }];
    assert_eq!(limited(cells(&room)[0], &room), LimitedBy::Latency);
    let probes = probes().run.unwrap();
    assert_eq!(limited(cells(&probes)[0], &probes), LimitedBy::Rate);
    let mut queueing = probes;
    queueing.results[0].figures = vec![Figure {
        name: "queue_growth_per_s".to_owned(),
        value: Some(120.0),
        unit: "requests/s".to_owned(),
        label: "growth of the queue under load".to_owned(),
    }];
    assert_eq!(limited(cells(&queueing)[0], &queueing), LimitedBy::Latency);
}

#[test]
fn warnings_are_told_once_for_each_kind() {
    let mut suite = suite(false);
    let errors = ErrorCounts {
        total: 70_000,
        timeout: 70_000,
        ..ErrorCounts::default()
    };
    for index in [0, 4] {
        let cells = [CellSpec {
            errors,
            ..CellSpec::default()
        }];
        suite.rows[index].run = Some(record(&cells));
    }
    let document = pages::suite::document(&suite);
    let of_errors: Vec<_> = document
        .warnings
        .iter()
        .filter(|warning| warning.code == "errors")
        .collect();
    assert_eq!(of_errors.len(), 1, "{of_errors:?}");
    let message = &of_errors[0].message;
    assert!(
        message.starts_with("hello: ") && message.contains("1 other row: waits:sequential"),
        "{message}"
    );
}

#[test]
fn figures_of_a_row_stand_in_its_detail() {
    let mut suite = suite(false);
    suite.rows[0].run.as_mut().unwrap().results[0].figures = vec![Figure {
        name: "memory_per_connection".to_owned(),
        value: Some(17.5),
        unit: "KiB".to_owned(),
        label: "server memory per connection".to_owned(),
    }];
    let page = render(&suite, Format::Html, 100);
    assert!(page.contains("server memory per connection"));
    assert!(page.contains("17.5 KiB"));
}
