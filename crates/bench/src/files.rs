//! Files that are written: whole or not at all, records under `results/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Where records are kept, below the folder the program runs in.
const RESULTS: &str = "results";

/// The path of a file under `results/` that does not exist yet, its name beginning with `name`.
///
/// # Errors
/// When the folder cannot be made, or the name is taken too often.
pub fn new_file(name: &str) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(RESULTS).with_context(|| format!("cannot make the folder {RESULTS}"))?;
    for attempt in 0..100 {
        let suffix = if attempt == 0 {
            String::new()
        } else {
            format!("-{attempt}")
        };
        let path = Path::new(RESULTS).join(format!("{name}{suffix}.json"));
        if !path.exists() {
            return Ok(path);
        }
    }
    anyhow::bail!("a hundred records are called {RESULTS}/{name}")
}

/// An RFC 3339 time as part of a file name: `20261122T101500Z`.
pub fn time_slug(rfc3339: &str) -> String {
    rfc3339
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect()
}

/// Writes beside the file and renames, so that a full disk leaves no half of a file.
///
/// # Errors
/// When it cannot be written; the file that was there before is untouched then.
pub fn write_whole(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = fs::write(&part, text).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        fs::remove_file(&part).ok(); // the error that is told is the first one
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.json");
        write_whole(&path, "{}").expect("it can be written");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "{}");
        let error = write_whole(&folder.path().join("no/b.json"), "{}")
            .expect_err("there is no such folder");
        assert!(error.to_string().contains("b.json"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1);
    }
}
