//! `loadgen scale`: the Universal Scalability Law, fitted to saved sweeps or to one made for it.

use std::path::PathBuf;
use std::time::Duration;

use analysis::sweep::interim_looks::SCALE_VISITS;
use anyhow::bail;
use clap::Args;
use record::sweep::SweepRecord;

use crate::args::Wait;
use crate::args::output::ShowArgs;
use crate::args::{Cpus, parse_cpus, parse_duration};
use crate::{exit, output};
use bench::interrupt;
use experiments::sweep::{self, Requested, SweepPlan};

/// 1 to 1,024 in steps of two: the law needs at least six.
const CONCURRENCIES: [u32; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// `loadgen scale`.
#[derive(Debug, Args)]
pub struct ScaleArgs {
    /// Saved sweeps to fit; without any, one is measured
    #[arg(value_name = "RECORD")]
    pub records: Vec<PathBuf>,

    /// Server to measure, repeatable: [LABEL=]sync|sync-pool|async-bare|async, with flags of `loadgen
    /// serve` behind the name if any, or [LABEL=]URL [default: sync, async-bare, async]
    #[arg(
        short,
        long,
        value_name = "SERVER",
        conflicts_with = "records",
        help_heading = "Without records"
    )]
    pub server: Vec<String>,
    /// Connections to try, at least six [default: 1 to 1024, doubled each time]
    #[arg(short, long, value_name = "N,…", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "records", help_heading = "Without records")]
    pub concurrency: Vec<u32>,
    /// Wait in the handler, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=60_000), conflicts_with = "records", help_heading = "Without records")]
    pub wait: u64,
    /// Computing in the handler, in units of about 1 µs
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=1_000_000), conflicts_with = "records", help_heading = "Without records")]
    pub cpu_units: u64,
    /// Pin the servers to these CPUs (Linux); repeated, each set is measured by itself: scaling by core
    #[arg(long, value_name = "CPUS", value_parser = parse_cpus, conflicts_with = "records", help_heading = "Without records")]
    pub server_cpus: Vec<Cpus>,
    /// Pin the load generator's threads to these CPUs (Linux)
    #[arg(long, value_name = "CPUS", value_parser = parse_cpus, conflicts_with = "records", help_heading = "Without records")]
    pub client_cpus: Option<Cpus>,
    /// Longest time for each set of CPUs
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_duration, conflicts_with = "records", help_heading = "Without records")]
    pub time: Duration,
    /// Seed of the order of turns [default: random]
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "records",
        help_heading = "Without records"
    )]
    pub seed: Option<u64>,

    /// Where it is shown.
    #[command(flatten)]
    pub show: ShowArgs,
    /// No progress
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// Fits, and prints what came of it.
///
/// # Errors
/// When there is nothing to fit.
pub fn run(args: &ScaleArgs) -> anyhow::Result<u8> {
    let output = args.show.output()?;
    let sweeps = if args.records.is_empty() {
        measure(args)?
    } else {
        read(&args.records)?
    };
    let record = analysis::scale::fit(&sweeps);
    output::show(
        &|format, options| pages::scale::render(&record, format, options),
        &output,
    )?;
    if interrupt::requested() {
        return Ok(exit::INTERRUPTED);
    }
    if record.fits.iter().all(|fit| fit.law.is_none()) {
        bail!("no law could be fitted; the reasons stand above");
    }
    Ok(exit::MEASURED)
}

fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, SweepRecord)>> {
    paths
        .iter()
        .map(|path| Ok((path.display().to_string(), sweep::read(path)?)))
        .collect()
}

/// One sweep for each set of CPUs.
fn measure(args: &ScaleArgs) -> anyhow::Result<Vec<(String, SweepRecord)>> {
    interrupt::install()?;
    let sets: Vec<Option<Cpus>> = match args.server_cpus.is_empty() {
        true => vec![None],
        false => args.server_cpus.iter().cloned().map(Some).collect(),
    };
    let mut sweeps = Vec::new();
    for set in sets {
        if interrupt::requested() {
            break;
        }
        let mut plan = SweepPlan::new(requested(args, set))?;
        plan.most_visits = SCALE_VISITS;
        sweeps.push(("measured".to_owned(), sweep::measure(plan)?));
    }
    Ok(sweeps)
}

/// A sweep over one kind of work.
fn requested(args: &ScaleArgs, server_cpus: Option<Cpus>) -> Requested {
    Requested {
        servers: match args.server.is_empty() {
            true => servers::DEFAULT.map(str::to_owned).to_vec(),
            false => args.server.clone(),
        },
        concurrencies: match args.concurrency.is_empty() {
            true => CONCURRENCIES.to_vec(),
            false => args.concurrency.clone(),
        },
        waits_ms: vec![args.wait],
        wait: Wait::Exact,
        cpu_units: vec![args.cpu_units],
        keep_alive: vec![true],
        quick: false,
        margin_percent: 2.0,
        time: args.time,
        warmup: Duration::from_millis(200),
        timeout: Duration::from_secs(5) + Duration::from_millis(args.wait),
        threads: None,
        server_cpus: server_cpus.map(|cpus| cpus.0),
        client_cpus: args.client_cpus.clone().map(|cpus| cpus.0),
        seed: args.seed,
        save: false,
        quiet: args.quiet,
    }
}
