//! `scripts/perf-gate` where it cannot measure: a message, exit code 2, no worktree left.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/perf-gate")
}

fn git(folder: &Path, words: &[&str]) -> String {
    let identity = [
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@localhost",
        "-c",
        "commit.gpgsign=false",
    ];
    let output = Command::new("git")
        .current_dir(folder)
        .args(identity)
        .args(words)
        .output()
        .expect("git starts");
    assert!(
        output.status.success(),
        "git {words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A repository with the script and one commit that does not build.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("scripts")).expect("a folder");
    std::fs::copy(script(), folder.path().join("scripts/perf-gate")).expect("the script");
    std::fs::write(folder.path().join("Cargo.toml"), "[package]\nname = 7\n").expect("a manifest");
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "."]);
    git(
        folder.path(),
        &["commit", "--quiet", "--message", "does not build"],
    );
    folder
}

fn perf_gate(folder: &Path, words: &[&str]) -> Output {
    Command::new(folder.join("scripts/perf-gate"))
        .current_dir("/")
        .args(words)
        .output()
        .expect("bash starts")
}

#[track_caller]
fn cannot(folder: &Path, words: &[&str], told: &str) {
    let output = perf_gate(folder, words);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains(told), "{stderr}");
    let worktrees = git(folder, &["worktree", "list", "--porcelain"]);
    assert_eq!(worktrees.matches("worktree ").count(), 1, "{worktrees}");
}

#[test]
fn a_base_that_is_missing_or_does_not_build_leaves_no_worktree() {
    let folder = repository();
    cannot(folder.path(), &[], "which revision is the base?");
    cannot(
        folder.path(),
        &["no-such-revision"],
        "there is no revision no-such-revision",
    );
    cannot(folder.path(), &["HEAD"], "does not build");
}

#[test]
fn outside_of_a_repository_it_says_so() {
    let folder = repository();
    std::fs::remove_dir_all(folder.path().join(".git")).expect("it can be removed");
    let output = perf_gate(folder.path(), &["HEAD"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no git repository"));
}
