//! The machine and the build, as they stand in the record.

use std::sync::OnceLock;

use anyhow::bail;
use record::{Environment, machine};

use crate::counters;

static BUILD: OnceLock<Build> = OnceLock::new();

/// What a program is built from and with.
#[derive(Debug, Clone, Copy)]
pub struct Build {
    /// The compiler and its version.
    pub toolchain: &'static str,
    /// Cargo's profile.
    pub profile: &'static str,
    /// Whether it is optimised at all.
    pub optimised: bool,
    /// The commit, where it is known.
    pub git_revision: Option<&'static str>,
    /// Whether files differ from that commit.
    pub git_dirty: Option<bool>,
}

/// What is reported where the program has not said what it is built from: in tests of a library.
const UNKNOWN: Build = Build {
    toolchain: "unknown",
    profile: "dev",
    optimised: false,
    git_revision: None,
    git_dirty: None,
};

/// Said once by the program: it alone is rebuilt whenever any part of it changes.
pub fn built_as(build: Build) {
    BUILD.set(build).ok(); // it is built once
}

/// Looks at the machine.
pub fn look() -> Environment {
    let build = BUILD.get().copied().unwrap_or(UNKNOWN);
    let sysctl = |path| counters::sysctl(path).and_then(|value| u32::try_from(value).ok());
    Environment {
        cpu: counters::cpu_model(),
        cores: u32::try_from(counters::available_cores()).unwrap_or(u32::MAX),
        memory_bytes: counters::memory_bytes(),
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        kernel: counters::kernel_release(),
        toolchain: build.toolchain.to_owned(),
        build_profile: build.profile.to_owned(),
        optimised: build.optimised,
        git_revision: build.git_revision.map(str::to_owned),
        git_dirty: build.git_dirty,
        tcp_tw_reuse: sysctl("net/ipv4/tcp_tw_reuse"),
        somaxconn: sysctl("net/core/somaxconn"),
        descriptor_limit: engine::limits::descriptor_limit()
            .ok()
            .map(|limit| limit.soft),
    }
}

/// Fails when figures made there and here do not belong into one record.
///
/// # Errors
/// When machine or build are others; the message says in what.
pub fn check_same(then: &Environment, now: &Environment) -> anyhow::Result<()> {
    let mut differences = machine::differences(then, now);
    differences.extend(machine::build_differences(then, now));
    if !differences.is_empty() {
        bail!("{}", machine::listed(&differences));
    }
    let revision = |it: &Environment| it.git_revision.clone().unwrap_or_default();
    if revision(then) != revision(now) {
        bail!(
            "the revision of the program was {:?} and is {:?}",
            revision(then),
            revision(now)
        );
    }
    Ok(())
}
