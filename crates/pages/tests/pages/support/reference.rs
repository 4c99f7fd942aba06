//! What is made from the committed records: the reports beside them, and the README's block.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use record::any;
use render::{Format, RenderOptions};

/// A block of the README: its marks, and which part of which report stands between them.
struct Shown {
    opening: &'static str,
    closing: &'static str,
    report: &'static str,
    part: fn(&str) -> String,
}

const SHOWN: [Shown; 3] = [
    Shown {
        opening: "<!-- output -->\n```text\n",
        closing: "```\n<!-- /output -->",
        report: "main-job.txt",
        part: str::to_owned,
    },
    Shown {
        opening: "<!-- article -->\n",
        closing: "<!-- /article -->",
        report: "article.md",
        part: first_table,
    },
    Shown {
        opening: "<!-- sweep -->\n",
        closing: "<!-- /sweep -->",
        report: "sweep.md",
        part: crossover,
    },
];

/// The top of the repository.
pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every file that is made from the committed records, with what the current renderer makes of it.
pub(crate) fn made() -> io::Result<BTreeMap<PathBuf, String>> {
    let mut made = BTreeMap::new();
    let folder = top().join("results/reference");
    for path in records(&folder)? {
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let record = any::read(&path).map_err(io::Error::other)?;
        let options = RenderOptions {
            stem: Some(stem.clone()),
            ..RenderOptions::default()
        };
        for (format, ending) in [(Format::Markdown, "md"), (Format::Text, "txt")] {
            let rendered = pages::any::render(&record, format, &options);
            made.insert(folder.join(format!("{stem}.{ending}")), rendered.text);
            let beside = rendered.beside.into_iter();
            made.extend(beside.map(|(name, contents)| (folder.join(name), contents)));
        }
    }
    let readme = top().join("README.md");
    let mut text = fs::read_to_string(&readme)?;
    for shown in &SHOWN {
        if let Some(report) = made.get(&folder.join(shown.report)) {
            text = with_block(&text, shown, &(shown.part)(report));
        }
    }
    made.insert(readme, text);
    Ok(made)
}

fn records(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    Ok(paths)
}

/// The first table of a Markdown report.
fn first_table(markdown: &str) -> String {
    let is_row = |line: &&str| line.starts_with('|');
    let from_table = markdown.lines().skip_while(|line| !is_row(line));
    from_table
        .take_while(is_row)
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// Where async overtakes the thread-per-connection server, of the Markdown report of a sweep.
fn crossover(markdown: &str) -> String {
    let is_answer =
        |line: &&str| line.starts_with("**Where async answers more requests than sync ");
    let answer = markdown.lines().find(is_answer).unwrap_or_default();
    let (_, map) = markdown
        .split_once("**Requests per second, async ÷ sync**")
        .unwrap_or_default();
    format!("{answer}\n\n{}", first_table(map))
}

/// The README with this part of a report in its block.
fn with_block(readme: &str, shown: &Shown, part: &str) -> String {
    let (opening, closing) = (shown.opening, shown.closing);
    let (before, rest) = readme
        .split_once(opening)
        .unwrap_or_else(|| panic!("README.md lacks {opening:?}"));
    let (_, after) = rest
        .split_once(closing)
        .unwrap_or_else(|| panic!("README.md lacks {closing:?}"));
    format!("{before}{opening}{part}{closing}{after}")
}
