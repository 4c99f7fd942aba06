//! What the figures of a record say: comparisons, the article beside them, reasons for distrust, and the
//! verdict in words. Nothing here formats a table; nothing here changes what was measured.
//!
//! # Layout
//!
//! - [`cells`]: the results of a record, grouped into what may be compared.
//! - [`usage`], [`limit`]: who used the machine's CPU, and what limited a server. The one place for each.
//! - [`comparisons`], [`article`], [`checks`] with [`distrust`] and [`little`]: what [`analyse`] writes into the record.
//! - [`verdict`]: the first sentence of every report.

pub mod article;
pub mod ceiling;
pub mod cells;
pub mod checks;
pub mod comparisons;
pub mod distrust;
pub mod limit;
pub mod little;
pub mod usage;
pub mod verdict;

use crate::record::{Record, Warning};
use distrust::Distrust;

/// Fills `comparisons`, `article` and the derived part of `warnings` from the results of a record.
///
/// Warnings that only the run itself could see are kept and stay first; doing it twice changes nothing.
pub fn analyse(record: &mut Record) {
    record.comparisons = comparisons::compare_all(record);
    record.article = article::rows(record);
    record
        .warnings
        .retain(|warning| !Distrust::DERIVED.contains(&warning.code.as_str()));
    let derived = checks::reasons(record).into_iter().map(Warning::from);
    record.warnings.extend(derived);
}
