//! From records to conclusions: comparisons, the article beside them, reasons for distrust, and verdicts in words.
//! Nothing here formats a table; nothing here changes what was measured.
//!
//! Reads no clock, opens no socket and prints nothing.
//!
//! # Layout
//!
//! - [`cells`]: the results of a record, grouped into what may be compared.
//! - [`usage`], [`limit`]: who used the machine's CPU, and what limited a server. The one place for each.
//! - [`rate`]: whether a fixed rate was kept; [`ceiling`]: what waits allow; [`closings`], [`starved`]: what a server does to its connections; [`down`]: time without a working server;
//!   [`failures`]: how many errors are too many.
//! - [`comparisons`], [`article`], [`checks`] with [`caveat`] and [`little`]: what [`analyse`] writes into the record.
//! - [`verdict`]: the first sentence of every report.
//! - [`merge`]: several runs as one. [`compared`]: two records of different days.
//! - [`findings`]: what the rows of a suite say.
//! - [`gate`], [`contenders`], [`sweep`], [`capacity`], [`scale`]: what follows from the other kinds of record.

pub mod article;
pub mod capacity;
pub mod caveat;
pub mod ceiling;
pub mod cells;
pub mod checks;
pub mod closings;
pub mod compared;
pub mod comparisons;
pub mod contenders;
pub mod down;
pub mod failures;
pub mod findings;
pub mod gate;
pub mod limit;
pub mod little;
pub mod merge;
pub mod rate;
pub mod scale;
pub mod starved;
pub mod sweep;
#[cfg(test)]
mod testing;
pub mod usage;
pub mod verdict;

use caveat::Caveat;
use record::{Record, Warning};

/// Fills `comparisons`, `article` and the derived part of `warnings` from the results of a record.
///
/// Warnings that only the run itself could see are kept and stay first; doing it twice changes nothing.
pub fn analyse(record: &mut Record) {
    record.comparisons = comparisons::compare_all(record);
    record.article = article::rows(record);
    record
        .warnings
        .retain(|warning| !Caveat::DERIVED.contains(&warning.code.as_str()));
    let derived = checks::reasons(record).into_iter().map(Warning::from);
    record.warnings.extend(derived);
}
