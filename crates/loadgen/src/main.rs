//! `loadgen`: measures whether an async server beats a thread-per-connection server.
//!
//! # Layout
//!
//! - [`cli`]: the command line as typed; [`args`]: the flags that commands share.
//! - [`commands`]: a file or folder for each: its flags, its plan, what it does with the figures. None knows another.
//! - [`output`], [`exit`]: the terminal, files, exit codes.
//!
//! What measures is in other crates: `bench`, `experiments`, `contenders`, `servers`.
//!
//! Only this file and [`output`] print, and only `main` ends the process.

#![allow(
    unreachable_pub,
    reason = "nothing of a program can be reached from outside"
)]

mod args;
mod cli;
mod commands;
mod exit;
mod output;

use std::process::ExitCode;

use bench::environment::{self, Build};
use clap::Parser as _;

use crate::cli::Cli;

/// As `build.rs` found it out.
const BUILD: Build = Build {
    toolchain: env!("CROSSOVER_RUSTC"),
    profile: env!("CROSSOVER_PROFILE"),
    optimised: !matches!(env!("CROSSOVER_OPT_LEVEL").as_bytes(), b"0"),
    git_revision: option_env!("CROSSOVER_GIT_REVISION"),
    git_dirty: match option_env!("CROSSOVER_GIT_DIRTY") {
        Some(dirty) => Some(matches!(dirty.as_bytes(), b"true")),
        None => None,
    },
};

fn main() -> ExitCode {
    environment::built_as(BUILD);
    let cli = Cli::try_parse().unwrap_or_else(|error| cli::explained(error).exit());
    let result = match cli.command {
        Some(command) => command.run(),
        None => commands::run::run(&cli.run),
    };
    ExitCode::from(result.unwrap_or_else(|error| {
        output::complain(&error);
        // Whatever failed after Ctrl-C failed because of it.
        if bench::interrupt::requested() {
            exit::INTERRUPTED
        } else {
            exit::NOT_MEASURED
        }
    }))
}
