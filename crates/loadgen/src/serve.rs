//! `loadgen serve`: the built-in servers, in this program's own file, because Cargo does not build the
//! binaries of other crates for `cargo run -p loadgen`.

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use crate::args::{Cpus, parse_cpus};
use crate::scripted::cli::ScriptedArgs;
use crate::waiting::peer::WaitsArgs;
use crate::{counters, exit, scripted, waiting};

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

/// The built-in servers.
#[derive(Debug, Subcommand)]
pub enum Serve {
    /// Blocking, one thread per connection
    Sync(sync_server::cli::Args),
    /// Blocking, a bounded pool of threads
    SyncPool(sync_server::cli::Args),
    /// The blocking server's HTTP code on Tokio tasks
    AsyncBare(async_server::cli::Args),
    /// Axum
    Async(async_server::cli::Args),
    /// A server of known delays, pauses and losses, to try a load generator on; GET /account tells what it did
    Scripted(ScriptedArgs),
    /// Answers 4 bytes, a time in microseconds, with one byte after that time: what servers with --wait wait for; GET /
    /// tells how late it was
    Waits(WaitsArgs),
}

impl Serve {
    /// A built-in server with its flags; `None` where it would not take them.
    pub fn parse(model: &str, flags: &[String]) -> Option<Self> {
        #[derive(Parser)]
        struct Line {
            #[command(subcommand)]
            server: Serve,
        }
        let words = ["serve", model].into_iter();
        let line = Line::try_parse_from(words.chain(flags.iter().map(String::as_str)));
        line.ok().map(|line| line.server)
    }
}

/// Serves until standard input closes or SIGTERM comes.
///
/// # Errors
/// When the server cannot start: an address in use, a flag it cannot honour.
pub fn serve(args: ServeArgs) -> anyhow::Result<u8> {
    if let Some(cpus) = args.cpus {
        counters::pin_this_process(&cpus.0)
            .with_context(|| format!("cannot pin to CPUs {:?}", cpus.0))?;
    }
    engine::limits::raise_descriptor_limit().ok(); // the limit there is may well be enough
    use async_server::Model;
    use sync_server::cli::ModelName;
    let stdout = std::io::stdout();
    match args.server {
        Serve::Sync(args) => sync_server::cli::serve(ModelName::Thread, &args, stdout)?,
        Serve::SyncPool(args) => sync_server::cli::serve(ModelName::Pool, &args, stdout)?,
        Serve::AsyncBare(args) => async_server::cli::serve(Model::Bare, &args, stdout)?,
        Serve::Async(args) => async_server::cli::serve(Model::Axum, &args, stdout)?,
        Serve::Scripted(args) => scripted::cli::serve(&args, stdout)?,
        Serve::Waits(args) => waiting::peer::serve(&args, stdout)?,
    }
    Ok(exit::MEASURED)
}
