//! `scripts/perf-gate`: as another project copies it, and where it cannot measure: a message, exit code 2, no
//! worktree left.
#![cfg(unix)]

mod gate_support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use gate_support::{QUICK, assert_ends, assert_gone, cannot_measure, signal, stdout, wait_until};

#[test]
#[ignore = "the entry of the server that the toy project starts; does nothing by itself"]
fn fake_server() {
    gate_support::serve();
}

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

fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(folder.join("scripts/perf-gate"));
    command
        .current_dir("/")
        .args(words)
        .env("XDG_STATE_HOME", folder)
        .env_remove("GITHUB_ACTIONS")
        .env_remove("GITHUB_STEP_SUMMARY");
    command
}

fn perf_gate(folder: &Path, words: &[&str]) -> Output {
    command(folder, words).output().expect("bash starts")
}

#[track_caller]
fn no_worktree_is_left(folder: &Path) {
    let worktrees = git(folder, &["worktree", "list", "--porcelain"]);
    assert_eq!(worktrees.matches("worktree ").count(), 1, "{worktrees}");
}

#[track_caller]
fn cannot(folder: &Path, words: &[&str], told: &str) {
    cannot_measure(&perf_gate(folder, words), &[told]);
    no_worktree_is_left(folder);
}

/// Another project: its server is a shell script that answers what stands in the file `body` of its sources, every
/// so many times as `wrong` says wrongly, and its copy of the script has its four lines changed.
fn toy() -> tempfile::TempDir {
    let folder = repository();
    let path = folder.path();
    let program = std::env::current_exe().expect("this test has a file");
    let server = format!(
        "#!/bin/sh\nexport FAKE_SERVER_PORT=$1 FAKE_SERVER_BODY=$(cat body) FAKE_SERVER_WRONG_EVERY=$(cat wrong)\n\
         exec '{}' --exact fake_server --ignored --nocapture\n",
        program.display()
    );
    std::fs::write(path.join("server"), server).expect("a file");
    std::fs::write(path.join("body"), "hello").expect("a file");
    std::fs::write(path.join("wrong"), "").expect("a file");
    change(
        path,
        "build()",
        r#"{ cp "$TREE/server" "$OUT/server" && chmod +x "$OUT/server"; }"#,
    );
    change(path, "built()", r#"{ echo "$OUT/server"; }"#);
    let start = r#"{ echo "sh -c 'cd \"$TREE\" && exec \"$BUILT\" {port}'"; }"#;
    change(path, "start()", start);
    let gates = format!("{{ echo '{}'; }}", env!("CARGO_BIN_EXE_loadgen"));
    change(path, "gates()", &gates);
    git(path, &["add", "."]);
    git(path, &["commit", "--quiet", "--message", "another project"]);
    folder
}

/// Changes one of the lines that are there to be changed.
fn change(folder: &Path, line: &str, becomes: &str) {
    let file = folder.join("scripts/perf-gate");
    let script = std::fs::read_to_string(&file).expect("the script");
    let lines = script.lines().map(|it| match it.starts_with(line) {
        true => format!("{line} {becomes}\n"),
        false => format!("{it}\n"),
    });
    let changed: String = lines.collect();
    assert!(changed.contains(becomes), "there is no line {line}");
    std::fs::write(&file, changed).expect("it can be written");
}

/// Against the last commit, done in seconds.
fn quick() -> Vec<&'static str> {
    [&["HEAD"], &QUICK[..], &["--no-save", "--quiet"]].concat()
}

#[test]
fn another_project_s_working_tree_is_gated_against_its_base() {
    let folder = toy();
    let path = folder.path();
    let alike = perf_gate(path, &quick());
    assert_ends(&alike, &[0, 3]);
    assert!(
        stdout(&alike).contains("server CPU per request"),
        "{}",
        stdout(&alike)
    );
    no_worktree_is_left(path);

    // Each server found the files of its own revision.
    std::fs::write(path.join("body"), "bye").expect("a file");
    cannot(path, &quick(), "baseline: status 200");
    cannot(path, &quick(), "3 bytes: \"bye\"");

    std::fs::write(path.join("body"), "hello").expect("a file");
    std::fs::write(path.join("wrong"), "50").expect("a file");
    let wrong = perf_gate(path, &quick());
    assert_ends(&wrong, &[1]);
    assert!(
        stdout(&wrong).contains("the candidate alone had"),
        "{}",
        stdout(&wrong)
    );
    no_worktree_is_left(path);
}

#[test]
fn what_keeps_it_from_measuring_is_told_on_github_too() {
    let folder = toy();
    let path = folder.path();
    change(path, "built()", r#"{ echo "$OUT/no-such-file"; }"#);
    let summary = path.join("summary.md");
    let output = command(path, &quick())
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .expect("bash starts");
    let told = "COULD NOT MEASURE: the build of HEAD";
    cannot_measure(
        &output,
        &[told, "::error title=Performance gate::", "left no file"],
    );
    let summary = std::fs::read_to_string(summary).expect("the job's summary");
    assert!(summary.starts_with(told), "{summary}");

    change(path, "built()", r#"{ echo "$OUT/server"; }"#);
    change(path, "gates()", "{ echo /no/such/loadgen; }");
    cannot(path, &quick(), "there is no program /no/such/loadgen");
    let output = command(path, &quick())
        .env("TMPDIR", "/no/such/folder")
        .output();
    cannot_measure(
        &output.expect("bash starts"),
        &["cannot make a temporary folder"],
    );
}

#[test]
fn a_signal_ends_what_runs_below_it() {
    let folder = toy();
    let path = folder.path();
    change(
        path,
        "build()",
        r#"{ export OUT; sh -c 'echo $$ > "$OUT/pid.part"; mv "$OUT/pid.part" "$OUT/pid"; exec sleep 600'; }"#,
    );
    let mut script = command(path, &quick())
        .stderr(Stdio::null())
        .spawn()
        .expect("bash starts");
    let pid_file = path.join("target/perf-gate/base/pid");
    wait_until("the build", || pid_file.exists());
    signal("TERM", script.id());
    let status = script.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    assert_gone(&pid_file);
    no_worktree_is_left(path);
}

#[test]
fn a_worktree_of_the_user_s_that_is_absent_stays_known() {
    let folder = repository();
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let absent = elsewhere.path().join("absent");
    let name = absent.to_str().expect("a name");
    git(
        folder.path(),
        &["worktree", "add", "--quiet", "--detach", name],
    );
    std::fs::remove_dir_all(&absent).expect("it can be removed");
    cannot_measure(&perf_gate(folder.path(), &["HEAD"]), &["does not build"]);
    let worktrees = git(folder.path(), &["worktree", "list", "--porcelain"]);
    assert_eq!(worktrees.matches("worktree ").count(), 2, "{worktrees}");
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
