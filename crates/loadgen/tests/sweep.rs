//! Sweeps, capacity, scalability and limits as their users see them: real servers, tiny settings.

mod program;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use program::{
    folder, interrupt_at, loadgen, read, refuses_another_counting_rule, run, saved, text,
};
use serde_json::Value;

/// Runs with `--format json`, expects success and reads the one document on standard output.
fn record(line: &str) -> Value {
    let folder = folder();
    let output = run(folder.path(), &format!("{line} --format json"));
    assert_eq!(
        output.status.code(),
        Some(0),
        "{line}: {}",
        text(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

/// Fails with exit code 2 and says `told` on standard error.
fn cannot(folder: &Path, line: &str, told: &str) {
    let output = run(folder, line);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{line}: {error}");
    assert!(error.contains(told), "{line}: {error}");
}

fn server<'a>(cell: &'a Value, name: &str) -> &'a Value {
    let servers = cell["servers"].as_array().expect("servers");
    servers
        .iter()
        .find(|server| server["name"] == name)
        .expect("the server")
}

#[test]
fn a_quick_sweep_measures_every_cell_once_and_says_what_limits_it() {
    let sweep = record("sweep --quick -c 1,4 --waits 0,5 -s sync -s async --warmup 20ms --no-save");
    assert_eq!(
        (sweep["kind"].as_str(), sweep["interrupted"].as_bool()),
        (Some("sweep"), Some(false))
    );
    let cells = sweep["cells"].as_array().expect("cells");
    assert_eq!(cells.len(), 4);
    for cell in cells {
        assert_eq!(cell["visits"].as_array().expect("visits").len(), 1);
        for name in ["sync", "async"] {
            let result = &server(cell, name)["result"];
            assert!(
                result["throughput_rps"].as_f64().expect("a rate") > 0.0,
                "{cell}"
            );
            assert_eq!(result["errors"]["total"], 0, "{cell}");
            assert!(server(cell, name)["limit"]["by"].is_string(), "{cell}");
        }
        let comparison = &cell["comparisons"][0];
        let is_left_out = |name| !server(cell, name)["result"]["blocks"][0]["dropped"].is_null();
        // On a machine whose CPU is stolen the only block may be left out.
        assert!(
            comparison["ratio"].is_f64() || is_left_out("sync") || is_left_out("async"),
            "{cell}"
        );
        assert!(comparison["low"].is_null(), "no interval: {cell}");
    }
    // One connection and a wait of 5 ms: never more than 200 requests a second.
    let slow = cells
        .iter()
        .find(|cell| cell["wait_ms"] == 5 && cell["concurrency"] == 1);
    let rate = server(slow.expect("the cell"), "sync")["result"]["throughput_rps"].as_f64();
    assert!(rate.expect("a rate") <= 200.0, "{rate:?}");
}

#[test]
fn a_sweep_with_time_has_intervals_over_three_visits() {
    let sweep = record(
        "sweep -c 4 --waits 1 -s sync -s again=sync --warmup 20ms --time 1m --margin 50 --no-save",
    );
    let cell = &sweep["cells"][0];
    assert!(
        cell["visits"].as_array().expect("visits").len() >= 3,
        "{cell}"
    );
    let comparison = &cell["comparisons"][0];
    match (comparison["low"].as_f64(), comparison["high"].as_f64()) {
        (Some(low), Some(high)) => {
            assert!(low <= high, "{comparison}");
            assert!(
                comparison["confidence"].as_f64() > Some(0.95),
                "{comparison}"
            );
        }
        // A machine whose CPU is stolen has too few blocks left; the record says so.
        _ => assert!(
            comparison["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains("left out"))
        ),
    }
    let answer = sweep["crossovers"][0]["answer"]
        .as_str()
        .expect("an answer");
    assert!(
        ["equal", "cannot_tell"].contains(&answer),
        "within 50 % there is no winner: {answer}"
    );
}

#[test]
fn a_server_that_stops_working_is_a_finding() {
    let folder = folder();
    let output = loadgen(folder.path())
        .args("sweep --quick -c 1,8,16 --waits 0,1 --timeout 1s --warmup 20ms --no-save -q --format json".split_whitespace())
        // Of two threads, each serves one connection until it closes.
        .args(["-s", "few=sync-pool --pool-threads 2", "-s", "async"])
        .output()
        .expect("loadgen starts");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let sweep: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let stopped = |concurrency: u64, wait_ms: u64| {
        let cells = sweep["cells"].as_array().expect("cells").iter();
        let mut cells =
            cells.filter(|it| it["concurrency"] == concurrency && it["wait_ms"] == wait_ms);
        let cell = cells.next().expect("the cell");
        (
            server(cell, "few")["stopped"].clone(),
            cell["comparisons"][0]["outcome"].clone(),
        )
    };
    assert_eq!(stopped(1, 0), (Value::Null, "cannot_tell".into()));
    let (found, outcome) = stopped(8, 0);
    assert_eq!(
        (&found["cause"], &found["inferred"]),
        (&"threads".into(), &false.into()),
        "{found}"
    );
    assert!(
        found["reason"]
            .as_str()
            .expect("a reason")
            .contains("6 of 8 connections"),
        "{found}"
    );
    assert_eq!(outcome, "candidate", "async works there");
    for beyond in [stopped(16, 0), stopped(8, 1), stopped(16, 1)] {
        assert_eq!(beyond.0["inferred"], true, "not tried again: {beyond:?}");
    }
    let page = sweep["page"].as_array().expect("a page").iter();
    let told = page
        .filter_map(Value::as_str)
        .any(|line| line.starts_with("few stops working at 8 connections"));
    assert!(told, "{}", sweep["page"]);
}

/// A server with the right answer to a sweep's requests, but for those that it never answers. Its URL.
fn server_with_silences(silent: impl Fn(&str) -> bool + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let silent = Arc::new(silent);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let silent = Arc::clone(&silent);
            thread::spawn(move || answer_all(stream, &*silent));
        }
    });
    url
}

/// Answers the requests of a connection until it ends or one is left without an answer.
fn answer_all(mut stream: TcpStream, silent: &dyn Fn(&str) -> bool) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 0\r\n\r\n";
    let mut reader = BufReader::new(stream.try_clone().expect("the same connection"));
    loop {
        let lines = reader.by_ref().lines().map_while(Result::ok);
        let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        if head.is_empty() || silent(&head.join("\n").to_lowercase()) {
            std::io::copy(&mut reader, &mut std::io::sink()).ok(); // until the client gives up
            return;
        }
        if stream.write_all(ANSWER).is_err() {
            return;
        }
    }
}

/// Asked before the load, on a connection of its own.
fn is_verification(request: &str) -> bool {
    request.contains("connection: close")
}

#[test]
fn one_answer_that_does_not_come_is_no_finding() {
    let asked = AtomicU64::new(0);
    let first = move |request: &str| {
        !is_verification(request) && asked.fetch_add(1, Ordering::Relaxed) == 0
    };
    let url = server_with_silences(first);
    let sweep = record(&format!(
        "sweep --quick -c 1 --waits 0 -s {url} --timeout 1s --warmup 20ms --no-save -q"
    ));
    let cell = &sweep["cells"][0]["servers"][0];
    assert_eq!(cell["stopped"], Value::Null);
    assert!(cell["result"]["requests"].as_u64() > Some(0), "{cell}");
}

#[test]
fn answers_that_do_not_come_in_time_stop_a_server_for_that_work_only() {
    let beyond = |request: &str| request.contains("wait_ms=5&") && !is_verification(request);
    let at_once = |request: &str| request.contains("wait_ms=5&");
    for url in [server_with_silences(beyond), server_with_silences(at_once)] {
        let sweep = record(&format!(
            "sweep --quick -c 1,2 --waits 0,5 -s {url} --timeout 1s --warmup 20ms --no-save -q"
        ));
        let stopped = |wait_ms: u64, concurrency: u64| {
            let mut cells = sweep["cells"].as_array().expect("cells").iter();
            let cell = cells
                .find(|it| it["wait_ms"] == wait_ms && it["concurrency"] == concurrency)
                .expect("the cell");
            cell["servers"][0]["stopped"].clone()
        };
        for concurrency in [1, 2] {
            assert_eq!(stopped(0, concurrency), Value::Null);
            let found = stopped(5, concurrency);
            assert_eq!(
                (&found["cause"], &found["inferred"]),
                (&"unanswered".into(), &false.into()),
                "it worked with as many for other work, so it is tried: {found}"
            );
        }
    }
}

#[test]
fn an_interrupted_sweep_keeps_its_cells_and_goes_on() {
    let folder = folder();
    let mut child = loadgen(folder.path())
        .args(
            "sweep --quick -c 1,2,3,4,5,6,7,8 --waits 0,1,2,3 -s sync --warmup 20ms"
                .split_whitespace(),
        )
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("loadgen starts");
    let rest = interrupt_at(&mut child, "cell 1 of 32");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{rest:?}");
    assert!(
        rest.iter().any(|line| line.contains("--resume")),
        "{rest:?}"
    );

    let path = saved(folder.path());
    let before = read(&path);
    assert_eq!(before["interrupted"], true);
    let visited = |record: &Value| {
        let cells = record["cells"].as_array().expect("cells").iter();
        cells
            .filter(|cell| !cell["visits"].as_array().expect("visits").is_empty())
            .count()
    };
    assert!((1..32).contains(&visited(&before)), "{}", visited(&before));

    let line = format!("sweep --resume {} --quiet", path.display());
    refuses_another_counting_rule(folder.path(), &path, &line, &before);
    let output = run(folder.path(), &line);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let after = read(&path);
    assert_eq!(
        (visited(&after), &after["interrupted"]),
        (32, &Value::Bool(false))
    );
    assert_eq!(
        after["cells"][0], before["cells"][0],
        "what was measured stays"
    );
}

#[test]
fn capacity_lies_below_what_the_connections_allow() {
    let line = "capacity -s sync -w work?wait_ms=10 -c 2 --slo mean<1s --trial 100ms --width 100 --max-trials 40 --no-curve --no-save -q";
    let found = record(line);
    let server = &found["servers"][0];
    let figure = |name: &str| {
        server[name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name}: {server}"))
    };
    // Two connections and a wait of 10 ms: never more than 200 answers a second, whatever is asked.
    assert!(figure("saturated_rps") <= 200.0);
    assert!(figure("low_over_saturated") < figure("high_over_saturated"));
    let trials = server["trials"].as_array().expect("trials");
    assert!(!trials.is_empty() && trials.len() <= 40, "{server}");
    for trial in trials {
        let answered = trial["throughput_rps"].as_f64().expect("a rate");
        assert!(answered <= 230.0, "of 100 ms and more: {trial}");
    }
}

#[test]
fn limits_tell_what_ends_each_server() {
    let limits = record("limits");
    let ceilings = limits["ceilings"].as_array().expect("ceilings");
    let names: Vec<_> = ceilings
        .iter()
        .filter_map(|ceiling| ceiling["server"].as_str())
        .collect();
    assert_eq!(names, ["sync", "sync-pool", "async-bare", "async"]);
    let of = |name| {
        &ceilings[names
            .iter()
            .position(|it| *it == name)
            .expect("it is there")]
    };
    let connections = |name| of(name)["connections"].as_u64().expect("a number");
    assert!(
        connections("sync") <= connections("async"),
        "a thread is never cheaper than a task"
    );
    assert!(connections("sync-pool") <= 200 + 8192);
}

#[test]
fn what_cannot_be_done_is_told() {
    let folder = folder();
    let folder = folder.path();
    std::fs::write(folder.join("x.json"), record("limits").to_string()).expect("it can be written");
    cannot(
        folder,
        "sweep --resume nothing.json",
        "nothing.json: cannot be read",
    );
    cannot(folder, "sweep --resume x.json", "not the record of a sweep");
    cannot(folder, "scale x.json", "not the record of a sweep");
    cannot(folder, "sweep -s nonsense", "no server");
    cannot(
        folder,
        "sweep --waits 0,6000",
        "never answered within the timeout",
    );
    cannot(folder, "sweep -o x.csv", "csv");
    cannot(folder, "capacity --slo fast", "such as p99<50ms");
    cannot(folder, "capacity -w nonsense", "no workload");
    cannot(folder, "limits -s nonsense", "no server");
}

#[test]
fn a_law_needs_more_than_a_quick_sweep() {
    let folder = folder();
    let quick = run(
        folder.path(),
        "sweep --quick -c 1,2 --waits 0 -s sync --warmup 20ms -q",
    );
    assert_eq!(quick.status.code(), Some(0), "{}", text(&quick.stderr));
    let line = format!("scale {}", saved(folder.path()).display());
    let output = run(folder.path(), &line);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("no law"),
        "{}",
        text(&output.stdout)
    );
}
