//! Sweeps from fixed figures: the map, the tables, the record.

use std::path::Path;

use crate::support::sweeps::{CONCURRENCIES, rendered, server, sweep, throughput_rps};
use record::any::AnyRecord;
use record::sweep::{CrossoverAnswer, Outcome, Spot, SweepCell};
use render::{Format, json};

#[test]
fn the_answer_flips_where_the_laws_cross() {
    let record = sweep(false);
    let crossing = |wait_ms| {
        let wins = CONCURRENCIES.into_iter().find(|&concurrency| {
            let spot = Spot {
                wait_ms,
                cpu_units: 0,
                keep_alive: true,
                concurrency,
            };
            throughput_rps("async", spot) > 1.02 * throughput_rps("sync", spot)
        });
        u64::from(wins.expect("async wins somewhere"))
    };
    for crossover in &record.crossovers {
        let CrossoverAnswer::From { concurrency, .. } = crossover.answer else {
            panic!("{crossover:?}")
        };
        assert_eq!(concurrency, crossing(crossover.wait_ms), "{crossover:?}");
    }
    assert_eq!(record.crossovers.len(), 2);
}

#[test]
fn a_server_against_itself_has_no_crossover() {
    let mut record = sweep(false);
    for cell in &mut record.cells {
        let mut same = server("sync", cell.spot, 4);
        for (index, block) in same.result.as_mut().unwrap().blocks.iter_mut().enumerate() {
            block.throughput_rps *= if index % 2 == 0 { 1.003 } else { 0.997 };
        }
        same.name = "async".to_owned();
        cell.servers[0] = server("sync", cell.spot, 4);
        cell.servers[1] = same;
    }
    analysis::sweep::analyse(&mut record);
    for crossover in &record.crossovers {
        assert_eq!(crossover.answer, CrossoverAnswer::Equal, "{crossover:?}");
    }
}

#[test]
fn doing_the_analysis_twice_changes_nothing() {
    let once = sweep(false);
    let mut twice = once.clone();
    analysis::sweep::analyse(&mut twice);
    assert_eq!(once, twice);
}

#[test]
fn the_record_is_read_back_as_it_was_written_and_nothing_else_is() {
    let record = sweep(false);
    let text = json::on_one_line(&record);
    let read = |text: &str| record::any::parse(text.as_bytes(), Path::new("sweep.json"));
    let AnyRecord::Sweep(back) = read(&text).expect("it was written by this program") else {
        panic!("it is a sweep");
    };
    assert_eq!(json::on_one_line(&back), text);
    for (text, told) in [
        ("{", "ends in the middle"),
        ("{\"schema_version\":1,\"kind\":\"sweep\"}", "missing field"),
        ("{\"schema_version\":2,\"kind\":\"sweep\"}", "newer"),
    ] {
        let error = read(text).expect_err(text).to_string();
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn quick_sweeps_name_no_winner() {
    let record = sweep(true);
    let named = |cell: &&SweepCell| {
        cell.comparisons
            .iter()
            .any(|it| matches!(it.outcome, Outcome::Baseline | Outcome::Candidate))
    };
    let winners: Vec<u32> = record
        .cells
        .iter()
        .filter(named)
        .map(|cell| cell.spot.concurrency)
        .collect();
    assert_eq!(
        winners,
        [10_000, 10_000],
        "only where the other does not work"
    );
    assert!(rendered(&record, Format::Text).contains("nobody can be said to win"));
}

#[test]
fn a_sweep_for_a_terminal() {
    insta::assert_snapshot!(rendered(&sweep(false), Format::Text));
}

#[test]
fn a_sweep_in_markdown() {
    insta::assert_snapshot!(rendered(&sweep(false), Format::Markdown));
}

#[test]
fn a_page_has_the_map_in_colour() {
    let page = rendered(&sweep(false), Format::Html);
    assert!(page.contains("<figure id=\"map-sync-async-0\">"));
    assert!(
        page.contains("background:#1f5fa8"),
        "a strong win of the candidate"
    );
}
