//! `loadgen contenders list`, `build` and `verify`.

use anyhow::bail;
use record::contenders::{Contender, LeftOut, Stage};
use render::document::{Document, Item, Section};
use render::table::{Cell, Column, Layout, Table};

use super::cli::{ListArgs, Select};
use crate::output::Output;
use crate::{exit, output};
use bench::interrupt;
use contenders::catalogue::{self, Entry};
use contenders::prepare::{Workshop, outcome};

/// Shows what can run here.
///
/// # Errors
/// When a manifest is wrong, or standard output cannot be written.
pub fn list(args: &ListArgs) -> anyhow::Result<u8> {
    let output = args.show.output()?;
    let mut entries = catalogue::select(&args.select.folders, &args.select.only)?;
    let mut workshop = Workshop::new(Vec::new(), args.select.quiet)?;
    for entry in &mut entries {
        entry.facts.left_out = workshop.find_tools(entry).err();
    }
    let facts = facts(entries);
    let rows = facts.iter().map(|it| {
        let tools: Vec<String> = it
            .tools
            .iter()
            .map(|tool| format!("{} {}", tool.name, tool.version))
            .collect();
        let here = match (&it.left_out, &it.builtin) {
            (Some(why), _) => why.reason.clone(),
            (None, Some(builtin)) => format!("yes, built-in {builtin}"),
            (None, None) if tools.is_empty() => "yes".to_owned(),
            (None, None) => format!("yes, with {}", tools.join(", ")),
        };
        let article = it.article.as_deref().unwrap_or("");
        vec![
            Cell::text(&it.name),
            Cell::text(&it.title),
            Cell::text(&it.language),
            Cell::text(it.model.words()),
            Cell::text(article),
            Cell::text(here),
        ]
    });
    let columns = [
        "Name",
        "Server",
        "Language",
        "Model",
        "Article",
        "Runs here",
    ];
    show(
        table("contenders", &columns, rows.collect()),
        &facts,
        &output,
    )?;
    Ok(code(&facts, args.select.strict))
}

/// Builds.
///
/// # Errors
/// When a manifest is wrong. A build that fails is told, and the others are made.
pub fn build(args: &Select) -> anyhow::Result<u8> {
    interrupt::install()?;
    let mut entries = catalogue::select(&args.folders, &args.only)?;
    let mut workshop = Workshop::new(Vec::new(), args.quiet)?;
    for entry in &mut entries {
        let built = workshop
            .find_tools(entry)
            .and_then(|tools| workshop.build(entry, &tools));
        settle(entry, built, args.quiet)?;
    }
    Ok(code(&facts(entries), args.strict))
}

/// Builds, starts and compares.
///
/// # Errors
/// When a manifest is wrong, or standard output cannot be written. What fails is told, the others are compared.
pub fn verify(args: &ListArgs) -> anyhow::Result<u8> {
    let output = args.show.output()?;
    interrupt::install()?;
    let select = &args.select;
    let mut entries = catalogue::select(&select.folders, &select.only)?;
    let mut workshop = Workshop::new(Vec::new(), select.quiet)?;
    let mut rows = Vec::new();
    for entry in &mut entries {
        let verified = verify_one(&mut workshop, entry);
        let result = match &verified {
            Ok(answers) => format!("{answers} answers, all as the contract says"),
            Err(why) => format!("{}: {}", why.stage.words(), why.reason),
        };
        rows.push(vec![Cell::text(&entry.facts.name), Cell::text(result)]);
        settle(entry, verified.map(drop), select.quiet)?;
    }
    let facts = facts(entries);
    show(
        table("verified", &["Name", "Result"], rows),
        &facts,
        &output,
    )?;
    Ok(code(&facts, select.strict))
}

fn verify_one(workshop: &mut Workshop, entry: &mut Entry) -> Result<usize, LeftOut> {
    let tools = workshop.find_tools(entry)?;
    workshop.build(entry, &tools)?;
    let spec = workshop.spec(entry, &tools)?;
    workshop.verify(entry, &spec)
}

/// Writes down what became of a contender, and says so.
///
/// # Errors
/// When Ctrl-C came meanwhile: what failed then says nothing.
pub(super) fn settle(
    entry: &mut Entry,
    result: Result<(), LeftOut>,
    quiet: bool,
) -> anyhow::Result<()> {
    if interrupt::requested() {
        bail!("interrupted");
    }
    entry.facts.left_out = result.err();
    tell(&entry.facts, quiet);
    Ok(())
}

/// Says what became of a contender. Whoever wants no progress still wants to know what failed.
pub(super) fn tell(facts: &Contender, quiet: bool) {
    let line = format!("{}: {}", facts.name, outcome(facts));
    match &facts.left_out {
        Some(why) if why.stage.is_failure() => output::complain(&anyhow::anyhow!(line)),
        _ => bench::stderr::progress(quiet, &line),
    }
}

/// Two when something that should run could not be built or started, one when it answered wrongly.
pub(super) fn code(facts: &[Contender], strict: bool) -> u8 {
    let failed = |stage: Stage| match stage {
        Stage::Answers | Stage::Load => exit::TOO_MANY_ERRORS,
        Stage::Build | Stage::Start => exit::NOT_MEASURED,
        Stage::Tools if strict => exit::NOT_MEASURED,
        Stage::Tools | Stage::Routes => exit::MEASURED,
    };
    let codes = facts.iter().filter_map(|it| it.left_out.as_ref());
    codes
        .map(|why| failed(why.stage))
        .max()
        .unwrap_or(exit::MEASURED)
}

fn facts(entries: Vec<Entry>) -> Vec<Contender> {
    entries.into_iter().map(|entry| entry.facts).collect()
}

fn table(id: &str, columns: &[&str], rows: Vec<Vec<Cell>>) -> Table {
    Table {
        id: id.to_owned(),
        title: String::new(),
        columns: columns
            .iter()
            .map(|heading| Column::words(*heading, 0))
            .collect(),
        rows,
        layout: Layout::Upright,
        notes: Vec::new(),
    }
}

fn show(table: Table, facts: &[Contender], output: &Output) -> anyhow::Result<()> {
    let document = Document {
        title: "Contenders".to_owned(),
        verdict: Vec::new(),
        sections: vec![Section {
            heading: String::new(),
            folded: false,
            items: vec![Item::Table(table)],
        }],
        warnings: Vec::new(),
    };
    output::show(
        &|format, options| render::render_document(&facts, &document, format, options),
        output,
    )
}
