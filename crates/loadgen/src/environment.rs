//! The machine and the build, as they stand in the record.

use anyhow::bail;
use record::{Environment, machine};

use crate::counters;

/// Looks at the machine.
pub fn look() -> Environment {
    let sysctl = |path| counters::sysctl(path).and_then(|value| u32::try_from(value).ok());
    Environment {
        cpu: counters::cpu_model(),
        cores: u32::try_from(counters::available_cores()).unwrap_or(u32::MAX),
        memory_bytes: counters::memory_bytes(),
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        kernel: counters::kernel_release(),
        toolchain: env!("CROSSOVER_RUSTC").to_owned(),
        build_profile: env!("CROSSOVER_PROFILE").to_owned(),
        optimised: env!("CROSSOVER_OPT_LEVEL") != "0",
        git_revision: option_env!("CROSSOVER_GIT_REVISION").map(str::to_owned),
        git_dirty: option_env!("CROSSOVER_GIT_DIRTY").map(|dirty| dirty == "true"),
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
