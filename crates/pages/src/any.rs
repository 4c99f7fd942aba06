//! The report of a record of any kind: whatever a command left behind can be shown again.

use record::Record;
use record::any::AnyRecord;
use render::{Format, RenderOptions, Rendered, render_document};

use crate::run::render_all;
use crate::{capacity, contenders, gate, limits, scale, self_test, suite, sweep};

/// Spells its report. CSV and hgrm of a record that holds a run are those of the run.
pub fn render(kept: &AnyRecord, format: Format, options: &RenderOptions) -> Rendered {
    let of_run = matches!(format, Format::Csv | Format::Hgrm);
    let run = |run: &Record| render_all(std::slice::from_ref(run), format, options);
    match kept {
        AnyRecord::Run(it) => run(it),
        AnyRecord::Gate(it) if of_run => run(&it.run),
        AnyRecord::Gate(it) => render_document(it, &gate::document(it), format, options),
        AnyRecord::Contenders(it) if of_run => run(&it.record),
        AnyRecord::Contenders(it) => {
            render_document(it, &contenders::document(it), format, options)
        }
        AnyRecord::Suite(it) => suite::render(it, format, options),
        AnyRecord::Sweep(it) => sweep::render(it, format, options),
        AnyRecord::Capacity(it) => capacity::render(it, format, options),
        AnyRecord::Scale(it) => scale::render(it, format, options),
        AnyRecord::Limits(it) => limits::render(it, format, options),
        AnyRecord::SelfTest(it) => self_test::render(it, format, options),
    }
}
