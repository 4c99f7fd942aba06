//! `loadgen limits`: what this machine allows, and what connection counts follow for each server.

use bench::limits;
use bench::server_spec::ServerSpec;
use clap::Args;

use crate::args::output::ShowArgs;
use crate::{exit, output};

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
    let record = limits::look(&specs);
    let output = args.show.output()?;
    output::show(
        &|format, options| pages::limits::render(&record, format, options),
        &output,
    )?;
    Ok(exit::MEASURED)
}
