//! `blocking`: probes at a constant rate on `GET /`, while other connections block a thread each.

use std::time::Duration;

use contract::Workload;
use engine::Load;
use record::{CellResult, Figure, Record};

use super::contrast::{self, Contrast};
use super::{BesidePlan, Observations, Scenario, figure, first_load_point, fit_open_loop, value};
use crate::plan::Plan;
use bench::work::Work;
use bench::{server_spec, work};

/// Probes per second, unless `--rate` says otherwise.
const PROBES_PER_S: f64 = 200.0;
/// How long one call blocks by default.
const BLOCKED: Duration = Duration::from_millis(200);

/// One blocking connection; as many as the async servers have worker threads, and twice as many, for contrast.
pub(super) struct Probed;

impl Scenario for Probed {
    fn fit(&self, plan: &mut Plan) -> anyhow::Result<()> {
        fit_open_loop(plan, PROBES_PER_S)
    }

    fn response_time(&self) -> Duration {
        BLOCKED
    }

    fn beside(&self, plan: &Plan) -> Option<BesidePlan> {
        blockers(&plan.work, 1)
    }

    fn contrasts(&self, plan: &Plan) -> Vec<Contrast> {
        let workers = server_spec::worker_threads(&plan.servers, &plan.server_cpus);
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

    fn figures(&self, observations: &Observations<'_>) -> Vec<Figure> {
        let answered = observations
            .sut
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
        let mode = record.config.workload.parse::<Workload>();
        let other_mode = mode.ok().and_then(|workload| {
            let mut modes = workload.definition().mode_names().into_iter();
            modes.find(|&mode| mode != workload.mode().name)
        });
        first_load_point(record)
            .filter_map(|cell| finding(record, cell, other_mode))
            .collect()
    }
}

/// The probes of one server beside one, as many and twice as many blocking connections as there are workers, and in
/// the other mode.
fn finding(record: &Record, cell: &CellResult, other_mode: Option<&str>) -> Option<String> {
    let workers = worker_threads(record, &cell.server);
    let (p50, p99, max) = (
        cell.latency_us.p50,
        cell.latency_us.p99,
        cell.latency_us.max,
    );
    let mut beside = vec![format!(
        "beside one blocking connection took {}",
        spread(p50, p99, max?)
    )];
    let of = |name: &str| {
        let of = |field: &str| value(cell, &format!("{name}_{field}"));
        Some(spread(of("p50"), of("p99"), of("max")?))
    };
    let mut counts: Vec<u64> = cell
        .figures
        .iter()
        .filter_map(|figure| figure.name.strip_prefix("blocking_")?.strip_suffix("_max"))
        .filter_map(|count| count.parse().ok())
        .collect();
    counts.sort_unstable();
    let most = counts.last().copied();
    beside.extend(counts.into_iter().filter_map(|count| {
        let as_many = match workers {
            Some(workers) if workers == count => " (as many as its worker threads)",
            _ => "",
        };
        Some(format!(
            "beside {count}{as_many} {}",
            of(&format!("blocking_{count}"))?
        ))
    }));
    let other = other_mode.zip(most).and_then(|(mode, most)| {
        let spread = of(&contrast::figure_prefix(mode))?;
        Some(format!("; in mode {mode} beside {most} {spread}"))
    });
    Some(format!(
        "On {}, probes {}{}.",
        cell.server,
        beside.join("; "),
        other.unwrap_or_default()
    ))
}

/// `p50 0.2 ms, at most 201 ms`
fn spread(p50: Option<f64>, p99: Option<f64>, max: f64) -> String {
    let percentile = |name: &str, us: Option<f64>| {
        us.map_or_else(String::new, |us| {
            format!("{name} {}, ", format::duration_us(us))
        })
    };
    format!(
        "{}{}at most {}",
        percentile("p50", p50),
        percentile("p99", p99),
        format::duration_us(max)
    )
}

/// Worker threads of a server as it told them when it started; a blocking one has none.
fn worker_threads(record: &Record, server: &str) -> Option<u64> {
    let mut servers = record.config.servers.iter();
    let settings = servers
        .find(|config| config.name == server)?
        .settings
        .as_ref()?;
    settings.get("worker_threads")?.as_u64()
}

/// The requests that are not probes, back to back.
fn blockers(work: &Work, connections: usize) -> Option<BesidePlan> {
    let Work::Contract(workload) = work else {
        return None;
    };
    Some(BesidePlan {
        requests: work::background_classes(workload),
        connections,
        load: Some(Load::ClosedLoop),
    })
}
