//! `loadgen serve`: the built-in servers, in this program's own file, because Cargo does not build the
//! binaries of other crates for `cargo run -p loadgen`.

use anyhow::Context as _;
use bench::counters;
use clap::Args;
use servers::serve::{self, Serve};

use crate::args::{Cpus, parse_cpus};
use crate::exit;

/// `loadgen serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Pin the server to these CPUs (Linux)
    #[arg(long, value_name = "CPUS", value_parser = parse_cpus)]
    pub cpus: Option<Cpus>,
    /// Which server.
    #[command(subcommand)]
    pub server: Serve,
}

/// Serves until standard input closes or SIGTERM comes.
///
/// # Errors
/// When the server cannot start: an address in use, a flag it cannot honour.
pub fn run(args: ServeArgs) -> anyhow::Result<u8> {
    if let Some(cpus) = args.cpus {
        counters::pin_this_process(&cpus.0)
            .with_context(|| format!("cannot pin to CPUs {:?}", cpus.0))?;
    }
    serve::serve(args.server)?;
    Ok(exit::MEASURED)
}
