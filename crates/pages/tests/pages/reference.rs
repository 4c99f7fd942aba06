//! The README and the reports under `results/reference` are what the current renderer makes.

use std::fs;

#[path = "support/reference.rs"]
mod committed;

#[test]
fn committed_reports_are_current() {
    for (path, made) in committed::made().unwrap() {
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == made,
            "{} is out of date: run `cargo run -p crossover-pages --example reference`",
            path.display()
        );
    }
}
