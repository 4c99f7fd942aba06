//! `loadgen serve`: the built-in servers, in this program's own file, because Cargo does not build the
//! binaries of other crates for `cargo run -p loadgen`.

use clap::{Parser, Subcommand};

use crate::peer::{self, WaitsArgs};
use crate::scripted;
use crate::scripted::cli::ScriptedArgs;

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
pub fn serve(server: Serve) -> anyhow::Result<()> {
    engine::limits::raise_descriptor_limit().ok(); // the limit there is may well be enough
    use async_server::Model;
    use sync_server::cli::ModelName;
    let stdout = std::io::stdout();
    match server {
        Serve::Sync(args) => sync_server::cli::serve(ModelName::Thread, &args, stdout)?,
        Serve::SyncPool(args) => sync_server::cli::serve(ModelName::Pool, &args, stdout)?,
        Serve::AsyncBare(args) => async_server::cli::serve(Model::Bare, &args, stdout)?,
        Serve::Async(args) => async_server::cli::serve(Model::Axum, &args, stdout)?,
        Serve::Scripted(args) => scripted::cli::serve(&args, stdout)?,
        Serve::Waits(args) => peer::serve(&args, stdout)?,
    }
    Ok(())
}
