//! Contenders as their users see them. The programs here are this one, behind a shell script: no toolchain is
//! needed.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_loadgen");

/// A folder of contenders.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// Adds a contender that is right: the Axum server of this program. It leaves its process number and its
    /// folder for temporary files behind.
    fn add(&self, name: &str, change: impl Fn(String) -> String) -> PathBuf {
        let dir = self.0.path().join(name);
        std::fs::create_dir(&dir).expect("a folder");
        let script =
            "echo $$ > pid; echo \"$3\" > tmp; exec \"$1\" serve async --addr \"127.0.0.1:$2\"\n";
        std::fs::write(dir.join("serve.sh"), script).expect("a script");
        let manifest = format!(
            r#"name = "{name}"
title = "Right"
language = "Rust"
model = "work-stealing-tasks"
ready_path = "/health"

[[tools]]
name = "loadgen"
program = "loadgen-under-test"
paths = ["{PROGRAM}"]
version_after = "loadgen "
min_version = "0.1"
get = "cargo build"

[build]
commands = [["sh", "-c", "echo built > artifact"]]
artifact = "artifact"

[run]
command = ["sh", "serve.sh", "{{tool.loadgen}}", "{{port}}", "{{tmp}}"]

[routes]
"/" = []
"/json" = []
"/work" = []
"/async-data" = []
"/cpu" = ["inline", "offload", "yield"]
"#
        );
        std::fs::write(dir.join("contender.toml"), change(manifest)).expect("a manifest");
        dir
    }

    /// `words` of the command line, then those that name this folder.
    fn run(&self, words: &str) -> Output {
        Command::new(PROGRAM)
            .args(words.split_whitespace())
            .arg("--contenders")
            .arg(self.0.path())
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .output()
            .expect("loadgen starts")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
}

fn assert_code(output: &Output, code: i32) {
    let shown = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{shown}");
}

/// What became of a contender, in JSON.
fn left_out<'a>(contenders: &'a Value, name: &str) -> &'a Value {
    let all = contenders.as_array().expect("a list of contenders");
    let one = all.iter().find(|contender| contender["name"] == name);
    &one.unwrap_or_else(|| panic!("{name} is not in {contenders}"))["left_out"]
}

/// Says that /cpu has one mode only, but the server has three.
fn wrong(manifest: String) -> String {
    manifest.replace(r#"["inline", "offload", "yield"]"#, r#"["inline"]"#)
}

#[test]
fn list_says_what_can_run_and_how_to_get_what_is_missing() {
    let folder = Folder::new();
    folder.add("right", |manifest| manifest);
    folder.add("old", |manifest| {
        manifest.replace("min_version = \"0.1\"", "min_version = \"99\"")
    });
    let output = folder.run("contenders list --format json");
    assert_code(&output, 0);
    let contenders = json(&output);
    assert!(left_out(&contenders, "right").is_null());
    let old = left_out(&contenders, "old");
    assert_eq!(old["stage"], "tools");
    let reason = old["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("99 or newer") && reason.ends_with("cargo build"),
        "{reason}"
    );
    assert_code(&folder.run("contenders list --strict"), 2);
    let shown = text(&folder.run("contenders list --format markdown").stdout);
    assert!(
        shown.contains("| right |") || shown.contains("|right|"),
        "{shown}"
    );
}

#[test]
fn a_build_that_fails_shows_its_own_output_and_the_others_are_built() {
    let folder = Folder::new();
    let right = folder.add("right", |manifest| manifest);
    folder.add("broken", |manifest| {
        manifest.replace("echo built > artifact", "echo the tool says no >&2; exit 3")
    });
    let output = folder.run("contenders build --quiet");
    assert_code(&output, 2);
    let told = text(&output.stderr);
    assert!(told.contains("broken: could not be built"), "{told}");
    assert!(told.contains("the tool says no"), "{told}");
    assert!(right.join("artifact").is_file());
    assert_code(&folder.run("contenders build --only right"), 0);
}

#[test]
fn a_wrong_answer_and_a_server_that_does_not_start_are_told_apart() {
    let folder = Folder::new();
    folder.add("right", |manifest| manifest);
    folder.add("wrong", wrong);
    folder.add("dead", |manifest| {
        manifest.replace("serve.sh", "no-such-script.sh")
    });
    let output = folder.run("contenders verify --format json");
    assert_code(&output, 2);
    let contenders = json(&output);
    assert!(left_out(&contenders, "right").is_null(), "{contenders}");
    assert_eq!(left_out(&contenders, "wrong")["stage"], "answers");
    let reason = left_out(&contenders, "wrong")["reason"].to_string();
    assert!(reason.contains("instead of 400"), "{reason}");
    assert_eq!(left_out(&contenders, "dead")["stage"], "start");
    let reason = left_out(&contenders, "dead")["reason"].to_string();
    assert!(
        reason.contains("no-such-script.sh"),
        "its own words: {reason}"
    );
    assert_code(&folder.run("contenders verify --only right,wrong"), 1);
}

#[test]
fn the_articles_table_is_made_of_those_that_answer_right() {
    let folder = Folder::new();
    let gin = folder.add("gin", |manifest| format!("article = \"Gin\"\n{manifest}"));
    folder.add("wrong", wrong);
    let builtin = folder.0.path().join("rust-std");
    std::fs::create_dir(&builtin).expect("a folder");
    let manifest = "name = \"rust-std\"\ntitle = \"Rust Std\"\nlanguage = \"Rust\"\n\
        model = \"thread-per-connection\"\narticle = \"Rust Std\"\nbuiltin = \"sync\"\n";
    std::fs::write(builtin.join("contender.toml"), manifest).expect("a manifest");

    let output = folder
        .run("article -c 4 -d 400ms --warmup 200ms --format json --no-save --output article.json");
    assert_code(&output, 1);
    let record = json(&output);
    assert_eq!(left_out(&record["contenders"], "wrong")["stage"], "answers");
    let servers: Vec<_> = record["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|cell| cell["server"].as_str().expect("a name"))
        .collect();
    assert_eq!(servers, ["rust-std", "gin"]);
    let standing = &record["standings"][0];
    assert_eq!(standing["places"].as_array().map(Vec::len), Some(2));
    assert_eq!(standing["claims"].as_array().map(Vec::len), Some(21 + 3));
    assert!(standing["kendall_tau"].is_number(), "{standing}");
    assert!(
        record["results"][0]["figures"]
            .to_string()
            .contains("warmup")
    );

    assert_ended(&gin);
    let again = folder.run("article --from article.json --format markdown");
    assert_code(&again, 0);
    let shown = text(&again.stdout);
    for part in [
        "Kendall",
        "340,130.92",
        "Hyperlane above Rocket",
        "Not measured: wrong",
    ] {
        assert!(shown.contains(part), "{part} is missing: {shown}");
    }
}

#[test]
fn any_workload_can_be_asked_of_those_that_have_it() {
    let folder = Folder::new();
    folder.add("right", |manifest| manifest);
    folder.add("small", |manifest| manifest.replace("\"/json\" = []\n", ""));
    let output = folder.run(
        "contenders run --workload json -c 2 -d 100ms --warmup 0s --format json --no-save --quiet",
    );
    assert_code(&output, 0);
    let record = json(&output);
    assert_eq!(record["config"]["workload"], "json");
    assert_eq!(record["results"].as_array().map(Vec::len), Some(1));
    let warnings = record["warnings"].to_string();
    assert!(
        warnings.contains("small: does not have this workload"),
        "{warnings}"
    );
}

#[test]
fn mistakes_are_told_before_anything_is_built() {
    let folder = Folder::new();
    let right = folder.add("right", |manifest| manifest);
    let cannot = |words: &str, told: &str| {
        let output = folder.run(words);
        assert_code(&output, 2);
        let stderr = text(&output.stderr);
        assert!(stderr.contains(told), "{words}: {stderr}");
        assert!(!right.join("artifact").exists(), "{words}");
    };
    cannot("article --only left", "there are right");
    cannot("article --output no/such/folder.json", "no/such");
    cannot("contenders run --workload nonsense", "nonsense");
    folder.add("bad", |manifest| manifest.replace("title", "titel"));
    cannot("contenders list", "bad/contender.toml");
    cannot("contenders list", "unknown field `titel`");
}

/// Neither the process nor its folder for temporary files is left.
fn assert_ended(dir: &Path) {
    let read = |name: &str| {
        let text = std::fs::read_to_string(dir.join(name)).expect("the server left it");
        text.trim().to_owned()
    };
    let pid = read("pid");
    let kill = Command::new("kill")
        .args(["-0", &pid])
        .output()
        .expect("kill");
    assert!(!kill.status.success(), "process {pid} is still there");
    assert!(!Path::new(&read("tmp")).exists());
}

#[test]
fn an_interrupt_ends_a_build_and_all_that_it_started() {
    let folder = Folder::new();
    let slow = folder.add("slow", |manifest| {
        manifest.replace(
            "echo built > artifact",
            "echo $$ > pid; echo gone > tmp; sleep 600",
        )
    });
    let mut child = Command::new(PROGRAM)
        .args(["contenders", "build", "--contenders"])
        .arg(folder.0.path())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("loadgen starts");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !slow.join("tmp").exists() {
        assert!(
            std::time::Instant::now() < deadline,
            "the build did not start"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status();
    assert!(sent.expect("kill").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_ended(&slow);
}
