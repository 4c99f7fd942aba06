//! `file`: is async file I/O faster? A small and a large part of a file, by each server's own way and by a
//! blocking read in the handler.

use contract::Workload;
use record::{CellResult, Record};

use super::contrast::{self, Contrast};
use super::versus::{self, Ratio, Versus};
use super::{Scenario, first_load_point, value};
use crate::plan::Plan;
use bench::work::Work;

const IDIOMATIC: &str = "idiomatic";
const BLOCKING: &str = "blocking";
/// The size that is asked for where no other is, in KiB.
const SMALL_KIB: u64 = 4;
/// The size measured besides, in KiB.
const LARGE_KIB: u64 = 1024;
/// A ratio of QPS above this is faster: less may be chance.
const FASTER: f64 = 1.05;

/// Sets the ways to read beside each other.
pub(super) struct File {
    idiomatic: bool,
    /// Parts read, in KiB; the first is that of the plan.
    sizes_kib: Vec<u64>,
}

impl File {
    /// Both sizes, unless one was asked for.
    pub(super) fn of(workload: &Workload) -> Self {
        let parameters = contrast::parameters(workload);
        let asked_for = parameters
            .strip_prefix("kib=")
            .and_then(|kib| kib.parse().ok());
        Self {
            idiomatic: workload.mode().name == IDIOMATIC,
            sizes_kib: asked_for.map_or_else(|| vec![SMALL_KIB, LARGE_KIB], |kib| vec![kib]),
        }
    }

    /// Name of the contrast with another size.
    fn large(mode: &str) -> String {
        format!("{mode}_{LARGE_KIB}")
    }

    /// Tokio's way ÷ the blocking read on the same server, for each size.
    fn on_one_server(&self, cell: &CellResult) -> Vec<Option<Ratio>> {
        let small = if self.idiomatic {
            value(cell, "throughput_over_blocking")
        } else {
            value(cell, "throughput_over_idiomatic").map(|ratio| 1.0 / ratio)
        };
        let throughput = |mode| value(cell, &format!("{}_throughput", Self::large(mode)));
        let large = throughput(IDIOMATIC).zip(throughput(BLOCKING));
        vec![
            small.and_then(|small| versus::ratio(small, 1.0)),
            large.and_then(|(tokio, blocking)| versus::ratio(tokio, blocking)),
        ]
    }

    /// Each server's own way, async ÷ blocking, for each size.
    fn between_servers(&self, versus: &Versus<'_>) -> Vec<Option<Ratio>> {
        let small = if self.idiomatic {
            versus.throughput()
        } else {
            versus.contrast_throughput(IDIOMATIC)
        };
        vec![small, versus.contrast_throughput(&Self::large(IDIOMATIC))]
    }

    /// `1.02 at 4 KiB and 0.98 at 1,024 KiB`, of those that there are.
    fn by_size(&self, ratios: &[Option<Ratio>]) -> Option<String> {
        let sizes = self.sizes_kib.iter().zip(ratios);
        let each: Vec<String> = sizes
            .filter_map(|(&kib, ratio)| {
                let ratio = &ratio.as_ref()?.text;
                Some(format!("{ratio} at {} KiB", format::count(kib)))
            })
            .collect();
        (!each.is_empty()).then(|| format::list(&each))
    }

    fn finding(&self, record: &Record, cell: &CellResult) -> Option<String> {
        let own = self.on_one_server(cell);
        let within = self.by_size(&own)?;
        let beside = versus::pairs(record)
            .find(|versus| versus.candidate.server == cell.server)
            .and_then(|versus| {
                let ratios = self.by_size(&self.between_servers(&versus))?;
                let baseline = &versus.baseline.server;
                Some(format!(
                    "; each in its own way, QPS of {} ÷ {baseline} is {ratios}",
                    cell.server
                ))
            });
        Some(format!(
            "Is async file I/O faster? {}: on {}, QPS by tokio::fs ÷ by a blocking read in the handler is {within}{}.",
            answer(own.iter().flatten()),
            cell.server,
            beside.unwrap_or_default(),
        ))
    }
}

impl Scenario for File {
    fn contrasts(&self, plan: &Plan) -> Vec<Contrast> {
        let mut contrasts = contrast::other_modes(plan);
        let Work::Contract(workload) = &plan.work else {
            return contrasts;
        };
        if self.sizes_kib.len() > 1 {
            contrasts.extend([IDIOMATIC, BLOCKING].into_iter().filter_map(|mode| {
                let work = contrast::variant(workload, mode, format!("kib={LARGE_KIB}"))?;
                let label = format!("in mode {mode} at {} KiB", format::count(LARGE_KIB));
                Some(Contrast::new(&Self::large(mode), &label, work))
            }));
        }
        contrasts
    }

    fn findings(&self, record: &Record) -> Vec<String> {
        let is_async = |cell: &&CellResult| {
            let mut pairs = versus::pairs(record);
            pairs.any(|versus| versus.candidate.server == cell.server)
                || cell.server.starts_with("async")
        };
        first_load_point(record)
            .filter(is_async)
            .filter_map(|cell| self.finding(record, cell))
            .collect()
    }
}

fn answer<'a>(ratios: impl Iterator<Item = &'a Ratio>) -> &'static str {
    let faster: Vec<bool> = ratios.map(|ratio| ratio.value > FASTER).collect();
    match (faster.contains(&true), faster.contains(&false)) {
        (true, false) => "Yes",
        (true, true) => "For one size only",
        (false, _) => "No",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_follows_the_ratios() {
        let said = |values: &[f64]| {
            let ratios: Vec<Ratio> = values
                .iter()
                .filter_map(|&value| versus::ratio(value, 1.0))
                .collect();
            answer(ratios.iter())
        };
        assert_eq!(said(&[0.4, 1.02]), "No");
        assert_eq!(said(&[1.3, 1.1]), "Yes");
        assert_eq!(said(&[0.4, 1.3]), "For one size only");
    }

    #[test]
    fn a_size_that_is_asked_for_is_the_only_one() {
        let sizes = |text: &str| File::of(&text.parse().unwrap()).sizes_kib;
        assert_eq!(sizes("file"), [4, 1024]);
        assert_eq!(sizes("file:blocking?kib=16"), [16]);
    }
}
