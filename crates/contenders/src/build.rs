//! Building a contender with its own tools. What has changed is theirs to know: the commands of a manifest
//! are quick when there is nothing to do, and are run every time.

use anyhow::{Context as _, bail};

use super::catalogue::Foreign;
use super::names::Names;
use bench::process;

/// Lines of a failing tool's output that are shown.
const SHOWN_LINES: usize = 60;

/// Builds a contender.
///
/// # Errors
/// When a command fails: with the end of its own output; or when the artifact is not there afterwards.
pub(crate) fn build(foreign: &Foreign, names: &Names<'_>) -> anyhow::Result<()> {
    let Some(spec) = &foreign.build else {
        return Ok(());
    };
    let env = names.fill_env(&spec.env)?;
    for command in &spec.commands {
        let command = names.fill_all(command)?;
        let line = command.join(" ");
        let ended = process::run_to_end(&command, names.dir(), &env)
            .with_context(|| format!("`{line}` could not be run"))?;
        if !ended.success {
            bail!("`{line}` failed; its output:\n{}", tail(&ended.output));
        }
    }
    let artifact = names.dir().join(&spec.artifact);
    if !artifact.exists() {
        bail!(
            "the build ended well, but there is no {}",
            artifact.display()
        );
    }
    Ok(())
}

fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let start = lines.len().saturating_sub(SHOWN_LINES);
    let shown = lines[start..].iter().map(|line| format!("  {line}"));
    match shown.collect::<Vec<_>>().join("\n") {
        text if text.is_empty() => "  (nothing)".to_owned(),
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_long_output_is_shown() {
        let output: String = (0..100).map(|line| format!("line {line}\n")).collect();
        let shown = tail(&output);
        assert!(shown.starts_with("  line 40\n") && shown.ends_with("line 99"));
        assert_eq!(tail(""), "  (nothing)");
    }
}
