//! One slice of the bare load engine: nothing else stands between it and the server.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use engine::{Arrivals, EngineConfig, Load, Measurement, Slice, SliceEnd, Target};

use super::finding::Finding;
use super::{Observations, Situation};
use bench::{counters, loader};
use servers::scripted::{Account, Peer, Script, Slow};

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

/// A server, a load, and what must come of it.
struct Loaded {
    name: &'static str,
    script: Script,
    stall: Option<(Duration, Duration)>,
    connections: usize,
    load: Load,
    end: SliceEnd,
    findings: fn(&Account, &Measurement) -> Vec<Finding>,
}

/// All of them; together under 15 seconds.
pub fn situations() -> impl Iterator<Item = Situation> {
    LOADED.iter().map(|loaded| Situation {
        name: loaded.name,
        check: Box::new(|| check(loaded)),
    })
}

const LOADED: &[Loaded] = &[
    Loaded {
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
    Loaded {
        name: "1 in 10 takes 20 ms, others 2",
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
    Loaded {
        name: "10th fails, 25th is cut off",
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
    Loaded {
        name: "closed loop, stalls for 1 s",
        script: AFTER_2_MS,
        stall: Some((ms(500), STALL)),
        connections: 4,
        load: Load::ClosedLoop,
        end: SliceEnd::After(ms(2000)),
        findings: closed_stall,
    },
    Loaded {
        name: "200/s, stalls for 1 s",
        script: AFTER_2_MS,
        stall: Some((ms(1000), STALL)),
        connections: 20,
        load: OPEN,
        end: SliceEnd::After(ms(3000)),
        findings: open_stall,
    },
    Loaded {
        name: "200/s, ends in a stall of 1 s",
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
        Finding::count("requests", account.answered, measurement.requests),
        Finding::time("p50", known(0.5), reported(0.5), WAY),
        Finding::time("p95", known(0.95), reported(0.95), WAY),
        Finding::time("mean", mean, measurement.latency.mean(), WAY),
    ]
}

fn errors(account: &Account, measurement: &Measurement) -> Vec<Finding> {
    vec![
        Finding::count("requests", account.answered, measurement.requests),
        Finding::count("errors: status", account.failed, measurement.errors.status),
        Finding::count(
            "errors: closed",
            account.closed,
            measurement.errors.closed + measurement.errors.stale,
        ),
        Finding::count(
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
        Finding::time(
            "max",
            STALL.as_nanos() as f64,
            measurement.latency.max() as f64,
            STALL_SLACK,
        ),
        Finding::count(
            "requests from 500 ms on",
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
        Finding::count("requests", 600, measurement.requests),
        Finding::time(
            "max",
            left(0.0),
            measurement.latency.max() as f64,
            STALL_SLACK,
        ),
        Finding::time("p99", left(0.01), at(0.99), STALL_SLACK),
        Finding::time("p90", left(0.1), at(0.9), STALL_SLACK),
        Finding::near_count(
            "requests from 500 ms on",
            100,
            slower_than(measurement, STALL / 2),
        ),
    ]
}

/// The last 100 of 300 requests fall into the stall; all of them are awaited.
fn open_stall_at_the_end(_: &Account, measurement: &Measurement) -> Vec<Finding> {
    vec![
        Finding::count("requests", 300, measurement.requests),
        Finding::time(
            "max",
            STALL.as_nanos() as f64,
            measurement.latency.max() as f64,
            STALL_SLACK,
        ),
        Finding::near_count(
            "requests from 500 ms on",
            100,
            slower_than(measurement, STALL / 2),
        ),
    ]
}

fn slower_than(measurement: &Measurement, limit: Duration) -> u64 {
    let limit_ns = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    measurement.latency.count_between(limit_ns, u64::MAX)
}

fn check(loaded: &Loaded) -> anyhow::Result<Observations> {
    let machine = counters::machine_cpu();
    let (begun, own) = (Instant::now(), counters::own_cpu());
    let (account, measurement) = measure(loaded)?;
    let own = counters::own_cpu().saturating_sub(own);
    let others_percent = machine.zip(counters::machine_cpu()).map(|(before, now)| {
        let all_s = begun.elapsed().as_secs_f64() * f64::from(now.cpus);
        let known = now.idle_since(before) + now.stolen_since(before) + own;
        100.0 * ((all_s - known.as_secs_f64()) / all_s).clamp(0.0, 1.0)
    });
    Ok(Observations {
        findings: (loaded.findings)(&account, &measurement),
        others_percent,
    })
}

fn measure(loaded: &Loaded) -> anyhow::Result<(Account, Measurement)> {
    let peer = Peer::start(loaded.script).context("cannot start the scripted server")?;
    let mut engine = loader::engine(EngineConfig {
        threads: 1,
        timeout: Duration::from_secs(5),
        ..EngineConfig::default()
    })?;
    let target = engine.connect(Target::get(
        loaded.name,
        &peer.url(),
        "/",
        loaded.connections,
    ))?;
    if let Some((after, length)) = loaded.stall {
        peer.stall(after, length);
    }
    engine.run_slice(&Slice {
        loads: vec![(target, loaded.load)],
        lead_in: Duration::ZERO,
        end: loaded.end,
    })?;
    let measurement = engine.collect(target)?;
    Ok((peer.account(), measurement))
}
