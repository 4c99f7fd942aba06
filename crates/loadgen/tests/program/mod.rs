//! The program, run in a folder of its own.

use std::path::Path;
use std::process::{Command, Output, Stdio};

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
