//! The list, and what is refused before anything is measured.

use crate::support::{run, text};

#[test]
fn all_workloads_are_listed_with_their_modes() {
    let output = run("workloads");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let list = text(&output.stdout);
    for definition in contract::Definition::ALL {
        assert!(
            list.contains(definition.name),
            "{}:\n{list}",
            definition.name
        );
        for mode in definition.mode_names() {
            assert!(list.contains(&format!(":{mode}")), "{mode}:\n{list}");
        }
        for lacking in definition.lacking {
            assert!(list.contains(lacking.server), "{}:\n{list}", lacking.server);
        }
    }
}

#[test]
fn every_workload_is_documented() {
    let page = include_str!("../../../../docs/workloads.md");
    for definition in contract::Definition::ALL {
        let heading = format!("\n## `{}`\n", definition.name);
        assert!(page.contains(&heading), "no section {heading:?}");
        let section = page.split(&heading).nth(1).unwrap_or_default();
        let section = section.split("\n## ").next().unwrap_or_default();
        for mode in definition.mode_names() {
            let named = format!("`{mode}`");
            assert!(
                section.contains(&named),
                "{}: no mode {named}",
                definition.name
            );
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (line, told) in [
        ("--idle 5", "--idle goes with --workload idle"),
        ("-w blocking -n 10", "--duration"),
        ("-w limited -n 10", "--duration"),
        ("-w websocket --server sync --rate 5", "--rate"),
        (
            "-w websocket --server async-bare",
            "async-bare does not have",
        ),
        (
            "-w websocket:room -c 1 --server sync -d 100ms",
            "at least 2",
        ),
    ] {
        let output = run(line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(
            text(&output.stderr).contains(told),
            "{line}: {}",
            text(&output.stderr)
        );
    }
}
