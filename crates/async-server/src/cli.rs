//! The flags of the async servers, for the small binary and for whoever embeds it.

use std::io::Write;

use server_core::{cli::CommonArgs, lifetime::Lifetime, ready::Ready};

use crate::{Config, Error, Flavor, Model, Shutdown, bind, config::default_worker_threads, run};

/// Flags of the async servers.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: CommonArgs,

    #[command(flatten)]
    telemetry: telemetry::TelemetryArgs,

    /// How many threads run the tasks
    #[arg(long, value_enum, default_value_t = Flavor::MultiThread)]
    flavor: Flavor,

    /// Threads of the multi-thread flavor [default: one per core]
    #[arg(long, value_name = "N",
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    worker_threads: Option<usize>,
}

impl Args {
    /// The configuration asked for.
    pub fn config(&self, model: Model) -> Config {
        Config {
            addr: self.common.addr,
            model,
            flavor: self.flavor,
            worker_threads: match self.flavor {
                Flavor::MultiThread => self.worker_threads.unwrap_or_else(default_worker_threads),
                Flavor::CurrentThread => 1,
            },
            limits: self.common.limits(),
            backend: self.common.backend,
            nagle: self.common.nagle,
            waiting: self.common.wait,
            faults: self.common.faults(),
            telemetry: self.telemetry.settings(),
        }
    }
}

/// Serves until SIGTERM, or until the pipe on standard input closes. Says on `out` when it is
/// ready. Call it from the main thread, before there are others: it holds back signals.
///
/// # Errors
///
/// [`Error`] when it can't start.
pub fn serve(model: Model, args: &Args, out: impl Write) -> Result<(), Error> {
    if args.flavor == Flavor::CurrentThread && args.worker_threads.is_some() {
        return Err(Error::WorkerThreads);
    }
    let lifetime = Lifetime::begin().map_err(Error::Signals)?;
    let mut config = args.config(model);
    let listener = bind(&config)?;
    config.addr = listener.local_addr().map_err(|source| Error::Listen {
        addr: config.addr,
        source,
    })?;
    // Dropped last: only then all is told.
    let _telling = telemetry::install(&config.telemetry, model.server_name(), config.addr)?;
    let shutdown = Shutdown::new();
    {
        let shutdown = shutdown.clone();
        lifetime
            .on_end(move || shutdown.trigger())
            .map_err(Error::Runtime)?;
    }
    let ready = Ready::new(model.server_name(), config.addr, &config);
    ready.announce(out).map_err(Error::Output)?;
    run(listener, config, &shutdown).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn the_flags_default_to_the_config_s_defaults() {
        let args = Program::parse_from(["server"]).args;
        assert_eq!(args.config(Model::Axum), Config::default());
    }

    #[test]
    fn the_flags_reach_the_config() {
        let parse = |args: &[&str]| Program::parse_from(args).args.config(Model::Bare);
        assert_eq!(
            parse(&["server", "--worker-threads", "7"]).worker_threads,
            7
        );
        let single = parse(&[
            "server",
            "--flavor",
            "current-thread",
            "--worker-threads",
            "7",
        ]);
        assert_eq!(
            (single.flavor, single.worker_threads),
            (Flavor::CurrentThread, 1)
        );
    }
}
