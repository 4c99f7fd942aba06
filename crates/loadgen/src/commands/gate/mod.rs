//! `loadgen gate`: is a candidate slower than a baseline by more than is tolerated?
//!
//! Both servers are started afresh for each block, so that a block carries the luck of one start (memory
//! layout, hash seeds, ports), and loaded in short turns, so that drift of the machine hits both alike.
//! The decision is `stats::gate`'s, the words are `analysis::gate`'s; here is the measuring.
//!
//! # Layout
//!
//! - [`args`], [`settings`], [`plan`]: flags, `loadgen.toml`, and what follows from both; [`init`].
//! - [`blocks`]: one block; [`session`]: block after block until a look decides.
//! - [`publish`]: the terminal, files, GitHub.
//! - [`self_test`]: the gate gated; [`bench::floor`]: what it found out about this machine.
//! - [`compare`]: stored records, as advice.

pub mod args;
mod blocks;
pub mod compare;
pub mod init;
mod plan;
mod publish;
mod self_test;
mod session;
mod settings;

use record::gate::{GateRecord, Verdict};

use crate::commands::gate::args::{GateArgs, InconclusiveIs};
use crate::commands::gate::plan::GatePlan;
use crate::{exit, output};
use bench::{cpu, interrupt};

/// Runs a gate, or its self-test.
///
/// # Errors
/// When it could not measure.
pub fn run(args: &GateArgs) -> anyhow::Result<u8> {
    let result = if args.self_test {
        self_test::run(args)
    } else {
        decide(args)
    };
    match result {
        // What an interrupt broke off is no failure to tell of.
        Err(error) if !args.self_test && !interrupt::requested() => {
            publish::failure(&error);
            Err(error)
        }
        result => result,
    }
}

fn decide(args: &GateArgs) -> anyhow::Result<u8> {
    let output = args.output.output()?;
    interrupt::install()?;
    let plan = GatePlan::new(args)?;
    cpu::say_if_busy(output.quiet);
    let outcome = session::run(&plan, &output)?;
    if let Some(failure) = &outcome.failure {
        output::complain(failure);
    }
    publish::publish(&outcome.record, &output)?;
    Ok(exit_code(&outcome.record, args.inconclusive_is))
}

fn exit_code(record: &GateRecord, inconclusive_is: Option<InconclusiveIs>) -> u8 {
    if record.run.interrupted {
        return exit::INTERRUPTED;
    }
    match (record.gate.judgement.verdict, inconclusive_is) {
        (Verdict::Passed, _) | (Verdict::Inconclusive, Some(InconclusiveIs::Pass)) => {
            exit::MEASURED
        }
        (Verdict::Regressed, _) | (Verdict::Inconclusive, Some(InconclusiveIs::Fail)) => {
            exit::REGRESSED
        }
        (Verdict::Inconclusive, None) => exit::INCONCLUSIVE,
        (Verdict::Failed, _) => exit::NOT_MEASURED,
    }
}
