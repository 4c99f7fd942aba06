//! What a report says beside other programs.

use crate::support::main_job;
use analysis::analyse;
use analysis::verdict::sentences;
use record::*;

/// The main job where others took so many percent of the machine in the slices of each server.
fn beside(percent: f64) -> Record {
    let mut record = main_job();
    for block in record.results.iter_mut().flat_map(|cell| &mut cell.blocks) {
        let cpu = block.cpu.as_mut().expect("it was built with one");
        let others_s = cpu.machine_s * percent / 100.0;
        let ours_s = (cpu.machine_s - others_s) / 2.0;
        *cpu = BlockCpu {
            others_s: Some(others_s),
            server_s: Some(ours_s),
            client_s: ours_s,
            idle_s: 0.0,
            ..*cpu
        };
    }
    analyse(&mut record);
    record
}

fn codes(record: &Record) -> Vec<&str> {
    let codes = record.warnings.iter().map(|it| it.code.as_str());
    codes.collect()
}

#[test]
fn the_first_sentence_says_what_others_used_instead_of_naming_a_winner() {
    insta::assert_snapshot!(sentences(&beside(40.0)).join("\n"));
}

#[test]
fn a_winner_by_more_than_others_took_is_named_beside_them() {
    let record = beside(20.0);
    let said = &sentences(&record)[0];
    assert!(said.starts_with("async-bare answered the most, "), "{said}");
    assert!(
        said.contains("indicative: other programs used 20 %"),
        "{said}"
    );
    assert!(codes(&record).contains(&"other_programs"));
}

#[test]
fn at_a_fixed_rate_cpu_per_request_names_nobody_beside_others() {
    let mut record = beside(40.0);
    record.results.retain(|cell| cell.load == LoadKind::Open);
    analyse(&mut record);
    insta::assert_snapshot!(sentences(&record).join("\n"));
}

#[test]
fn little_of_others_needs_no_warning_and_unknown_others_are_told() {
    assert!(!codes(&beside(2.0)).contains(&"other_programs"));
    let mut unknown = beside(40.0);
    for block in &mut unknown.results[0].blocks {
        let cpu = block.cpu.as_mut().expect("it was built with one");
        (cpu.server_s, cpu.others_s) = (None, None);
    }
    analyse(&mut unknown);
    assert!(codes(&unknown).contains(&"others_unknown"));
}

#[test]
fn a_spin_beside_others_is_no_clock() {
    let spread = |percent: f64| {
        let mut record = beside(percent);
        record.results[0].blocks[1].spin_us = Some(3_000.0);
        analyse(&mut record);
        codes(&record).contains(&"clock_spread")
    };
    assert!(spread(0.0));
    assert!(!spread(40.0));
}

#[test]
fn no_share_is_above_the_whole() {
    let mut record = beside(0.0);
    for cell in &mut record.results {
        cell.client_resources.cores_used = Some(3.0);
        cell.client_resources.run_queue_wait_percent = Some(90.0);
    }
    analyse(&mut record);
    let told: String = record
        .warnings
        .iter()
        .map(|it| it.message.clone())
        .collect();
    assert!(
        told.contains("busy or waiting for a CPU 100 % of the time"),
        "{told}"
    );
}

#[test]
fn nobody_is_named_beside_others_where_no_block_can_be_compared() {
    let mut record = beside(40.0);
    for block in record.results.iter_mut().flat_map(|cell| &mut cell.blocks) {
        block.dropped = Some("9.0 % of the CPU time was stolen".to_owned());
    }
    analyse(&mut record);
    let said = &sentences(&record)[0];
    assert!(
        said.starts_with("Other programs used 40 % of this machine: no winner is named."),
        "{said}"
    );
}
