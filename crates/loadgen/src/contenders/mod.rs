//! Contenders: external servers described by a manifest each, built, verified and measured beside the
//! built-in ones, and the article's table made of them.
//!
//! # Layout
//!
//! - [`cli`]: `loadgen contenders list|build|verify|run` and `loadgen article` as typed.
//! - [`manifest`]: a `contender.toml`, read strictly; [`template`]: placeholders in it.
//! - [`catalogue`]: all contenders of some folders, variants among them.
//! - [`tools`]: which tools are there; [`build`]: building; [`conformance`]: what each must answer.
//! - [`inherited`]: variables that a contender does not get.
//! - [`prepare`]: from a manifest to a server that may be measured, or the reason why not.
//! - [`list`], [`measure`]: the commands.

mod build;
mod catalogue;
pub mod cli;
mod conformance;
mod inherited;
mod list;
mod manifest;
mod measure;
mod prepare;
mod template;
mod tools;

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
