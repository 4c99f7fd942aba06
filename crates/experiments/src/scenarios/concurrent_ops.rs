//! `concurrent-ops`: what creating and joining a hundred threads or tasks costs.

use contract::Workload;
use record::{Figure, Record};

use super::{Observations, Scenario, contrast, figure, first_load_point, on_each, value};

/// Divides what a request costs by its tasks.
pub(super) struct ConcurrentOps {
    own_mode: &'static str,
    modes: Vec<&'static str>,
}

impl ConcurrentOps {
    /// The modes there are.
    pub(super) fn of(workload: &Workload) -> Self {
        Self {
            own_mode: workload.mode().name,
            modes: workload.definition().mode_names(),
        }
    }
}

impl Scenario for ConcurrentOps {
    fn figures(&self, observations: &Observations<'_>) -> Vec<Figure> {
        let per_task = |value: Option<f64>| {
            value.map(|value| value / contract::workloads::concurrent_ops::TASKS as f64)
        };
        let resources = &observations.cell.server_resources;
        vec![
            figure(
                "cpu_per_task",
                per_task(resources.cpu_us_per_request),
                "us",
                "server CPU per task, its computing included",
            ),
            figure(
                "latency_per_task",
                per_task(observations.cell.latency_us.mean),
                "us",
                "mean latency ÷ tasks",
            ),
            figure(
                "context_switches_per_task",
                per_task(resources.context_switches_per_request),
                "1",
                "context switches per task",
            ),
        ]
    }

    fn contrast_figures(&self, observations: &Observations<'_>) -> Vec<Figure> {
        self.figures(observations)
    }

    fn findings(&self, record: &Record) -> Vec<String> {
        let costs = |figure: &str| {
            on_each(first_load_point(record), |cell| {
                value(cell, figure).map(format::cpu_us)
            })
        };
        let Some(own) = costs("cpu_per_task") else {
            return Vec::new();
        };
        let modes = self.modes.iter().filter(|&&mode| mode != self.own_mode);
        let others = modes.filter_map(|mode| {
            let costs = costs(&format!("{}_cpu_per_task", contrast::figure_prefix(mode)))?;
            Some(format!("; in mode {mode} {costs}"))
        });
        vec![format!(
            "Creating, running and joining one task takes server CPU, in mode {}, of {own}{}.",
            self.own_mode,
            others.collect::<String>()
        )]
    }
}
