//! The main job: `loadgen` without a command.

mod asked;
mod plan;

use bench::{cpu, interrupt};
use experiments::run;

use crate::args::run::RunArgs;
use crate::{exit, output};

/// Plans, measures, prints, saves; the exit code.
///
/// # Errors
/// When nothing could be measured, or the result cannot be written.
pub fn run(args: &RunArgs) -> anyhow::Result<u8> {
    interrupt::install()?;
    let output = args.output.output()?;
    let plan = plan::plan(args)?;
    cpu::say_if_busy(plan.quiet);
    let outcome = run::run(&plan)?;
    output::publish(&outcome.record, &output)?;
    if let Some(failure) = outcome.failure {
        return Err(failure);
    }
    Ok(exit::of(&outcome.record, plan.max_errors))
}
