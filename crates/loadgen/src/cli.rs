//! The command line as typed: every command, and the flags of each.

use clap::{Parser, Subcommand};

use crate::args::run::RunArgs;
use crate::commands;
use crate::commands::capacity::CapacityArgs;
use crate::commands::contenders::cli::{ArticleArgs, ContendersCommand};
use crate::commands::gate::args::{CompareArgs, GateArgs, InitArgs};
use crate::commands::guard::GuardArgs;
use crate::commands::limits::LimitsArgs;
use crate::commands::report::ReportArgs;
use crate::commands::scale::ScaleArgs;
use crate::commands::self_check::SelfCheckArgs;
use crate::commands::serve::ServeArgs;
use crate::commands::suite::args::SuiteArgs;
use crate::commands::sweep::args::SweepArgs;

/// Measures whether an async server beats a thread-per-connection server: by how much, and where it flips.
///
/// Without a URL, the built-in servers are started, verified, loaded in turns and compared. With a URL,
/// that server is loaded instead.
#[derive(Debug, Parser)]
#[command(
    name = "loadgen",
    version,
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Instead of a run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// A run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What the program does besides running.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one built-in server until its standard input closes or SIGTERM comes
    Serve(ServeArgs),
    /// List the workloads: what each shows, its modes, and which server lacks it
    Workloads,
    /// Measure all workloads on all built-in servers and print one table, in about ten minutes
    Suite(SuiteArgs),
    /// Find the concurrency from which on async wins, for several waits: the crossover map
    Sweep(Box<SweepArgs>),
    /// Find the highest rate each server sustains under an objective such as p99<50ms
    Capacity(Box<CapacityArgs>),
    /// Fit the Universal Scalability Law to saved sweeps, or to one made for it
    Scale(Box<ScaleArgs>),
    /// Print what this machine allows, and what connection counts follow for each server
    Limits(LimitsArgs),
    /// Measure servers of known delays, pauses, losses and errors, on a machine kept busy too, and print known against
    /// reported: exit code 0 where all agree, 1 where a figure differs, 3 where the machine is too busy to tell
    SelfCheck(SelfCheckArgs),
    /// Make a report of saved records: nothing is measured, nothing is lost
    Report(ReportArgs),
    /// Servers that are not part of this program: what can run here, build, verify, measure
    #[command(subcommand)]
    Contenders(ContendersCommand),
    /// Make the article's table again on this machine, with equal work for all servers
    Article(Box<ArticleArgs>),
    /// Decide whether a candidate server is slower than a baseline: passed, regressed or inconclusive
    Gate(Box<GateArgs>),
    /// Write a commented settings file for `loadgen gate`
    Init(InitArgs),
    /// Hold two stored records against each other, as advice
    Compare(CompareArgs),
    /// Run a command that ends when standard input closes (used to start foreign servers)
    #[command(hide = true)]
    Guard(GuardArgs),
}

impl Command {
    /// Does it; the exit code.
    ///
    /// # Errors
    /// When it could not be done.
    pub fn run(self) -> anyhow::Result<u8> {
        match self {
            Self::Serve(args) => commands::serve::run(args),
            Self::Guard(args) => commands::guard::run(&args),
            Self::Workloads => commands::workloads::list(),
            Self::Suite(args) => commands::suite::run(&args),
            Self::Sweep(args) => commands::sweep::run(&args),
            Self::Capacity(args) => commands::capacity::run(&args),
            Self::Scale(args) => commands::scale::run(&args),
            Self::Limits(args) => commands::limits::run(&args),
            Self::SelfCheck(args) => commands::self_check::run(&args),
            Self::Gate(args) => commands::gate::run(&args),
            Self::Init(args) => commands::gate::init::run(&args),
            Self::Compare(args) => commands::gate::compare::run(&args),
            Self::Report(args) => commands::report::report(&args),
            Self::Contenders(command) => commands::contenders::contenders(command),
            Self::Article(args) => commands::contenders::article(&args),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
