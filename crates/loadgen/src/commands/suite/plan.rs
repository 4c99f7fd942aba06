//! What a suite shall measure, made from the command line or from the record of an interrupted one.

use std::time::Duration;

use anyhow::{Context as _, bail};
use contract::Workload;
use record::COUNTING_RULE;
use record::suite::{Lacking, SuiteConfig, SuiteRow};

use super::args::SuiteArgs;
use super::rows::{ROWS, Row};
use crate::args::MaxErrors;
use crate::output::Output;
use bench::server_spec::{ServerSource, ServerSpec, check_for_workloads};
use bench::slices::{self, ToCut, Turns};
use bench::work::Work;
use experiments::document;
use experiments::plan::{Plan, random_seed};
use experiments::scenarios::{self, fitted};

/// Errors tolerated in each row, as by default in a run.
pub const MAX_ERRORS: MaxErrors = MaxErrors::Share(0.01);
/// About what a server takes to start and to end.
const START: Duration = Duration::from_millis(120);

/// A suite, as it shall be.
#[derive(Debug, Clone)]
pub struct SuitePlan {
    /// Rows in order.
    pub rows: Vec<Row>,
    /// Servers; not every row has all of them.
    pub servers: Vec<ServerSpec>,
    /// What else stands in the record.
    pub config: SuiteConfig,
    /// What becomes of the figures.
    pub output: Output,
}

impl SuitePlan {
    /// Makes a plan of the arguments.
    ///
    /// # Errors
    /// When they contradict each other or name what does not exist.
    pub fn new(args: &SuiteArgs) -> anyhow::Result<Self> {
        let specs = match args.server.is_empty() {
            true => servers::MODELS.map(str::to_owned).to_vec(),
            false => args.server.clone(),
        };
        let plan = Self {
            rows: select(&args.only)?,
            servers: parse(&specs)?,
            config: SuiteConfig {
                command: document::command_line(),
                servers: specs,
                quick: args.quick,
                seed: args.seed.unwrap_or_else(random_seed),
                counting_rule: COUNTING_RULE.to_owned(),
            },
            output: args.output.output()?,
        };
        let has_any = |row: &Row| plan.servers_of(row).map(|servers| !servers.is_empty());
        let runnable: Vec<bool> = plan.rows.iter().map(has_any).collect::<Result<_, _>>()?;
        if !runnable.contains(&true) {
            bail!("none of these servers has any of these rows");
        }
        Ok(plan)
    }

    /// The plan of an interrupted suite.
    ///
    /// # Errors
    /// When its record names rows or servers that there are not.
    pub fn resumed(
        config: SuiteConfig,
        rows: &[SuiteRow],
        args: &SuiteArgs,
    ) -> anyhow::Result<Self> {
        let known = |row: &SuiteRow| {
            ROWS.into_iter()
                .find(|known| {
                    (known.workload, known.connections) == (&row.workload, row.concurrency)
                })
                .with_context(|| format!("there is no row {} any more", row.workload))
        };
        Ok(Self {
            rows: rows.iter().map(known).collect::<anyhow::Result<_>>()?,
            servers: parse(&config.servers)?,
            config,
            output: args.output.output()?,
        })
    }

    /// The row as it stands in a record before it is measured.
    ///
    /// # Errors
    /// When it is no workload, which [`ROWS`] excludes.
    pub fn unmeasured(&self, row: &Row) -> anyhow::Result<SuiteRow> {
        let workload: Workload = row.workload.parse()?;
        let lacking = self.servers.iter().filter_map(|server| {
            Some(Lacking {
                server: server.label.clone(),
                reason: reason_to_lack(server, row, &workload)?.to_owned(),
            })
        });
        Ok(SuiteRow::new(
            row.workload,
            row.connections,
            lacking.collect(),
        ))
    }

    /// The run of a row; `None` when no server has its work.
    ///
    /// # Errors
    /// When the row makes no sense, which [`ROWS`] excludes.
    pub fn run(&self, row: &Row) -> anyhow::Result<Option<Plan>> {
        let servers = self.servers_of(row)?;
        if servers.is_empty() {
            return Ok(None);
        }
        let budget = row.budget(servers.len(), self.config.quick);
        let connections = row.connections as usize;
        let work = Work::Contract(row.workload.parse()?);
        let mut plan = Plan {
            contrast: row.contrast && !self.config.quick,
            warmup: budget.warmup,
            blocks: budget.blocks,
            one_slice_per_block: budget.one_slice_per_block,
            timeout: row.timeout(),
            seed: self.config.seed,
            max_errors: MAX_ERRORS,
            quiet: true, // the suite says itself how far it is
            ..Plan::closed_loop(servers, work, connections, budget.measured)
        };
        scenarios::of(&plan.work).fit(&mut plan)?;
        Ok(Some(plan))
    }

    /// About how long a row takes: its load, starting and verifying the servers, and, around every slice, an
    /// answer before it counts and one after.
    ///
    /// # Errors
    /// As [`SuitePlan::run`].
    pub fn estimate(&self, row: &Row) -> anyhow::Result<Duration> {
        let Some(plan) = self.run(row)? else {
            return Ok(Duration::ZERO);
        };
        let load = fitted::estimated_time(&plan).unwrap_or_default();
        let servers = u32::try_from(plan.servers.len()).unwrap_or(u32::MAX);
        let per_server = match plan.servers.len() {
            0 => Duration::ZERO,
            several => load.div_f64(several as f64),
        };
        let cut = slices::cut(ToCut {
            per_server,
            servers: plan.servers.len(),
            blocks: plan.blocks,
            turns: match plan.one_slice_per_block {
                true => Turns::Once,
                false => Turns::Short,
            },
            mean_response: row.answer(),
            longest_silence: Duration::ZERO,
        });
        let slices = cut.blocks * cut.slices_per_block;
        let around = row.answer() * (2 * slices + 1);
        Ok((per_server + around + START) * servers)
    }

    /// The servers that a row is measured on.
    fn servers_of(&self, row: &Row) -> anyhow::Result<Vec<ServerSpec>> {
        let workload: Workload = row.workload.parse()?;
        let having = self.servers.iter();
        Ok(having
            .filter(|server| reason_to_lack(server, row, &workload).is_none())
            .cloned()
            .collect())
    }
}

fn reason_to_lack(server: &ServerSpec, row: &Row, workload: &Workload) -> Option<&'static str> {
    match &server.source {
        ServerSource::BuiltIn { model, .. } => workload.lacking(model).or_else(|| row.unfit(model)),
        _ => None,
    }
}

fn select(only: &[String]) -> anyhow::Result<Vec<Row>> {
    for wanted in only {
        if !ROWS.iter().any(|row| row.is_meant_by(wanted)) {
            let known: Vec<&str> = ROWS.iter().map(|row| row.workload).collect();
            bail!(
                "--only {wanted}: the suite has no such row; there are {}",
                known.join(", ")
            );
        }
    }
    let is_wanted = |row: &Row| only.is_empty() || only.iter().any(|only| row.is_meant_by(only));
    Ok(ROWS.into_iter().filter(is_wanted).collect())
}

fn parse(specs: &[String]) -> anyhow::Result<Vec<ServerSpec>> {
    let servers: Vec<ServerSpec> = specs
        .iter()
        .map(|text| ServerSpec::parse(text))
        .collect::<anyhow::Result<_>>()?;
    check_for_workloads(&servers)?;
    Ok(servers)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: SuiteArgs,
    }

    fn plan(line: &str) -> anyhow::Result<SuitePlan> {
        let words = std::iter::once("suite").chain(line.split_whitespace());
        SuitePlan::new(&Line::try_parse_from(words)?.args)
    }

    fn minutes(line: &str) -> f64 {
        let plan = plan(line).unwrap();
        let each = plan.rows.iter().map(|row| plan.estimate(row).unwrap());
        each.sum::<Duration>().as_secs_f64() / 60.0
    }

    #[test]
    fn by_default_all_rows_on_all_built_in_servers_in_about_ten_minutes_or_two() {
        let all = plan("").unwrap();
        assert_eq!((all.rows.len(), all.servers.len()), (ROWS.len(), 4));
        let (full, quick) = (minutes(""), minutes("--quick"));
        assert!((8.0..12.5).contains(&full), "{full} min");
        assert!((1.2..2.6).contains(&quick), "{quick} min, quickly");
    }

    #[test]
    fn a_server_is_left_out_of_the_rows_that_it_lacks() {
        let plan = plan("--only upload:stream --only hello").unwrap();
        let upload = plan
            .rows
            .iter()
            .find(|row| row.workload == "upload:stream")
            .unwrap();
        let row = plan.unmeasured(upload).unwrap();
        assert_eq!(row.lacking.len(), 1);
        assert_eq!(row.lacking[0].server, "async-bare");
        assert_eq!(plan.run(upload).unwrap().unwrap().servers.len(), 3);
        assert_eq!(plan.run(&plan.rows[0]).unwrap().unwrap().servers.len(), 4);
    }

    #[test]
    fn contradictions_are_told() {
        for (line, told) in [
            ("--only nonsense", "no such row"),
            ("--only upload:stream-64", "no such row"),
            ("-s sync -s sync", "two servers"),
            ("-s nonsense", "no server"),
            ("-s async-bare --only upload", "none of these servers"),
            ("--resume x.json --quick", "cannot be used with"),
            ("-o x.docx", "docx"),
        ] {
            let error = plan(line).expect_err(line).to_string();
            assert!(error.contains(told), "{line}: {error}");
        }
    }
}
