//! A server that misbehaves on purpose, and gates against it.
//!
//! The server is this test's own executable, started again with one ignored test as its entry: no further
//! program is needed, and a plain `cargo test` never runs it.

#![allow(dead_code, reason = "each test uses its part")]

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Environment variables that make the entry a server.
pub(crate) const PORT: &str = "FAKE_SERVER_PORT";
const BODY: &str = "FAKE_SERVER_BODY";
const ENDS_AFTER: &str = "FAKE_SERVER_ENDS_AFTER";
const WRONG_EVERY: &str = "FAKE_SERVER_WRONG_EVERY";
const PID_FILE: &str = "FAKE_SERVER_PID_FILE";
const STARTS: &str = "FAKE_SERVER_STARTS";
const STARTS_FILE: &str = "FAKE_SERVER_STARTS_FILE";
const THEN_WAITS: &str = "FAKE_SERVER_THEN_WAITS";
const HANGS_AFTER: &str = "FAKE_SERVER_HANGS_AFTER";
const CLOSES_AFTER: &str = "FAKE_SERVER_CLOSES_AFTER";
const STEPS_EVERY: &str = "FAKE_SERVER_STEPS_EVERY";
const STATUS: &str = "FAKE_SERVER_STATUS";
const IPV6: &str = "FAKE_SERVER_IPV6";
const SERVES: &str = "FAKE_SERVER_SERVES";

/// What the server does wrong.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fake<'a> {
    /// What it answers; `hello` by default.
    pub(crate) body: Option<&'a str>,
    /// Ends with code 7 after so many requests.
    pub(crate) ends_after: Option<u64>,
    /// Answers every so many requests with 500.
    pub(crate) wrong_every: Option<u64>,
    /// Writes its process id there.
    pub(crate) pid_file: Option<&'a Path>,
    /// Starts so many times, counted in that file, and then no more.
    pub(crate) starts: Option<(u64, &'a Path)>,
    /// It does not end then, but waits without ever listening.
    pub(crate) then_waits: bool,
    /// Answers nothing any more after so many requests.
    pub(crate) hangs_after: Option<u64>,
    /// Closes every connection unanswered after so many requests.
    pub(crate) closes_after: Option<u64>,
    /// A counter stands behind the body that grows every so many requests.
    pub(crate) steps_every: Option<u64>,
    /// The status of right answers; `200 OK` by default.
    pub(crate) status: Option<&'a str>,
    /// Listens on ::1 only.
    pub(crate) ipv6: bool,
    /// Serves so many connections at a time, and leaves the others open.
    pub(crate) serves: Option<u64>,
}

impl Fake<'_> {
    /// Its table in a settings file.
    pub(crate) fn settings(&self, sut: &str) -> String {
        let program = std::env::current_exe().expect("this test has a file");
        let mut env = vec![format!("{PORT} = \"{{port}}\"")];
        let mut add = |name: &str, value: Option<String>| {
            env.extend(value.map(|value| format!("{name} = {value:?}")));
        };
        add(BODY, self.body.map(str::to_owned));
        add(ENDS_AFTER, self.ends_after.map(|n| n.to_string()));
        add(WRONG_EVERY, self.wrong_every.map(|n| n.to_string()));
        add(STEPS_EVERY, self.steps_every.map(|n| n.to_string()));
        add(STATUS, self.status.map(str::to_owned));
        add(IPV6, self.ipv6.then(|| "1".to_owned()));
        add(CLOSES_AFTER, self.closes_after.map(|n| n.to_string()));
        add(SERVES, self.serves.map(|n| n.to_string()));
        add(HANGS_AFTER, self.hangs_after.map(|n| n.to_string()));
        add(STARTS, self.starts.map(|(n, _)| n.to_string()));
        let starts_file = self.starts.map(|(_, file)| file.display().to_string());
        add(STARTS_FILE, starts_file);
        add(THEN_WAITS, self.then_waits.then(|| "1".to_owned()));
        add(
            PID_FILE,
            self.pid_file.map(|path| path.display().to_string()),
        );
        format!(
            "[{sut}]\nrun = \"'{}' --exact fake_server --ignored --nocapture\"\nenv = {{ {} }}\n",
            program.display(),
            env.join(", ")
        )
    }
}

/// The entry: serves, if the environment says so.
pub(crate) fn serve() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let Some(port) = number(PORT) else { return };
    if let Ok(file) = std::env::var(PID_FILE) {
        std::fs::write(file, std::process::id().to_string()).expect("the file can be written");
    }
    if let Ok(file) = std::env::var(STARTS_FILE) {
        start_or_not(
            &file,
            number(STARTS).expect("how many times"),
            number(THEN_WAITS).is_some(),
        );
    }
    let host = match number(IPV6) {
        Some(_) => "::1",
        None => "127.0.0.1",
    };
    let listener = TcpListener::bind((host, port as u16)).expect("the port is free");
    let body: &str = std::env::var(BODY)
        .unwrap_or_else(|_| "hello".to_owned())
        .leak();
    let status: &str = std::env::var(STATUS)
        .unwrap_or_else(|_| "200 OK".to_owned())
        .leak();
    let faults = Faults {
        status,
        steps_every: number(STEPS_EVERY),
        ends_after: number(ENDS_AFTER),
        wrong_every: number(WRONG_EVERY),
        hangs_after: number(HANGS_AFTER),
        closes_after: number(CLOSES_AFTER),
    };
    let serves = number(SERVES).unwrap_or(u64::MAX);
    let served = Arc::new(AtomicU64::new(0));
    for stream in listener.incoming().flatten() {
        if served.fetch_add(1, Ordering::SeqCst) >= serves {
            served.fetch_sub(1, Ordering::SeqCst);
            std::mem::forget(stream); // it stays open
            continue;
        }
        let served = Arc::clone(&served);
        std::thread::spawn(move || {
            answer(&stream, body, faults);
            served.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// Counts the starts by the length of a file.
fn start_or_not(file: &str, times: u64, then_waits: bool) {
    let mut opened = OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .expect("the file");
    opened.write_all(b".").expect("the file can be written");
    if opened.metadata().expect("the file").len() <= times {
        return;
    }
    if then_waits {
        loop {
            std::thread::park();
        }
    }
    std::io::stderr().write_all(b"started too often\n").ok(); // nobody may listen
    std::process::exit(7);
}

/// What goes wrong with answers.
#[derive(Clone, Copy)]
struct Faults {
    status: &'static str,
    steps_every: Option<u64>,
    ends_after: Option<u64>,
    wrong_every: Option<u64>,
    hangs_after: Option<u64>,
    closes_after: Option<u64>,
}

fn answer(stream: &TcpStream, body: &str, faults: Faults) {
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    stream
        .set_nodelay(true)
        .expect("a socket takes its options");
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while matches!(lines.read_line(&mut line), Ok(1..)) {
        let is_end_of_head = line == "\r\n";
        line.clear();
        if !is_end_of_head {
            continue;
        }
        let request = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
        if faults.closes_after.is_some_and(|last| request > last) {
            return;
        }
        if faults.hangs_after.is_some_and(|last| request > last) {
            std::io::stderr().write_all(b"no more\n").ok(); // nobody may listen
            continue;
        }
        if faults.ends_after.is_some_and(|last| request > last) {
            std::io::stderr().write_all(b"out of luck\n").ok(); // nobody may listen
            std::process::exit(7);
        }
        let is_wrong = faults
            .wrong_every
            .is_some_and(|every| request.is_multiple_of(every));
        if is_wrong {
            std::io::stderr().write_all(b"all wrong\n").ok(); // nobody may listen
        }
        let status = if is_wrong {
            "500 Internal Server Error"
        } else {
            faults.status
        };
        let body = match faults.steps_every {
            Some(every) => format!("{body}{}", request / every),
            None => body.to_owned(),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = stream;
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// `loadgen` in a folder of its own, so that it finds no settings and leaves no records.
pub(crate) fn loadgen(folder: &Path, words: &[&str]) -> Output {
    command(folder, words).output().expect("loadgen starts")
}

fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.current_dir(folder).args(words).stdin(Stdio::null());
    command
        .env("XDG_STATE_HOME", folder)
        .env_remove("GITHUB_ACTIONS")
        .env_remove("GITHUB_STEP_SUMMARY");
    command
}

/// Flags of a gate that is done in seconds.
pub(crate) const QUICK: [&str; 10] = [
    "-c",
    "4",
    "--rate",
    "200",
    "--warmup",
    "50ms",
    "--block-time",
    "200ms",
    "--max-blocks",
    "8",
];

/// A gate that is done in seconds.
pub(crate) fn gate(folder: &Path, words: &[&str]) -> Output {
    gate_command(folder, words)
        .output()
        .expect("loadgen starts")
}

/// The same, before it is started.
pub(crate) fn gate_command(folder: &Path, words: &[&str]) -> Command {
    command(folder, &[&["gate"], &QUICK[..], words].concat())
}

/// Both commands of built-in servers, as flags.
pub(crate) fn built_in(baseline: &str, candidate: &str) -> [String; 4] {
    let command = |server: &str| {
        format!(
            "'{}' serve {server} --addr 127.0.0.1:{{port}}",
            env!("CARGO_BIN_EXE_loadgen")
        )
    };
    [
        "--baseline".to_owned(),
        command(baseline),
        "--candidate".to_owned(),
        command(candidate),
    ]
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Ends with one of these exit codes; what it said stands in the message otherwise.
#[track_caller]
pub(crate) fn assert_ends(output: &Output, codes: &[i32]) {
    let code = output.status.code();
    assert!(
        code.is_some_and(|code| codes.contains(&code)),
        "{code:?} instead of {codes:?}\n{}\n{}",
        stdout(output),
        stderr(output)
    );
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal, by its name.
pub(crate) fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .status();
    assert!(sent.expect("kill starts").success(), "{name} to {pid}");
}

/// Fails with exit code 2 and says all of `told` on standard error.
#[track_caller]
pub(crate) fn cannot_measure(output: &Output, told: &[&str]) {
    assert_ends(output, &[2]);
    let stderr = stderr(output);
    for told in told {
        assert!(stderr.contains(told), "{told:?} is not in:\n{stderr}");
    }
}

/// Waits until the process whose number stands in the file is no more.
#[track_caller]
pub(crate) fn assert_gone(pid_file: &Path) {
    let pid: i32 = std::fs::read_to_string(pid_file)
        .expect("it ran")
        .trim()
        .parse()
        .expect("a number");
    wait_until(&format!("the end of process {pid}"), || {
        let status = Command::new("ps")
            .args(["-o", "stat=", "-p", &pid.to_string()])
            .output();
        // A zombie has ended; whoever inherited it has yet to look.
        !status.is_ok_and(|it| it.status.success() && !it.stdout.trim_ascii().starts_with(b"Z"))
    });
    std::fs::remove_file(pid_file).ok(); // it is in the temporary folder
}
