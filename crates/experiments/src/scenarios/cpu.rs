//! `cpu`: where nothing waits, async has nothing to win. Is async ÷ sync near 1, wherever the work is done?

use contract::Workload;
use record::Record;

use super::versus::{self, Ratio, Versus};
use super::{Scenario, contrast};

/// Up to this ratio, or down to its inverse, two servers are as good as alike.
const NEAR: f64 = 1.1;

/// Sets the servers beside each other in every mode.
pub(super) struct Cpu {
    own_mode: &'static str,
    modes: Vec<&'static str>,
}

impl Cpu {
    /// The modes there are.
    pub(super) fn of(workload: &Workload) -> Self {
        Self {
            own_mode: workload.mode().name,
            modes: workload.definition().mode_names(),
        }
    }

    fn finding(&self, versus: &Versus<'_>) -> Option<String> {
        let ratios: Vec<(&str, Ratio)> = self
            .modes
            .iter()
            .filter_map(|&mode| {
                let ratio = if mode == self.own_mode {
                    versus.throughput()
                } else {
                    versus.contrast_throughput(&contrast::figure_prefix(mode))
                };
                Some((mode, ratio?))
            })
            .collect();
        let (baseline, candidate) = (&versus.baseline.server, &versus.candidate.server);
        let conclusion = conclusion(&ratios)?;
        let each: Vec<String> = ratios
            .iter()
            .map(|(mode, ratio)| format!("{} {mode}", ratio.text))
            .collect();
        Some(format!(
            "Computing, QPS of {candidate} ÷ {baseline}: {}; {conclusion}.",
            format::list(&each)
        ))
    }
}

impl Scenario for Cpu {
    fn findings(&self, record: &Record) -> Vec<String> {
        versus::pairs(record)
            .filter_map(|versus| self.finding(&versus))
            .collect()
    }
}

/// What the ratios come to; `None` without any.
fn conclusion(ratios: &[(&str, Ratio)]) -> Option<String> {
    let far: Vec<&str> = ratios
        .iter()
        .filter(|(_, ratio)| !(1.0 / NEAR..=NEAR).contains(&ratio.value))
        .map(|(mode, _)| *mode)
        .collect();
    match (ratios.is_empty(), far.is_empty()) {
        (true, _) => None,
        (false, true) => Some("near 1, as where nothing waits there is nothing to win".to_owned()),
        (false, false) => Some(format!("not near 1 in mode {}", format::list(&far))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(values: &[(&'static str, f64)]) -> Option<String> {
        let ratios: Vec<_> = values
            .iter()
            .filter_map(|&(mode, value)| Some((mode, versus::ratio(value, 1.0)?)))
            .collect();
        conclusion(&ratios)
    }

    #[test]
    fn the_conclusion_follows_the_ratios() {
        assert_eq!(said(&[]), None);
        let near = said(&[("inline", 0.95), ("yield", 1.08)]).unwrap();
        assert!(near.starts_with("near 1"), "{near}");
        let far = said(&[("inline", 0.95), ("offload", 0.8), ("yield", 1.2)]);
        assert_eq!(far.unwrap(), "not near 1 in mode offload and yield");
    }
}
