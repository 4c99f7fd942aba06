//! `loadgen sweep`: where does the answer flip?

pub mod args;
mod plan;

use bench::{environment, interrupt};
use experiments::sweep::{self, Journal, SweepPlan};

use crate::{exit, output};
use args::SweepArgs;

/// Sweeps, prints, keeps; the exit code.
///
/// # Errors
/// When nothing can be measured.
pub fn run(args: &SweepArgs) -> anyhow::Result<u8> {
    interrupt::install()?;
    let output = args.output.output()?;
    let resumed = match &args.resume {
        Some(path) => Some(Journal::resume(path, &environment::look())?),
        None => None,
    };
    let plan = match &resumed {
        Some(journal) => plan::resumed(journal.record.config.clone(), args)?,
        None => SweepPlan::new(plan::requested(args))?,
    };
    let waiting = sweep::waiting(&plan)?;
    let plan = plan.waiting(&waiting);
    let mut journal = match resumed {
        Some(journal) => journal,
        None => sweep::begin(&plan)?,
    };
    let swept = sweep::sweep(&plan, &mut journal);
    journal.finish()?;
    let record = &journal.record;
    let measured = record.cells.iter().any(|cell| !cell.visits.is_empty());
    if measured {
        output::show(
            &|format, options| pages::sweep::render(record, format, options),
            &output,
        )?;
    }
    if let Some(path) = journal.path() {
        let resume = if record.interrupted {
            format!("; go on with it: loadgen sweep --resume {}", path.display())
        } else {
            String::new()
        };
        output::note(
            &output,
            &format!("record saved as {}{resume}", path.display()),
        );
    }
    swept?;
    Ok(match () {
        () if interrupt::requested() => exit::INTERRUPTED,
        () if measured => exit::MEASURED,
        () => exit::NOT_MEASURED,
    })
}
