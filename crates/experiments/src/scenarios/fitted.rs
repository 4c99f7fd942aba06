//! A run's plan, fitted to the kind of work that is asked for.

use std::time::Duration;

use anyhow::bail;
use contract::{Scenario as Kind, Workload};

use super::of;
use crate::plan::{Amount, LoadPoint, Plan};
use bench::work::Work;

/// Fits a plan to its work and checks it; `idle_given` is whether idle connections were asked for.
///
/// # Errors
/// When its parts do not go together or with the work.
pub fn fit(mut plan: Plan, idle_given: bool) -> anyhow::Result<Plan> {
    of(&plan.work).fit(&mut plan)?;
    let holds_idle = |workload: &Workload| workload.definition().scenario == Kind::BesideIdle;
    if idle_given && !matches!(&plan.work, Work::Contract(workload) if holds_idle(workload)) {
        bail!("--idle goes with --workload idle");
    }
    plan.check()?;
    Ok(plan)
}

/// Connections to each server, those beside the load included.
pub fn connections(plan: &Plan) -> usize {
    let beside = of(&plan.work).beside(plan);
    plan.concurrency + beside.map_or(0, |beside| beside.connections)
}

/// About how long the run takes, without starting servers; `None` when a number of requests decides.
pub fn estimated_time(plan: &Plan) -> Option<Duration> {
    let per_server = |point: &LoadPoint| Some(plan.warmup + plan.measured_time(*point)?);
    let mut once: Duration = plan.load_points.iter().map(per_server).sum::<Option<_>>()?;
    if plan.contrast
        && let Amount::Time(time) = plan.amount
    {
        let contrasts = of(&plan.work).contrasts(plan);
        let per_contrast = |share: f64| plan.warmup + time.mul_f64(share);
        once += contrasts
            .iter()
            .map(|contrast| per_contrast(contrast.share))
            .sum::<Duration>();
    }
    Some(once * u32::try_from(plan.servers.len() * plan.keep_alive.len()).unwrap_or(u32::MAX))
}
