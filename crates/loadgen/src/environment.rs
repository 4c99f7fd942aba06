//! The machine and the build, as they stand in the record.

use anyhow::bail;
use report::record::Environment;

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
/// When machine or build are others; the message names the first that is.
pub fn check_same(then: &Environment, now: &Environment) -> anyhow::Result<()> {
    let facts = |it: &Environment| {
        [
            ("CPU", it.cpu.clone().unwrap_or_default()),
            ("number of cores", it.cores.to_string()),
            ("kernel", it.kernel.clone().unwrap_or_default()),
            ("build profile", it.build_profile.clone()),
            (
                "revision of the program",
                it.git_revision.clone().unwrap_or_default(),
            ),
        ]
    };
    for ((what, then), (_, now)) in facts(then).into_iter().zip(facts(now)) {
        if then != now {
            bail!("the {what} was {then:?} and is {now:?}");
        }
    }
    Ok(())
}
