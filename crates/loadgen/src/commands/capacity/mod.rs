//! `loadgen capacity`: the highest rate each server sustains under an objective.
//!
//! The search itself is [`stats::capacity`]; this makes its trials. The servers' searches take turns, so
//! that drift of the machine hits all alike.

mod args;
mod closed_loop;
mod objective;
mod trial;

use std::time::Duration;

use anyhow::{Context as _, bail};
use engine::{ClientKind, EngineConfig};
use record::capacity::{
    CapacityConfig, CapacityRecord, KIND, Purpose, SCHEMA_VERSION, ServerCapacity,
};
use stats::capacity::{CapacitySearch, Settings, Step, TrialKind};
use stats::thresholds::RATE_KEPT;

pub use args::CapacityArgs;
use closed_loop::ClosedLoops;
use trial::Bench;

use crate::args::MaxErrors;
use crate::output::Output;
use crate::{exit, output};
use bench::descriptors::{self, Room};
use bench::server_spec::{ServerSpec, check_for_workloads};
use bench::server_under_test::ServerUnderTest;
use bench::session::{Servers, Session};
use bench::work::Work;
use bench::{counters, cpu, environment, interrupt, journal, server_spec, verify};
use experiments::document;
use experiments::plan::{check_pinning, random_seed};

/// Where the curve is measured, as shares of the capacity: up to the knee, at it, and past it.
const CURVE: [f64; 9] = [0.1, 0.25, 0.5, 0.7, 0.85, 0.95, 1.0, 1.1, 1.3];
/// No rate beyond this multiple of what a closed loop reached is tried.
const BEYOND_SATURATION: f64 = 2.0;

/// Searches, prints, keeps; the exit code.
///
/// # Errors
/// When nothing can be measured.
pub fn run(args: &CapacityArgs) -> anyhow::Result<u8> {
    let output = args.output.output()?;
    interrupt::install()?;
    let mut record = begin(args)?;
    cpu::say_if_busy(output.quiet);
    let searched = search(args, &mut record, &output);
    record.interrupted = interrupt::requested();
    record.servers.retain(|it| !it.trials.is_empty());
    analysis::capacity::analyse(&mut record);
    // What an interrupt broke off is no fault of a server.
    let searched = searched.or_else(|error| match record.interrupted {
        true => Ok(()),
        false => Err(error),
    });
    if record.servers.is_empty() {
        searched?;
        bail!(interrupt::NOTHING_MEASURED);
    }
    output::show(
        &|format, options| pages::capacity::render(&record, format, options),
        &output,
    )?;
    if let Some(path) = journal::new_path(&record.started_at, KIND, output.save)? {
        experiments::saved::keep(&record, Some(&path))?;
        output::note(&output, &format!("record saved as {}", path.display()));
    }
    searched?;
    Ok(if record.interrupted {
        exit::INTERRUPTED
    } else {
        exit::MEASURED
    })
}

fn begin(args: &CapacityArgs) -> anyhow::Result<CapacityRecord> {
    let cpus = |cpus: &Option<crate::args::Cpus>| cpus.clone().map(|cpus| cpus.0);
    let pinned = |given: &Option<_>| cpus(given).unwrap_or_default();
    check_pinning(&[&pinned(&args.server_cpus), &pinned(&args.client_cpus)])?;
    let available = u32::try_from(counters::available_cores()).unwrap_or(1);
    Ok(CapacityRecord {
        schema_version: SCHEMA_VERSION,
        kind: KIND.to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: journal::started_at(),
        interrupted: false,
        environment: environment::look(),
        config: CapacityConfig {
            command: experiments::document::command_line(),
            servers: Vec::new(),
            workload: args.workload.clone(),
            objective: args.slo.to_string(),
            max_errors: match args.max_errors {
                MaxErrors::Count(count) => count.to_string(),
                MaxErrors::Share(share) => format::percent(share * 100.0),
            },
            least_rate_kept: RATE_KEPT,
            concurrency: args.concurrency,
            keep_alive: !args.no_keep_alive,
            in_turns: false,
            trial_s: args.trial.as_secs_f64(),
            relative_width: args.width / 100.0,
            max_trials: args.max_trials,
            timeout_s: args.timeout.as_secs_f64(),
            threads: args.threads.unwrap_or(available).min(args.concurrency),
            seed: args.seed.unwrap_or_else(random_seed),
            server_cpus: cpus(&args.server_cpus),
            client_cpus: cpus(&args.client_cpus),
        },
        servers: Vec::new(),
        warnings: Vec::new(),
    })
}

fn specs(args: &CapacityArgs, work: &Work) -> anyhow::Result<Vec<ServerSpec>> {
    let texts = match args.server.is_empty() {
        true => servers::DEFAULT.map(str::to_owned).to_vec(),
        false => args.server.clone(),
    };
    let specs = texts
        .iter()
        .map(|text| ServerSpec::parse(text))
        .collect::<anyhow::Result<Vec<_>>>()?;
    check_for_workloads(&specs)?;
    if let Work::Contract(workload) = work {
        specs
            .iter()
            .try_for_each(|spec| server_spec::check_has(spec, workload))?;
    }
    Ok(specs)
}

fn search(args: &CapacityArgs, record: &mut CapacityRecord, output: &Output) -> anyhow::Result<()> {
    let work = Work::Contract(args.workload.parse()?);
    let specs = specs(args, &work)?;
    let limit = engine::limits::raise_descriptor_limit()
        .context("cannot read the limit on open files")?
        .soft;
    let Some(room) = descriptors::room(u64::from(args.concurrency), specs.len() as u64, limit)
    else {
        bail!(
            "{} connections do not fit under the limit of {limit} open files",
            args.concurrency
        );
    };
    let config = record.config.clone();
    let server_cpus = config.server_cpus.clone().unwrap_or_default();
    let ask = |sut: &ServerUnderTest| verify::verify(sut, &work, args.timeout);
    let suts = Servers::start(&specs, &server_cpus, false)?
        .verify(1, &ask)?
        .suts;
    record.config.servers = suts.iter().map(document::server).collect();
    record.config.in_turns = room == Room::InTurns;
    let engine = bench::loader::engine(EngineConfig {
        threads: config.threads as usize,
        client: ClientKind::Raw,
        timeout: args.timeout,
        seed: config.seed,
        cpus: config.client_cpus.clone().unwrap_or_default(),
    })?;
    let mut bench = Bench {
        engine,
        session: Session::new(suts, room),
        work: &work,
        config: &config,
        slo: &args.slo,
        max_errors: args.max_errors,
        closed_loops: vec![ClosedLoops::default(); specs.len()],
    };
    let mut searches = Vec::new();
    for (sut, spec) in specs.iter().enumerate() {
        output::note(output, &format!("{}: warming up", spec.label));
        if !bench.warm_up(sut)? {
            return Ok(());
        }
        searches.push(CapacitySearch::new(settings(&config))?);
        record.servers.push(ServerCapacity {
            server: spec.label.clone(),
            ..ServerCapacity::default()
        });
    }
    take_turns(&mut bench, &mut searches, record, output)?;
    if !args.no_curve {
        curves(&mut bench, record, output)?;
    }
    Ok(())
}

/// The search is for a multiple of what a closed loop does at the same time: a rate in requests per second
/// would be another one a minute later, on a machine that drifts.
fn settings(config: &CapacityConfig) -> Settings {
    Settings {
        min_rate: 0.001,
        start_rate: 0.5,
        max_rate: BEYOND_SATURATION,
        relative_width: config.relative_width,
        max_trials: config.max_trials as usize,
    }
}

/// One trial of each server's search after the other, until all are done.
fn take_turns(
    bench: &mut Bench<'_>,
    searches: &mut [CapacitySearch],
    record: &mut CapacityRecord,
    output: &Output,
) -> anyhow::Result<()> {
    loop {
        let mut any = false;
        for (sut, search) in searches.iter_mut().enumerate() {
            let entry = &mut record.servers[sut];
            let Step::Try(wanted) = search.step() else {
                continue;
            };
            any = true;
            let purpose = match wanted.kind {
                TrialKind::Search => Purpose::Search,
                TrialKind::Verify => Purpose::Verify,
            };
            let Some(trial) = bench.trial(sut, wanted.rate, purpose)? else {
                return Ok(());
            };
            search.record(wanted, trial.failed_on.is_none());
            let found = search.found();
            entry.low_over_saturated = found.low;
            entry.high_over_saturated = found.high;
            entry.verified = found.verified;
            let verdict = trial.failed_on.as_deref().unwrap_or("met");
            output::note(
                output,
                &format!(
                    "{}: {}/s {verdict}",
                    entry.server,
                    format::per_second(trial.rate_rps)
                ),
            );
            entry.trials.push(trial);
        }
        if !any {
            return Ok(());
        }
    }
}

/// Latency against load, the servers one after the other at each share of their capacity.
fn curves(
    bench: &mut Bench<'_>,
    record: &mut CapacityRecord,
    output: &Output,
) -> anyhow::Result<()> {
    for share in CURVE {
        for (sut, entry) in record.servers.iter_mut().enumerate() {
            let Some(trial) = bench.trial(sut, entry.knee() * share, Purpose::Curve)? else {
                return Ok(());
            };
            output::note(
                output,
                &format!(
                    "{}: latency at {} of its capacity",
                    entry.server,
                    format::percent(share * 100.0)
                ),
            );
            entry.curve.push(trial);
        }
    }
    Ok(())
}

/// A trial is long enough for the requests that the objective's percentile needs, within reason.
fn trial_length(trial: Duration, requests_needed: f64, rate_rps: f64) -> Duration {
    const LONGEST_FACTOR: u32 = 10;
    let needed = Duration::from_secs_f64((requests_needed / rate_rps).min(86_400.0));
    needed.clamp(trial, trial * LONGEST_FACTOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_rates_have_longer_trials_within_reason() {
        let second = Duration::from_secs(1);
        assert_eq!(trial_length(second, 1_000.0, 50_000.0), second);
        assert_eq!(trial_length(second, 1_000.0, 500.0), second * 2);
        assert_eq!(trial_length(second, 1_000.0, 1.0), second * 10);
    }
}
