//! The result: to standard output, to files, to `results/`.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bench::files::{new_file, time_slug, write_whole};
use bench::stderr::{progress, say};
use record::Record;
use render::document::Document;
use render::{Format, RenderOptions, Rendered};

/// What becomes of the figures.
#[derive(Debug, Clone)]
pub struct Output {
    /// Printed as.
    pub format: render::Format,
    /// Files written beside.
    pub files: Vec<PathBuf>,
    /// Whether the record goes to `results/`.
    pub save: bool,
    /// Whether progress is shown.
    pub quiet: bool,
}

/// Fails when a file that is asked for cannot be written, before anything is measured.
///
/// # Errors
/// Then, with the reason.
pub fn check_files(files: &[PathBuf]) -> anyhow::Result<()> {
    for path in files {
        render::Format::of_path(path)?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            bail!(
                "cannot write {}: there is no folder {}",
                path.display(),
                folder.display()
            );
        }
    }
    Ok(())
}

/// Prints the result, writes the files asked for, saves the record. A record that cannot be saved by
/// itself is a complaint, not a failure: the result stands on standard output.
///
/// # Errors
/// When standard output or a file that was asked for cannot be written. All files are tried.
pub fn publish(record: &Record, output: &Output) -> anyhow::Result<()> {
    let printed = print(&pages::render(record, output.format, &terminal_options()));
    if output.save {
        match save(record) {
            Ok(path) => note(output, &format!("record saved as {}", path.display())),
            Err(error) => complain(&error.context("the record was not saved")),
        }
    }
    let records = std::slice::from_ref(record);
    let render = |format, options: &_| pages::render_all(records, format, options);
    printed.and(write_each(&output.files, None, true, &render))
}

/// Writes each file as `render` spells it, and its charts beside it. All files are tried.
///
/// `format` is what the ending of a name says unless it is given; without `images` no chart is a file.
///
/// # Errors
/// When a file cannot be written or its ending stands for no format.
pub fn write_each(
    paths: &[PathBuf],
    format: Option<Format>,
    images: bool,
    render: &dyn Fn(Format, &RenderOptions) -> Rendered,
) -> anyhow::Result<()> {
    let mut written = Ok(());
    for path in paths {
        let this = format
            .map_or_else(|| Format::of_path(path), Ok)
            .map_err(anyhow::Error::from)
            .and_then(|format| write_report(path, images, &|options| render(format, options)));
        written = written.and(this);
    }
    written
}

fn write_report(
    path: &Path,
    images: bool,
    render: &dyn Fn(&RenderOptions) -> Rendered,
) -> anyhow::Result<()> {
    let stem = path.file_stem().filter(|_| images);
    let rendered = render(&RenderOptions {
        stem: stem.map(|stem| stem.to_string_lossy().into_owned()),
        ..RenderOptions::default()
    });
    for (name, contents) in &rendered.beside {
        write_whole(&path.with_file_name(name), contents)?;
    }
    write_whole(path, &rendered.text)
}

/// Prints a result and writes the files asked for, each as `render` spells it in its format.
///
/// # Errors
/// When standard output or a file cannot be written. All files are tried.
pub fn show(
    render: &dyn Fn(Format, &RenderOptions) -> Rendered,
    output: &Output,
) -> anyhow::Result<()> {
    let printed = print(&render(output.format, &terminal_options()).text);
    printed.and(write_each(&output.files, None, true, render))
}

/// Prints what `render` spells for this terminal.
///
/// # Errors
/// When standard output cannot be written.
pub fn print_rendered(render: &dyn Fn(&RenderOptions) -> Rendered) -> anyhow::Result<()> {
    print(&render(&terminal_options()).text)
}

/// Prints a document that is not made from a record.
///
/// # Errors
/// When standard output cannot be written.
pub fn print_document(document: &Document) -> anyhow::Result<()> {
    print(&render::text::render(document, &terminal_options()))
}

/// Says what went wrong on standard error.
pub fn complain(error: &anyhow::Error) {
    say(&format!("loadgen: {}", told_once(error)));
}

/// The error and its causes, without those whose words stand in the message already.
pub fn told_once(error: &anyhow::Error) -> String {
    let mut message = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    message
}

/// Says something beside the result, unless `--quiet`.
pub fn note(output: &Output, text: &str) {
    progress(output.quiet, text);
}

/// Prints to standard output. A reader that has seen enough (`| head`) is no failure.
///
/// # Errors
/// When standard output cannot be written.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

fn terminal_options() -> RenderOptions {
    let terminal = io::stdout().is_terminal();
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let colour = terminal && !is_set("NO_COLOR") && !is_dumb;
    let columns = terminal_size::terminal_size().filter(|_| terminal);
    let narrow = RenderOptions::default().width; // a file, a pipe
    RenderOptions {
        width: columns.map_or(narrow, |(columns, _)| usize::from(columns.0)),
        colour,
        stem: None,
    }
}

/// Saves the record under `results/`, its name the time in UTC and a slug of what was measured.
fn save(record: &Record) -> anyhow::Result<PathBuf> {
    let path = new_file(&file_name(record))?;
    let text = pages::render(record, Format::Json, &RenderOptions::default());
    write_whole(&path, &text)?;
    Ok(path)
}

/// `20261122T101500Z-hello-c360`.
pub fn file_name(record: &Record) -> String {
    let slug: String = record
        .config
        .workload
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let time = time_slug(&record.started_at);
    format!("{time}-{slug}-c{}", record.config.concurrency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("refused")
            .context("cannot connect: refused")
            .context("no answer");
        assert_eq!(told_once(&error), "no answer: cannot connect: refused");
    }
}
