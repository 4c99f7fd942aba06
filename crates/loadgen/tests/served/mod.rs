//! A built-in server as a process, and what it writes to standard error.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
    time::Duration,
};

/// Long enough for any machine; a test that runs into it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// It ends when dropped.
pub(crate) struct Served {
    process: Child,
    addr: SocketAddr,
    told: Arc<(Mutex<String>, Condvar)>,
    listener: Option<JoinHandle<()>>,
}

impl Served {
    /// Starts `loadgen serve MODEL FLAGS`.
    pub(crate) fn start(model: &str, flags: &[&str]) -> Self {
        Self::start_in(model, flags, &[])
    }

    /// The same with variables in its environment.
    pub(crate) fn start_in(model: &str, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut process = program()
            .envs(environment.iter().copied())
            .args(["serve", model])
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let told = Arc::<(Mutex<String>, Condvar)>::default();
        let listener = {
            let (told, stderr) = (told.clone(), process.stderr.take().expect("piped"));
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    *told.0.lock().expect("told") += &format!("{line}\n");
                    told.1.notify_all();
                }
            })
        };
        let mut ready = String::new();
        BufReader::new(process.stdout.take().expect("piped"))
            .read_line(&mut ready)
            .expect("a line");
        let ready: serde_json::Value = serde_json::from_str(&ready).expect("the line is JSON");
        Self {
            process,
            addr: ready["addr"]
                .as_str()
                .expect("an address")
                .parse()
                .expect("an address"),
            told,
            listener: Some(listener),
        }
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The whole answer to `GET`, on a connection of its own.
    pub(crate) fn get(&self, target: &str, fields: &str) -> String {
        let mut stream = TcpStream::connect(self.addr).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let request =
            format!("GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{fields}\r\n");
        stream.write_all(request.as_bytes()).expect("sends");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// Waits for a line with all these parts.
    pub(crate) fn line(&self, parts: &[&str]) -> String {
        let find = |told: &str| {
            let has_all = |line: &&str| parts.iter().all(|part| line.contains(part));
            told.lines().find(has_all).map(str::to_owned)
        };
        let (told, changed) = &*self.told;
        let told = told.lock().expect("told");
        let waited = changed.wait_timeout_while(told, PATIENCE, |told| find(told).is_none());
        let (told, _) = waited.expect("told");
        find(&told).unwrap_or_else(|| panic!("no line with {parts:?} in:\n{told}"))
    }

    /// Ends it; all that it told.
    pub(crate) fn end(mut self) -> String {
        self.stop();
        std::mem::take(&mut *self.told.0.lock().expect("told"))
    }

    fn stop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().expect("ends");
        if let Some(listener) = self.listener.take() {
            listener.join().expect("listens");
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop();
    }
}

/// How the program ends with these arguments, and what it says then.
pub(crate) fn asked(args: &[&str]) -> (Option<i32>, String) {
    let output = run(args);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), told)
}

/// Runs the program to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    let program = program().args(args).stdin(Stdio::null()).output();
    program.expect("runs")
}

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    program.current_dir(std::env::temp_dir());
    // What the environment of a test says of exporters is not meant for its servers.
    let otel = |(name, _): &(std::ffi::OsString, _)| name.to_string_lossy().starts_with("OTEL_");
    for (name, _) in std::env::vars_os().filter(otel) {
        program.env_remove(name);
    }
    program
}
