//! However it ends, nothing stays behind.

use std::io::{BufReader, Read as _, Write as _};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::loadgen;

/// A run that has measured its first block and goes on for long, and its standard error.
fn measuring() -> (Child, BufReader<ChildStderr>) {
    let mut child = loadgen()
        .args([
            "-c", "4", "-d", "60s", "--blocks", "60", "--warmup", "100ms",
        ])
        .args(["--format", "json", "--no-save"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    await_line(&mut stderr, "block 1 ");
    (child, stderr)
}

/// All that it prints until it ends.
fn standard_output(child: &mut Child) -> String {
    let mut text = String::new();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn ctrl_c_prints_what_was_measured_and_leaves_nothing_behind() {
    let (mut child, _stderr) = measuring();
    let servers = children_of(child.id());
    assert_eq!(servers.len(), 3);
    signal(child.id(), "INT");
    let stdout = standard_output(&mut child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let record: Value = serde_json::from_str(&stdout).expect("one document");
    assert_eq!(record["interrupted"], true);
    assert!(record["results"][0]["requests"].as_u64().unwrap() > 0);
    wait_until("the servers end", || {
        servers.iter().all(|&pid| is_gone(pid))
    });
}

#[test]
fn nobody_reading_the_progress_costs_no_result() {
    let mut child = loadgen()
        .args(["-s", "sync", "-c", "2", "-d", "1s", "--warmup", "0s"])
        .args(["--format", "json", "--no-save"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    let stdout = standard_output(&mut child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    serde_json::from_str::<Value>(&stdout).expect("one document");
}

#[test]
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
fn a_server_that_dies_ends_the_run_and_keeps_what_was_measured() {
    let (mut child, mut stderr) = measuring();
    signal(u32::try_from(children_of(child.id())[0]).unwrap(), "KILL");
    let stdout = standard_output(&mut child);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2), "{rest}");
    assert!(rest.contains("was killed by signal 9"), "{rest}");
    let record: Value = serde_json::from_str(&stdout).expect("one document");
    assert!(record["results"][0]["requests"].as_u64().unwrap() > 0);
}

/// Wherever it is noticed first: by a connection that is refused, or by one that is cut.
#[test]
fn a_server_that_is_killed_before_it_is_connected_is_no_refused_connection() {
    let mut child = loadgen()
        .args(["-s", "sync", "-c", "4", "-d", "60s", "--no-save"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    await_line(&mut stderr, "4 connections");
    signal(u32::try_from(children_of(child.id())[0]).unwrap(), "KILL");
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2), "{rest}");
    assert!(rest.contains("was killed by signal 9"), "{rest}");
}

#[test]
fn a_guard_tells_which_signal_ended_its_command() {
    let mut guard = loadgen()
        .args(["guard", "--", "sh", "-c", "kill -KILL $$"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let _open = guard.stdin.take(); // a guard whose standard input closes ends its command
    assert_eq!(guard.wait().unwrap().code(), Some(128 + 9));
}

#[test]
fn ctrl_c_while_connections_are_made_is_an_interrupt() {
    let url = server_that_accepts_once();
    let told = interrupted(&[&url, "-c", "16", "--timeout", "60s"], "16 connections");
    assert!(
        told.contains("interrupted before anything was measured"),
        "{told}"
    );
}

#[test]
fn ctrl_c_in_capacity_before_its_first_figure_is_an_interrupt() {
    let line = ["capacity", "-s", "sync", "-c", "4", "--slo", "p99<50ms"];
    let told = interrupted(&line, "warming up");
    assert!(
        told.contains("interrupted before anything was measured"),
        "{told}"
    );
}

/// Interrupts a run when a line of its standard error has `part`; what it says from there on.
fn interrupted(line: &[&str], part: &str) -> String {
    let mut child = loadgen()
        .args(line)
        .arg("--no-save")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    await_line(&mut stderr, part);
    signal(child.id(), "INT");
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    rest
}

/// Answers one connection. All others but a few never come into being: its queue is full.
fn server_that_accepts_once() -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let listener = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket.listen(1).unwrap().into_std().unwrap()
    });
    listener.set_nonblocking(false).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        while stream.read(&mut request).is_ok_and(|length| length > 0) {
            let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            stream.write_all(ok).unwrap();
        }
        std::thread::sleep(Duration::from_secs(60));
        drop(listener);
    });
    url
}

#[test]
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

fn descendants_of(pid: u32) -> Vec<u64> {
    let mut all = children_of(pid);
    let mut next = 0;
    while next < all.len() {
        all.extend(children_of(u32::try_from(all[next]).unwrap()));
        next += 1;
    }
    all
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
