//! What the command line requests of a sweep.

use experiments::sweep::{Requested, SweepPlan};
use record::sweep::SweepConfig;

use super::args::SweepArgs;
use crate::args::Cpus;

/// A new sweep.
pub fn requested(args: &SweepArgs) -> Requested {
    let cpus = |given: &Option<Cpus>| given.clone().map(|cpus| cpus.0);
    Requested {
        servers: args.server.clone(),
        concurrencies: args.concurrency.clone(),
        waits_ms: args.waits.clone(),
        wait: args.wait,
        cpu_units: args.cpu_units.clone(),
        keep_alive: args.keep_alive.settings(),
        quick: args.quick,
        margin_percent: args.margin,
        time: args.time,
        warmup: args.warmup,
        timeout: args.timeout,
        threads: args.threads,
        server_cpus: cpus(&args.server_cpus),
        client_cpus: cpus(&args.client_cpus),
        seed: args.seed,
        save: !args.output.no_save,
        quiet: args.output.quiet,
    }
}

/// The plan of an interrupted sweep.
///
/// # Errors
/// When its record is damaged.
pub fn resumed(config: SweepConfig, args: &SweepArgs) -> anyhow::Result<SweepPlan> {
    SweepPlan::resumed(config, args.time, !args.output.no_save, args.output.quiet)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use analysis::sweep::interim_looks::BLOCKS_PER_VISIT;
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: SweepArgs,
    }

    fn plan(line: &str) -> anyhow::Result<SweepPlan> {
        let words = std::iter::once("sweep").chain(line.split_whitespace());
        let args = Line::try_parse_from(words)?.args;
        args.output.output()?;
        SweepPlan::new(requested(&args))
    }

    #[test]
    fn by_default_all_built_in_servers_at_nine_concurrencies_and_four_waits() {
        let plan = plan("").unwrap();
        let names: Vec<_> = plan
            .config
            .servers
            .iter()
            .map(|server| server.name.as_str())
            .collect();
        assert_eq!(names, servers::MODELS);
        assert_eq!(plan.config.spots().len(), 36);
        assert_eq!(plan.config.blocks_per_visit, BLOCKS_PER_VISIT);
        assert_eq!(plan.time, Duration::from_secs(18 * 60));
    }

    #[test]
    fn what_is_varied_is_sorted_and_taken_once() {
        let plan =
            plan("-c 10,1,10 --waits 5 --keep-alive both --cpu-units 0,100 --quick").unwrap();
        assert_eq!(plan.config.concurrencies, [1, 10]);
        assert_eq!(plan.config.spots().len(), 8);
        assert_eq!(plan.config.blocks_per_visit, 1);
    }

    #[test]
    fn contradictions_are_told() {
        for (line, told) in [
            ("-s sync -s sync", "two servers"),
            ("-s nonsense", "no server"),
            ("-c 0", "0"),
            ("--resume x.json --quick", "cannot be used with"),
            ("-o x.docx", "docx"),
            ("--waits 0,5000", "a wait of 5000 ms is never answered"),
            ("--waits 10 --timeout 9ms", "timeout of 9 ms"),
        ] {
            let error = plan(line).expect_err(line).to_string();
            assert!(error.contains(told), "{line}: {error}");
        }
    }
}
