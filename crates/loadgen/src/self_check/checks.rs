//! The situations, and what must be reported of each.

use std::time::Duration;

use engine::{Arrivals, Load, Measurement, SliceEnd};
use report::format;

use super::{Finding, Situation, same_count, same_time};
use crate::scripted::{Account, Script, Slow};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// The way there and back over loopback, and the scheduler of a busy small machine.
const WAY: Duration = ms(2);
/// When the engine wants a request of a stall's instant sent, the stall's true length counts from there;
/// a request is due every 5 ms.
const STALL_SLACK: Duration = ms(20);
const STALL: Duration = ms(1000);
const AFTER_2_MS: Script = Script {
    delay: ms(2),
    ..Script::PLAIN
};
const OPEN: Load = Load::OpenLoop {
    rate_rps: 200.0,
    arrivals: Arrivals::Constant,
};

/// All of them; together under 15 seconds.
pub const SITUATIONS: &[Situation] = &[
    Situation {
        name: "answers after 5 ms",
        script: Script {
            delay: ms(5),
            ..Script::PLAIN
        },
        stall: None,
        connections: 4,
        load: Load::ClosedLoop,
        end: SliceEnd::Requests(400),
        findings: delays,
    },
    Situation {
        name: "1 in 10 after 20 ms, others after 2",
        script: Script {
            slow: Some(Slow {
                one_in: 10,
                delay: ms(20),
            }),
            ..AFTER_2_MS
        },
        stall: None,
        connections: 8,
        load: Load::ClosedLoop,
        end: SliceEnd::Requests(1000),
        findings: delays,
    },
    Situation {
        name: "every 10th fails, every 25th is cut off",
        script: Script {
            delay: ms(1),
            fail_each: Some(10),
            close_each: Some(25),
            ..Script::PLAIN
        },
        stall: None,
        connections: 4,
        load: Load::ClosedLoop,
        end: SliceEnd::Requests(500),
        findings: errors,
    },
    Situation {
        name: "closed loop, stalls for 1 s",
        script: AFTER_2_MS,
        stall: Some((ms(500), STALL)),
        connections: 4,
        load: Load::ClosedLoop,
        end: SliceEnd::After(ms(2000)),
        findings: closed_stall,
    },
    Situation {
        name: "200/s, stalls for 1 s",
        script: AFTER_2_MS,
        stall: Some((ms(1000), STALL)),
        connections: 20,
        load: OPEN,
        end: SliceEnd::After(ms(3000)),
        findings: open_stall,
    },
    Situation {
        name: "200/s, ends inside a stall of 1 s",
        script: AFTER_2_MS,
        stall: Some((ms(1000), STALL)),
        connections: 20,
        load: OPEN,
        end: SliceEnd::After(ms(1500)),
        findings: open_stall_at_the_end,
    },
];

fn delays(account: &Account, measurement: &Measurement) -> Vec<Finding> {
    let known = |quantile| account.held_ns.value_at_quantile(quantile) as f64;
    let reported = |quantile| measurement.latency.value_at_quantile(quantile) as f64;
    let mean = account.held_ns.mean();
    vec![
        same_count("requests", account.answered, measurement.requests),
        same_time("p50", known(0.5), reported(0.5), WAY),
        same_time("p95", known(0.95), reported(0.95), WAY),
        same_time("mean", mean, measurement.latency.mean(), WAY),
    ]
}

fn errors(account: &Account, measurement: &Measurement) -> Vec<Finding> {
    vec![
        same_count("requests", account.answered, measurement.requests),
        same_count("errors: status", account.failed, measurement.errors.status),
        same_count("errors: closed", account.closed, measurement.errors.closed),
        same_count(
            "errors in all",
            account.failed + account.closed,
            measurement.errors.total(),
        ),
    ]
}

/// A closed loop stops asking while it waits: only its connections see the stall. That is how it works,
/// and why an open loop is needed to see what users see.
fn closed_stall(_: &Account, measurement: &Measurement) -> Vec<Finding> {
    vec![
        same_time(
            "max",
            STALL.as_nanos() as f64,
            measurement.latency.max() as f64,
            STALL_SLACK,
        ),
        same_count(
            "requests of half a second or more",
            4,
            slower_than(measurement, STALL / 2),
        ),
    ]
}

/// One request in three falls into the stall, and waits for what is left of it.
fn open_stall(_: &Account, measurement: &Measurement) -> Vec<Finding> {
    let left = |share: f64| STALL.as_nanos() as f64 * (1.0 - share * 600.0 / 200.0);
    let at = |quantile| measurement.latency.value_at_quantile(quantile) as f64;
    vec![
        same_count("requests", 600, measurement.requests),
        same_time(
            "max",
            left(0.0),
            measurement.latency.max() as f64,
            STALL_SLACK,
        ),
        same_time("p99", left(0.01), at(0.99), STALL_SLACK),
        same_time("p90", left(0.1), at(0.9), STALL_SLACK),
        near_count(
            "requests of half a second or more",
            100,
            slower_than(measurement, STALL / 2),
        ),
    ]
}

/// The last 100 of 300 requests fall into the stall; all of them are awaited.
fn open_stall_at_the_end(_: &Account, measurement: &Measurement) -> Vec<Finding> {
    vec![
        same_count("requests", 300, measurement.requests),
        same_time(
            "max",
            STALL.as_nanos() as f64,
            measurement.latency.max() as f64,
            STALL_SLACK,
        ),
        near_count(
            "requests of half a second or more",
            100,
            slower_than(measurement, STALL / 2),
        ),
    ]
}

fn slower_than(measurement: &Measurement, limit: Duration) -> u64 {
    let limit_ns = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    measurement.latency.count_between(limit_ns, u64::MAX)
}

/// Where the stall's edge falls between two requests decides about a few of them.
fn near_count(figure: &str, known: u64, reported: u64) -> Finding {
    Finding {
        figure: figure.to_owned(),
        known: format!("about {}", format::count(known)),
        reported: format::count(reported),
        agrees: known.abs_diff(reported) <= 5,
    }
}
