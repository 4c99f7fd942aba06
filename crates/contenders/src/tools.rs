//! Which tools are there: programs looked for where a manifest says, and asked for their version.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::manifest::ToolSpec;

/// A tool that was found and will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Name in the manifest.
    pub name: String,
    /// The program, absolute.
    pub program: PathBuf,
    /// The folder of its installation.
    pub home: PathBuf,
    /// Version it told.
    pub version: String,
}

/// Looks for tools; asks each program only once.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    asked: HashMap<(PathBuf, Vec<String>), Result<String, String>>,
}

impl Tools {
    /// All tools, or in words which one is missing, too old or broken and how to get it.
    pub(crate) fn find_all(&mut self, specs: &[ToolSpec]) -> Result<Vec<Found>, String> {
        specs.iter().map(|spec| self.find(spec)).collect()
    }

    /// The first program found whose version will do: below `home_env`, on `PATH`, then at `paths`, the
    /// newest of each pattern first.
    fn find(&mut self, spec: &ToolSpec) -> Result<Found, String> {
        let program = spec.program.as_deref().unwrap_or(&spec.name);
        let mut of_no_use: Option<String> = None;
        for candidates in candidates(spec, program) {
            let mut versions: Vec<(PathBuf, String)> = Vec::new();
            for path in candidates {
                match self.version(&path, spec) {
                    Ok(version) => versions.push((path, version)),
                    Err(why) => drop(of_no_use.get_or_insert(why)),
                }
            }
            versions.sort_by_key(|(_, version)| std::cmp::Reverse(numbers(version)));
            for (path, version) in versions {
                if numbers(&version) >= numbers(&spec.min_version) {
                    return Ok(Found {
                        name: spec.name.clone(),
                        home: home(&path),
                        program: path,
                        version,
                    });
                }
                of_no_use.get_or_insert(format!("{} is {version}", path.display()));
            }
        }
        let (what, get) = (format!("{program} {}", spec.min_version), &spec.get);
        Err(match of_no_use {
            Some(why) => format!("needs {what} or newer, but {why}: {get}"),
            None => format!("needs {what} or newer, and there is none: {get}"),
        })
    }

    /// The version that a program tells, or why there is none.
    fn version(&mut self, path: &Path, spec: &ToolSpec) -> Result<String, String> {
        let key = (path.to_owned(), spec.probe.clone());
        let asked = self.asked.entry(key);
        let said = asked.or_insert_with(|| ask(path, &spec.probe)).clone()?;
        version_in(&said, &spec.version_after).ok_or_else(|| {
            let (question, said) = (question(path, &spec.probe), first_line(&said));
            format!(
                "`{question}` tells no version behind {:?}: {said}",
                spec.version_after
            )
        })
    }
}

/// Where a program may be, in the order of trying; of those tried together the newest is taken.
fn candidates(spec: &ToolSpec, program: &str) -> Vec<Vec<PathBuf>> {
    let home = spec.home_env.as_ref().and_then(std::env::var_os);
    let below_home = home.map(|home| Path::new(&home).join("bin").join(program));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(program));
    let one_by_one = below_home.into_iter().chain(on_path).map(|path| vec![path]);
    let usual = spec.paths.iter().map(|pattern| matching(pattern));
    let mut all: Vec<Vec<PathBuf>> = one_by_one.chain(usual).collect();
    for candidates in &mut all {
        candidates.retain(|path| path.is_absolute() && path.is_file());
    }
    all
}

/// What a program prints about its version, on either output; or why it cannot be asked.
fn ask(program: &Path, probe: &[String]) -> Result<String, String> {
    let question = question(program, probe);
    let output = Command::new(program)
        .args(probe)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("`{question}` cannot be run: {error}"))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let (status, said) = (output.status, first_line(&said));
    Err(format!("`{question}` failed ({status}): {said}"))
}

/// The command line that asks a program for its version.
fn question(program: &Path, probe: &[String]) -> String {
    format!("{} {}", program.display(), probe.join(" "))
}

fn first_line(said: &str) -> &str {
    let mut lines = said.lines().map(str::trim);
    lines.find(|line| !line.is_empty()).unwrap_or("(nothing)")
}

/// The digits and dots right behind the first `after` that is followed by a digit.
fn version_in(text: &str, after: &str) -> Option<String> {
    let starts = text.match_indices(after).map(|(at, _)| at + after.len());
    let mut versions = starts.map(|start| {
        let rest = &text[start..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        rest[..end].trim_end_matches('.')
    });
    versions
        .find(|version| version.starts_with(|c: char| c.is_ascii_digit()))
        .map(str::to_owned)
}

/// A version as numbers, compared one by one; zeros at the end do not count.
fn numbers(version: &str) -> Vec<u64> {
    let mut numbers: Vec<u64> = version
        .split('.')
        .map(|number| number.parse().unwrap_or(0))
        .collect();
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    numbers
}

/// The folder above the `bin` that a program lies in once links are followed.
fn home(program: &Path) -> PathBuf {
    let real = std::fs::canonicalize(program).unwrap_or_else(|_| program.to_owned());
    real.ancestors()
        .nth(2)
        .map_or_else(|| PathBuf::from("/"), Path::to_owned)
}

/// The paths that match a pattern in which `*` stands for any part of one file name.
fn matching(pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in Path::new(pattern) {
        let part = part.to_string_lossy();
        if !part.contains('*') {
            found.iter_mut().for_each(|path| path.push(&*part));
            continue;
        }
        found = found
            .iter()
            .filter_map(|folder| std::fs::read_dir(folder).ok())
            .flat_map(|entries| entries.flatten())
            .filter(|entry| is_like(&entry.file_name().to_string_lossy(), &part))
            .map(|entry| entry.path())
            .collect();
    }
    found.retain(|path| path.exists());
    found
}

/// Whether a name fits a pattern.
fn is_like(name: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return name == pattern;
    };
    let Some(mut name) = name.strip_prefix(first) else {
        return false;
    };
    loop {
        if is_like(name, rest) {
            return true;
        }
        let mut shorter = name.chars();
        if shorter.next().is_none() {
            return false;
        }
        name = shorter.as_str();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn versions_stand_behind_their_words() {
        let cases = [
            (
                "go version go1.26.1 linux/amd64",
                "go version go",
                Some("1.26.1"),
            ),
            ("v22.1.0\n", "v", Some("22.1.0")),
            ("nginx version: nginx/1.22.1", "nginx/", Some("1.22.1")),
            ("javac 25", "javac ", Some("25")),
            ("Python 3.13.0rc1", "Python ", Some("3.13.0")),
            ("nothing of the kind", "v", None),
            ("cargo 1.2.", "cargo ", Some("1.2")),
        ];
        for (text, after, version) in cases {
            assert_eq!(version_in(text, after).as_deref(), version, "{text}");
        }
    }

    #[test]
    fn versions_are_compared_number_by_number() {
        assert!(numbers("1.10") > numbers("1.9.9"));
        assert!(numbers("25") >= numbers("21.0"));
        assert!(numbers("3.6.3") >= numbers("3.6.3.0"));
        assert!(numbers("17.0.9") < numbers("21"));
    }

    #[test]
    fn a_star_stands_for_any_part_of_a_name() {
        for (name, pattern, fits) in [
            ("java-17", "java-*", true),
            ("java-17", "*", true),
            ("java-17", "*17", true),
            ("java-17-x", "j*17*x", true),
            ("java-17", "*18", false),
            ("", "*", true),
            ("jdk", "jdk", true),
        ] {
            assert_eq!(is_like(name, pattern), fits, "{name} {pattern}");
        }
    }

    /// Puts a program into a folder that says it has a version.
    fn install(folder: &Path, version: &str) {
        std::fs::create_dir_all(folder).expect("a folder");
        let path = folder.join("crossover-test-tool");
        std::fs::write(&path, format!("#!/bin/sh\necho tool v{version} >&2\n")).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
            .expect("it can run");
    }

    fn spec(folder: &Path, min_version: &str) -> ToolSpec {
        ToolSpec {
            name: "tool".to_owned(),
            program: Some("crossover-test-tool".to_owned()),
            home_env: None,
            paths: vec![format!("{}/*/bin/crossover-test-tool", folder.display())],
            probe: vec![],
            version_after: "tool v".to_owned(),
            min_version: min_version.to_owned(),
            get: "buy one".to_owned(),
        }
    }

    #[test]
    fn the_newest_of_several_is_taken_and_one_too_old_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut tools = Tools::default();
        let missing = tools.find(&spec(folder.path(), "9")).unwrap_err();
        assert!(missing.contains("there is none: buy one"), "{missing}");
        for (name, version) in [("a", "9.2"), ("b", "10.1"), ("c", "8")] {
            install(&folder.path().join(name).join("bin"), version);
        }
        let found = tools.find(&spec(folder.path(), "9")).expect("there is one");
        assert_eq!(found.version, "10.1");
        assert!(found.home.ends_with("b"), "{found:?}");
        let old = tools.find(&spec(folder.path(), "11")).unwrap_err();
        assert!(old.contains("is 10.1: buy one"), "{old}");
    }

    #[test]
    fn a_tool_that_is_there_and_fails_is_not_missing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let bin = folder.path().join("a/bin");
        install(&bin, "9");
        for (script, told) in [
            (
                "echo no Java >&2; exit 3",
                "failed (exit status: 3): no Java: buy one",
            ),
            (
                "echo tool of mine",
                "tells no version behind \"tool v\": tool of mine: buy one",
            ),
        ] {
            let path = bin.join("crossover-test-tool");
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
            let broken = Tools::default()
                .find(&spec(folder.path(), "9"))
                .unwrap_err();
            assert!(broken.contains(told), "{broken}");
        }
    }
}
