//! `concurrent-ops`: what creating and joining a hundred threads or tasks costs.

use report::format;
use report::record::{Figure, Record};

use super::{Seen, Shape, figure, first_load_point, on_each, value};

/// Divides what a request costs by its tasks.
pub struct ConcurrentOps;

impl Shape for ConcurrentOps {
    fn figures(&self, seen: &Seen<'_>) -> Vec<Figure> {
        let per_task = |value: Option<f64>| {
            value.map(|value| value / workload::workloads::concurrent_ops::TASKS as f64)
        };
        let resources = &seen.cell.server_resources;
        vec![
            figure(
                "cpu_per_task",
                per_task(resources.cpu_us_per_request),
                "us",
                "server CPU per task, its computing included",
            ),
            figure(
                "latency_per_task",
                per_task(seen.cell.latency_us.mean),
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

    fn findings(&self, record: &Record) -> Vec<String> {
        let costs = on_each(first_load_point(record), |cell| {
            value(cell, "cpu_per_task").map(format::cpu_us)
        });
        costs
            .map(|costs| {
                format!("Creating, running and joining one task takes server CPU of {costs}.")
            })
            .into_iter()
            .collect()
    }
}
