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

use crate::cli::{Cli, Command};

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
        Some(Command::Serve(args)) => commands::serve::run(args),
        Some(Command::Guard(args)) => commands::guard::run(&args),
        Some(Command::Workloads) => commands::workloads::list(),
        Some(Command::Suite(args)) => commands::suite::run(&args),
        Some(Command::Sweep(args)) => commands::sweep::run(&args),
        Some(Command::Capacity(args)) => commands::capacity::run(&args),
        Some(Command::Scale(args)) => commands::scale::run(&args),
        Some(Command::Limits(args)) => commands::limits::run(&args),
        Some(Command::SelfCheck(args)) => commands::self_check::run(&args),
        Some(Command::Gate(args)) => commands::gate::run(&args),
        Some(Command::Init(args)) => commands::gate::init::run(&args),
        Some(Command::Compare(args)) => commands::gate::compare::run(&args),
        Some(Command::Report(args)) => commands::report::report(&args),
        Some(Command::Contenders(command)) => commands::contenders::contenders(command),
        Some(Command::Article(args)) => commands::contenders::article(&args),
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
