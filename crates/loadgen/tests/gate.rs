//! The gate as a team meets it in CI: verdicts, exit codes, files, and every way in which it cannot measure.

mod gate_support;

use std::path::Path;
use std::process::{Output, Stdio};

use gate_support::{
    Fake, assert_ends, assert_gone, built_in, cannot_measure, gate, gate_command, loadgen, signal,
    stderr, stdout, wait_until,
};
use serde_json::Value;

#[test]
#[ignore = "the entry of the server that misbehaves; does nothing by itself"]
fn fake_server() {
    gate_support::serve();
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A folder with settings for a gate between two fake servers.
fn fakes(baseline: Fake<'_>, candidate: Fake<'_>, more: &str) -> tempfile::TempDir {
    let folder = folder();
    let settings = format!(
        "{}{}{more}",
        baseline.settings("baseline"),
        candidate.settings("candidate")
    );
    std::fs::write(folder.path().join("loadgen.toml"), settings).expect("settings can be written");
    folder
}

fn words(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[test]
fn a_server_against_itself_does_not_regress_and_leaves_its_record() {
    let folder = folder();
    let commands = built_in("sync", "sync");
    let flags = ["--format", "json", "-o", "gate.md", "-o", "gate.txt"];
    let output = gate(folder.path(), &[words(&commands), flags.to_vec()].concat());
    assert_ends(&output, &[0, 3]);

    let record: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let verdict = record["gate"]["judgement"]["verdict"].as_str();
    assert!(
        matches!(verdict, Some("passed" | "inconclusive")),
        "{verdict:?}"
    );
    let cells = record["results"].as_array().expect("results");
    assert_eq!(cells.len(), 4, "two servers at two loads");
    assert!(cells.iter().all(|cell| {
        cell["blocks"]
            .as_array()
            .is_some_and(|blocks| blocks.len() >= 8)
    }));
    assert!(
        cells
            .iter()
            .filter(|cell| cell["load"] == "open")
            .all(|cell| cell["rate"] == 200.0)
    );
    assert_eq!(record["gate"]["settings"]["tolerated"]["p50"], 0.15);
    let warnings = record["warnings"].to_string();
    assert!(warnings.contains("sees no smaller slowdown"), "{warnings}");

    for file in ["gate.md", "gate.txt"] {
        let text = std::fs::read_to_string(folder.path().join(file)).expect(file);
        assert!(text.contains("server CPU per request"), "{text}");
    }
    let saved: Vec<_> = std::fs::read_dir(folder.path().join("results"))
        .expect("results/")
        .flatten()
        .collect();
    assert_eq!(saved.len(), 1);
    let saved = saved[0].path();
    assert!(
        saved.to_string_lossy().ends_with("-gate.json"),
        "{}",
        saved.display()
    );

    let saved = saved.to_str().expect("a name");
    let compared = loadgen(folder.path(), &["compare", saved, saved]);
    assert_ends(&compared, &[0]);
    assert!(
        stdout(&compared).contains("ADVICE ONLY"),
        "{}",
        stdout(&compared)
    );
}

#[test]
fn what_is_many_times_slower_is_clear_after_four_blocks() {
    let folder = folder();
    let commands = built_in("scripted --delay 1ms", "scripted --delay 10ms");
    let output = gate(
        folder.path(),
        &[words(&commands), vec!["--format", "json"]].concat(),
    );
    assert_ends(&output, &[1, 3]);
    let record: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let judgement = &record["gate"]["judgement"];
    if is_of_the_machine(judgement["reason"].as_str().unwrap_or_default()) {
        return;
    }
    let number = |name: &str| judgement[name].as_u64().expect("a number");
    assert_eq!(judgement["verdict"], "regressed", "{judgement}");
    assert_eq!(number("blocks") - number("dropped"), 4, "{judgement}");
}

#[test]
fn a_huge_slowdown_regresses_and_github_hears_of_it() {
    let folder = folder();
    let commands = built_in("sync", "sync --inject-cpu-units 2000");
    let only_cpu = [
        "--tolerate",
        "throughput=off",
        "--tolerate",
        "p50=off",
        "--no-save",
    ];
    let summary = folder.path().join("summary.md");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command
        .current_dir(folder.path())
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", &summary);
    command.args([
        "gate",
        "-c",
        "4",
        "--rate",
        "50",
        "--warmup",
        "50ms",
        "--block-time",
        "200ms",
        "-q",
    ]);
    let output = command
        .args(&commands)
        .args(only_cpu)
        .output()
        .expect("loadgen starts");
    if machine_decided(&output) {
        return;
    }
    assert_ends(&output, &[1]);
    assert!(
        stdout(&output).starts_with("REGRESSED: "),
        "{}",
        stdout(&output)
    );
    assert!(
        stderr(&output).contains("::error title=Performance gate::REGRESSED"),
        "{}",
        stderr(&output)
    );
    let summary = std::fs::read_to_string(summary).expect("the job's summary");
    assert!(summary.contains("REGRESSED"), "{summary}");
    assert!(!folder.path().join("results").exists());
}

/// Beside other programs, such as other tests, and where the hypervisor took the CPU, a gate decides nothing; that is
/// right, so a test of what it decides has nothing to say there.
fn is_of_the_machine(told: &str) -> bool {
    let first = told.lines().next().unwrap_or_default();
    first.contains("other programs used") || first.contains("the whole machine")
}

/// Whether the machine kept a gate from deciding, which then says so by its exit code too.
fn machine_decided(output: &Output) -> bool {
    let is_so = is_of_the_machine(&stdout(output));
    if is_so {
        assert_ends(output, &[3]);
    }
    is_so
}

#[test]
fn errors_of_one_arm_alone_decide() {
    let wrong = Fake {
        wrong_every: Some(50),
        ..Fake::default()
    };
    let candidate_wrong = fakes(Fake::default(), wrong, "");
    let output = gate(candidate_wrong.path(), &["--no-save"]);
    if machine_decided(&output) {
        return;
    }
    assert_ends(&output, &[1]);
    assert!(
        stdout(&output).contains("the candidate alone had"),
        "{}",
        stdout(&output)
    );
    let told = "the candidate had errors; its standard error:\n  ";
    assert!(stderr(&output).contains(told), "{}", stderr(&output));

    let baseline_wrong = fakes(wrong, Fake::default(), "");
    let output = gate(baseline_wrong.path(), &["--no-save"]);
    if machine_decided(&output) {
        return;
    }
    assert_ends(&output, &[2]);
    assert!(
        stdout(&output).starts_with("COULD NOT MEASURE: the baseline alone"),
        "{}",
        stdout(&output)
    );

    let tolerated = gate(
        candidate_wrong.path(),
        &["--no-save", "--max-errors", "10%"],
    );
    assert_ends(&tolerated, &[0, 3]);
}

/// Errors are few where connections hang: what is never served counts over the connections.
#[test]
fn a_candidate_that_leaves_connections_unserved_does_not_pass() {
    let starving = Fake {
        serves: Some(1),
        ..Fake::default()
    };
    let folder = fakes(Fake::default(), starving, "");
    let words = ["--no-save", "--timeout", "500ms", "--max-errors"];
    let output = gate(folder.path(), &[&words[..], &["50%"]].concat());
    assert_ends(&output, &[1]);
    let told = "the candidate alone never served 3 of 4 connections";
    assert!(stdout(&output).contains(told), "{}", stdout(&output));
    let tolerated = gate(folder.path(), &[&words[..], &["75%"]].concat());
    assert!(!stdout(&tolerated).contains("never served 3 of 4 connections in"));
}

#[test]
fn an_inconclusive_gate_is_what_was_chosen() {
    let wrong = Fake {
        wrong_every: Some(50),
        ..Fake::default()
    };
    let folder = fakes(wrong, wrong, "");
    for (choice, code) in [(None, 3), (Some("pass"), 0), (Some("fail"), 1)] {
        let choice = choice.map(|choice| ["--inconclusive-is", choice]);
        let flags = [
            &["--no-save"][..],
            choice.as_ref().map_or(&[], |it| &it[..]),
        ]
        .concat();
        let output = gate(folder.path(), &flags);
        let page = stdout(&output);
        assert!(
            page.starts_with("INCONCLUSIVE: the baseline had") || is_of_the_machine(&page),
            "{page}"
        );
        assert_eq!(output.status.code(), Some(code), "{choice:?}");
    }
}

#[test]
fn servers_that_answer_differently_are_an_error() {
    let other = Fake {
        body: Some("bye"),
        ..Fake::default()
    };
    let folder = fakes(Fake::default(), other, "");
    let summary = folder.path().join("summary.md");
    let output = gate_command(folder.path(), &[])
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .expect("loadgen starts");
    cannot_measure(
        &output,
        &[
            "the servers answer differently",
            "5 bytes: \"hello\"",
            "3 bytes: \"bye\"",
            "::error title=Performance gate::COULD NOT MEASURE: GET /: the servers answer differently",
        ],
    );
    let summary = std::fs::read_to_string(summary).expect("the job's summary");
    assert!(
        summary.contains("COULD NOT MEASURE: GET /: the servers"),
        "{summary}"
    );
    assert!(!folder.path().join("results").exists());

    let by_status = "[[workload]]\nname = \"home\"\npath = \"/\"\nverify = \"status\"\n";
    let folder = fakes(Fake::default(), other, by_status);
    let output = gate(folder.path(), &["--no-save"]);
    assert_ne!(output.status.code(), Some(2), "{}", stderr(&output));

    // Every answer of /stats is another.
    let commands = built_in("sync", "sync");
    let output = gate(
        folder.path(),
        &[words(&commands), vec!["--path", "/stats"]].concat(),
    );
    cannot_measure(
        &output,
        &[
            "baseline itself answers differently each time",
            "verify = \"status\"",
        ],
    );
}

#[test]
fn bodies_that_change_in_both_are_explained_and_in_one_are_its_failure() {
    let counts = Fake {
        steps_every: Some(200),
        ..Fake::default()
    };
    let told = [
        "both servers answer GET / differently from before",
        "verify = \"status\"",
    ];
    let folder = fakes(counts, counts, "");
    let output = gate(folder.path(), &["--no-save"]);
    assert_ends(&output, &[2]);
    let page = stdout(&output)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(page.starts_with("COULD NOT MEASURE: "), "{page}");
    assert!(told.iter().all(|told| page.contains(told)), "{page}");

    // The rate is searched for before the first block.
    let without_rate = [
        "gate",
        "-c",
        "4",
        "--warmup",
        "50ms",
        "--block-time",
        "200ms",
    ];
    cannot_measure(&loadgen(folder.path(), &without_rate), &told);

    let by_status = "[[workload]]\nname = \"home\"\npath = \"/\"\nverify = \"status\"\n";
    let folder = fakes(counts, counts, by_status);
    assert_ends(&gate(folder.path(), &["--no-save"]), &[0, 1, 3]);

    // It answers as the baseline does until its counter is at 1.
    let same_at_first = Fake {
        body: Some("hello0"),
        ..Fake::default()
    };
    let folder = fakes(same_at_first, counts, "");
    let output = gate(folder.path(), &["--no-save"]);
    assert_ends(&output, &[1]);
    let page = stdout(&output);
    assert!(
        page.starts_with("REGRESSED: the candidate alone had"),
        "{page}"
    );
    let folder = fakes(counts, same_at_first, "");
    assert_ends(&gate(folder.path(), &["--no-save"]), &[2]);
}

#[test]
fn every_success_is_ready_and_a_server_may_listen_on_ipv6_alone() {
    let empty = Fake {
        status: Some("204 No Content"),
        body: Some(""),
        ..Fake::default()
    };
    let folder = fakes(empty, empty, "");
    assert_ends(&gate(folder.path(), &["--no-save"]), &[0, 1, 3]);
    let ipv6 = Fake {
        ipv6: true,
        ..Fake::default()
    };
    let folder = fakes(Fake::default(), ipv6, "");
    assert_ends(&gate(folder.path(), &["--no-save"]), &[0, 1, 3]);
}

#[test]
fn a_status_that_stays_is_reported_long_before_the_time_is_over() {
    let missing = Fake {
        status: Some("404 Not Found"),
        ..Fake::default()
    };
    let folder = fakes(missing, missing, "[ready]\ntimeout = \"1h\"\n");
    cannot_measure(
        &gate(folder.path(), &[]),
        &[
            "the baseline did not start",
            "answers GET / with status 404",
            "--ready",
        ],
    );
}

#[test]
fn a_wrong_answer_is_an_error() {
    let commands = built_in("sync", "sync");
    let output = gate(
        folder().path(),
        &[words(&commands), vec!["--path", "/no-such-path"]].concat(),
    );
    cannot_measure(
        &output,
        &[
            "baseline answers status 404",
            "no success",
            "expect = \"404\"",
        ],
    );
}

#[test]
fn a_server_that_does_not_start_is_told_with_its_own_words() {
    let good = &built_in("sync", "sync")[..2];
    let bad = |command: &str| {
        let folder = folder();
        let words = [words(good), vec!["--candidate", command]].concat();
        gate(folder.path(), &words)
    };
    let output = bad("sh -c 'echo kaput >&2; exit 3' {port}");
    cannot_measure(
        &output,
        &["the candidate did not start", "exit status: 3", "kaput"],
    );
    cannot_measure(
        &bad("/no/such/program {port}"),
        &["the candidate did not start", "/no/such/program"],
    );
    cannot_measure(
        &bad("'unclosed {port}"),
        &["the candidate's command", "not closed"],
    );
    cannot_measure(&bad("sh -c true"), &["has no {port}"]);
}

#[test]
fn a_server_that_is_never_ready_is_not_waited_for_for_ever() {
    let pid_file = folder().path().with_extension("pid");
    let fake = Fake {
        wrong_every: Some(1),
        pid_file: Some(&pid_file),
        ..Fake::default()
    };
    let folder = fakes(fake, fake, "[ready]\ntimeout = \"300ms\"\n");
    let output = gate(folder.path(), &[]);
    cannot_measure(
        &output,
        &[
            "the baseline did not start",
            "was not ready after 300ms",
            "status 500",
        ],
    );
    assert_gone(&pid_file);
}

#[test]
fn a_server_that_ends_in_the_middle_is_told_with_its_own_words() {
    let pid_file = folder().path().with_extension("pid");
    let baseline = Fake {
        pid_file: Some(&pid_file),
        ..Fake::default()
    };
    let candidate = Fake {
        ends_after: Some(300),
        ..Fake::default()
    };
    let folder = fakes(baseline, candidate, "");
    let output = gate(folder.path(), &[]);
    cannot_measure(&output, &["candidate", "out of luck"]);
    assert_gone(&pid_file);
}

#[test]
fn a_server_that_answers_nothing_any_more_cannot_be_measured() {
    let hangs = Fake {
        hangs_after: Some(30),
        ..Fake::default()
    };
    let folder = fakes(Fake::default(), hangs, "");
    let output = gate(folder.path(), &["--timeout", "300ms"]);
    let told = "the candidate answered nothing: errors:";
    cannot_measure(&output, &[told, "no more"]);

    // It is asked when it is started, and twice when answers are compared; then comes the load.
    let closes = Fake {
        closes_after: Some(3),
        ..Fake::default()
    };
    let folder = fakes(closes, Fake::default(), "");
    cannot_measure(
        &gate(folder.path(), &[]),
        &["the baseline answered nothing"],
    );
}

/// The one record that was saved.
fn saved(folder: &Path) -> Value {
    let files: Vec<_> = std::fs::read_dir(folder.join("results"))
        .expect("results/")
        .flatten()
        .collect();
    assert_eq!(files.len(), 1);
    let text = std::fs::read(files[0].path()).expect("the record");
    serde_json::from_slice(&text).expect("one JSON document")
}

fn starts(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |it| it.len())
}

#[test]
fn a_server_that_fails_later_does_not_cost_the_blocks_before() {
    let counts = folder();
    let file = counts.path().join("starts");
    let candidate = Fake {
        starts: Some((3, &file)), // to be asked, and for two blocks
        ..Fake::default()
    };
    let folder = fakes(Fake::default(), candidate, "");
    let summary = folder.path().join("summary.md");
    let output = gate_command(folder.path(), &[])
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .expect("loadgen starts");
    cannot_measure(
        &output,
        &[
            "the candidate did not start",
            "exit status: 7",
            "started too often",
        ],
    );
    let told = "COULD NOT MEASURE: block 3 broke off: the candidate did not start";
    assert!(stdout(&output).starts_with(told), "{}", stdout(&output));
    let record = saved(folder.path());
    assert_eq!(record["gate"]["judgement"]["verdict"], "failed");
    assert_eq!(record["gate"]["judgement"]["blocks"], 2);
    assert_eq!(record["interrupted"], false);
    let summary = std::fs::read_to_string(summary).expect("the job's summary");
    assert!(summary.contains("COULD NOT MEASURE"), "{summary}");
}

/// A gate that gets a signal while it waits for the candidate, which was ready so many times before; its folder,
/// and what it said.
fn interrupted(name: &str, ready: u64) -> (tempfile::TempDir, Output) {
    let counts = folder();
    let file = counts.path().join("starts");
    let candidate = Fake {
        starts: Some((ready, &file)),
        then_waits: true,
        ..Fake::default()
    };
    let folder = fakes(Fake::default(), candidate, "");
    let gate = gate_command(folder.path(), &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("loadgen starts");
    wait_until("the start that does not end", || starts(&file) > ready);
    signal(name, gate.id());
    let output = gate.wait_with_output().expect("it ends");
    (folder, output)
}

#[test]
fn an_interrupt_keeps_the_blocks_before_and_blames_nobody() {
    let (folder, output) = interrupted("INT", 3);
    assert_ends(&output, &[130]);
    let told = "INCONCLUSIVE: the run was ended early (2 blocks)";
    assert!(stdout(&output).starts_with(told), "{}", stdout(&output));
    assert!(
        !stderr(&output).contains("not ready"),
        "{}",
        stderr(&output)
    );
    let record = saved(folder.path());
    assert_eq!(record["interrupted"], true);
    assert_eq!(record["gate"]["judgement"]["blocks"], 2);
}

#[test]
fn an_interrupt_before_the_first_block_says_so() {
    let (folder, output) = interrupted("TERM", 0);
    assert_ends(&output, &[130]);
    assert!(
        stderr(&output).contains("interrupted before"),
        "{}",
        stderr(&output)
    );
    assert!(!folder.path().join("results").exists());
}

#[test]
fn settings_are_written_once_and_read_strictly() {
    let folder = folder();
    let init = || loadgen(folder.path(), &["init"]);
    assert_eq!(init().status.code(), Some(0));
    let written =
        std::fs::read_to_string(folder.path().join("loadgen.toml")).expect("loadgen.toml");
    cannot_measure(&init(), &["loadgen.toml exists already"]);
    assert_eq!(
        std::fs::read_to_string(folder.path().join("loadgen.toml")).expect("loadgen.toml"),
        written
    );
    // It is read: its made-up commands do not start.
    cannot_measure(&gate(folder.path(), &[]), &["the baseline did not start"]);

    let misspelt = written.replace("#concurrency = 50", "concurency = 50");
    let line = misspelt
        .lines()
        .position(|line| line.starts_with("concurency"))
        .expect("it is there")
        + 1;
    std::fs::write(folder.path().join("loadgen.toml"), misspelt).expect("settings can be written");
    let told =
        format!("loadgen.toml:{line}: unknown field `concurency`, expected one of `concurrency`");
    cannot_measure(&gate(folder.path(), &[]), &[&told]);
}

#[test]
fn what_is_missing_is_told_before_anything_is_measured() {
    let folder = folder();
    cannot_measure(
        &gate(folder.path(), &[]),
        &["no command for the baseline", "loadgen init"],
    );
    cannot_measure(
        &gate(folder.path(), &["-o", "x.docx"]),
        &[".txt, .json, .md"],
    );
    cannot_measure(
        &gate(folder.path(), &["--tolerate", "p99=5%"]),
        &["not gated"],
    );
    cannot_measure(
        &loadgen(folder.path(), &["compare", "a.json", "b.json"]),
        &["a.json"],
    );
    std::fs::write(folder.path().join("a.json"), "{}").expect("a file can be written");
    cannot_measure(
        &loadgen(folder.path(), &["compare", "a.json", "a.json"]),
        &["not a record of loadgen"],
    );
}

/// A self-test that is done in seconds, its bank in `bank.jsonl`.
fn self_test(folder: &Path, more: &[&str]) -> Output {
    let quick = [
        "gate",
        "--self-test",
        "--server",
        "sync",
        "-c",
        "4",
        "--warmup",
        "50ms",
        "--block-time",
        "200ms",
    ];
    let wanted = [
        "--scenarios",
        "aa,cpu:200",
        "--gates",
        "0",
        "--bank",
        "bank.jsonl",
    ];
    loadgen(folder, &[&quick[..], &wanted, more].concat())
}

fn bank(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("bank.jsonl")).expect("the bank")
}

#[test]
fn the_self_test_goes_on_with_its_bank() {
    let folder = folder();
    let test = |more: &[&str]| self_test(folder.path(), more);
    let lines = || bank(folder.path()).lines().count();
    // Blocks of a moment in which the machine was disturbed are in the bank too, behind its header.
    let usable = || {
        let disturbed = |line: &&str| line.contains("\"dropped\":\"");
        bank(folder.path())
            .lines()
            .skip(1)
            .filter(|line| !disturbed(line))
            .count()
    };
    let output = test(&["--aa-blocks", "2", "--rate", "200", "--for", "5m"]);
    assert_ends(&output, &[0]);
    assert!(
        stdout(&output).contains("2 usable blocks"),
        "{}",
        stdout(&output)
    );
    assert_eq!(usable(), 2);
    let marked = format!("\u{feff}{}", bank(folder.path()));
    std::fs::write(folder.path().join("bank.jsonl"), marked).expect("the bank");

    let output = test(&["--aa-blocks", "3", "--rate", "200", "--for", "5m"]);
    assert_ends(&output, &[0]);
    assert_eq!(usable(), 3);
    let gone_on = lines();
    let output = test(&["--aa-blocks", "99", "--for", "0s"]);
    assert_ends(&output, &[0]);
    assert_eq!(lines(), gone_on);
    cannot_measure(
        &test(&["--path", "/", "--for", "5m"]),
        &["another load", "--bank"],
    );
    cannot_measure(
        &test(&["--rate", "300", "--for", "5m"]),
        &["was begun at 200/s", "--rate"],
    );
    cannot_measure(&test(&["--scenarios", "disk:3"]), &["no scenario"]);
}

#[test]
fn a_floor_is_kept_when_blocks_were_added_and_there_is_a_place() {
    let folder = folder();
    let test = |more: &[&str]| self_test(folder.path(), more);
    assert_ends(&test(&["--aa-blocks", "1", "--rate", "200"]), &[0]);
    let begun = bank(folder.path());
    let (header, block) = begun
        .trim_end()
        .split_once('\n')
        .expect("a header and a block");
    let enough = format!("{header}\n{}", format!("{block}\n").repeat(48));
    std::fs::write(folder.path().join("bank.jsonl"), enough).expect("the bank");

    // The state folder of these tests is the folder they run in.
    let floor = folder.path().join("loadgen/floor.json");
    assert_ends(&test(&["--for", "0s"]), &[0]);
    assert!(!floor.exists(), "nothing was measured");

    let in_the_way = folder.path().join("loadgen");
    std::fs::write(&in_the_way, "").expect("a file");
    let output = test(&["--aa-blocks", "49"]);
    assert_ends(&output, &[0]);
    assert!(
        stderr(&output).contains("the floor was not kept"),
        "{}",
        stderr(&output)
    );

    std::fs::remove_file(&in_the_way).expect("it can be removed");
    assert_ends(&test(&["--aa-blocks", "50"]), &[0]);
    let text = std::fs::read(floor).expect("the floor");
    let floor: Value = serde_json::from_slice(&text).expect("one JSON document");
    assert_eq!(floor["blocks"], 50);
}

#[test]
fn a_self_test_refuses_what_it_has_no_use_for() {
    let folder = folder();
    let test = |more: &[&str]| loadgen(folder.path(), &[&["gate", "--self-test"], more].concat());
    for flags in [
        ["--tolerate", "p50=off"],
        ["--max-errors", "1%"],
        ["--max-blocks", "8"],
        ["--inconclusive-is", "pass"],
    ] {
        cannot_measure(
            &test(&flags),
            &[flags[0], "cannot be used with", "--self-test"],
        );
    }
    let output = test(&["--for", "0s", "--bank", "none.jsonl"]);
    cannot_measure(&output, &["there is no bank none.jsonl to judge"]);
    assert!(!folder.path().join("none.jsonl").exists());
}
