//! `loadgen suite`: all kinds of work on all servers, in one table.
//!
//! # Layout
//!
//! - [`args`], [`plan`]: the command line, and what shall be measured. [`rows`]: the rows and their loads, as data.
//! - [`journal`]: the record while it grows. [`progress`]: how far it is.
//!
//! Each row is one run of the main job; what is shown of them together stands in `pages::suite`.

pub mod args;
mod journal;
mod plan;
mod progress;
mod rows;

use std::time::{Duration, Instant};

use record::suite::SuiteRow;

use crate::args::MaxErrors;
use crate::{exit, output};
use args::SuiteArgs;
use bench::{cpu, environment, interrupt};
use experiments::run as main_job;
use journal::{Journal, Measured};
use plan::SuitePlan;
use progress::Progress;
use rows::Row;

/// Measures all rows, prints, keeps; the exit code.
///
/// # Errors
/// When nothing can be measured.
pub fn run(args: &SuiteArgs) -> anyhow::Result<u8> {
    interrupt::install()?;
    let (plan, mut journal) = match &args.resume {
        Some(path) => {
            let journal = Journal::resume(path, &environment::look())?;
            let record = &journal.record;
            let plan = SuitePlan::resumed(record.config.clone(), &record.rows, args)?;
            (plan, journal)
        }
        None => {
            let plan = SuitePlan::new(args)?;
            let journal = Journal::begin(&plan, environment::look())?;
            (plan, journal)
        }
    };
    cpu::say_if_busy(plan.output.quiet);
    let measured = measure(&plan, &mut journal);
    output::show(
        &|format, options| pages::suite::render(&journal.record, format, options),
        &plan.output,
    )?;
    if let Some(path) = journal.path().filter(|path| path.exists()) {
        let resume = match journal.to_do().is_empty() {
            true => String::new(),
            false => format!("; go on with it: loadgen suite --resume {}", path.display()),
        };
        let saved = format!("record saved as {}{resume}", path.display());
        output::note(&plan.output, &saved);
    }
    measured?;
    Ok(code(&journal.record.rows))
}

/// Measures what is to be done, row after row, until all is or an interrupt comes.
fn measure(plan: &SuitePlan, journal: &mut Journal) -> anyhow::Result<()> {
    let to_do = journal.to_do();
    let estimates = to_do.iter().map(|&index| plan.estimate(&plan.rows[index]));
    let estimates: Vec<Duration> = estimates.collect::<anyhow::Result<_>>()?;
    let mut progress = Progress::new(plan, estimates);
    for index in to_do {
        progress.measuring(&journal.record.rows[index]);
        let measured = measure_row(plan, &plan.rows[index])?;
        if interrupt::requested() {
            break; // half a row is none
        }
        journal.add(index, measured)?;
        progress.measured(&journal.record.rows[index]);
    }
    Ok(())
}

/// One run of the main job. What goes wrong in it is the row's, not the suite's.
fn measure_row(plan: &SuitePlan, row: &Row) -> anyhow::Result<Measured> {
    let began = Instant::now();
    let (run, failure) = match plan.run(row)? {
        None => (None, None),
        Some(plan) => match main_job::run(&plan) {
            Ok(outcome) => (Some(outcome.record), outcome.failure),
            Err(failure) => (None, Some(failure)),
        },
    };
    let mut failed = failure.map(|failure| output::told_once(&failure));
    if let Some(run) = &run {
        let silent = run.results.iter().find(|cell| cell.requests == 0);
        failed = failed.or(silent.map(|cell| format!("{} answered nothing", cell.server)));
    }
    Ok(Measured {
        run,
        failed,
        took: began.elapsed(),
    })
}

/// Failed rows and errors beyond what is tolerated count alike: measured, but not all that should have been.
fn code(rows: &[SuiteRow]) -> u8 {
    let measured = rows.iter().any(|row| row.run.is_some());
    let failed = rows.iter().any(|row| row.failed.is_some());
    let is_beyond = |row: &SuiteRow| {
        let tolerated = match rows::starves(&row.workload) {
            true => MaxErrors::Share(1.0),
            false => plan::MAX_ERRORS,
        };
        let run = row.run.as_ref();
        run.is_some_and(|run| exit::of(run, tolerated) != exit::MEASURED)
    };
    let too_many = rows.iter().any(is_beyond);
    match () {
        () if interrupt::requested() => exit::INTERRUPTED,
        () if !measured => exit::NOT_MEASURED,
        () if failed || too_many => exit::TOO_MANY_ERRORS,
        () => exit::MEASURED,
    }
}
