//! What servers do with connections: leave them unserved, close them, run out of descriptors for them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::support::{loadgen, record, run, text};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server that serves so many connections at a time, each until its client closes it or until it has given so many
/// answers; its URL.
fn serve(at_a_time: u64, answers: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = Arc::new(AtomicU64::new(0));
    std::thread::spawn(move || {
        let mut unserved = Vec::new();
        for stream in listener.incoming().flatten() {
            if served.load(Ordering::SeqCst) >= at_a_time {
                unserved.push(stream); // it stays open
                continue;
            }
            served.fetch_add(1, Ordering::SeqCst);
            let served = Arc::clone(&served);
            std::thread::spawn(move || {
                answer(stream, answers);
                served.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    url
}

fn answer(mut stream: TcpStream, mut answers: u64) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        if !line.is_empty() {
            continue;
        }
        // The request that met the close is read: it is an error whatever the timing.
        if answers == 0 || stream.write_all(OK).is_err() {
            return;
        }
        answers -= 1;
    }
}

/// What a report says before its first table, on one line.
fn verdict(line: &str) -> String {
    let output = run(&format!("{line} --no-save -q"));
    let report = text(&output.stdout);
    let first = report
        .lines()
        .take_while(|line| !line.starts_with("custom, "));
    let first: Vec<&str> = first.filter(|line| !line.is_empty()).collect();
    assert!(!first.is_empty(), "{line}: {}", text(&output.stderr));
    first.join(" ")
}

fn connections(record: &Value) -> &Value {
    &record["results"][0]["connections"]
}

#[test]
fn a_server_that_serves_some_connections_is_a_failure_in_the_first_sentence() {
    let one = serve(5, u64::MAX);
    let line = format!("-s one={one} -c 64 -d 500ms --timeout 500ms");
    let (record, code) = record(&line);
    assert_eq!(connections(&record)["never_served"], 59);
    assert_eq!(code, Some(1));
    let first = verdict(&line);
    let told = "59 of 64 connections to one got no answer: its figures are those of the other 5; one answered";
    assert!(first.starts_with(told), "{first}");
    for (tolerated, expected) in [("93%", 0), ("92%", 1)] {
        let output = run(&format!("{line} --max-errors {tolerated} --no-save -q"));
        assert_eq!(output.status.code(), Some(expected), "{tolerated}");
    }
}

#[test]
fn what_waits_beyond_a_declared_pool_is_a_result() {
    let pool = |threads: &str| {
        let server = format!("sync-pool --pool-threads {threads}");
        let output = loadgen()
            .args(["-s", &server, "-c", "12", "-d", "500ms", "--timeout", "2s"])
            .args(["--format", "json", "--no-save", "--same-rate", "off"])
            .output()
            .unwrap();
        let record: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
        let never = connections(&record)["never_served"].clone();
        (never, output.status.code())
    };
    assert_eq!(pool("3"), (9.into(), Some(0)));
    assert_eq!(pool("12"), (0.into(), Some(0)));
}

#[test]
fn a_connection_that_was_never_needed_is_not_starved() {
    let url = serve(u64::MAX, u64::MAX);
    for load in ["-n 10", "--rate 20 -d 500ms"] {
        let (record, code) = record(&format!("{url} -c 64 --warmup 0s {load}"));
        assert_eq!(connections(&record)["never_served"], 0, "{load}");
        assert_eq!(code, Some(0), "{load}");
    }
}

#[test]
fn closes_that_nobody_announced_are_told_beside_a_server_that_keeps_alive() {
    let (closing, keeping) = (serve(u64::MAX, 3), serve(u64::MAX, u64::MAX));
    let line = format!("-s closing={closing} -s keeping={keeping} -c 4 -d 500ms");
    for client in ["raw", "reqwest"] {
        let (record, code) = record(&format!("{line} --client {client}"));
        let errors = &record["results"][0]["errors"];
        assert_eq!(code, Some(1), "{client}");
        assert!(errors["stale"].as_u64() > Some(0), "{client}: {errors}");
        assert_eq!(errors["stale"], errors["total"], "{client}");
        assert_eq!(record["results"][1]["errors"]["total"], 0, "{client}");
    }
    let first = verdict(&line);
    for told in [
        "closing: keep-alive was asked for, but the server closed",
        "without announcing it, after 3 answers (median)",
        "clients such as Go's send such requests again and never say so; keeping kept theirs",
    ] {
        assert!(first.contains(told), "{first}");
    }
}

#[test]
fn connections_that_were_made_for_the_warm_up_count_as_established() {
    for warm_up in ["0s", "100ms"] {
        let line = format!("-c 7 -d 300ms --warmup {warm_up} --server sync --same-rate off");
        let (record, _) = record(&line);
        assert_eq!(connections(&record)["established"], 7, "{warm_up}");
    }
}

#[test]
fn a_quiet_run_says_how_long_it_waited_for_a_mute_server() {
    let mute = serve(0, 0);
    let output = run(&format!("{mute}/ -q -c 2 -d 1s --timeout 300ms"));
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    assert!(told.contains("no complete answer within 300ms"), "{told}");
}

/// Where the system counts a process's descriptors.
#[cfg(target_os = "linux")]
fn counts_descriptors() -> bool {
    std::fs::metadata("/proc/self/fd").is_ok_and(|folder| folder.len() > 0)
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_without_descriptors_is_told_with_its_limit() {
    if !counts_descriptors() {
        return;
    }
    let program = env!("CARGO_BIN_EXE_loadgen");
    let served = format!("exec '{program}' serve sync --addr 127.0.0.1:$0");
    let run = |command: &str| {
        let server = format!("few=exec:sh -c \"{command}\" {{port}}");
        let output = loadgen()
            .args(["-s", &server, "--path", "/", "-c", "64", "-d", "300ms"])
            .args(["--timeout", "1s", "--format", "json", "--no-save", "-q"])
            .output()
            .unwrap();
        text(&output.stdout) + &text(&output.stderr)
    };
    let told = run(&format!("ulimit -n 40; {served}"));
    assert!(told.contains("of at most 40 descriptors open"), "{told}");
}

/// A server that forks: what its children use is its own.
#[cfg(target_os = "linux")]
#[test]
fn figures_of_a_server_are_those_of_its_whole_process_tree() {
    let program = env!("CARGO_BIN_EXE_loadgen");
    let command = format!("'{program}' serve sync --addr 127.0.0.1:$0 & wait");
    let server = format!("forks=exec:sh -c \"{command}\" {{port}}");
    let output = loadgen()
        .args(["-s", &server, "--path", "/", "-c", "8", "-d", "1s"])
        .args(["--format", "json", "--no-save", "-q"])
        .output()
        .unwrap();
    let record: Value = serde_json::from_slice(&output.stdout).expect("a record");
    let used = &record["results"][0]["server_resources"];
    // The shell itself has one thread and computes nothing.
    assert!(used["threads_peak"].as_u64() >= Some(8), "{used}");
    assert!(used["cpu_us_per_request"].as_f64() > Some(1.0), "{used}");
    assert!(used["rss_peak_bytes"].as_u64() > Some(1 << 20), "{used}");
}
