//! All contenders of some folders: each manifest, and each of its variants.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use record::article::Reference;
use record::contenders::Contender;

use super::conformance::Routes;
use super::manifest::{self, BuildSpec, Located, Manifest, ToolSpec, Variant};

/// Where contenders are looked for.
const FOLDER: &str = "contenders";

/// A contender or a variant of one: what its manifest says, defaults filled in.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What is recorded of it.
    pub facts: Contender,
    /// Its folder, absolute.
    pub dir: PathBuf,
    /// How it is served.
    pub server: Server,
}

/// How a contender is served.
#[derive(Debug, Clone)]
pub enum Server {
    /// By the built-in server of this name.
    BuiltIn(String),
    /// By a program of its own.
    Foreign(Box<Foreign>),
}

/// A program that serves.
#[derive(Debug, Clone)]
pub struct Foreign {
    /// Path that answers 200 when it is ready.
    pub ready_path: String,
    /// Tools it needs.
    pub tools: Vec<ToolSpec>,
    /// How it is built; `None` if there is nothing to build.
    pub build: Option<BuildSpec>,
    /// Program and arguments, with placeholders.
    pub command: Vec<String>,
    /// Variables added to the environment, with placeholders.
    pub env: BTreeMap<String, String>,
    /// What it answers.
    pub routes: Routes,
}

/// The contenders asked for: the article's first and in its order, then the others by name.
///
/// # Errors
/// When a folder or a manifest cannot be read, two have one name, or there is none of a name asked for.
pub fn select(folders: &[PathBuf], only: &[String]) -> anyhow::Result<Vec<Entry>> {
    let folders = match folders {
        [] => vec![default_folder()?],
        given => given.to_vec(),
    };
    let mut entries = Vec::new();
    for folder in &folders {
        entries.extend(in_folder(folder)?);
    }
    for (index, entry) in entries.iter().enumerate() {
        let name = &entry.facts.name;
        let is_same = |earlier: &&Entry| earlier.facts.name == *name;
        if let Some(earlier) = entries[..index].iter().find(is_same) {
            bail!(
                "two contenders are called {name:?}: in {} and in {}",
                earlier.dir.display(),
                entry.dir.display()
            );
        }
    }
    if !only.is_empty() {
        let names: Vec<_> = entries.iter().map(|it| it.facts.name.clone()).collect();
        if let Some(unknown) = only.iter().find(|name| !names.contains(name)) {
            bail!(
                "--only: there is no contender {unknown:?}{}; there are {}",
                contract::nearest(unknown, names.iter().map(String::as_str)),
                names.join(", ")
            );
        }
        entries.retain(|entry| only.contains(&entry.facts.name));
    }
    let rows = Reference::load().frameworks(true);
    entries.sort_by_key(|entry| {
        let row = rows
            .iter()
            .position(|row| entry.facts.article.as_deref() == Some(&row.name));
        (row.unwrap_or(rows.len()), entry.facts.name.clone())
    });
    Ok(entries)
}

/// Fails when two contenders stand for the same row of the article.
///
/// # Errors
/// Then, naming both.
pub fn check_rows(entries: &[Entry]) -> anyhow::Result<()> {
    for (index, entry) in entries.iter().enumerate() {
        let Some(row) = &entry.facts.article else {
            continue;
        };
        let is_same = |earlier: &&Entry| earlier.facts.article.as_ref() == Some(row);
        if let Some(earlier) = entries[..index].iter().find(is_same) {
            bail!(
                "two contenders stand for the article's row {row:?}: {} in {} and {} in {}; take `article` \
                 out of one of their manifests, or choose with --only",
                earlier.facts.name,
                earlier.dir.display(),
                entry.facts.name,
                entry.dir.display()
            );
        }
    }
    Ok(())
}

/// Beside the work under way, else the project's own.
fn default_folder() -> anyhow::Result<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(FOLDER);
    let mut candidates = [PathBuf::from(FOLDER), own].into_iter();
    candidates
        .find(|folder| folder.is_dir())
        .context("there is no folder `contenders` here: name one with --contenders DIR")
}

/// Folders without a manifest are what contenders share.
fn in_folder(folder: &Path) -> anyhow::Result<Vec<Entry>> {
    let mut dirs = Vec::new();
    let listed = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?;
    for entry in listed {
        let dir = entry?.path();
        if dir.join(manifest::FILE).is_file() {
            dirs.push(dir);
        }
    }
    if dirs.is_empty() {
        bail!(
            "{} holds no contender: a contender is a folder in it with a {}",
            folder.display(),
            manifest::FILE
        );
    }
    dirs.sort();
    let mut entries = Vec::new();
    for dir in dirs {
        entries.extend(expand(&manifest::read(&dir)?));
    }
    Ok(entries)
}

/// The contender, then its variants.
fn expand(located: &Located) -> Vec<Entry> {
    let manifest = &located.manifest;
    let base = Entry {
        facts: facts(manifest),
        dir: located.dir.clone(),
        server: server(manifest),
    };
    let variants = manifest
        .variants
        .iter()
        .map(|variant| vary(&base, variant))
        .collect::<Vec<_>>();
    std::iter::once(base).chain(variants).collect()
}

fn facts(manifest: &Manifest) -> Contender {
    Contender {
        name: manifest.name.clone(),
        title: manifest.title.clone(),
        language: manifest.language.clone(),
        model: manifest.model,
        pool_threads: manifest.pool_threads,
        article: manifest.article.clone(),
        note: manifest.note.clone(),
        settings: manifest.settings.clone(),
        builtin: manifest.builtin.clone(),
        tools: Vec::new(),
        threads_idle: None,
        left_out: None,
    }
}

fn server(manifest: &Manifest) -> Server {
    match &manifest.builtin {
        Some(model) => Server::BuiltIn(model.clone()),
        None => {
            let run = manifest.run.clone();
            let (command, env) = run.map_or_else(Default::default, |run| (run.command, run.env));
            Server::Foreign(Box::new(Foreign {
                ready_path: manifest.ready_path.clone().unwrap_or_default(),
                tools: manifest.tools.clone(),
                build: manifest.build.clone(),
                command,
                env,
                routes: manifest.routes.clone().unwrap_or_default(),
            }))
        }
    }
}

fn vary(base: &Entry, variant: &Variant) -> Entry {
    let mut entry = base.clone();
    let facts = &mut entry.facts;
    facts.name = format!("{}-{}", base.facts.name, variant.name);
    facts.title.clone_from(&variant.title);
    if let Some(model) = variant.model {
        facts.model = model;
        facts.pool_threads = variant.pool_threads;
    } else if variant.pool_threads.is_some() {
        facts.pool_threads = variant.pool_threads;
    }
    facts.article.clone_from(&variant.article);
    facts.note.clone_from(&variant.note);
    facts.settings.extend(variant.settings.iter().cloned());
    if let Server::Foreign(foreign) = &mut entry.server {
        if let Some(command) = &variant.command {
            foreign.command.clone_from(command);
        }
        foreign.env.extend(variant.env.clone());
        if let Some(routes) = &variant.routes {
            foreign.routes.clone_from(routes);
        }
    }
    entry
}
