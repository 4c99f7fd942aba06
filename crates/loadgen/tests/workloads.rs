//! Every kind of workload on real servers: what it adds to the record, and that it means what it says.
//!
//! Settings are tiny: figures are looked at for being there and for what no noise can turn around.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn run(line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .args(line.split_whitespace())
        .output()
        .expect("loadgen starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Measures a workload for a short time without errors; the record.
fn record(line: &str) -> Value {
    let line = format!("{line} --same-rate off --warmup 100ms --quiet --no-save --format json");
    let output = run(&line);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{line}: {told}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{line}: {error}\n{told}"))
}

/// The cells, each without errors and with answers.
fn cells(record: &Value) -> &[Value] {
    let cells = record["results"].as_array().expect("results");
    for cell in cells {
        assert!(cell["requests"].as_u64().unwrap() > 0, "{cell}");
        assert_eq!(cell["errors"]["total"], 0, "{}", cell["errors"]);
    }
    cells
}

fn cell<'a>(record: &'a Value, server: &str) -> &'a Value {
    let of_server = |cell: &&Value| cell["server"] == server;
    cells(record)
        .iter()
        .find(of_server)
        .unwrap_or_else(|| panic!("no cell of {server}"))
}

fn figure(cell: &Value, name: &str) -> f64 {
    let figures = cell["figures"].as_array().expect("figures");
    let figure = figures.iter().find(|figure| figure["name"] == name);
    figure
        .and_then(|figure| figure["value"].as_f64())
        .unwrap_or_else(|| panic!("no figure {name} in {figures:?}"))
}

fn findings(record: &Value) -> String {
    let findings = record["findings"].as_array().expect("findings").iter();
    let findings: Vec<&str> = findings.filter_map(Value::as_str).collect();
    findings.join("\n")
}

#[test]
fn all_workloads_are_listed_with_their_modes() {
    let output = run("workloads");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let list = text(&output.stdout);
    for definition in workload::Definition::ALL {
        assert!(
            list.contains(definition.name),
            "{}:\n{list}",
            definition.name
        );
        for mode in definition.mode_names() {
            assert!(list.contains(&format!(":{mode}")), "{mode}:\n{list}");
        }
        for lacking in definition.lacking {
            assert!(list.contains(lacking.server), "{}:\n{list}", lacking.server);
        }
    }
}

#[test]
fn every_workload_is_documented() {
    let page = include_str!("../../../docs/workloads.md");
    for definition in workload::Definition::ALL {
        let heading = format!("\n## `{}`\n", definition.name);
        assert!(page.contains(&heading), "no section {heading:?}");
        let section = page.split(&heading).nth(1).unwrap_or_default();
        let section = section.split("\n## ").next().unwrap_or_default();
        for mode in definition.mode_names() {
            let named = format!("`{mode}`");
            assert!(
                section.contains(&named),
                "{}: no mode {named}",
                definition.name
            );
        }
    }
}

#[test]
fn composing_gives_the_same_on_both_models() {
    let record = record("-w waits -c 4 -d 2s --server sync --server async");
    for server in ["sync", "async"] {
        let cell = cell(&record, server);
        assert!(cell["latency_us"]["min"].as_f64().unwrap() >= 600_000.0);
        let ratio = figure(cell, "latency_over_concurrent");
        assert!((1.3..3.0).contains(&ratio), "{server}: {ratio}");
    }
    let findings = findings(&record);
    assert!(findings.contains("What composing gave"), "{findings}");
    assert!(findings.contains("What async gave"), "{findings}");
}

#[test]
fn a_pool_leaves_connections_without_an_answer() {
    let server = "--server pool=sync-pool";
    let record = record(&format!(
        "-w waits:concurrent -c 230 -d 500ms --contrast off {server}"
    ));
    let connections = &cell(&record, "pool")["connections"];
    assert!(
        connections["unanswered"].as_u64().unwrap() >= 30,
        "{connections}"
    );
    assert!(
        findings(&record).contains("without any answer"),
        "{}",
        findings(&record)
    );
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
    assert!(
        findings.contains("On sync, the work that was given up ran on"),
        "{findings}"
    );
    assert!(findings.contains("On async, no work ran on"), "{findings}");
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
fn probes_suffer_only_where_the_worker_itself_is_blocked() {
    let server = "--server";
    let line = format!("-w blocking -c 20 -d 1s {server} sync");
    let record = record(&line);
    let cell = cell(&record, "sync");
    assert_eq!(cell["load"], "open");
    assert_eq!(cell["rate"], 200.0);
    assert!(figure(cell, "blocking_calls") >= 1.0);
    assert!(figure(cell, "right_max") > 0.0);
    assert!(
        findings(&record).contains("slowest probe"),
        "{}",
        findings(&record)
    );
}

#[test]
fn one_blocking_call_stalls_a_single_event_loop() {
    let line = "-w blocking:wrong -c 20 -d 1s --contrast off --server";
    let record = {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        words.extend([
            "async --flavor current-thread",
            "--quiet",
            "--no-save",
            "--format",
            "json",
        ]);
        let output = Command::new(env!("CARGO_BIN_EXE_loadgen"))
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .args(&words)
            .output()
            .expect("loadgen starts");
        serde_json::from_slice::<Value>(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
    };
    let slowest = cell(&record, "async")["latency_us"]["max"]
        .as_f64()
        .unwrap();
    assert!(slowest >= 100_000.0, "{slowest} µs");
}

#[test]
fn refusals_are_answers() {
    let record =
        record("-w limited:refuse -c 200 -d 2s --contrast off --server sync --server async");
    for cell in cells(&record) {
        let refused = figure(cell, "refused_percent");
        assert!((20.0..95.0).contains(&refused), "{refused}");
        assert!(cell["status_codes"]["503"].as_u64().unwrap() > 0);
        assert_eq!(cell["errors"]["status"], 0);
    }
}

#[test]
fn those_who_may_wait_queue_up() {
    let record = record("-w limited:wait -c 200 -d 2s --contrast off --server sync --server async");
    for cell in cells(&record) {
        assert_eq!(figure(cell, "refused_percent"), 0.0);
        assert!(figure(cell, "in_flight_peak") > 20.0);
        assert!(figure(cell, "queue_growth_per_s") > 0.0);
        // 20 places of 50 ms: whoever comes late waits for several rounds.
        assert!(cell["latency_us"]["max"].as_f64().unwrap() > 200_000.0);
    }
}

#[test]
fn idle_connections_all_answer_at_the_end() {
    let record =
        record("-w idle --idle 50 -c 2 -d 500ms --server sync --server async-bare --server async");
    for cell in cells(&record) {
        assert_eq!(figure(cell, "idle_connections"), 50.0);
        assert_eq!(figure(cell, "idle_answered"), 50.0);
        assert!(figure(cell, "throughput_over_without_idle") > 0.0);
    }
    assert!(
        findings(&record).contains("all of them answered"),
        "{}",
        findings(&record)
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
    let record =
        record("-w aggregate -c 2 -d 1500ms --server sync --server async-bare --server async");
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
    let record = record("-w upload -c 2 -d 4s --server sync --server async");
    for cell in cells(&record) {
        assert!(figure(cell, "upload_mib_per_s") > 0.0);
        assert!(figure(cell, "whole_throughput") >= 0.0);
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

#[test]
fn messages_come_back() {
    let record = record("-w websocket:echo -c 5 -d 500ms --server sync --server async");
    for cell in cells(&record) {
        assert!(cell["connections"]["requests_min"].as_u64().unwrap() > 0);
        assert_eq!(cell["connections"]["unanswered"], 0);
    }
}

#[test]
fn a_room_loses_nothing_and_nobody_waits_for_a_slow_reader() {
    let record = record("-w websocket:room -c 8 -d 500ms --server sync --server async");
    for cell in cells(&record) {
        assert_eq!(figure(cell, "messages_lost"), 0.0);
        assert_eq!(figure(cell, "slow_reader_harm"), 0.0);
        assert!(figure(cell, "slow_reader_dropped_after") > 0.0);
    }
    assert!(
        findings(&record).contains("lost 0"),
        "{}",
        findings(&record)
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (line, told) in [
        ("--idle 5", "--idle goes with --workload idle"),
        ("-w blocking -n 10", "--duration"),
        ("-w limited -n 10", "--duration"),
        ("-w websocket --server sync --rate 5", "--rate"),
        (
            "-w websocket --server async-bare",
            "async-bare does not have",
        ),
        (
            "-w websocket:room -c 1 --server sync -d 100ms",
            "at least 2",
        ),
    ] {
        let output = run(line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(
            text(&output.stderr).contains(told),
            "{line}: {}",
            text(&output.stderr)
        );
    }
}
