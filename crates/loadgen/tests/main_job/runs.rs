//! What is measured, and what the record says of it.

use serde_json::Value;

use crate::support::{Server, cannot, loadgen, record, run, text};

#[test]
fn three_servers_are_compared_at_two_load_points() {
    let (record, code) = record("-c 8 -d 400ms --warmup 100ms");
    assert_eq!(code, Some(0));
    let results = record["results"].as_array().expect("results");
    let cells: Vec<_> = results
        .iter()
        .map(|cell| {
            (
                cell["server"].as_str().unwrap(),
                cell["load"].as_str().unwrap(),
            )
        })
        .collect();
    let closed = [
        ("sync", "closed"),
        ("async-bare", "closed"),
        ("async", "closed"),
    ];
    let open = [("sync", "open"), ("async-bare", "open"), ("async", "open")];
    assert_eq!(cells, [closed, open].concat());
    for cell in results {
        assert!(cell["requests"].as_u64().unwrap() > 0, "{cell}");
        assert_eq!(cell["errors"]["total"], 0, "{}", cell["errors"]);
        assert_eq!(cell["concurrency"], 8);
        assert_eq!(cell["rate"].is_null(), cell["load"] == "closed");
    }
    let rates: Vec<_> = results[3..]
        .iter()
        .map(|cell| cell["rate"].as_f64().unwrap())
        .collect();
    assert!(rates.iter().all(|rate| *rate == rates[0]), "{rates:?}");
}

#[test]
fn the_record_has_the_fields_that_scripts_rely_on() {
    let (record, _) = record("-c 4 -n 2000 --server sync");
    assert_eq!(record["schema_version"], 1);
    for path in [
        "/environment/cores",
        "/environment/kernel",
        "/environment/toolchain",
        "/environment/build_profile",
        "/environment/git_revision",
        "/environment/git_dirty",
        "/environment/tcp_tw_reuse",
        "/environment/somaxconn",
        "/config/seed",
        "/config/servers/0/settings",
        "/comparisons",
        "/article",
        "/warnings",
        "/results/0/workload",
        "/results/0/keep_alive",
        "/results/0/duration_s",
        "/results/0/throughput_rps",
        "/results/0/transfer_bytes_per_s",
        "/results/0/latency_us/min",
        "/results/0/latency_us/mean",
        "/results/0/latency_us/stdev",
        "/results/0/latency_us/p50",
        "/results/0/latency_us/p75",
        "/results/0/latency_us/p90",
        "/results/0/latency_us/p95",
        "/results/0/latency_us/p99",
        "/results/0/latency_us/p99_9",
        "/results/0/latency_us/p99_99",
        "/results/0/latency_us/max",
        "/results/0/send_lag_us",
        "/results/0/connect_us",
        "/results/0/errors/connect_timeout",
        "/results/0/errors/unsent",
        "/results/0/status_codes/200",
        "/results/0/in_flight_at_deadline",
        "/results/0/connections/established",
        "/results/0/connections/failed",
        "/results/0/connections/unanswered",
        "/results/0/server_resources/cpu_us_per_request",
        "/results/0/server_resources/rss_peak_bytes",
        "/results/0/server_resources/threads_peak",
        "/results/0/server_resources/fds_peak",
        "/results/0/server_resources/context_switches_per_request",
        "/results/0/client_resources/cpu_us_per_request",
        "/results/0/blocks/0",
        "/results/0/time_series",
        "/results/0/histogram",
        "/results/0/wrk_compatible",
    ] {
        assert!(record.pointer(path).is_some(), "{path} is missing");
    }
    let cell = &record["results"][0];
    assert_eq!(cell["requests"], 2000);
    assert_eq!(cell["status_codes"]["200"], 2000);
    assert!(
        cell["latency_us"]["p90"].is_number(),
        "2,000 requests support p90"
    );
    assert!(cell["latency_us"]["p99"].is_null(), "but not p99");
    assert!(
        record["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|warning| warning["message"].as_str().unwrap().contains("p99"))
    );
}

#[test]
fn keep_alive_off_makes_a_connection_for_each_request() {
    let (record, code) = record("-c 4 -n 300 --server sync --server async --keep-alive both");
    assert_eq!(code, Some(0));
    let results = record["results"].as_array().unwrap();
    let kept: Vec<_> = results
        .iter()
        .map(|cell| cell["keep_alive"].as_bool().unwrap())
        .collect();
    assert_eq!(kept, [true, true, false, false]);
    for cell in &results[2..] {
        assert!(
            cell["connections"]["established"].as_u64().unwrap() >= 300,
            "{}",
            cell["connections"]
        );
        assert!(cell["connect_us"]["count"].as_u64().unwrap() >= 300);
    }
}

#[test]
fn workloads_and_clients_can_be_chosen() {
    let (waits, code) = record("-c 2 -n 2 --server async --workload waits:concurrent");
    assert_eq!(code, Some(0));
    assert!(waits["results"][0]["latency_us"]["min"].as_f64().unwrap() >= 300_000.0);
    let (reqwest, code) = record("-c 4 -n 200 --server async-bare --client reqwest");
    assert_eq!(
        (reqwest["results"][0]["requests"].as_u64(), code),
        (Some(200), Some(0))
    );
}

#[test]
fn a_server_that_runs_already_is_loaded_by_its_url() {
    let mut server = Server::start("async");
    let (record, code) = record(&format!("{}/json -c 4 -n 100", server.url));
    assert_eq!(code, Some(0));
    assert_eq!(record["results"][0]["requests"], 100);
    assert_eq!(record["config"]["request"]["path"], "/json");
    server.child.kill().expect("the server can be ended");
    cannot(&format!("{} -n 1", server.url), "refused");
}

#[test]
fn a_command_of_the_user_s_own_is_started_measured_and_ended() {
    let command = format!(
        "mine=exec:{} serve async --addr 127.0.0.1:{{port}}",
        env!("CARGO_BIN_EXE_loadgen")
    );
    let output = loadgen()
        .args([
            "-c",
            "2",
            "-n",
            "50",
            "--format",
            "json",
            "--no-save",
            "--server",
            &command,
        ])
        .output()
        .unwrap();
    let record: Value = serde_json::from_slice(&output.stdout).expect("one document");
    assert_eq!(record["results"][0]["server"], "mine");
    assert_eq!(record["results"][0]["requests"], 50);
    assert!(
        record["config"]["servers"][0]["command"][0]
            .as_str()
            .unwrap()
            .ends_with("loadgen")
    );
}

#[test]
fn the_self_check_agrees_with_its_peer() {
    let output = run("self-check --quick");
    let shown = text(&output.stdout);
    // Beside other programs, such as other tests, it may not be able to tell. It must never find a difference.
    let is_busy = output.status.code() == Some(3) && shown.contains("busy");
    let agrees = output.status.code() == Some(0) && shown.starts_with("All ");
    assert!(agrees || is_busy, "{shown}");
}
