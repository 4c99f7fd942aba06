//! Notes what the program is built from and with, for the records it writes.

use std::process::Command;

fn main() {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    set(
        "RUSTC",
        &output(&variable("RUSTC"), &["--version"]).unwrap_or_else(|| "unknown".to_owned()),
    );
    // Cargo calls the dev profile "debug".
    let profile = variable("PROFILE");
    set("PROFILE", if profile == "debug" { "dev" } else { &profile });
    set("OPT_LEVEL", &variable("OPT_LEVEL"));
    if let Some(revision) = output("git", &["rev-parse", "--short=12", "HEAD"]) {
        set("GIT_REVISION", &revision);
        let changes = output("git", &["status", "--porcelain", "--untracked-files=no"]);
        set(
            "GIT_DIRTY",
            &changes
                .is_some_and(|changes| !changes.is_empty())
                .to_string(),
        );
    }
    // A new commit changes the log of HEAD, an uncommitted change some source file of some crate.
    for crate_of_ours in std::fs::read_dir("..").into_iter().flatten().flatten() {
        let src = crate_of_ours.path().join("src");
        if src.exists() {
            println!("cargo::rerun-if-changed={}", src.display());
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(log) = output("git", &["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
}

fn set(name: &str, value: &str) {
    println!("cargo::rustc-env=CROSSOVER_{name}={value}");
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
