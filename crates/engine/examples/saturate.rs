//! The smallest use of the engine: `saturate URL CONNECTIONS SECONDS THREADS [RATE]` loads a server and
//! prints one line of JSON: requests per second, CPU time per request, latency, send lag.

#![allow(clippy::print_stdout, reason = "an example program")]

use std::time::Duration;

use engine::{Arrivals, Engine, EngineConfig, Load, Slice, SliceEnd, Target};
use nix::sys::resource::{UsageWho, getrusage};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, connections, seconds, threads, rate @ ..] = arguments.as_slice() else {
        return Err("usage: saturate URL CONNECTIONS SECONDS THREADS [RATE]".into());
    };
    engine::limits::raise_descriptor_limit()?;
    let mut engine = Engine::start(EngineConfig {
        threads: threads.parse()?,
        ..EngineConfig::default()
    })?;
    let load = match rate.first() {
        None => Load::ClosedLoop,
        Some(rate) => Load::OpenLoop {
            rate_rps: rate.parse()?,
            arrivals: Arrivals::Constant,
        },
    };
    let target = engine.connect(Target::get("target", url, "/", connections.parse()?))?;
    let cpu_before = cpu_seconds()?;
    let outcome = engine.run_slice(&Slice {
        loads: vec![(target, load)],
        lead_in: Duration::from_millis(100),
        end: SliceEnd::After(Duration::from_secs_f64(seconds.parse()?)),
    })?;
    let (user, system) = cpu_seconds()?;
    let cpu = (user - cpu_before.0, system - cpu_before.1);
    let seen = engine.collect(target)?;
    println!(
        r#"{{"rps":{:.0},"cpu_us":{:.3},"user_us":{:.3},"p50_us":{:.1},"p99_us":{:.1},"max_us":{:.1},"lag_p50_us":{:.1},"lag_p99_us":{:.1},"errors":{}}}"#,
        seen.requests as f64 / outcome.measured.as_secs_f64(),
        (cpu.0 + cpu.1) * 1e6 / seen.answers_total as f64,
        cpu.0 * 1e6 / seen.answers_total as f64,
        seen.latency.value_at_quantile(0.5) as f64 / 1e3,
        seen.latency.value_at_quantile(0.99) as f64 / 1e3,
        seen.latency.max() as f64 / 1e3,
        seen.send_lag.value_at_quantile(0.5) as f64 / 1e3,
        seen.send_lag.value_at_quantile(0.99) as f64 / 1e3,
        seen.errors.total(),
    );
    Ok(())
}

/// CPU time of this process so far, in user mode and in the kernel, in seconds.
fn cpu_seconds() -> nix::Result<(f64, f64)> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok((seconds(usage.user_time()), seconds(usage.system_time())))
}
