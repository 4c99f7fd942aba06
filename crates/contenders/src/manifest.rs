//! A contender's manifest, `contender.toml`, read strictly: an unknown key, a wrong value and a placeholder
//! that stands for nothing are errors that name the file and the line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use record::contenders::Model;
use serde::Deserialize;

use super::conformance::Routes;
use super::template;

/// Name of the file.
pub(crate) const FILE: &str = "contender.toml";

/// A manifest as it stands in its file. `contenders/README.md` says what each key means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// Name on the command line and in records.
    pub name: String,
    /// Name in tables.
    pub title: String,
    /// Programming language.
    pub language: String,
    /// Concurrency model.
    pub model: Model,
    /// Size of the pool of threads.
    pub pool_threads: Option<u32>,
    /// The article's row it stands for.
    pub article: Option<String>,
    /// Shown beside its numbers.
    pub note: Option<String>,
    /// What makes it a fair production build.
    #[serde(default)]
    pub settings: Vec<String>,
    /// The built-in server that serves as this contender.
    pub builtin: Option<String>,
    /// Path that answers 200 when it is ready.
    pub ready_path: Option<String>,
    /// Tools it needs.
    #[serde(default)]
    pub tools: Vec<ToolSpec>,
    /// How it is built.
    pub build: Option<BuildSpec>,
    /// How it is started.
    pub run: Option<RunSpec>,
    /// What it answers.
    pub routes: Option<Routes>,
    /// Other ways to run the same build.
    #[serde(default)]
    pub variants: Vec<Variant>,
}

/// A tool that a contender needs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolSpec {
    /// Name in placeholders.
    pub name: String,
    /// File name of the program, if another.
    pub program: Option<String>,
    /// Variable that names the folder of the installation.
    pub home_env: Option<String>,
    /// Where it is usually installed.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Arguments that make it print its version.
    #[serde(default = "default_probe")]
    pub probe: Vec<String>,
    /// Text right before the version.
    pub version_after: String,
    /// Oldest version that will do.
    pub min_version: String,
    /// How to get it.
    pub get: String,
}

fn default_probe() -> Vec<String> {
    vec!["--version".to_owned()]
}

/// How a contender is built.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildSpec {
    /// Programs with their arguments, one after another.
    pub commands: Vec<Vec<String>>,
    /// A file that is there once it has been built.
    pub artifact: String,
    /// Variables added to the environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// How a contender is started.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunSpec {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Variables added to the environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// Another way to run the same build.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variant {
    /// Behind the contender's name and a `-`.
    pub name: String,
    /// Name in tables.
    pub title: String,
    /// Concurrency model, if another.
    pub model: Option<Model>,
    /// Size of the pool of threads.
    pub pool_threads: Option<u32>,
    /// The article's row it stands for.
    pub article: Option<String>,
    /// Shown beside its numbers.
    pub note: Option<String>,
    /// Added to the contender's.
    #[serde(default)]
    pub settings: Vec<String>,
    /// Instead of the contender's.
    pub command: Option<Vec<String>>,
    /// Added to the contender's.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Instead of the contender's.
    pub routes: Option<Routes>,
}

/// A manifest and where it was read.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    /// The contender's folder, absolute.
    pub dir: PathBuf,
    /// What stands in the manifest.
    pub manifest: Manifest,
}

/// Reads the manifest in a contender's folder.
///
/// # Errors
/// When it cannot be read or is wrong; the message names the file, and the line where there is one.
pub(crate) fn read(dir: &Path) -> anyhow::Result<Located> {
    let path = dir.join(FILE);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{}: cannot be read", path.display()))?;
    let manifest: Manifest =
        toml::from_str(&text).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
    if let Err(Wrong { key, what }) = manifest.check() {
        let place = line_of(&text, &key).map_or(String::new(), |line| format!(":{line}"));
        bail!("{}{place}: `{key}`: {what}", path.display());
    }
    let dir = std::fs::canonicalize(dir)
        .with_context(|| format!("{}: cannot be found", dir.display()))?;
    Ok(Located { dir, manifest })
}

/// A value that is wrong although it has the right type.
struct Wrong {
    key: String,
    what: String,
}

fn wrong(key: &str, what: impl Into<String>) -> Result<(), Wrong> {
    Err(Wrong {
        key: key.to_owned(),
        what: what.into(),
    })
}

/// The line, from 1, on which a key or table of that name stands first.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let names = |line: &str| {
        let line = line.trim().trim_start_matches('[');
        let rest = line
            .strip_prefix(key)
            .or_else(|| line.strip_prefix(&format!("\"{key}\"")));
        rest.is_some_and(|rest| rest.trim_start().starts_with(['=', ']', '.']))
    };
    text.lines().position(names).map(|line| line + 1)
}

impl Manifest {
    fn check(&self) -> Result<(), Wrong> {
        check_name("name", &self.name)?;
        if servers::MODELS.contains(&self.name.as_str()) {
            return wrong(
                "name",
                format!("{:?} is the name of a built-in server", self.name),
            );
        }
        check_pool(self.model, self.pool_threads)?;
        check_article(self.article.as_deref())?;
        match &self.builtin {
            Some(builtin) => self.check_builtin(builtin),
            None => self.check_foreign(),
        }
    }

    fn check_builtin(&self, builtin: &str) -> Result<(), Wrong> {
        if !servers::MODELS.contains(&builtin) {
            let known = servers::MODELS.join(", ");
            return wrong(
                "builtin",
                format!("there is no built-in server {builtin:?}; there are {known}"),
            );
        }
        let given = [
            ("ready_path", self.ready_path.is_some()),
            ("tools", !self.tools.is_empty()),
            ("build", self.build.is_some()),
            ("run", self.run.is_some()),
            ("routes", self.routes.is_some()),
            ("variants", !self.variants.is_empty()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((key, _)) => wrong(key, "not allowed together with `builtin`"),
            None => Ok(()),
        }
    }

    fn check_foreign(&self) -> Result<(), Wrong> {
        if !self
            .ready_path
            .as_deref()
            .is_some_and(|path| path.starts_with('/'))
        {
            return wrong(
                "ready_path",
                "required without `builtin`, a path such as /health",
            );
        }
        let Some(run) = &self.run else {
            return wrong("run", "required without `builtin`");
        };
        let Some(routes) = &self.routes else {
            return wrong("routes", "required without `builtin`");
        };
        check_routes(routes)?;
        if let Some(build) = &self.build {
            for command in &build.commands {
                self.check_words("commands", command, false)?;
            }
            self.check_values("env", &build.env, false)?;
        }
        self.check_words("command", &run.command, true)?;
        self.check_values("env", &run.env, true)?;
        for variant in &self.variants {
            self.check_variant(variant)?;
        }
        Ok(())
    }

    fn check_variant(&self, variant: &Variant) -> Result<(), Wrong> {
        check_name("variants", &variant.name)?;
        if variant.model.is_some() || variant.pool_threads.is_some() {
            check_pool(variant.model.unwrap_or(self.model), variant.pool_threads)?;
        }
        check_article(variant.article.as_deref())?;
        if let Some(routes) = &variant.routes {
            check_routes(routes)?;
        }
        if let Some(command) = &variant.command {
            self.check_words("command", command, true)?;
        }
        self.check_values("env", &variant.env, true)
    }

    fn check_words(&self, key: &str, words: &[String], running: bool) -> Result<(), Wrong> {
        if words.is_empty() {
            return wrong(key, "names no program");
        }
        words
            .iter()
            .try_for_each(|word| self.check_template(key, word, running))
    }

    fn check_values(
        &self,
        key: &str,
        env: &BTreeMap<String, String>,
        running: bool,
    ) -> Result<(), Wrong> {
        env.values()
            .try_for_each(|value| self.check_template(key, value, running))
    }

    /// Fills with nothing, to see whether every placeholder stands for something.
    fn check_template(&self, key: &str, text: &str, running: bool) -> Result<(), Wrong> {
        let is_tool = |name: &str| self.tools.iter().any(|tool| tool.name == name);
        let known = |name: &str| match name {
            "dir" => true,
            "port" | "cores" | "tmp" => running,
            _ => name
                .strip_prefix("tool.")
                .or_else(|| name.strip_prefix("home."))
                .is_some_and(is_tool),
        };
        match template::fill(text, &|name| known(name).then(String::new)) {
            Ok(_) => Ok(()),
            Err(error) => wrong(key, error.to_string()),
        }
    }
}

fn check_name(key: &str, name: &str) -> Result<(), Wrong> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(allowed) {
        return wrong(key, format!("{name:?} has others than a–z, 0–9 and -"));
    }
    Ok(())
}

fn check_pool(model: Model, pool_threads: Option<u32>) -> Result<(), Wrong> {
    match (model, pool_threads) {
        (Model::ThreadPool, None | Some(0)) => wrong(
            "model",
            "`thread-pool` needs `pool_threads`, the size of the pool",
        ),
        (Model::ThreadPool, Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => wrong("pool_threads", "only with model = \"thread-pool\""),
    }
}

fn check_article(article: Option<&str>) -> Result<(), Wrong> {
    let Some(article) = article else {
        return Ok(());
    };
    let frameworks = record::article::Reference::load().frameworks(true);
    if frameworks.iter().any(|known| known.name == article) {
        return Ok(());
    }
    let known: Vec<_> = frameworks.into_iter().map(|known| known.name).collect();
    wrong(
        "article",
        format!(
            "{article:?} is no row of the article; they are {}",
            known.join(", ")
        ),
    )
}

fn check_routes(routes: &Routes) -> Result<(), Wrong> {
    if routes.is_empty() {
        return wrong("routes", "at least one path is needed");
    }
    for (path, modes) in routes {
        let Some(known) = super::conformance::modes_of(path) else {
            return wrong(
                path,
                format!(
                    "no workload asks for it; there are {}",
                    super::conformance::paths().join(", ")
                ),
            );
        };
        if let Some(mode) = modes.iter().find(|mode| !known.contains(mode)) {
            return wrong(
                path,
                format!("there is no mode {mode:?}; there are {}", known.join(", ")),
            );
        }
        if modes.is_empty() && !known.is_empty() {
            return wrong(path, format!("name its modes, of {}", known.join(", ")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"name = "mine"
title = "Mine"
language = "Shell"
model = "event-loop"
ready_path = "/health"

[[tools]]
name = "sh"
version_after = "v"
min_version = "1"
get = "buy one"

[run]
command = ["{tool.sh}", "{dir}/serve", "{port}", "{cores}", "{tmp}"]

[routes]
"/" = []
"#;

    fn read_text(text: &str) -> anyhow::Result<Located> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(dir.path().join(FILE), text).expect("it can be written");
        read(dir.path())
    }

    #[test]
    fn a_whole_manifest_is_read() {
        let located = read_text(WHOLE).expect("it is right");
        assert_eq!(located.manifest.name, "mine");
        assert_eq!(located.manifest.tools[0].probe, ["--version"]);
        assert!(located.dir.is_absolute());
    }

    #[test]
    fn errors_name_file_line_and_what_is_allowed() {
        for (from, to, told) in [
            ("title", "titel", "line 2"),
            ("title", "titel", "expected one of"),
            ("\"event-loop\"", "\"loop\"", "thread-per-connection"),
            ("\"mine\"", "\"Mine\"", "contender.toml:1: `name`"),
            ("\"mine\"", "\"async\"", "built-in server"),
            (
                "\"event-loop\"",
                "\"thread-pool\"",
                "contender.toml:4: `model`",
            ),
            (
                "\"/health\"",
                "\"health\"",
                "contender.toml:5: `ready_path`",
            ),
            ("{tool.sh}", "{tool.bash}", "contender.toml:14: `command`"),
            ("{cores}", "{port", "not closed"),
            (
                "\"/\" = []",
                "\"/nothing\" = []",
                "contender.toml:17: `/nothing`",
            ),
            ("\"/\" = []", "\"/\" = [\"x\"]", "no mode \"x\""),
            ("[routes]\n\"/\" = []", "", "`routes`: required"),
            (
                "[run]",
                "article = \"PHP\"\n[run]",
                "unknown field `article`",
            ),
            ("language", "article = \"PHP\"\nlanguage", "they are Tokio"),
            (
                "language",
                "builtin = \"sync\"\nlanguage",
                "not allowed together",
            ),
            (
                "language",
                "pool_threads = 5\nlanguage",
                "contender.toml:3: `pool_threads`",
            ),
        ] {
            assert!(WHOLE.contains(from), "{from}");
            let error = read_text(&WHOLE.replacen(from, to, 1)).expect_err(to);
            let error = format!("{error:#}");
            assert!(
                error.contains("contender.toml") && error.contains(told),
                "{to}: {error}"
            );
        }
    }

    #[test]
    fn the_projects_own_manifests_are_right() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contenders");
        let mut read_any = 0;
        for entry in std::fs::read_dir(folder).expect("the contenders") {
            let dir = entry.expect("an entry").path();
            if dir.join(FILE).is_file() {
                read(&dir).unwrap_or_else(|error| panic!("{error:#}"));
                read_any += 1;
            }
        }
        assert!(read_any >= 13, "{read_any}");
    }
}
