//! `loadgen serve`: the built-in servers, in this program's own file, because Cargo does not build the
//! binaries of other crates for `cargo run -p loadgen`.

use anyhow::Context as _;

use crate::cli::{Serve, ServeArgs};
use crate::{counters, exit, scripted, waiting};

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
