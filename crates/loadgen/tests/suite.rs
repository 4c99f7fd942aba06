//! The suite as its users see it: a few rows on real servers.

mod program;

use std::process::Stdio;

use program::{
    folder, interrupt_at, loadgen, read, refuses_another_counting_rule, run, saved, text,
};
use serde_json::Value;

fn measured(record: &Value) -> Vec<&str> {
    let rows = record["rows"].as_array().expect("rows").iter();
    rows.filter(|row| row["run"].is_object())
        .filter_map(|row| row["workload"].as_str())
        .collect()
}

#[test]
fn rows_are_measured_on_every_server_that_has_them_and_reported_again() {
    let folder = folder();
    let line =
        "suite --quick --only hello --only upload:stream --seed 7 -o suite.html -o suite.csv";
    let output = run(folder.path(), line);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(
        told.contains("2 rows on sync, sync-pool, async-bare and async: about"),
        "{told}"
    );
    assert!(told.contains("row 2 of 2: upload:stream: sync "), "{told}");
    let page = text(&output.stdout);
    assert!(page.contains("async-bare is not in upload"), "{page}");
    assert!(page.contains("without intervals"), "{page}");

    let path = saved(folder.path());
    let record = read(&path);
    assert_eq!(
        (&record["kind"], &record["interrupted"]),
        (&"suite".into(), &false.into())
    );
    for (row, servers) in record["rows"].as_array().expect("rows").iter().zip([4, 3]) {
        let results = row["run"]["results"].as_array().expect("results");
        assert_eq!(results.len(), servers, "{}", row["workload"]);
        for cell in results {
            assert!(cell["requests"].as_u64().expect("requests") > 0, "{cell}");
            assert_eq!(cell["errors"]["total"], 0, "{}", cell["errors"]);
        }
    }

    let again = run(folder.path(), &format!("report {}", path.display()));
    assert_eq!(text(&again.stdout), page);
    let written = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect(name);
    assert!(written("suite.html").contains("upload"));
    assert!(written("suite.csv").contains("block,"));
    let files = format!(
        "report {} -o again.html -o again.csv -o again.md",
        path.display()
    );
    assert_eq!(run(folder.path(), &files).status.code(), Some(0));
    assert_eq!(written("again.html"), written("suite.html"));
    assert_eq!(written("again.csv"), written("suite.csv"));
    let both = format!("report {0} {0}", path.display());
    let refused = run(folder.path(), &both);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused.stderr).contains("of it alone"),
        "{}",
        text(&refused.stderr)
    );
}

#[test]
fn with_time_a_row_has_intervals() {
    let folder = folder();
    let output = run(
        folder.path(),
        "suite --only timeout -s sync -s async --no-save -q --format json",
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let record: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let run = &record["rows"][0]["run"];
    let throughput = &run["comparisons"][0];
    assert_eq!(throughput["metric"], "throughput");
    // Blocks of a machine whose CPU is stolen are dropped, and the record says so.
    assert!(
        throughput["low"].is_f64() || throughput["reason"].is_string(),
        "{throughput}"
    );
    assert!(
        run["results"][0]["blocks"]
            .as_array()
            .expect("blocks")
            .len()
            >= 6
    );
    assert!(!folder.path().join("results").exists());
}

#[test]
fn a_row_that_fails_does_not_lose_the_others() {
    let folder = folder();
    // Nothing answers there: no row can be measured.
    let broken = run(
        folder.path(),
        "suite --quick --only hello -s gone=http://127.0.0.1:1 --no-save -q",
    );
    assert_eq!(broken.status.code(), Some(2), "{}", text(&broken.stderr));
    assert!(
        text(&broken.stdout).contains("failed"),
        "{}",
        text(&broken.stdout)
    );
    // A limit below the body that is uploaded fails that row alone.
    let mut command = loadgen(folder.path());
    command.args(
        "suite --quick --only health --only upload:stream --format json -q -s".split_whitespace(),
    );
    let output = command
        .arg("sync --max-upload 1000")
        .output()
        .expect("loadgen starts");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let record: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(measured(&record), ["health"]);
    let reason = record["rows"][1]["failed"].as_str().expect("a reason");
    assert!(reason.contains("/upload"), "{reason}");
}

#[test]
fn an_interrupted_suite_keeps_its_rows_and_goes_on() {
    let folder = folder();
    let mut child = loadgen(folder.path())
        .args("suite --quick -s sync --only hello --only json --only waits".split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("loadgen starts");
    let rest = interrupt_at(&mut child, "row 1 of 4");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{rest:?}");
    assert!(
        rest.iter().any(|line| line.contains("--resume")),
        "{rest:?}"
    );
    let page = text(&output.stdout);
    assert!(page.contains("Ended early, not measured:"), "{page}");

    let path = saved(folder.path());
    let before = read(&path);
    assert_eq!(before["interrupted"], true);
    let kept: Vec<String> = measured(&before).into_iter().map(str::to_owned).collect();
    assert!((1..4).contains(&kept.len()), "{kept:?}");

    let line = format!("suite --resume {} --quiet", path.display());
    refuses_another_counting_rule(folder.path(), &path, &line, &before);
    let resumed = run(folder.path(), &line);
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed.stderr));
    let after = read(&path);
    assert_eq!(
        (measured(&after).len(), &after["interrupted"]),
        (4, &false.into())
    );
    assert_eq!(
        after["rows"][0]["run"], before["rows"][0]["run"],
        "measured once"
    );
}
