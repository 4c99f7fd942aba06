//! A server as a process: it says where it listens, and ends with what is in flight finished. The same is asked of both
//! servers' programs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use server_core::ready::Ready;

const PATIENCE: Duration = Duration::from_secs(60);

/// A program that serves, and the models that it knows.
pub struct Program {
    /// Where it is.
    pub path: &'static str,
    /// What `--model` takes, and the server's name in the line that says it is ready.
    pub models: [(&'static str, &'static str); 2],
}

fn start(program: &Program, args: &[&str]) -> (Child, Ready) {
    let mut server = Command::new(program.path)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut line = String::new();
    let stdout = server.stdout.as_mut().expect("piped");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let ready: Ready = serde_json::from_str(&line).expect("the line is JSON");
    assert_eq!(ready.pid, server.id());
    (server, ready)
}

fn connect(ready: &Ready) -> TcpStream {
    let stream = TcpStream::connect(ready.addr).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Sends a request that takes a while, and returns once it is in flight.
fn slow_request(ready: &Ready) -> TcpStream {
    let mut slow = connect(ready);
    slow.write_all(b"GET /work?wait_ms=1500&bytes=3 HTTP/1.1\r\nhost: a\r\n\r\n")
        .expect("sends");
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let mut stats = connect(ready);
        stats
            .write_all(b"GET /stats HTTP/1.0\r\n\r\n")
            .expect("sends");
        let mut answer = String::new();
        stats.read_to_string(&mut answer).expect("an answer");
        if answer.contains("\"in_flight\":2,") {
            return slow;
        }
    }
    panic!("the request was never seen in flight");
}

fn assert_finished(mut slow: TcpStream, mut server: Child) {
    let mut answer = String::new();
    slow.read_to_string(&mut answer)
        .expect("the answer, and the end");
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nxxx"),
        "{answer}"
    );
    let status = server.wait().expect("ends");
    assert_eq!(status.code(), Some(0));
    let mut more = String::new();
    server
        .stdout
        .as_mut()
        .expect("piped")
        .read_to_string(&mut more)
        .expect("reads");
    assert_eq!(more, "", "one line only");
}

/// A signal ends each model once what is in flight is answered.
///
/// # Panics
/// When it does not.
pub fn ends_with_sigterm(program: &Program) {
    for (model, name) in program.models {
        let (server, ready) = start(program, &["--model", model]);
        assert_eq!(ready.server, name);
        assert_eq!(ready.config["model"], model);
        assert_eq!(ready.config["addr"], ready.addr.to_string());
        let slow = slow_request(&ready);
        let pid = Pid::from_raw(i32::try_from(server.id()).expect("a process id"));
        kill(pid, Signal::SIGTERM).expect("a signal");
        assert_finished(slow, server);
    }
}

/// So does the end of its standard input.
///
/// # Panics
/// When it does not.
pub fn ends_with_the_pipe_on_its_standard_input(program: &Program) {
    let (mut server, ready) = start(program, &[]);
    let slow = slow_request(&ready);
    drop(server.stdin.take());
    assert_finished(slow, server);
}

/// One that never had a standard input serves on.
///
/// # Panics
/// When it does not.
pub fn lives_on_without_a_standard_input(program: &Program) {
    let mut server = Command::new(program.path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut line = String::new();
    BufReader::new(server.stdout.as_mut().expect("piped"))
        .read_line(&mut line)
        .expect("a line");
    let ready: Ready = serde_json::from_str(&line).expect("the line is JSON");
    drop(slow_request(&ready));
    assert!(server.try_wait().expect("asks").is_none(), "still there");
    server.kill().expect("ends");
    server.wait().expect("ended");
}

/// A taken port is named.
///
/// # Panics
/// When it does not.
pub fn says_why_it_can_t_start(program: &Program) {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = taken.local_addr().expect("its address").to_string();
    let output = Command::new(program.path)
        .args(["--addr", &addr])
        .stdin(Stdio::null())
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.contains(&format!("cannot listen on {addr}")),
        "{message}"
    );
    assert!(output.stdout.is_empty());
}

#[cfg(target_os = "linux")]
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let words = line.expect("its memory").split_whitespace();
    words
        .filter_map(|word| word.parse().ok())
        .next()
        .expect("a number")
}

/// Whoever never reads an answer of 1 MB takes no copy of it.
///
/// # Panics
/// When it does not.
#[cfg(target_os = "linux")]
pub fn answers_that_nobody_reads_share_their_bytes(program: &Program) {
    const CLIENTS: u64 = 150;
    for (model, _) in program.models {
        let (mut server, ready) = start(program, &["--model", model]);
        let mut clients: Vec<TcpStream> = (0..CLIENTS).map(|_| connect(&ready)).collect();
        for client in &mut clients {
            client
                .write_all(b"GET /work?bytes=1000000 HTTP/1.1\r\nhost: a\r\n\r\n")
                .expect("sends");
        }
        for client in &mut clients {
            client.read_exact(&mut [0]).expect("the first byte");
        }
        let resident = resident_kib(server.id());
        assert!(resident < CLIENTS * 1000 / 3, "{resident} KiB for {model}");
        drop(clients);
        server.kill().expect("ends");
        server.wait().expect("ended");
    }
}
