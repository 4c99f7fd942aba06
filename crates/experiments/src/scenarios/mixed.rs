//! `mixed`: what heavy requests do to light ones, computing beside them or elsewhere.

use contract::Workload;
use record::{CellResult, Figure, LatencySummary, Record};

use super::{Observations, Scenario, contrast, figure, first_load_point, value};

/// Latency for each class is recorded by the common run; this says what it means, and keeps that of the other
/// mode.
pub(super) struct Mixed {
    own_mode: &'static str,
    other_mode: Option<&'static str>,
    classes: Vec<&'static str>,
}

impl Mixed {
    /// The modes and classes there are.
    pub(super) fn of(workload: &Workload) -> Self {
        let own_mode = workload.mode().name;
        let modes = workload.definition().mode_names();
        Self {
            own_mode,
            other_mode: modes.into_iter().find(|&mode| mode != own_mode),
            classes: workload.classes().iter().map(|class| class.name).collect(),
        }
    }

    /// By the sharpest statistic that there is for every class in both modes.
    fn finding(&self, cell: &CellResult) -> Option<String> {
        let sharpest = |others: bool| {
            STATISTICS.iter().find_map(|statistic| {
                let own = self.latencies(statistic, |class| own(cell, class, statistic))?;
                let mode = self.other_mode.filter(|_| others);
                let Some(mode) = mode else {
                    return Some((own, String::new()));
                };
                let other = self.latencies(statistic, |class| {
                    value(
                        cell,
                        &format!(
                            "{}_{}",
                            contrast::figure_prefix(mode),
                            name(class, statistic)
                        ),
                    )
                })?;
                Some((own, format!("; in mode {mode} {other}")))
            })
        };
        let (own, other) = sharpest(true).or_else(|| sharpest(false))?;
        Some(format!(
            "On {}, light and heavy requests in one stream, in mode {}: {own}{other}.",
            cell.server, self.own_mode,
        ))
    }

    /// `p99 1.2 ms for hello and p99 3.4 ms for cpu`
    fn latencies(&self, statistic: &str, us: impl Fn(&str) -> Option<f64>) -> Option<String> {
        let each: Option<Vec<String>> = self
            .classes
            .iter()
            .map(|class| {
                let us = format::duration_us(us(class)?);
                Some(format!("{statistic} {us} for {class}"))
            })
            .collect();
        each.map(|each| format::list(&each))
    }
}

/// The sharpest first.
const STATISTICS: [&str; 3] = ["p99", "p50", "mean"];

fn own(cell: &CellResult, class: &str, statistic: &str) -> Option<f64> {
    let class = cell.classes.iter().find(|known| known.name == class)?;
    of(&class.latency_us, statistic)
}

fn of(latency: &LatencySummary, statistic: &str) -> Option<f64> {
    match statistic {
        "mean" => latency.mean,
        percentile => latency.percentile(percentile),
    }
}

impl Scenario for Mixed {
    fn contrast_figures(&self, observations: &Observations<'_>) -> Vec<Figure> {
        let classes = observations.cell.classes.iter();
        classes
            .flat_map(|class| latency_figures(&class.name, &class.latency_us))
            .collect()
    }

    fn findings(&self, record: &Record) -> Vec<String> {
        first_load_point(record)
            .filter_map(|cell| self.finding(cell))
            .collect()
    }
}

fn latency_figures(class: &str, latency: &LatencySummary) -> Vec<Figure> {
    STATISTICS
        .iter()
        .filter_map(|statistic| {
            let us = of(latency, statistic)?;
            let label = format!("{statistic} latency of {class}");
            Some(figure(&name(class, statistic), Some(us), "us", &label))
        })
        .collect()
}

fn name(class: &str, statistic: &str) -> String {
    format!("{class}_{statistic}")
}
