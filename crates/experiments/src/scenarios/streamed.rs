//! `stream`: when the first byte comes, how evenly the chunks follow, and how late the last one is.

use engine::Target;
use hdrhistogram::Histogram;
use record::{Figure, Record};

use super::{Observations, Scenario, figure, first_load_point, memory_per_connection, value};

/// Records the first byte and the gaps between chunks.
pub(super) struct Streamed;

impl Scenario for Streamed {
    fn target(&self, target: &mut Target) {
        target.record_first_byte = true;
        target.record_chunk_gaps = true;
    }

    fn figures(&self, observations: &Observations<'_>) -> Vec<Figure> {
        let first_byte = observations.total.first_byte.as_ref();
        let gaps = observations.total.chunk_gaps.as_ref();
        let at = |histogram: Option<&Histogram<u64>>, quantile: f64| {
            histogram
                .filter(|histogram| !histogram.is_empty())
                .map(|histogram| histogram.value_at_quantile(quantile) as f64 / 1e3)
        };
        vec![
            figure(
                "time_to_first_byte_p50",
                at(first_byte, 0.5),
                "us",
                "time to first byte, p50",
            ),
            figure(
                "time_to_first_byte_p99",
                at(first_byte, 0.99),
                "us",
                "time to first byte, p99",
            ),
            figure(
                "chunk_gap_p50",
                at(gaps, 0.5),
                "us",
                "gap between chunks, p50",
            ),
            figure(
                "chunk_gap_p99",
                at(gaps, 0.99),
                "us",
                "gap between chunks, p99",
            ),
            figure(
                "last_chunk_lateness_mean",
                lateness_us(observations),
                "us",
                "last chunk after its due time, mean",
            ),
            memory_per_connection(observations, 0),
        ]
    }

    fn findings(&self, record: &Record) -> Vec<String> {
        first_load_point(record)
            .filter_map(|cell| {
                let us = |name| value(cell, name).map(format::duration_us);
                let memory = value(cell, "memory_per_connection").map_or_else(String::new, |kib| {
                    format!("; an open stream took {} of memory", format::with_unit(kib, "KiB"))
                });
                Some(format!(
                    "On {}, the first byte came after {} (p50), chunks {} apart (p99 {}), the last one {} late on average{memory}.",
                    cell.server,
                    us("time_to_first_byte_p50")?,
                    us("chunk_gap_p50")?,
                    us("chunk_gap_p99")?,
                    us("last_chunk_lateness_mean")?,
                ))
            })
            .collect()
    }
}

/// Time from the request to the last byte, less what the due times make of it: lateness of the first chunk,
/// which sets the due times of the others, counts too, so that it cannot hide theirs.
fn lateness_us(observations: &Observations<'_>) -> Option<f64> {
    let answers = observations.total.first_byte.as_ref()?.len();
    let gaps = observations.total.chunk_gaps.as_ref()?.len();
    if answers == 0 || gaps == 0 || observations.total.latency.is_empty() {
        return None;
    }
    let interval_us = contract::workloads::stream::due(1).as_secs_f64() * 1e6;
    let due_us = interval_us * gaps as f64 / answers as f64;
    Some(observations.total.latency.mean() / 1e3 - due_us)
}
