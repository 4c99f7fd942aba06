//! `loadgen contenders list|build|verify|run` and `loadgen article`: external servers, and the article's table made of
//! them.
//!
//! [`cli`]: the flags. [`list`], [`measure`]: the commands.

pub mod cli;
mod list;
mod measure;

use cli::{ArticleArgs, ContendersCommand};

/// `loadgen contenders`.
///
/// # Errors
/// When nothing could be done at all.
pub fn contenders(command: ContendersCommand) -> anyhow::Result<u8> {
    match command {
        ContendersCommand::List(args) => list::list(&args),
        ContendersCommand::Build(args) => list::build(&args),
        ContendersCommand::Verify(args) => list::verify(&args),
        ContendersCommand::Run(args) => measure::run(&args),
    }
}

/// `loadgen article`.
///
/// # Errors
/// When nothing could be measured.
pub fn article(args: &ArticleArgs) -> anyhow::Result<u8> {
    measure::article(args)
}
