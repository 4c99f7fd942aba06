//! `loadgen`: measures whether an async server beats a thread-per-connection server.
//!
//! # Layout
//!
//! - [`cli`]: the command line as typed, [`args`]: the flags that commands share; [`plan`]: what shall be measured, checked.
//! - [`run`]: the main job. [`warmup`] comes first, [`slices`] cuts its time, [`block`] loads servers
//!   slice by slice, [`stragglers`] waits for their last answers, [`cells`] and [`document`] make the record of it.
//! - [`verify`], [`agreement`]: whether servers answer what they should, and all the same.
//! - [`scenarios`]: what each kind of workload needs beyond the common run; [`loader`], [`websocket`]: who sends
//!   the load; [`workloads`]: the list of them.
//! - [`contenders`]: external servers, and the article's table made again.
//! - [`server_under_test`]: a server under measurement; [`process`], [`guard`]: server processes, and how foreign ones
//!   never outlive the program; [`servers`]: what is known about the built-in ones.
//! - [`gate`]: whether a candidate is slower than a baseline, on the same primitives.
//! - [`counters`], [`sampler`], [`environment`], [`descriptors`]: what the operating system tells.
//! - [`suite`]: all kinds of work, one run each, in one table.
//! - [`journal`]: records that grow; [`report_files`]: `loadgen report`, any report again from saved records.
//! - [`sweep`], [`scale`], [`capacity`], [`limits`]: where the answer flips, how throughput grows, how much
//!   a server sustains, what the machine allows.
//! - [`self_check`], [`scripted`]: whether all that is true, against a server whose truth is arithmetic.
//! - [`progress`], [`output`], [`interrupt`], [`exit`]: the terminal, files, Ctrl-C, exit codes.
//!
//! Only this file and [`output`] print, and only `main` ends the process.

#![allow(
    unreachable_pub,
    reason = "nothing of a program can be reached from outside"
)]

mod agreement;
mod args;
mod block;
mod capacity;
mod cells;
mod cli;
mod contenders;
mod counters;
mod cpu;
mod descriptors;
mod document;
mod environment;
mod exit;
mod floor;
mod gate;
mod guard;
mod interrupt;
mod journal;
mod lanes;
mod limits;
mod loader;
mod output;
mod pids;
mod plan;
mod process;
mod progress;
mod report_files;
mod run;
mod sampler;
mod scale;
mod scenarios;
mod schedule;
mod scripted;
mod self_check;
mod serve;
mod server_spec;
mod server_under_test;
mod servers;
mod slices;
mod steps;
mod stragglers;
mod suite;
mod sweep;
mod url;
mod verify;
mod waiting;
mod warmup;
mod websocket;
mod work;
mod workloads;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| cli::explained(error).exit());
    let result = match cli.command {
        Some(Command::Serve(args)) => serve::serve(args),
        Some(Command::Guard(args)) => guard::run(
            &args.command,
            &args.cpus.map_or_else(Vec::new, |cpus| cpus.0),
        ),
        Some(Command::Workloads) => workloads::list(),
        Some(Command::Suite(args)) => suite::run(&args),
        Some(Command::Sweep(args)) => sweep::run(&args),
        Some(Command::Capacity(args)) => capacity::run(&args),
        Some(Command::Scale(args)) => scale::run(&args),
        Some(Command::Limits(args)) => limits::run(&args),
        Some(Command::SelfCheck(args)) => self_check::run(&args),
        Some(Command::Gate(args)) => gate::run(&args),
        Some(Command::Init(args)) => gate::init::run(&args),
        Some(Command::Compare(args)) => gate::compare::run(&args),
        Some(Command::Report(args)) => report_files::report(&args),
        Some(Command::Contenders(command)) => contenders::contenders(command),
        Some(Command::Article(args)) => contenders::article(&args),
        None => measure(&cli.run),
    };
    ExitCode::from(result.unwrap_or_else(|error| {
        output::complain(&error);
        // Whatever failed after Ctrl-C failed because of it.
        if interrupt::requested() {
            exit::INTERRUPTED
        } else {
            exit::NOT_MEASURED
        }
    }))
}

/// Plans, measures, prints, saves; the exit code.
fn measure(args: &args::run::RunArgs) -> anyhow::Result<u8> {
    interrupt::install()?;
    let plan = scenarios::fitted::plan(args)?;
    cpu::say_if_busy(plan.output.quiet);
    let outcome = run::run(&plan)?;
    output::publish(&outcome.record, &plan.output)?;
    if let Some(failure) = outcome.failure {
        return Err(failure);
    }
    Ok(exit::of(&outcome.record, plan.max_errors))
}
