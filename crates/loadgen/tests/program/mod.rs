//! The program, run in a folder of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

pub(crate) fn loadgen(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.current_dir(folder).stdin(Stdio::null());
    command
}

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

pub(crate) fn run(folder: &Path, line: &str) -> Output {
    loadgen(folder)
        .args(line.split_whitespace())
        .output()
        .expect("loadgen starts")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Interrupts a run when a line of its standard error says `told`; the lines after that one.
pub(crate) fn interrupt_at(child: &mut Child, told: &str) -> Vec<String> {
    let stderr = child.stderr.take().expect("standard error");
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    let first = lines.find(|line| line.contains(told));
    assert!(first.is_some(), "{told:?} is told");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process number"));
    kill(pid, Signal::SIGINT).expect("it still runs");
    lines.collect()
}

/// The one record that was saved below the folder.
pub(crate) fn saved(folder: &Path) -> PathBuf {
    let mut files = std::fs::read_dir(folder.join("results"))
        .expect("results")
        .map(|entry| entry.expect("an entry").path());
    let path = files.next().expect("a record");
    assert!(files.next().is_none(), "one record");
    path
}

pub(crate) fn read(path: &Path) -> Value {
    let bytes = std::fs::read(path).expect("it can be read");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// A record of another counting rule is not gone on with, and left as it was.
pub(crate) fn refuses_another_counting_rule(
    folder: &Path,
    path: &Path,
    resume: &str,
    record: &Value,
) {
    let mut older = record.clone();
    older["config"]["counting_rule"] = "".into();
    std::fs::write(path, older.to_string()).expect("it can be written");
    let refused = run(folder, resume);
    let told = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("another counting rule"), "{told}");
    assert!(told.contains("without --resume"), "{told}");
    assert_eq!(read(path), older);
    std::fs::write(path, record.to_string()).expect("it can be written");
}
