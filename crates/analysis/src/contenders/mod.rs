//! Contenders held against the article's table.
//!
//! # Layout
//!
//! - [`ranking`]: what follows from the figures: ranks and claims; `doubt`: which figures take part in neither;
//!   `model`: whether servers are what they are declared to be.

use record::Record;
use record::contenders::{Contender, ContendersRecord};

mod doubt;
mod model;
pub mod ranking;

/// Derives the standings from a run.
pub fn with_standings(record: Record, contenders: Vec<Contender>) -> ContendersRecord {
    let standings = ranking::standings(&record, &contenders);
    ContendersRecord {
        record,
        contenders,
        standings,
    }
}
