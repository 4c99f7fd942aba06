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

    /// Adds the same with another script, which gets the program, the port and a folder.
    fn add_script(&self, name: &str, script: &str) -> PathBuf {
        let dir = self.add(name, |manifest| manifest);
        std::fs::write(dir.join("serve.sh"), script).expect("a script");
        dir
    }

    /// Adds the server that the article's Rust Std is compared with.
    fn add_rust_std(&self) {
        let dir = self.0.path().join("rust-std");
        std::fs::create_dir(&dir).expect("a folder");
        let manifest = "name = \"rust-std\"\ntitle = \"Rust Std\"\nlanguage = \"Rust\"\n\
            model = \"thread-per-connection\"\narticle = \"Rust Std\"\nbuiltin = \"sync\"\n";
        std::fs::write(dir.join("contender.toml"), manifest).expect("a manifest");
    }

    /// `words` of the command line, then those that name this folder.
    fn run(&self, words: &str) -> Output {
        self.command(words).output().expect("loadgen starts")
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(words.split_whitespace())
            .arg("--contenders")
            .arg(self.0.path())
            .current_dir(self.0.path())
            .stdin(Stdio::null());
        command
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
    folder.add_rust_std();

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
    assert_eq!(standing["rows"].as_array().map(Vec::len), Some(7));
    assert!(
        record["results"][0]["figures"]
            .to_string()
            .contains("warmup")
    );

    assert_ended(&gin);
    let again = folder.run("article --from article.json --format markdown");
    assert_code(&again, 0);
    let shown = text(&again.stdout);
    // Beside other programs, such as other tests, contenders take no rank.
    let is_ranked = shown.contains("Kendall") || shown.contains("other programs");
    assert!(is_ranked, "{shown}");
    for part in [
        "340,130.92",
        "Hyperlane above Rocket",
        "Not measured: wrong",
    ] {
        assert!(shown.contains(part), "{part} is missing: {shown}");
    }
}

/// The place of a server in the first standing; null when it was not measured.
fn place<'a>(record: &'a Value, server: &str) -> &'a Value {
    let places = record["standings"][0]["places"].as_array();
    let mut places = places.expect("places").iter();
    places
        .find(|place| place["server"] == server)
        .unwrap_or(&Value::Null)
}

#[test]
fn one_that_fails_under_load_is_left_out_and_the_others_are_measured() {
    let folder = Folder::new();
    folder.add_rust_std();
    // Asked one by one, it answers right; more connections than two are answered with 503.
    folder.add_script(
        "wrong",
        "exec \"$1\" serve async --addr \"127.0.0.1:$2\" --max-connections 2\n",
    );
    // Started to be verified, it lasts; started to be measured, it does not.
    folder.add_script(
        "mortal",
        "\"$1\" serve async --addr \"127.0.0.1:$2\" &\n\
        if [ -e started ]; then sleep 0.7; kill -9 $!; echo it is over >&2; exit 3; fi\n\
        touch started; wait\n",
    );
    let output =
        folder.run("article -c 4 -d 2s --warmup 100ms --format json --no-save --output it.json");
    assert_code(&output, 1);
    let record = json(&output);
    for (name, reason) in [
        ("wrong", "were not what the contract says"),
        ("mortal", "it is over"),
    ] {
        let why = left_out(&record["contenders"], name);
        assert_eq!(why["stage"], "load", "{why}");
        let told = why["reason"].as_str().expect("a reason");
        assert!(told.contains(reason), "{told}");
        assert!(text(&output.stderr).contains(reason));
        assert!(place(&record, name)["rank"].is_null(), "{name}");
    }
    assert!(left_out(&record["contenders"], "rust-std").is_null());
    assert_eq!(place(&record, "wrong")["doubt"], "wrong-answers");
    let blocks = |server: &str| {
        let cells = record["results"].as_array().expect("results").iter();
        let mut of_it = cells.filter(|cell| cell["server"] == server);
        of_it
            .next()
            .map(|cell| cell["blocks"].as_array().map(Vec::len))
    };
    assert_eq!(blocks("rust-std"), blocks("wrong"));
    assert!(blocks("mortal") < blocks("wrong"));
    let shown = text(&folder.run("article --from it.json").stdout);
    assert!(
        shown.contains("Left out: mortal, failed under load"),
        "{shown}"
    );
}

#[test]
fn without_a_server_that_lasts_nothing_is_measured() {
    let folder = Folder::new();
    folder.add_script(
        "mortal",
        "if [ -e started ]; then echo it is over >&2; exit 3; fi\n\
        touch started; exec \"$1\" serve async --addr \"127.0.0.1:$2\"\n",
    );
    let output = folder.run("article -c 4 -d 200ms --warmup 0s --no-save");
    assert_code(&output, 2);
    let told = text(&output.stderr);
    assert!(told.contains("no server is left: mortal"), "{told}");
    assert!(told.contains("it is over"), "{told}");
}

#[test]
#[cfg(target_os = "linux")]
fn cpu_of_a_tree_that_changes_is_not_available() {
    let folder = Folder::new();
    folder.add("steady", |manifest| manifest);
    // A child comes and another goes, fifty times a second.
    folder.add_script(
        "forking",
        "\"$1\" serve async --addr \"127.0.0.1:$2\" &\n\
        while :; do sleep 600 & new=$!; kill $old 2>/dev/null; old=$new; sleep 0.02; done\n",
    );
    let output = folder
        .run("contenders run -c 4 -d 1s --warmup 0s --blocks 1 --format json --no-save --quiet");
    assert_code(&output, 0);
    let record = json(&output);
    let used = |server: &str| {
        let cells = record["results"].as_array().expect("results").iter();
        let mut of_it = cells.filter(|cell| cell["server"] == server);
        &of_it.next().expect("a cell")["server_resources"]
    };
    for figure in ["cpu_us_per_request", "cores_used"] {
        assert!(used("forking")[figure].is_null(), "{}", used("forking"));
        assert!(used("steady")[figure].is_number(), "{}", used("steady"));
    }
    assert!(used("forking")["rss_peak_bytes"].is_number());
}

#[test]
fn variables_that_change_a_runtime_are_not_passed_on() {
    let folder = Folder::new();
    let script = "env > variables; exec \"$1\" serve async --addr \"127.0.0.1:$2\"\n";
    let dir = folder.add_script("right", script);
    let manifest = std::fs::read_to_string(dir.join("contender.toml")).expect("a manifest");
    let manifest = manifest.replace(
        "[routes]",
        "[run.env]\nPYTHONOPTIMIZE = \"own\"\n\n[routes]",
    );
    std::fs::write(dir.join("contender.toml"), manifest).expect("it can be written");
    let mut command = folder.command("contenders verify --quiet");
    for name in ["GOGC", "ROCKET_WORKERS", "PYTHONOPTIMIZE", "MY_OWN"] {
        command.env(name, "inherited");
    }
    assert_code(&command.output().expect("loadgen starts"), 0);
    let variables = std::fs::read_to_string(dir.join("variables")).expect("the server left it");
    let has = |line: &str| variables.lines().any(|it| it == line);
    assert!(
        has("MY_OWN=inherited") && has("PYTHONOPTIMIZE=own"),
        "{variables}"
    );
    assert!(!variables.contains("GOGC="), "{variables}");
    assert!(!variables.contains("ROCKET_WORKERS="), "{variables}");
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
    folder.add("gin", |manifest| format!("article = \"Gin\"\n{manifest}"));
    folder.add("other", |manifest| format!("article = \"Gin\"\n{manifest}"));
    cannot("article", "row \"Gin\": gin in ");
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
