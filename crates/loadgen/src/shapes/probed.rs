//! `blocking`: probes at a constant rate on `GET /`, while other connections block a thread each.

use std::time::Duration;

use anyhow::bail;
use engine::Load;
use report::format;
use report::record::{Figure, Record};

use super::contrast::{self, Contrast};
use super::{BesidePlan, Seen, Shape, figure, first_load_point, value};
use crate::plan::{Amount, LoadPoint, Plan, Work};
use crate::{counters, servers};

/// Probes per second, unless `--rate` says otherwise.
const PROBES_PER_S: f64 = 200.0;
/// How long one call blocks by default.
const BLOCKED: Duration = Duration::from_millis(200);

/// One blocking connection; as many as worker threads, and twice as many, for contrast.
pub struct Probed;

impl Shape for Probed {
    fn fit(&self, plan: &mut Plan) -> anyhow::Result<()> {
        if matches!(plan.amount, Amount::Requests(_)) {
            bail!(
                "the workload {} is measured for a time: give --duration",
                plan.work.name()
            );
        }
        if !plan
            .load_points
            .iter()
            .any(|point| matches!(point, LoadPoint::Rate(_)))
        {
            plan.load_points = vec![LoadPoint::Rate(PROBES_PER_S)];
        }
        Ok(())
    }

    fn response_time(&self) -> Duration {
        BLOCKED
    }

    fn beside(&self, plan: &Plan) -> Option<BesidePlan> {
        blockers(&plan.work, 1)
    }

    fn contrasts(&self, plan: &Plan) -> Vec<Contrast> {
        let workers = counters::available_cores();
        let mut contrasts: Vec<Contrast> = [workers, 2 * workers]
            .into_iter()
            .filter(|&connections| connections > 1)
            .map(|connections| Contrast {
                beside: blockers(&plan.work, connections),
                share: 1.0,
                ..Contrast::new(
                    &format!("blocking_{connections}"),
                    &format!(
                        "with {}",
                        format::counted(connections as u64, "blocking connection")
                    ),
                    plan.work.clone(),
                )
            })
            .collect();
        contrasts.extend(
            contrast::other_modes(plan)
                .into_iter()
                .map(|other| Contrast {
                    beside: blockers(&other.work, 2 * workers),
                    label: format!(
                        "{} with {}",
                        other.label,
                        format::counted(2 * workers as u64, "blocking connection")
                    ),
                    share: 1.0,
                    ..other
                }),
        );
        contrasts
    }

    fn figures(&self, seen: &Seen<'_>) -> Vec<Figure> {
        let answered = seen
            .arm
            .beside
            .as_ref()
            .map(|beside| beside.answered as f64);
        vec![figure(
            "blocking_calls",
            answered,
            "1",
            "blocking calls answered beside the probes",
        )]
    }

    fn findings(&self, record: &Record) -> Vec<String> {
        let most = format!("blocking_{}", 2 * counters::available_cores());
        first_load_point(record)
            .filter_map(|cell| {
                let one = cell.latency_us.max?;
                let many = value(cell, &format!("{most}_max"))?;
                Some(format!(
                    "On {}, the slowest probe took {} beside one blocking connection and {} beside {}.",
                    cell.server,
                    format::duration_us(one),
                    format::duration_us(many),
                    2 * counters::available_cores(),
                ))
            })
            .collect()
    }
}

/// The requests that are not probes, back to back.
fn blockers(work: &Work, connections: usize) -> Option<BesidePlan> {
    let Work::Contract(workload) = work else {
        return None;
    };
    Some(BesidePlan {
        requests: servers::background_classes(workload),
        connections,
        load: Some(Load::ClosedLoop),
    })
}
