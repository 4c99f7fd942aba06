//! What is printed and written.

use serde_json::Value;

use crate::support::{loadgen, run, text};

#[test]
fn the_text_fits_a_hundred_columns_and_begins_with_a_sentence() {
    let output = run("-c 4 -d 300ms --warmup 50ms --no-save");
    let text = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let first = text.lines().next().unwrap();
    // Beside other tests the machine may be too busy to name anybody.
    let opens = ["sync", "Other programs used"];
    assert!(opens.iter().any(|it| first.contains(it)), "{text}");
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
