//! What becomes of a gate's result: standard output, files, `results/`, GitHub.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pages::gate::{document, verdict};
use record::Warning;
use record::gate::{GateRecord, Verdict};
use render::document::Document;
use render::{RenderOptions, json, markdown, render_document};

use crate::output;
use crate::output::Output;

/// What GitHub's annotations and the summary of a failure are called.
const TITLE: &str = "Performance gate";
/// The file that GitHub shows as the summary of a job.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// Set in every GitHub job.
const ACTIONS: &str = "GITHUB_ACTIONS";

/// Prints, writes and saves. What nobody asked for by name (the record under `results/`, GitHub's
/// summary) is a complaint where it fails, not an error.
///
/// # Errors
/// When standard output or a file that was asked for cannot be written. All files are tried.
pub fn publish(record: &GateRecord, output: &Output) -> anyhow::Result<()> {
    let page = document(record);
    let render = |format, options: &_| render_document(record, &page, format, options);
    let shown = output::show(&render, output);
    if output.save {
        match save(record) {
            Ok(path) => output::note(output, &format!("record saved as {}", path.display())),
            Err(error) => output::complain(&error.context("the record was not saved")),
        }
    }
    tell_github(&page, &annotations(record));
    shown
}

fn save(record: &GateRecord) -> anyhow::Result<PathBuf> {
    let path = bench::files::new_file(&format!("{}-gate", output::file_name(&record.run)))?;
    bench::files::write_whole(&path, &json::render(record))?;
    Ok(path)
}

/// Tells GitHub that nothing could be measured, and why; standard error is for the caller.
pub fn failure(error: &anyhow::Error) {
    let told = format!("COULD NOT MEASURE: {}", output::told_once(error));
    let page = Document {
        title: TITLE.to_owned(),
        verdict: vec![told.clone()],
        sections: Vec::new(),
        warnings: Vec::new(),
    };
    tell_github(&page, &[annotation("error", &told)]);
}

fn tell_github(page: &Document, annotations: &[String]) {
    if let Some(file) = std::env::var_os(STEP_SUMMARY).filter(|file| !file.is_empty())
        && let Err(error) = append(
            Path::new(&file),
            &markdown::render(page, &RenderOptions::default()).text,
        )
    {
        output::complain(&error);
    }
    if std::env::var_os(ACTIONS).is_some_and(|value| value == "true") {
        // On standard error, where GitHub looks as well: standard output may be one JSON document.
        for line in annotations {
            bench::stderr::say(line);
        }
    }
}

fn append(file: &Path, text: &str) -> anyhow::Result<()> {
    let opened = OpenOptions::new().create(true).append(true).open(file);
    opened
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write the job's summary to {}", file.display()))
}

/// GitHub's workflow commands: the verdict, and each reason to distrust it.
fn annotations(record: &GateRecord) -> Vec<String> {
    let judgement = &record.gate.judgement;
    let level = match judgement.verdict {
        Verdict::Passed => "notice",
        Verdict::Inconclusive => "warning",
        Verdict::Regressed | Verdict::Failed => "error",
    };
    let warning = |warning: &Warning| annotation("warning", &warning.message);
    std::iter::once(annotation(level, &verdict(judgement)))
        .chain(record.run.warnings.iter().map(warning))
        .collect()
}

fn annotation(level: &str, message: &str) -> String {
    let escaped = message
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A");
    format!("::{level} title={TITLE}::{escaped}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_is_one_line() {
        assert_eq!(
            annotation("error", "5 %\nmore"),
            "::error title=Performance gate::5 %25%0Amore"
        );
    }
}
