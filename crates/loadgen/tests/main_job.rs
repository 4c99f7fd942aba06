//! The main job as its users see it: the command line, the streams, the files, the exit code.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn loadgen() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null());
    command
}

fn run(line: &str) -> Output {
    loadgen()
        .args(line.split_whitespace())
        .output()
        .expect("loadgen starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs with `--format json` and reads the one document on standard output.
fn record(line: &str) -> (Value, Option<i32>) {
    let output = run(&format!("{line} --format json --no-save"));
    let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{line}: {error}\n{}\n{}",
            text(&output.stdout),
            text(&output.stderr)
        )
    });
    (document, output.status.code())
}

/// Fails with exit code 2 and says `told` on standard error, nothing on standard output.
fn cannot(line: &str, told: &str) {
    let output = run(line);
    assert_eq!(
        output.status.code(),
        Some(2),
        "{line}: {}",
        text(&output.stderr)
    );
    assert!(
        text(&output.stderr).contains(told),
        "{line}: {}",
        text(&output.stderr)
    );
    assert!(output.stdout.is_empty(), "{line}: {}", text(&output.stdout));
}

/// A process is gone when it is reaped, or waits only to be.
fn is_gone(pid: u64) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat
            .rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with('Z')),
        Err(_) => true,
    }
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

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
fn a_status_that_is_no_success_cannot_be_measured() {
    let server = Server::start("sync");
    cannot(&format!("{}/no-such-path -n 1", server.url), "404");
}

#[test]
fn the_text_fits_a_hundred_columns_and_begins_with_a_sentence() {
    let output = run("-c 4 -d 300ms --warmup 50ms --no-save");
    let text = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(text.lines().next().unwrap().contains("sync"), "{text}");
    for part in ["QPS", "p99", "Rust Std", "340,130.92", "async-bare"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
}

#[test]
fn quiet_means_no_progress() {
    let output = run("-c 1 -n 10 --server sync --no-save -q");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn the_record_is_saved_and_written_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    let output = loadgen()
        .current_dir(&folder)
        .args(["-c", "1", "-n", "10", "--server", "sync", "-o", "copy.json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let saved: Vec<_> = std::fs::read_dir(folder.path().join("results"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(saved.len(), 1);
    let saved = std::fs::read_to_string(&saved[0]).unwrap();
    assert_eq!(
        saved,
        std::fs::read_to_string(folder.path().join("copy.json")).unwrap()
    );
    assert!(serde_json::from_str::<Value>(&saved).is_ok());
}

#[test]
fn what_cannot_be_saved_is_still_printed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("results"), "in the way").unwrap();
    let output = loadgen()
        .current_dir(&folder)
        .args([
            "-c", "1", "-n", "10", "--server", "sync", "--format", "json",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(serde_json::from_slice::<Value>(&output.stdout).is_ok());
    assert!(
        text(&output.stderr).contains("not saved"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn bad_usage_is_told_and_measures_nothing() {
    cannot("--concurrency 0", "0");
    cannot("--duration 5", "unit");
    cannot("--duration 5s --requests 7", "cannot be used with");
    cannot("--server tomcat", "tomcat");
    cannot("--workload nonsense", "nonsense");
    cannot("gat", "URL");
    cannot("--frequency 3", "--frequency");
    cannot("-o /no/such/folder/x.json", "/no/such/folder");
    cannot("--concurrency 1000000", "open files");
}

#[test]
fn a_server_that_cannot_start_shows_its_own_words() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = loadgen()
        .args([
            "serve",
            "sync",
            "--addr",
            &taken.local_addr().unwrap().to_string(),
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("in use"),
        "{}",
        text(&output.stderr)
    );
    let output = loadgen()
        .args(["--server", "sync --no-such-flag", "-n", "1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("--no-such-flag"),
        "{}",
        text(&output.stderr)
    );
}

/// Whatever the server answers after its first answer decides about the exit code.
#[test]
fn errors_decide_about_the_exit_code() {
    let url = flaky_server(10);
    let (record, code) = record(&format!("{url} -c 1 -n 100"));
    assert_eq!(
        code,
        Some(1),
        "a tenth of errors is more than 1 %: {}",
        record["results"][0]["errors"]
    );
    assert_eq!(record["results"][0]["errors"]["status"], 10);
    let (_, code) = self::record(&format!(
        "{} -c 1 -n 100 --max-errors 20%",
        flaky_server(10)
    ));
    assert_eq!(code, Some(0));
    let (_, code) = self::record(&format!("{} -c 1 -n 100 --max-errors 9", flaky_server(10)));
    assert_eq!(code, Some(1));
}

#[test]
fn not_one_answer_is_not_measured_but_printed() {
    let (record, code) = record(&format!("{} -c 1 -n 20", flaky_server(1)));
    assert_eq!(code, Some(2));
    assert_eq!(record["results"][0]["requests"], 0);
    assert_eq!(record["results"][0]["errors"]["status"], 20);
}

#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_prints_what_was_measured_and_leaves_nothing_behind() {
    let mut child = loadgen()
        .args([
            "-c",
            "4",
            "-d",
            "60s",
            "--warmup",
            "100ms",
            "--format",
            "json",
            "--no-save",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    await_line(&mut stderr, "block 1 ");
    let servers = children_of(child.id());
    assert_eq!(servers.len(), 3);
    signal(child.id(), "INT");
    let mut stdout = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut stdout)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let record: Value = serde_json::from_str(&stdout).expect("one document");
    assert_eq!(record["interrupted"], true);
    assert!(record["results"][0]["requests"].as_u64().unwrap() > 0);
    wait_until("the servers end", || {
        servers.iter().all(|&pid| is_gone(pid))
    });
}

#[test]
#[cfg(target_os = "linux")]
fn servers_end_when_the_program_is_killed() {
    let mut child = loadgen()
        .args(["-c", "4", "-d", "60s", "--no-save"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    await_line(&mut stderr, "saturated");
    let servers = children_of(child.id());
    assert_eq!(servers.len(), 3);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the servers end", || {
        servers.iter().all(|&pid| is_gone(pid))
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_that_dies_ends_the_run_and_keeps_what_was_measured() {
    let mut child = loadgen()
        .args([
            "-c",
            "4",
            "-d",
            "60s",
            "--warmup",
            "100ms",
            "--format",
            "json",
            "--no-save",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    await_line(&mut stderr, "block 1 ");
    signal(u32::try_from(children_of(child.id())[0]).unwrap(), "KILL");
    let mut stdout = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut stdout)
        .unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2), "{rest}");
    assert!(rest.contains("ended"), "{rest}");
    let record: Value = serde_json::from_str(&stdout).expect("one document");
    assert!(record["results"][0]["requests"].as_u64().unwrap() > 0);
}

#[test]
fn the_self_check_agrees_with_its_peer() {
    let output = run("self-check");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(
        text(&output.stdout).starts_with("All "),
        "{}",
        text(&output.stdout)
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_guarded_command_ends_with_its_guard() {
    let mut guard = loadgen()
        .args(["guard", "--", "sh", "-c", "sleep 300 & sleep 300"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("the command has its children", || {
        descendants_of(guard.id()).len() >= 3
    });
    let below = descendants_of(guard.id());
    drop(guard.stdin.take());
    assert_eq!(guard.wait().unwrap().code(), Some(0));
    wait_until("all of the command ends", || {
        below.iter().all(|&pid| is_gone(pid))
    });
}

/// A built-in server in the background.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(model: &str) -> Self {
        let mut child = loadgen()
            .args(["serve", model])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).expect("a line of JSON");
        Self {
            child,
            url: format!("http://{}", ready["addr"].as_str().unwrap()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Answers its first request with 200, and of the following every `every`-th with 500.
fn flaky_server(every: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut number = 0;
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut writer = stream;
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
                if line == "\r\n" {
                    let status = if number > 0 && number % every == 0 {
                        "500 Oops"
                    } else {
                        "200 OK"
                    };
                    number += 1;
                    if write!(writer, "HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok").is_err() {
                        break;
                    }
                }
                line.clear();
            }
        }
    });
    url
}

fn await_line(reader: &mut impl std::io::BufRead, part: &str) {
    let mut line = String::new();
    while !line.contains(part) {
        line.clear();
        assert!(
            reader.read_line(&mut line).unwrap() > 0,
            "no line with {part:?} came"
        );
    }
}

fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[cfg(target_os = "linux")]
fn children_of(pid: u32) -> Vec<u64> {
    let mut children = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .flatten()
    {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.extend(
            text.split_whitespace()
                .map(|pid| pid.parse::<u64>().unwrap()),
        );
    }
    children.sort_unstable();
    children
}

#[cfg(target_os = "linux")]
fn descendants_of(pid: u32) -> Vec<u64> {
    let mut all = children_of(pid);
    let mut next = 0;
    while next < all.len() {
        all.extend(children_of(u32::try_from(all[next]).unwrap()));
        next += 1;
    }
    all
}
