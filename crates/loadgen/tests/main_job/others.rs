//! Other programs on the same machine: they are seen, and make no winner.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::support::{Server, record, run, text};

/// Does something while every CPU has two loops beside it that never end. To the load generator this process is
/// another program.
fn beside_busy_loops<T>(work: impl FnOnce() -> T) -> T {
    let loops = 2 * std::thread::available_parallelism().map_or(1, usize::from);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..loops {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let done = work();
        stop.store(true, Ordering::Relaxed);
        done
    })
}

fn blocks(record: &Value) -> impl Iterator<Item = &Value> {
    let results = record["results"].as_array().expect("results");
    results
        .iter()
        .flat_map(|cell| cell["blocks"].as_array().expect("blocks"))
}

#[test]
fn beside_busy_loops_no_winner_of_equals_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("x.json");
    let line = format!(
        "-s one=sync -s two=sync -c 8 -d 2s --warmup 100ms --no-save -o {}",
        path.display()
    );
    let output = beside_busy_loops(|| run(&line));
    let (told, said) = (text(&output.stderr), text(&output.stdout));
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("this machine is busy"), "{told}");
    let sentence = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(sentence.starts_with("Other programs used "), "{sentence}");
    assert!(sentence.contains("no winner is named"), "{sentence}");
    let bytes = std::fs::read(path).expect("the record");
    let record: Value = serde_json::from_slice(&bytes).expect("JSON");
    let comparisons = record["comparisons"].as_array().expect("comparisons");
    assert!(!comparisons.is_empty());
    for comparison in comparisons {
        assert!(comparison["winner"].is_null(), "{comparison}");
        let others = comparison["others_percent"].as_f64();
        let is_told = comparison["metric"] != "throughput" || others > Some(0.0);
        assert!(is_told, "{comparison}");
    }
    for block in blocks(&record) {
        let cpu = |name: &str| block["cpu"][name].as_f64().unwrap_or(-1.0);
        assert!(cpu("others_s") > 0.0, "{block}");
        assert!(cpu("server_s") > 0.0 && cpu("client_s") > 0.0, "{block}");
    }
    let warnings = record["warnings"].as_array().expect("warnings");
    assert!(
        warnings
            .iter()
            .any(|warning| warning["code"] == "other_programs")
    );
}

#[test]
fn the_cpu_of_a_server_that_runs_already_is_that_of_who_listens_there() {
    let server = Server::start("sync");
    let (record, code) = record(&format!("{} -c 4 -d 500ms --warmup 0s", server.url));
    assert_eq!(code, Some(0));
    for block in blocks(&record) {
        assert!(block["cpu"]["server_s"].as_f64() > Some(0.0), "{block}");
        assert!(block["cpu"]["others_s"].is_number(), "{block}");
    }
    assert!(record["results"][0]["server_resources"]["threads_peak"].as_u64() > Some(0));
}
