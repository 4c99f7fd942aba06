//! `mixed`: what heavy requests do to light ones.

use report::format;
use report::record::{CellResult, ClassResult, Record};

use super::{Shape, first_load_point};

/// Latency for each class is recorded by the common run; this says what it means.
pub struct Mixed;

impl Shape for Mixed {
    fn findings(&self, record: &Record) -> Vec<String> {
        first_load_point(record).filter_map(finding).collect()
    }
}

fn finding(cell: &CellResult) -> Option<String> {
    let [light, heavy] = &cell.classes[..] else {
        return None;
    };
    let latency = |class: &ClassResult| {
        let (name, us) = class
            .latency_us
            .p99
            .map(|us| ("p99", us))
            .or(class.latency_us.p50.map(|us| ("p50", us)))?;
        Some(format!(
            "{name} {} for {}",
            format::duration_us(us),
            class.name
        ))
    };
    Some(format!(
        "On {}, light and heavy requests in one stream: {}, {}.",
        cell.server,
        latency(light)?,
        latency(heavy)?
    ))
}
