//! `loadgen guard`: a foreign command that never outlives the program.

use bench::guard;
use clap::Args;

use crate::args::{Cpus, parse_cpus};

/// `loadgen guard`.
#[derive(Debug, Args)]
pub struct GuardArgs {
    /// Pin the command to these CPUs
    #[arg(long, value_parser = parse_cpus)]
    pub cpus: Option<Cpus>,
    /// Program and arguments.
    #[arg(last = true, required = true)]
    pub command: Vec<String>,
}

/// Runs the command until it ends or standard input closes.
///
/// # Errors
/// When the command cannot be started.
pub fn run(args: &GuardArgs) -> anyhow::Result<u8> {
    let cpus = args.cpus.as_ref().map_or(&[][..], |cpus| cpus.0.as_slice());
    guard::run(&args.command, cpus)
}
