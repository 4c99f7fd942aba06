//! Requests over and over: what each kind of work adds.

use crate::support::{cell, cells, figure, findings, record, run_words, text};

#[test]
fn composing_gives_the_same_on_both_models() {
    let record = record("-w waits -c 4 -d 2s --server sync --server async");
    for server in ["sync", "async"] {
        let cell = cell(&record, server);
        // The histogram has three digits: what took a hair more than 600 ms may stand in it as a hair less.
        assert!(cell["latency_us"]["min"].as_f64().unwrap() >= 0.999 * 600_000.0);
        let ratio = figure(cell, "latency_over_concurrent");
        assert!((1.3..3.0).contains(&ratio), "{server}: {ratio}");
    }
    let findings = findings(&record);
    assert!(findings.contains("What composing gave"), "{findings}");
    assert!(
        findings.contains("The blocking server has it too"),
        "{findings}"
    );
    assert!(findings.contains("What async gave"), "{findings}");
}

#[test]
fn a_pool_leaves_connections_without_an_answer() {
    let server = "--server pool=sync-pool";
    let record = record(&format!(
        "-w waits:concurrent -c 260 -d 1s --timeout 3s --contrast off --max-errors 100% {server}"
    ));
    let pool = &record["results"][0];
    let connections = &pool["connections"];
    let unanswered = connections["unanswered"].as_u64().unwrap();
    assert!(unanswered > 0, "{connections}");
    // What nobody answers is an error in the end, and nothing else goes wrong.
    let errors = &pool["errors"];
    assert_eq!(errors["total"], errors["timeout"], "{errors}");
    assert!(errors["total"].as_u64().unwrap() >= unanswered, "{errors}");
    assert_eq!(connections["requests_min"], 0);
    assert!(connections["requests_max"].as_u64().unwrap() >= 1);
    // At best, the others got alike much.
    let even_among_the_others = (260 - unanswered) as f64 / 260.0;
    let jain = connections["jain_index"].as_f64().unwrap();
    assert!(jain <= even_among_the_others + 1e-9, "{connections}");
    assert!(
        findings(&record).contains("without any answer"),
        "{}",
        findings(&record)
    );
}

#[test]
fn who_got_how_much_is_shown_where_some_got_nothing() {
    let output = run_words(&[
        "-w",
        "waits:concurrent",
        "-c",
        "30",
        "-d",
        "500ms",
        "--warmup",
        "0s",
        "--timeout",
        "3s",
        "--contrast",
        "off",
        "--same-rate",
        "off",
        "--no-save",
        "--quiet",
        "--server",
        "pool=sync-pool --pool-threads 10",
    ]);
    let shown = text(&output.stdout);
    for row in [
        "unanswered connections",
        "fewest requests/connection",
        "median requests/connection",
        "most requests/connection",
        "Jain's fairness index",
    ] {
        assert!(shown.contains(row), "{row}:\n{shown}");
    }
}

#[test]
fn failures_are_compared_with_none() {
    let record = record("-w errors:concurrent -c 4 -d 500ms --server sync --server async");
    for cell in cells(&record) {
        assert!(figure(cell, "throughput_over_without_failures") > 0.0);
    }
    assert!(
        findings(&record).contains("With failures as data"),
        "{}",
        findings(&record)
    );
}

#[test]
fn only_a_blocked_thread_works_on_after_a_timeout() {
    let record = record("-w timeout -c 4 -d 1s --server sync --server async");
    assert!(figure(cell(&record, "sync"), "work_abandoned_per_request") > 0.0);
    assert_eq!(
        figure(cell(&record, "async"), "work_abandoned_per_request"),
        0.0
    );
    let findings = findings(&record);
    let said = |server: &str| {
        let begin = format!("On {server}, answers came after ");
        let sentence = findings.lines().find_map(|line| line.strip_prefix(&begin));
        sentence.unwrap_or_else(|| panic!("{server}: {findings}"))
    };
    assert!(said("sync").contains("the work that was given up ran on"));
    assert!(said("async").contains("no work ran on after it was given up"));
}

#[test]
fn tasks_have_a_price() {
    let record = record("-w concurrent-ops:pool -c 2 -d 500ms --server sync --server async-bare");
    for cell in cells(&record) {
        assert!(figure(cell, "latency_per_task") > 0.0);
        assert!(figure(cell, "spawn_throughput") > 0.0);
    }
}

#[test]
fn a_mixture_is_told_by_class() {
    let record =
        record("-w mixed:offload -c 4 -d 500ms --contrast off --server async --server sync");
    for cell in cells(&record) {
        let classes = cell["classes"].as_array().expect("classes");
        let names: Vec<_> = classes.iter().map(|class| &class["name"]).collect();
        assert_eq!(names, ["hello", "cpu"]);
    }
}

#[test]
fn computing_is_compared_in_every_mode() {
    let record = record("-w cpu -c 2 -d 1s --server sync --server async-bare --server async");
    let findings = findings(&record);
    for candidate in ["async-bare", "async"] {
        let sentence = format!("Computing, QPS of {candidate} ÷ sync: ");
        let said = findings.split(&sentence).nth(1).unwrap_or_default();
        let said = said.lines().next().unwrap_or_default();
        for mode in ["inline", "offload", "yield"] {
            assert!(said.contains(mode), "{mode}: {findings}");
        }
        assert!(said.contains("near 1"), "{findings}");
    }
}

#[test]
fn two_ways_to_read_two_sizes_of_a_file_are_compared() {
    let record = record("-w file -c 2 -d 1s --server sync --server async");
    for cell in cells(&record) {
        for contrast in ["blocking", "idiomatic_1024", "blocking_1024"] {
            assert!(figure(cell, &format!("{contrast}_throughput")) > 0.0);
        }
    }
    let findings = findings(&record);
    let said = findings.split("Is async file I/O faster? ").nth(1);
    let said = said.unwrap_or_else(|| panic!("{findings}"));
    for part in ["on async,", " at 4 KiB", " at 1,024 KiB", "async ÷ sync"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn bad_records_are_told_and_the_window_has_a_figure() {
    let record = record("-w batch -c 4 -d 3s --server sync --server async");
    for cell in cells(&record) {
        assert!(figure(cell, "records_per_s") >= 1000.0);
        // A millisecond for each of 997 good records, or 32 of them at a time.
        assert!(figure(cell, "looked_up_sequential_mean") >= 997_000.0);
        assert!(figure(cell, "looked_up_concurrent_mean") >= 31_000.0);
    }
    let findings = findings(&record);
    assert!(findings.contains("3 bad records by line ("), "{findings}");
    assert!(
        findings.contains("kept the 997 good ones of 1,000"),
        "{findings}"
    );
    assert!(
        findings.contains("Looked up one after another ÷ 32 at a time"),
        "{findings}"
    );
}

#[test]
fn a_stream_is_told_by_its_chunks() {
    let record =
        record("-w stream?chunks=50 -c 4 -d 1s --server sync --server async-bare --server async");
    for cell in cells(&record) {
        let first_byte = figure(cell, "time_to_first_byte_p50");
        let whole = cell["latency_us"]["min"].as_f64().unwrap();
        // The last of 50 lines is due 53.9 ms after the first.
        assert!(whole >= 53_900.0, "{whole} µs");
        assert!(first_byte < figure(cell, "whole_mean"), "{first_byte} µs");
        assert!(figure(cell, "chunk_gap_p50") <= figure(cell, "chunk_gap_p99"));
        // A histogram of three digits may say 0.1 % less than there was.
        assert!(figure(cell, "last_chunk_lateness_mean") > -100.0);
    }
    assert!(
        findings(&record).contains("the first byte came"),
        "{}",
        findings(&record)
    );
}

#[test]
fn services_are_started_and_asked() {
    let record = record("-w aggregate -c 2 -d 1s --server sync --server async");
    for cell in cells(&record) {
        assert!(cell["latency_us"]["min"].as_f64().unwrap() >= 450_000.0);
        assert!((1.3..4.0).contains(&figure(cell, "latency_over_concurrent")));
    }
    let command = record["config"]["servers"][0]["command"]
        .as_array()
        .unwrap();
    assert!(
        command.iter().any(|word| word == "--backend"),
        "{command:?}"
    );
}

#[test]
fn uploads_are_set_beside_the_memory_they_take() {
    let record = record("-w upload -c 2 -d 2s --server sync --server async");
    for cell in cells(&record) {
        assert!(figure(cell, "upload_mib_per_s") > 0.0);
        assert!(figure(cell, "whole_throughput") > 0.0);
    }
}

#[test]
fn batches_can_be_looked_up_at_once() {
    let record =
        record("-w batch:concurrent?lookup_ms=1 -c 2 -d 2s --contrast off -s sync -s async");
    for cell in cells(&record) {
        // A thousand look-ups of a millisecond, 32 at a time.
        assert!(cell["latency_us"]["min"].as_f64().unwrap() >= 30_000.0);
    }
}
