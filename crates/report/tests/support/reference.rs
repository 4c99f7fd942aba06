//! What is made from the committed records: the reports beside them, and the README's block.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use report::{Format, RenderOptions, kept};

/// The record whose output the README shows.
const SHOWN: &str = "main-job";
const OPENING: &str = "<!-- output -->\n```text\n";
const CLOSING: &str = "```\n<!-- /output -->";

/// The top of the repository.
pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every file that is made from the committed records, with what the current renderer makes of it.
pub(crate) fn made() -> io::Result<BTreeMap<PathBuf, String>> {
    let mut made = BTreeMap::new();
    let mut shown = String::new();
    let folder = top().join("results/reference");
    for path in records(&folder)? {
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let record = kept::read(&path).map_err(io::Error::other)?;
        let options = RenderOptions {
            stem: Some(stem.clone()),
            ..RenderOptions::default()
        };
        for (format, ending) in [
            (Format::Markdown, "md"),
            (Format::Html, "html"),
            (Format::Text, "txt"),
        ] {
            let rendered = record.render(format, &options);
            if stem == SHOWN && format == Format::Text {
                shown.clone_from(&rendered.text);
            }
            made.insert(folder.join(format!("{stem}.{ending}")), rendered.text);
            let beside = rendered.beside.into_iter();
            made.extend(beside.map(|(name, contents)| (folder.join(name), contents)));
        }
    }
    let readme = top().join("README.md");
    let with_block = with_block(&fs::read_to_string(&readme)?, &shown);
    made.insert(readme, with_block);
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

/// The README with this output in its block.
fn with_block(readme: &str, output: &str) -> String {
    let (before, rest) = readme
        .split_once(OPENING)
        .expect("README.md has its output block");
    let (_, after) = rest
        .split_once(CLOSING)
        .expect("README.md closes its output block");
    format!("{before}{OPENING}{output}{CLOSING}{after}")
}
