//! The program as a child, and its record.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

pub(crate) fn run(line: &str) -> Output {
    run_words(&line.split_whitespace().collect::<Vec<_>>())
}

pub(crate) fn run_words(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .args(words)
        .output()
        .expect("loadgen starts")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Measures a workload for a short time without errors; the record.
pub(crate) fn record(line: &str) -> Value {
    record_of(line, &[])
}

/// The same of servers with flags.
pub(crate) fn record_of(line: &str, servers: &[&str]) -> Value {
    let line = format!("{line} --same-rate off --warmup 100ms --quiet --no-save --format json");
    let mut words: Vec<&str> = line.split_whitespace().collect();
    words.extend(servers.iter().flat_map(|&server| ["--server", server]));
    let output = run_words(&words);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{line}: {told}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{line}: {error}\n{told}"))
}

/// The cells, each without errors and with answers.
pub(crate) fn cells(record: &Value) -> &[Value] {
    let cells = record["results"].as_array().expect("results");
    for cell in cells {
        assert!(cell["requests"].as_u64().unwrap() > 0, "{cell}");
        assert_eq!(cell["errors"]["total"], 0, "{}", cell["errors"]);
    }
    cells
}

pub(crate) fn cell<'a>(record: &'a Value, server: &str) -> &'a Value {
    let of_server = |cell: &&Value| cell["server"] == server;
    cells(record)
        .iter()
        .find(of_server)
        .unwrap_or_else(|| panic!("no cell of {server}"))
}

pub(crate) fn figure(cell: &Value, name: &str) -> f64 {
    let figures = cell["figures"].as_array().expect("figures");
    let figure = figures.iter().find(|figure| figure["name"] == name);
    figure
        .and_then(|figure| figure["value"].as_f64())
        .unwrap_or_else(|| panic!("no figure {name} in {figures:?}"))
}

pub(crate) fn findings(record: &Value) -> String {
    let findings = record["findings"].as_array().expect("findings").iter();
    let findings: Vec<&str> = findings.filter_map(Value::as_str).collect();
    findings.join("\n")
}
