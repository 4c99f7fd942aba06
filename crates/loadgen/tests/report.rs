//! `loadgen report`: any report again, from files alone.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use record::Record;
use render::json;

#[path = "../../pages/tests/pages/support/mod.rs"]
mod support;

fn loadgen(arguments: &[&str], folder: &Path) -> assert_cmd::assert::Assert {
    let mut command = Command::cargo_bin("loadgen").expect("the program was built");
    command
        .arg("report")
        .args(arguments)
        .current_dir(folder)
        .assert()
}

/// A folder with the records named.
fn folder(records: &[(&str, Record)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, record) in records {
        fs::write(folder.path().join(name), json::render(record)).expect("it can be written");
    }
    folder
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it is there");
    entries
        .map(|entry| entry.expect("an entry").file_name().into())
        .collect()
}

#[test]
fn text_is_printed_without_colours_where_there_is_no_terminal() {
    let folder = folder(&[("run.json", support::main_job())]);
    let assert = loadgen(&["run.json"], folder.path()).success();
    let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(text.starts_with("async-bare answered the most"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn json_gives_the_record_back() {
    let record = support::main_job();
    let folder = folder(&[("run.json", record.clone())]);
    let assert = loadgen(&["run.json", "--format", "json"], folder.path()).success();
    let back: Record = serde_json::from_slice(&assert.get_output().stdout).expect("a record");
    assert!(back == record, "the record lost something");
}

#[test]
fn the_ending_decides_and_charts_stand_beside_markdown() {
    let folder = folder(&[("run.json", support::main_job())]);
    let files = [
        "-o", "a.md", "-o", "a.html", "-o", "a.csv", "-o", "a.txt", "-o", "b.json",
    ];
    loadgen(&[&["run.json"], &files[..]].concat(), folder.path())
        .success()
        .stdout("");
    let markdown = fs::read_to_string(folder.path().join("a.md")).expect("markdown");
    assert!(markdown.contains("(a-ratios.svg)"), "{markdown}");
    assert!(folder.path().join("a-ratios.svg").exists());
    let html = fs::read_to_string(folder.path().join("a.html")).expect("a page");
    assert!(html.starts_with("<!DOCTYPE html>"));
    assert!(
        fs::read_to_string(folder.path().join("a.csv"))
            .expect("data")
            .starts_with("row,")
    );
}

#[test]
fn no_images_means_no_files_beside() {
    let folder = folder(&[("run.json", support::main_job())]);
    loadgen(&["run.json", "-o", "a.md", "--no-images"], folder.path()).success();
    assert_eq!(names(folder.path()).len(), 2, "{:?}", names(folder.path()));
    let markdown = fs::read_to_string(folder.path().join("a.md")).expect("markdown");
    assert!(markdown.contains("```text") && !markdown.contains("!["));
}

#[test]
fn runs_of_the_same_are_merged_and_others_are_a_trend() {
    let mut records = support::trend();
    let other_machine = records.pop().expect("three");
    let mut again = support::main_job();
    again.started_at = "2026-11-22T09:00:00Z".into();
    let folder = folder(&[
        ("1.json", support::main_job()),
        ("2.json", again),
        ("3.json", other_machine),
    ]);
    let merged = loadgen(&["1.json", "2.json"], folder.path()).success();
    let text = String::from_utf8_lossy(&merged.get_output().stdout).into_owned();
    assert!(text.contains("16 blocks"), "{text}");
    let trend = loadgen(&["3.json", "1.json", "2.json"], folder.path()).success();
    let text = String::from_utf8_lossy(&trend.get_output().stdout).into_owned();
    assert!(text.starts_with("2 runs from 2026-11-22"), "{text}");
    assert!(text.contains("Machine changed"), "{text}");
}

#[test]
fn a_file_that_is_no_record_is_named_on_standard_error() {
    let folder = folder(&[]);
    fs::write(
        folder.path().join("half.json"),
        "{\"schema_version\": 1, \"resu",
    )
    .expect("written");
    let assert = loadgen(&["half.json"], folder.path()).code(2).stdout("");
    let complaint = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(complaint.contains("half.json:1:"), "{complaint}");

    let folder = self::folder(&[("run.json", support::main_job())]);
    let assert = loadgen(&["run.json", "-o", "a.pdf"], folder.path()).code(2);
    let complaint = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        complaint.contains("a.pdf") && complaint.contains(".html"),
        "{complaint}"
    );
}
