//! What the terminal shows, as golden files.

use crate::support::{CellSpec, both_keep_alives, main_job, record};
use pages::run::document;
use record::{ErrorCounts, LoadKind, Record};
use render::{RenderOptions, text};

fn show(record: &Record, width: usize) -> String {
    let options = RenderOptions {
        width,
        colour: false,
        ..RenderOptions::default()
    };
    text::render(&document(record), &options)
}

fn assert_fits(text: &str, width: usize) {
    for line in text.lines() {
        assert!(
            line.chars().count() <= width,
            "{} columns: {line}",
            line.chars().count()
        );
    }
}

#[test]
fn the_main_job_in_100_columns() {
    let text = show(&main_job(), 100);
    assert_fits(&text, 100);
    insta::assert_snapshot!(text);
}

#[test]
fn the_main_job_in_80_columns() {
    let text = show(&main_job(), 80);
    assert_fits(&text, 80);
    insta::assert_snapshot!(text);
}

#[test]
fn seven_servers_in_80_columns_say_what_was_left_out() {
    let names = [
        "sync",
        "async-bare",
        "async",
        "hyperlane",
        "gin",
        "go-std",
        "node",
    ];
    let cells: Vec<CellSpec> = names
        .iter()
        .map(|server| CellSpec {
            server,
            ..CellSpec::default()
        })
        .collect();
    let text = show(&record(&cells), 80);
    assert_fits(&text, 80);
    assert!(text.contains("Not shown in 80 columns: "), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn whom_a_server_left_without_an_answer_is_shown_beside_who_got_how_much() {
    let cell = |server| CellSpec {
        server,
        ..CellSpec::default()
    };
    let mut record = record(&[cell("sync-pool"), cell("async")]);
    let even = show(&record, 100);
    assert!(even.contains("Jain's fairness index"), "{even}");
    assert!(!even.contains("unanswered connections"), "{even}");

    let connections = &mut record.results[0].connections;
    connections.unanswered = 288;
    connections.requests_min = Some(0);
    connections.requests_median = Some(0.0);
    connections.requests_max = Some(4_321);
    connections.jain_index = Some(0.2);
    let uneven = show(&record, 100);
    assert_fits(&uneven, 100);
    let row = |heading: &str| {
        let line = uneven.lines().find(|line| line.contains(heading));
        line.unwrap_or_else(|| panic!("no {heading}:\n{uneven}"))
    };
    let unanswered = row("unanswered connections");
    assert!(
        unanswered.contains("80 %") && unanswered.contains(" 0 %"),
        "{unanswered}"
    );
    assert!(row("fewest requests/connection").contains(" 0 "));
    assert!(row("median requests/connection").contains(" 0 "));
    assert!(row("most requests/connection").contains("4,321"));
    let index = row("Jain's fairness index");
    assert!(
        index.contains("0.200") && index.contains("0.980"),
        "{index}"
    );
}

#[test]
fn an_open_loop_that_keeps_its_rate_says_nothing_about_fairness() {
    let cell = |rate, unsent| CellSpec {
        load: LoadKind::Open,
        rate: Some(rate),
        throughput_rps: 1_000.0,
        errors: ErrorCounts {
            total: unsent,
            unsent,
            ..ErrorCounts::default()
        },
        ..CellSpec::default()
    };
    let kept = show(&record(&[cell(1_000.0, 0)]), 100);
    assert!(!kept.contains("Jain's fairness index"), "{kept}");
    let overloaded = show(&record(&[cell(2_500.0, 90_000)]), 100);
    assert!(overloaded.contains("Jain's fairness index"), "{overloaded}");
}

#[test]
fn both_keep_alives_have_a_sentence_and_tables_of_their_own() {
    let text = show(&both_keep_alives(), 100);
    assert_fits(&text, 100);
    insta::assert_snapshot!(text);
}

#[test]
fn a_url_alone_with_errors_and_few_requests() {
    let mut record = record(&[CellSpec {
        server: "http://127.0.0.1:8080/",
        workload: "custom",
        throughput_rps: 300.0,
        duration_s: 5.0,
        blocks: 5,
        errors: ErrorCounts {
            total: 40,
            timeout: 30,
            status: 10,
            ..ErrorCounts::default()
        },
        ..CellSpec::default()
    }]);
    record.results[0].server_resources = Default::default();
    analysis::analyse(&mut record);
    let text = show(&record, 100);
    assert_fits(&text, 100);
    insta::assert_snapshot!(text);
}

#[test]
fn a_fixed_rate_alone_speaks_of_cpu() {
    let cells = crate::support::main_job_cells();
    let open: Vec<CellSpec> = cells
        .into_iter()
        .filter(|cell| cell.load == LoadKind::Open)
        .collect();
    let text = show(&record(&open), 100);
    let first = text.lines().next().unwrap();
    assert!(first.contains("spent the least CPU time"), "{first}");
}

#[test]
fn nothing_measured_is_said() {
    assert!(show(&record(&[]), 100).starts_with("Nothing was measured."));
}

#[test]
fn colours_only_where_they_are_allowed() {
    let document = document(&main_job());
    let plain = text::render(
        &document,
        &RenderOptions {
            width: 100,
            colour: false,
            ..RenderOptions::default()
        },
    );
    let coloured = text::render(
        &document,
        &RenderOptions {
            width: 100,
            colour: true,
            ..RenderOptions::default()
        },
    );
    assert!(!plain.contains('\u{1b}'));
    assert!(coloured.contains("\u{1b}[1m"));
}

#[test]
fn a_server_name_cannot_steer_the_terminal() {
    let record = record(&[CellSpec {
        server: "\u{1b}[2Jevil\nname",
        ..CellSpec::default()
    }]);
    let text = show(&record, 100);
    assert!(!text.contains('\u{1b}'), "{text}");
}
