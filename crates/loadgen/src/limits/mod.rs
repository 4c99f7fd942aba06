//! `loadgen limits`: what this machine allows, and what connection counts follow for each server.

mod ceilings;
mod machine;

pub use ceilings::{Threads, threads};
use clap::Args;
use record::limits::{Ceiling, KIND, LimitsRecord};
use record::sweep::StopCause;

use crate::args::output::ShowArgs;
use crate::server_spec::ServerSpec;
use crate::{environment, exit, output, servers};

/// `loadgen limits`.
#[derive(Debug, Args)]
pub struct LimitsArgs {
    /// Server to look at, repeatable: [LABEL=]sync|sync-pool|async-bare|async with flags of `loadgen
    /// serve` behind the name if any [default: all built-in ones]
    #[arg(short, long, value_name = "SERVER")]
    pub server: Vec<String>,
    /// Where it is shown.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// Looks, and prints what there is.
///
/// # Errors
/// When a server does not exist, or standard output cannot be written.
pub fn run(args: &LimitsArgs) -> anyhow::Result<u8> {
    let specs = match args.server.is_empty() {
        true => servers::MODELS.map(str::to_owned).to_vec(),
        false => args.server.clone(),
    };
    let specs = specs
        .iter()
        .map(|text| ServerSpec::parse(text))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let machine = machine::look();
    let record = LimitsRecord {
        schema_version: 1,
        kind: KIND.to_owned(),
        environment: environment::look(),
        ceilings: ceilings::all(&specs, &machine),
        limits: machine.limits(),
    };
    let output = args.show.output()?;
    output::show(
        &|format, options| pages::limits::render(&record, format, options),
        &output,
    )?;
    Ok(exit::MEASURED)
}

/// How many connections this machine allows each of these servers. Servers that are not built in can do
/// as they please, so nothing follows for them.
pub fn ceilings(servers: &[ServerSpec]) -> Vec<Ceiling> {
    ceilings::all(servers, &machine::look())
}

/// What a server at its ceiling ran out of.
pub fn cause(by: &str) -> StopCause {
    match by {
        ceilings::OPEN_FILES => StopCause::Descriptors,
        ceilings::MEMORY => StopCause::Memory,
        _ => StopCause::Threads,
    }
}
