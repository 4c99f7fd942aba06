//! The command line as typed: every command, and the flags of each.

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory as _, Parser, Subcommand};
use contract::nearest;

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
use bench::url;

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

/// An error of the command line, with the command that its first word was probably meant to be: any first word that is
/// neither a flag nor a command is read as a URL.
pub fn explained(error: clap::Error) -> clap::Error {
    let first = std::env::args().nth(1).unwrap_or_default();
    suggesting(error, &first)
}

fn suggesting(mut error: clap::Error, first: &str) -> clap::Error {
    let command = Cli::command();
    let commands = command.get_subcommands().filter(|it| !it.is_hide_set());
    let names: Vec<&str> = commands.map(clap::Command::get_name).collect();
    let is_given = names.contains(&first) || url::meant(first).is_some();
    if let (false, Some(meant)) = (is_given, nearest(first, names).0) {
        let meant = ContextValue::Strings(vec![meant.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, meant);
    }
    error
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
    use clap::ArgAction;
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn a_mistyped_command_is_understood_and_a_host_is_none() {
        let told = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let error = Cli::try_parse_from([&["loadgen"], &words[..]].concat()).expect_err(line);
            suggesting(error, words[0]).to_string()
        };
        for (line, meant) in [
            ("swep", "'sweep'"),
            ("gat --baseline x", "'gate'"),
            ("selfcheck", "'self-check'"),
            ("comapre a b", "'compare'"),
        ] {
            let told = told(line);
            assert!(
                told.contains(&format!("a similar subcommand exists: {meant}")),
                "{told}"
            );
        }
        for line in [
            "example.org",
            "localhost",
            "sweep --nonsense",
            "--nonsense",
            "h:1 --rate x",
        ] {
            let told = told(line);
            assert!(!told.contains("similar subcommand"), "{told}");
        }
        assert!(told("example.org").contains("example.org:80"));
        assert!(told("async").contains("--server async"));
    }

    /// The words that lead to each command that takes no other.
    fn leaves(command: &clap::Command, words: &[String]) -> Vec<(Vec<String>, clap::Command)> {
        let mut leaves = Vec::new();
        for below in command.get_subcommands() {
            let words = [words, &[below.get_name().to_owned()]].concat();
            leaves.extend(self::leaves(below, &words));
        }
        if words.is_empty() || leaves.is_empty() {
            leaves.push((words.to_owned(), command.clone()));
        }
        leaves
    }

    /// The flag of a command line given so often; why it is refused, if it is.
    fn given(words: &[String], flag: &str, value: Option<&str>, times: usize) -> Option<ErrorKind> {
        let once = std::iter::once(flag).chain(value);
        let flags = std::iter::repeat_n(once, times)
            .flatten()
            .map(str::to_owned);
        let line = ["loadgen".to_owned()].into_iter().chain(words.to_owned());
        Cli::try_parse_from(line.chain(flags))
            .err()
            .map(|error| error.kind())
    }

    #[test]
    fn of_a_flag_given_twice_the_last_counts_unless_it_adds_up() {
        const VALUES: [&str; 22] = [
            "1",
            "1s",
            "1%",
            "on",
            "/",
            "a: b",
            "p50=5%",
            "aa",
            "8",
            "pass",
            "exact",
            "x.md",
            "p99<1s",
            "body",
            "127.0.0.1:1",
            "64KiB",
            "8KiB",
            "200ms/1s",
            "300:3s",
            "404",
            "GET",
            "info",
        ];
        let mut seen = 0;
        for (words, command) in leaves(&Cli::command(), &[]) {
            let flags = command.get_arguments().filter(|arg| !arg.is_positional());
            for arg in flags {
                let Some(name) = arg.get_long() else { continue };
                let (flag, takes_value) = (format!("--{name}"), arg.get_action().takes_values());
                let possible = arg.get_possible_values();
                let possible = possible.iter().map(|value| value.get_name());
                let mut values = VALUES.into_iter().chain(possible);
                let wrong = [ErrorKind::ValueValidation, ErrorKind::InvalidValue];
                let is_right = |value: &&str| {
                    given(&words, &flag, Some(value), 1).is_none_or(|kind| !wrong.contains(&kind))
                };
                let value = takes_value.then(|| {
                    values
                        .find(is_right)
                        .unwrap_or_else(|| panic!("{words:?} {flag} takes none of the values"))
                });
                let (once, twice) = (
                    given(&words, &flag, value, 1),
                    given(&words, &flag, value, 2),
                );
                assert_eq!(once, twice, "{words:?} {flag} {value:?}");
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                if matches!(arg.get_action(), ArgAction::Append) {
                    let adds_up = help.contains("repeat") || arg.get_value_delimiter().is_some();
                    assert!(
                        adds_up,
                        "{words:?} {flag} adds up, and its help does not say so: {help}"
                    );
                }
                seen += 1;
            }
        }
        assert!(seen > 100, "{seen} flags");
        let last = Cli::try_parse_from([
            "loadgen",
            "-c",
            "3",
            "--concurrency=4",
            "-H",
            "a: b",
            "-H",
            "c: d",
        ]);
        let run = last.expect("twice").run;
        assert_eq!((run.load.concurrency, run.servers.header.len()), (4, 2));
        let gate = Cli::try_parse_from(["loadgen", "gate", "--timeout", "1s", "--timeout", "2s"]);
        let Some(Command::Gate(gate)) = gate.expect("twice").command else {
            panic!("a gate")
        };
        assert_eq!(gate.timeout, Some(std::time::Duration::from_secs(2)));
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
