//! Sweeps from fixed figures: what the page says in plain words.

use crate::support::sweeps::{BLOCKS_PER_VISIT, rendered, sweep};
use record::sweep::{StopCause, Stopped, SweepCell, SweepRecord};
use render::Format;

/// The paragraph of the page about work that waits so long.
fn page_of(record: &SweepRecord, wait: &str) -> String {
    let mut page = record.page.iter();
    let told = page.find(|line| line.starts_with(&format!("For work that {wait},")));
    told.expect("a paragraph").clone()
}

/// Makes the second server answer `ratio` times as much as the first in a cell, by about a tenth more or less
/// from visit to visit if `noisy`.
fn set_ratio(record: &mut SweepRecord, wait_ms: u64, concurrency: u32, ratio: f64, noisy: bool) {
    let spot = |cell: &&mut SweepCell| {
        (cell.spot.wait_ms, cell.spot.concurrency) == (wait_ms, concurrency)
    };
    let cell = record.cells.iter_mut().find(spot).expect("the cell");
    let [below, above] = cell.servers.as_mut_slice() else {
        panic!("two servers");
    };
    let below = below.result.as_mut().expect("measured");
    let above = above.result.as_mut().expect("measured");
    // Or the wait would be the answer where both reach what it allows.
    (below.ceiling_rps, above.ceiling_rps) = (None, None);
    for (block, other) in above.blocks.iter_mut().zip(&below.blocks) {
        let scatter = match (noisy, block.index / BLOCKS_PER_VISIT % 2) {
            (false, _) => 1.0,
            (true, 0) => 1.1,
            (true, _) => 0.9,
        };
        block.throughput_rps = other.throughput_rps * ratio * scatter;
    }
}

#[test]
fn the_page_tells_what_is_known_below_the_flip_and_by_how_much() {
    let mut record = sweep(false);
    set_ratio(&mut record, 10, 1, 0.8, false);
    set_ratio(&mut record, 10, 10, 1.0, false);
    set_ratio(&mut record, 10, 100, 1.0, true);
    analysis::sweep::analyse(&mut record);
    let told = page_of(&record, "waits 10 ms");
    for part in [
        "async beats sync from 1,000 connections on, and below that sync wins at 1, they are equal at 10, and neither can be said to win at 100.",
        "At 1 connection async has 0.80 times the requests",
        "At 1,000 connections async has 1.23 times",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("At 10 connections"), "{told}");

    set_ratio(&mut record, 10, 1, 1.0, false);
    analysis::sweep::analyse(&mut record);
    let told = page_of(&record, "waits 10 ms");
    let nearest = "At 100 connections async has";
    assert!(told.contains(nearest), "there is no loss: {told}");
}

#[test]
fn the_page_tells_what_is_known_where_there_is_no_flip() {
    let mut record = sweep(false);
    for (concurrency, ratio, noisy) in [
        (1, 0.8, false),
        (10, 1.0, false),
        (100, 1.0, true),
        (1_000, 0.8, false),
        (3_162, 1.0, true),
    ] {
        set_ratio(&mut record, 10, concurrency, ratio, noisy);
    }
    for cell in &mut record.cells {
        cell.servers[0].stopped = None;
    }
    set_ratio(&mut record, 10, 10_000, 1.0, true);
    analysis::sweep::analyse(&mut record);
    let told = page_of(&record, "waits 10 ms");
    let known = "sync wins at 1 and 1,000, they are equal at 10, and neither can be said to win at 100, 3,162 and 10,000.";
    assert!(told.contains(known), "{told}");

    set_ratio(&mut record, 10, 100, 1.5, false);
    analysis::sweep::analyse(&mut record);
    let told = page_of(&record, "waits 10 ms");
    let known = "there is no single crossover from 1 to 10,000 connections: async wins at 100, sync wins at 1 and 1,000,";
    assert!(told.contains(known), "{told}");
}

#[test]
fn nothing_is_said_of_cells_that_were_not_measured() {
    let mut record = sweep(false);
    for cell in &mut record.cells {
        if cell.spot.concurrency > 10 {
            cell.visits.clear();
            for server in &mut cell.servers {
                (server.result, server.stopped) = (None, None);
            }
        }
    }
    analysis::sweep::analyse(&mut record);
    for line in &record.page {
        assert!(
            !line.contains("At 10,000") && !line.contains("has  of"),
            "{line}"
        );
        assert_eq!(line.trim(), line);
    }
}

#[test]
fn what_this_machine_does_not_allow_was_not_tried_and_not_found() {
    let mut record = sweep(false);
    let reason =
        "not tried: this machine allows it about 5000 connections: cgroup pids.max is 5100";
    for cell in &mut record.cells {
        if let Some(stopped) = &mut cell.servers[0].stopped {
            *stopped = Stopped {
                cause: StopCause::Threads,
                reason: reason.to_owned(),
                inferred: true,
            };
        }
    }
    analysis::sweep::analyse(&mut record);
    let text = rendered(&record, Format::Markdown);
    for part in [
        "At 10,000 connections only async was tried.",
        "sync still worked with 3,162 connections, the most that were tried; it was not tried with 10,000 connections.",
        &format!("sync at 10,000 connections: {reason}"),
        "not tried |",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        !text.contains("stops working") && !text.contains("stopped working"),
        "{text}"
    );
}

#[test]
fn what_slow_answers_stop_is_told_with_the_work_that_was_slow() {
    let mut record = sweep(false);
    for cell in &mut record.cells {
        let slow = (cell.spot.wait_ms, cell.spot.concurrency) == (10, 100);
        cell.servers[0].stopped = None;
        cell.servers[1].stopped = slow.then(|| Stopped {
            cause: StopCause::Unanswered,
            reason: "7 of 100 connections got no answer (7 timeout)".to_owned(),
            inferred: false,
        });
    }
    analysis::sweep::analyse(&mut record);
    let told = "async stops working at 100 connections when work waits 10 ms, for want of an answer in time: 7 of 100 connections got no answer (7 timeout). For other work it worked with 10,000.";
    assert!(
        record.page.iter().any(|line| line == told),
        "{:?}",
        record.page
    );
}
