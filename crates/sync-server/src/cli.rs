//! The flags of the blocking servers, for the small binary and for whoever embeds it.

use std::io::Write;

use server_core::{
    cli::{CommonArgs, parse_bytes},
    lifetime::Lifetime,
    ready::Ready,
};

use crate::config::{DEFAULT_POOL_QUEUE, DEFAULT_POOL_THREADS};
use crate::{Config, Error, Model, Shutdown, bind, run};

/// Which threads serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ModelName {
    /// A thread per connection
    Thread,
    /// A bounded pool of threads
    Pool,
}

/// Flags of the blocking servers.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: CommonArgs,

    #[command(flatten)]
    telemetry: telemetry::TelemetryArgs,

    /// Stack of a thread; what is not touched costs no memory
    #[arg(long, value_name = "SIZE", default_value = "2MiB", value_parser = parse_stack)]
    stack_size: usize,

    /// Threads of the pool; each serves one connection until it closes [default: 200]
    #[arg(long, value_name = "N",
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pool_threads: Option<usize>,

    /// Connections that may wait for a thread of the pool, more are answered with 503 [default: 8192]
    #[arg(long, value_name = "N")]
    pool_queue: Option<usize>,
}

impl Args {
    /// The configuration asked for.
    pub fn config(&self, model: ModelName) -> Config {
        Config {
            addr: self.common.addr,
            model: match model {
                ModelName::Thread => Model::Thread,
                ModelName::Pool => Model::Pool {
                    threads: self.pool_threads.unwrap_or(DEFAULT_POOL_THREADS),
                    queue: self.pool_queue.unwrap_or(DEFAULT_POOL_QUEUE),
                },
            },
            stack_size_bytes: self.stack_size,
            limits: self.common.limits(),
            backend: self.common.backend,
            nagle: self.common.nagle,
            waiting: self.common.wait,
            faults: self.common.faults(),
            telemetry: self.telemetry.settings(),
        }
    }
}

impl Args {
    /// A flag that would do nothing is a mistake of whoever gave it.
    fn check(&self, model: ModelName) -> Result<(), Error> {
        let given = [
            ("--pool-threads", self.pool_threads.is_some()),
            ("--pool-queue", self.pool_queue.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) if model == ModelName::Thread => Err(Error::Flag { flag }),
            _ => Ok(()),
        }
    }
}

fn parse_stack(text: &str) -> Result<usize, String> {
    usize::try_from(parse_bytes(text)?).map_err(|_| "too large for this machine".to_owned())
}

/// Serves until SIGTERM, or until the pipe on standard input closes. Says on `out` when it is
/// ready. Call it from the main thread, before there are others: it holds back signals.
///
/// # Errors
///
/// [`Error`] when it can't start.
pub fn serve(model: ModelName, args: &Args, out: impl Write) -> Result<(), Error> {
    args.check(model)?;
    let lifetime = Lifetime::begin().map_err(Error::Signals)?;
    let mut config = args.config(model);
    let listener = bind(&config)?;
    config.addr = listener.local_addr().map_err(|source| Error::Listen {
        addr: config.addr,
        source,
    })?;
    // Dropped last: only then all is told.
    let _telling = telemetry::install(&config.telemetry, config.model.server_name(), config.addr)?;
    let shutdown = Shutdown::new();
    {
        let shutdown = shutdown.clone();
        lifetime
            .on_end(move || shutdown.trigger())
            .map_err(Error::Thread)?;
    }
    let ready = Ready::new(config.model.server_name(), config.addr, &config);
    ready.announce(out).map_err(Error::Output)?;
    run(&listener, config, &shutdown).map(|_| ())
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
        assert_eq!(args.config(ModelName::Thread), Config::default());
        assert_eq!(args.config(ModelName::Pool).model, Model::default_pool());
    }

    #[test]
    fn flags_of_the_pool_go_with_the_pool() {
        let args = Program::parse_from(["server", "--pool-queue", "3"]).args;
        let error = args.check(ModelName::Thread).unwrap_err().to_string();
        assert!(error.contains("--pool-queue"), "{error}");
        assert!(args.check(ModelName::Pool).is_ok());
    }

    #[test]
    fn the_flags_reach_the_config() {
        let args = [
            "server",
            "--pool-threads",
            "3",
            "--stack-size",
            "64KiB",
            "--backlog",
            "7",
        ];
        let config = Program::parse_from(args).args.config(ModelName::Pool);
        assert_eq!(config.stack_size_bytes, 64 * 1024);
        assert_eq!(config.limits.backlog, 7);
        assert_eq!(
            config.model,
            Model::Pool {
                threads: 3,
                queue: 8192
            }
        );
    }
}
