//! The program as a child, and servers of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

pub(crate) fn loadgen() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null());
    command
}

pub(crate) fn run(line: &str) -> Output {
    loadgen()
        .args(line.split_whitespace())
        .output()
        .expect("loadgen starts")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs with `--format json` and reads the one document on standard output.
pub(crate) fn record(line: &str) -> (Value, Option<i32>) {
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
pub(crate) fn cannot(line: &str, told: &str) {
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

/// A built-in server in the background.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start(model: &str) -> Self {
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
