//! `loadgen contenders run` and `loadgen article`.

use std::path::Path;

use analysis::contenders::with_standings;
use anyhow::bail;
use contract::Workload;
use record::contenders::{Contender, ContendersRecord, LeftOut, Stage};
use record::{CellResult, Record, Warning};
use render::Format;

use super::cli::{ArticleArgs, MeasureArgs, RunArgs};
use super::list::{code, settle, tell};
use contenders::catalogue::{self, Entry, Server};
use contenders::prepare::Workshop;

use crate::args::Cpus;
use crate::output::Output;
use crate::{exit, output};
use bench::interrupt;
use bench::server_spec::ServerSpec;
use bench::work::Work;
use experiments::plan::{self, Plan};
use experiments::run::Outcome;
use experiments::{run as main_job, scenarios};

/// The workload of the article.
const ARTICLE_WORKLOAD: &str = "hello";

/// What was measured, and what became of every contender.
struct Measured {
    record: Record,
    contenders: Vec<Contender>,
    output: Output,
    failure: Option<anyhow::Error>,
}

/// Measures contenders with any workload.
///
/// # Errors
/// When nothing could be measured, or the result cannot be written.
pub fn run(args: &RunArgs) -> anyhow::Result<u8> {
    let mut measured = measure(&args.measure, &args.workload)?;
    let left_out = measured.contenders.iter().filter_map(|it| {
        let why = it.left_out.as_ref()?;
        Some(Warning {
            code: "contender_left_out".to_owned(),
            message: format!("{}: {}: {}", it.name, why.stage.words(), why.reason),
        })
    });
    measured.record.warnings.extend(left_out);
    output::publish(&measured.record, &measured.output)?;
    exit_code(measured, &args.measure)
}

/// Makes the article's table.
///
/// # Errors
/// When nothing could be measured, or the result cannot be written.
pub fn article(args: &ArticleArgs) -> anyhow::Result<u8> {
    let measure_args = &args.measure;
    if let Some(path) = &args.from {
        let bytes = record::file::read_bytes(path)?;
        let ContendersRecord {
            mut record,
            contenders,
            ..
        } = ContendersRecord::parse(&bytes, path)?;
        // What was measured stays; what is said of it is derived anew.
        analysis::analyse(&mut record);
        let article = with_standings(record, contenders);
        let output = Output {
            save: false,
            ..output(measure_args)?
        };
        publish(&article, &output)?;
        return Ok(exit::MEASURED);
    }
    let mut measured = measure(measure_args, ARTICLE_WORKLOAD)?;
    warn_of_profile(&mut measured.record);
    let article = with_standings(measured.record, measured.contenders);
    publish(&article, &measured.output)?;
    measured.record = article.record;
    measured.contenders = article.contenders;
    exit_code(measured, measure_args)
}

fn exit_code(measured: Measured, args: &MeasureArgs) -> anyhow::Result<u8> {
    if let Some(failure) = measured.failure {
        return Err(failure);
    }
    // What has failed has a code of its own: its errors are not those of the others.
    let has_failed = |cell: &CellResult| {
        let mut contenders = measured.contenders.iter();
        let left_out = contenders.find(|it| it.name == cell.server);
        left_out.is_some_and(|it| it.left_out.is_some())
    };
    let of_run = exit::of_cells(&measured.record, &|cell| !has_failed(cell), args.max_errors);
    if of_run != exit::MEASURED || code(&measured.contenders, args.select.strict) == exit::MEASURED
    {
        return Ok(of_run);
    }
    Ok(exit::TOO_MANY_ERRORS) // measured, but not all that should have been
}

/// Makes contenders ready one by one, then measures all that are, interleaved.
fn measure(args: &MeasureArgs, workload: &str) -> anyhow::Result<Measured> {
    let workload: Workload = workload.parse()?;
    let output = output(args)?;
    let server_cpus = cpus(args.server_cpus.as_ref());
    plan::check_pinning(&[&server_cpus, &cpus(args.client_cpus.as_ref())])?;
    interrupt::install()?;
    let mut entries = catalogue::select(&args.select.folders, &args.select.only)?;
    catalogue::check_rows(&entries)?;
    let mut workshop = Workshop::new(server_cpus.clone(), args.select.quiet)?;
    let mut servers = Vec::new();
    for entry in &mut entries {
        let ready = workshop.make_ready(entry, &workload);
        let result = ready.map(|spec| servers.push(spec));
        settle(entry, result, args.select.quiet)?;
    }
    if servers.is_empty() {
        bail!("no contender is left to measure");
    }
    let mut plan = plan(args, servers, workload, server_cpus, &output);
    scenarios::of(&plan.work).fit(&mut plan)?;
    bench::cpu::say_if_busy(plan.quiet);
    let mut outcome = main_job::run_past_failures(&plan)?;
    for (server, reason) in failed_under_load(&outcome) {
        let mut entries = entries.iter_mut();
        if let Some(entry) = entries.find(|entry| entry.facts.name == server) {
            leave_out(entry, reason, args.select.quiet);
        }
    }
    forget_folders(&mut outcome.record, &mut entries);
    declare_pools(&mut outcome.record, &entries);
    Ok(Measured {
        record: outcome.record,
        contenders: entries.into_iter().map(|entry| entry.facts).collect(),
        output,
        failure: outcome.failure,
    })
}

/// Servers that did not last, or did not answer right, with the reason.
fn failed_under_load(outcome: &Outcome) -> Vec<(String, String)> {
    let did_not_last = outcome.failed.iter();
    let did_not_last = did_not_last.map(|it| (it.server.clone(), it.reason.clone()));
    let answered = outcome.record.results.iter().filter_map(|cell| {
        let wrong = cell.errors.answered_wrongly();
        let reason = match cell.requests {
            _ if wrong > 0 => format!(
                "{} were not what the contract says ({} of another status, {} of another body, {} not HTTP), beside {}",
                format::counted(wrong, "answer"),
                cell.errors.status,
                cell.errors.body,
                cell.errors.protocol,
                format::counted(cell.requests, "right one"),
            ),
            0 if !outcome.record.interrupted => format!("no request was answered ({})", format::counted(cell.errors.total, "error")),
            _ => return None,
        };
        Some((cell.server.clone(), reason))
    });
    did_not_last.chain(answered).collect()
}

/// Writes down that a contender failed under load, unless it has failed already, and says so.
fn leave_out(entry: &mut Entry, reason: String, quiet: bool) {
    if entry.facts.left_out.is_none() {
        let stage = Stage::Load;
        entry.facts.left_out = Some(LeftOut { stage, reason });
        tell(&entry.facts, quiet);
    }
}

/// What waits beyond a pool that a manifest declares is no failure.
fn declare_pools(record: &mut Record, entries: &[Entry]) {
    for server in &mut record.config.servers {
        let mut entries = entries.iter().map(|entry| &entry.facts);
        let facts = entries.find(|facts| facts.name == server.name);
        server.pool_threads = facts.and_then(|facts| facts.pool_threads);
    }
}

/// Records are passed on: commands stand in them as the manifests have them, and tools by their names, not
/// with the folders of this machine.
fn forget_folders(record: &mut Record, entries: &mut [Entry]) {
    for entry in entries {
        for tool in &mut entry.facts.tools {
            if let Some(name) = Path::new(&tool.program).file_name() {
                tool.program = name.to_string_lossy().into_owned();
            }
        }
        let Server::Foreign(foreign) = &entry.server else {
            continue;
        };
        let mut servers = record.config.servers.iter_mut();
        if let Some(server) = servers.find(|server| server.name == entry.facts.name) {
            server.command = Some(foreign.command.clone());
        }
    }
}

fn plan(
    args: &MeasureArgs,
    servers: Vec<ServerSpec>,
    workload: Workload,
    server_cpus: Vec<usize>,
    output: &Output,
) -> Plan {
    let work = Work::Contract(workload);
    let connections = args.concurrency as usize;
    let closed_loop = Plan::closed_loop(servers, work, connections, args.duration);
    Plan {
        threads: args.threads.map_or(closed_loop.threads, |threads| {
            connections.min(threads as usize)
        }),
        keep_alive: args.keep_alive.settings(),
        warmup: args.warmup,
        warmup_until_settled: true,
        blocks: args.blocks,
        timeout: args.timeout,
        seed: args.seed.unwrap_or(closed_loop.seed),
        server_cpus,
        client_cpus: cpus(args.client_cpus.as_ref()),
        max_errors: args.max_errors,
        quiet: output.quiet,
        ..closed_loop
    }
}

fn cpus(given: Option<&Cpus>) -> Vec<usize> {
    given.map_or_else(Vec::new, |cpus| cpus.0.clone())
}

fn output(args: &MeasureArgs) -> anyhow::Result<Output> {
    output::check_files(&args.output)?;
    Ok(Output {
        format: Format::from(args.format),
        files: args.output.clone(),
        save: !args.no_save,
        quiet: args.select.quiet,
    })
}

/// The contenders are release builds; so must the built-in servers be.
fn warn_of_profile(record: &mut Record) {
    let profile = &record.environment.build_profile;
    if profile == "release" {
        return;
    }
    let message = format!(
        "the built-in servers were built with profile {profile}, the contenders for release: \
         for figures worth keeping, `cargo run --release -p loadgen -- article`"
    );
    record.warnings.push(Warning {
        code: "build_profile".to_owned(),
        message,
    });
}

/// Prints, writes and saves it as the main job does with a record.
fn publish(article: &ContendersRecord, output: &Output) -> anyhow::Result<()> {
    let document = pages::contenders::document(article);
    let shown = output::show(
        &|format, options| match format {
            Format::Csv | Format::Hgrm => {
                pages::render_all(std::slice::from_ref(&article.record), format, options)
            }
            _ => render::render_document(article, &document, format, options),
        },
        output,
    );
    if output.save {
        match save(article) {
            Ok(path) => output::note(output, &format!("record saved as {}", path.display())),
            Err(error) => output::complain(&error.context("the record was not saved")),
        }
    }
    shown
}

fn save(article: &ContendersRecord) -> anyhow::Result<std::path::PathBuf> {
    let time = bench::files::time_slug(&article.record.started_at);
    let connections = article.record.config.concurrency;
    let path = bench::files::new_file(&format!("{time}-article-c{connections}"))?;
    bench::files::write_whole(&path, &render::json::render(article))?;
    Ok(path)
}
