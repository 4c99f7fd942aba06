//! The charts of a record, from the one chart model.

use analysis::cells::LoadPoint;

mod article;
mod latency;
mod over_time;
mod ratios;

pub(crate) use article::chart as article;
pub(crate) use latency::{curves, histogram, percentiles};
pub(crate) use over_time::charts as over_time;
pub(crate) use ratios::forest;

/// A load point as part of a file name: `hello-closed-360`.
fn slug(point: &LoadPoint<'_>) -> String {
    let load = match point.rate {
        Some(rate) => format!("open-{rate:.0}"),
        None => "closed".to_owned(),
    };
    let keep_alive = if point.keep_alive { "" } else { "-close" };
    let workload: String = point
        .workload
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    format!("{workload}-{load}-{}{keep_alive}", point.concurrency)
}

/// A load point behind the title of a chart: `, saturated`.
fn suffix(point: &LoadPoint<'_>) -> String {
    let load = match point.rate {
        Some(rate) => format!("at {}/s", format::per_second(rate)),
        None => "saturated".to_owned(),
    };
    let keep_alive = if point.keep_alive {
        ""
    } else {
        ", keep-alive off"
    };
    format!("{load}{keep_alive}")
}
