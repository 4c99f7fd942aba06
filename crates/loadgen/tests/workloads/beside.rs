//! Load beside load, and more of it than a server can take.

use crate::support::{cell, cells, figure, findings, record, record_of};

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
        findings(&record).contains("beside one blocking connection took"),
        "{}",
        findings(&record)
    );
}

#[test]
fn one_blocking_call_stalls_a_single_event_loop() {
    let line = "-w blocking:wrong -c 20 -d 1s --contrast off";
    let record = record_of(line, &["async --flavor current-thread"]);
    let slowest = cell(&record, "async")["latency_us"]["max"]
        .as_f64()
        .unwrap();
    assert!(slowest >= 100_000.0, "{slowest} µs");
}

#[test]
fn as_many_connections_block_as_the_server_has_workers() {
    let record = record_of("-w blocking -c 20 -d 1s", &["async --worker-threads 3"]);
    let cell = cell(&record, "async");
    assert!(figure(cell, "blocking_3_max") > 0.0);
    assert!(figure(cell, "blocking_6_max") > 0.0);
    assert!(figure(cell, "right_max") > 0.0);
    let findings = findings(&record);
    let told = "beside 3 (as many as its worker threads)";
    assert!(findings.contains(told), "{findings}");
    assert!(findings.contains("in mode right beside 6"), "{findings}");
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
    let record = record("-w limited:wait -c 200 -d 2s --server sync --server async");
    for cell in cells(&record) {
        let growth = figure(cell, "queue_growth_per_s");
        assert!(
            figure(cell, "refuse_queue_growth_per_s") < growth / 2.0,
            "{cell}"
        );
        assert!(figure(cell, "refuse_refused_percent") > 0.0);
        assert!(figure(cell, "refuse_in_flight_peak") < figure(cell, "in_flight_peak"));
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
