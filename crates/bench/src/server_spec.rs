//! A server that is to be measured: a built-in one with flags, a command, a contender, a URL.

use anyhow::{Context as _, bail};
use async_server::{Flavor, Model};
use contract::{Workload, nearest};

use crate::process::ForeignCommand;
use crate::{counters, url};
use servers::serve::Serve;

/// One server to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSpec {
    /// Name it is shown by.
    pub label: String,
    /// Where it comes from.
    pub source: ServerSource,
    /// Path and query that it is asked for, where it has its own.
    pub path: Option<String>,
    /// The value of `authorization` that its URL stands for. It is kept in no record.
    pub authorization: Option<String>,
}

/// Where a server comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerSource {
    /// `loadgen serve MODEL FLAGS`, a process of its own.
    BuiltIn {
        /// `sync`, `sync-pool`, `async-bare` or `async`.
        model: String,
        /// Further flags.
        flags: Vec<String>,
    },
    /// A command of the user's own that serves HTTP on `{port}`.
    Command {
        /// Program and arguments.
        command: Vec<String>,
    },
    /// A contender, its command ready to run.
    Contender(Box<ForeignCommand>),
    /// A server that runs already: its base URL, without a path.
    Running {
        /// `http://host:port`, or `unix:SOCKET`.
        base_url: String,
    },
}

impl ServerSpec {
    /// A built-in server with further flags and their values, but for those it was given itself.
    pub fn with_flags(mut self, further: &[(&str, String)]) -> Self {
        if let ServerSource::BuiltIn { flags, .. } = &mut self.source {
            let given = |name: &str| {
                let with_value = format!("{name}=");
                flags
                    .iter()
                    .any(|flag| flag == name || flag.starts_with(&with_value))
            };
            let missing = further.iter().filter(|(name, _)| !given(name));
            let missing: Vec<String> = missing
                .flat_map(|(name, value)| [(*name).to_owned(), value.clone()])
                .collect();
            flags.extend(missing);
        }
        self
    }

    /// Reads `[LABEL=]MODEL [FLAGS]`, `[LABEL=]URL` or `[LABEL=]exec:COMMAND`.
    ///
    /// # Errors
    /// When it is none of these, with what there is.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let (label, rest) = match text.split_once('=') {
            // A `=` further on belongs to a flag or a URL.
            Some((label, rest)) if !label.is_empty() && !label.contains([' ', ':', '/']) => {
                (Some(label), rest)
            }
            _ => (None, text),
        };
        if let Some(url) = url::meant(rest) {
            let url = url::split(&url)?;
            let label = label.map_or_else(|| url.base.clone(), str::to_owned);
            return Ok(Self {
                label,
                source: ServerSource::Running { base_url: url.base },
                path: Some(url.path).filter(|path| path != "/"),
                authorization: url.authorization,
            });
        }
        if let Some(command) = rest.strip_prefix("exec:") {
            let mut command = shlex::split(command)
                .with_context(|| format!("--server {text:?}: a quote is not closed"))?;
            let Some(program) = command.first().cloned() else {
                bail!("--server {text:?} names no command")
            };
            // `PORT={port} ./server`, as a shell takes it.
            if is_assignment(&program) {
                command.insert(0, "env".to_owned());
            }
            if !command.iter().any(|word| word.contains("{port}")) {
                bail!(
                    "--server {text:?}: the command must say with {{port}} where it takes its port"
                );
            }
            let label = label.map_or(program, str::to_owned);
            return Ok(Self {
                label,
                source: ServerSource::Command { command },
                path: None,
                authorization: None,
            });
        }
        let mut words = rest.split_whitespace().map(str::to_owned);
        let model = words.next().unwrap_or_default();
        if !servers::MODELS.contains(&model.as_str()) {
            bail!(
                "--server {text:?}: there is no server {model:?}{}; there are {}, URLs and exec:COMMAND",
                nearest(&model, servers::MODELS),
                servers::MODELS.join(", ")
            );
        }
        Ok(Self {
            label: label.map_or_else(|| model.clone(), str::to_owned),
            source: ServerSource::BuiltIn {
                model,
                flags: words.collect(),
            },
            path: None,
            authorization: None,
        })
    }

    /// Whether it runs already and listens at a Unix socket.
    pub fn is_at_socket(&self) -> bool {
        matches!(&self.source, ServerSource::Running { base_url } if url::socket(base_url).is_some())
    }

    /// Whether it is none of the built-in ones.
    pub fn is_foreign(&self) -> bool {
        !matches!(self.source, ServerSource::BuiltIn { .. })
    }
}

/// Whether a word sets a variable.
fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| {
        let mut characters = name.chars();
        let first = characters.next();
        first.is_some_and(|it| it.is_ascii_alphabetic() || it == '_')
            && characters.all(|it| it.is_ascii_alphanumeric() || it == '_')
    })
}

/// Fails when two servers have one name.
///
/// # Errors
/// Then, with the name.
pub fn check_labels(servers: &[ServerSpec]) -> anyhow::Result<()> {
    for (index, server) in servers.iter().enumerate() {
        if servers[..index]
            .iter()
            .any(|earlier| earlier.label == server.label)
        {
            bail!(
                "two servers are called {:?}: give one a name of its own, --server NAME={0}",
                server.label
            );
        }
    }
    Ok(())
}

/// Fails when servers that are asked for workloads have a path of their own, or two have one name.
///
/// # Errors
/// Then, with the server.
pub fn check_for_workloads(servers: &[ServerSpec]) -> anyhow::Result<()> {
    if let Some(server) = servers.iter().find(|server| server.path.is_some()) {
        bail!(
            "--server {}: what is asked for here are workloads, so a server is named without a path",
            server.label
        );
    }
    check_labels(servers)
}

/// Fails when a server does not have a workload.
///
/// # Errors
/// Then, with the reason.
pub fn check_has(server: &ServerSpec, workload: &Workload) -> anyhow::Result<()> {
    let ServerSource::BuiltIn { model, .. } = &server.source else {
        return Ok(());
    };
    match workload.lacking(model) {
        Some(reason) => bail!(
            "server {model} does not have workload {}: {reason}",
            workload.name()
        ),
        None => Ok(()),
    }
}

/// Worker threads of the async servers that are started here, the most where they differ; the cores of the
/// machine where there is none.
pub fn worker_threads(servers: &[ServerSpec], cpus: &[usize]) -> usize {
    let workers = servers.iter().filter_map(|server| workers_of(server, cpus));
    workers.max().unwrap_or_else(counters::available_cores)
}

/// As the server's own flags are read; by default there is one on each CPU that it may use.
fn workers_of(server: &ServerSpec, cpus: &[usize]) -> Option<usize> {
    let ServerSource::BuiltIn { model, flags } = &server.source else {
        return None;
    };
    let config = match Serve::parse(model, flags)? {
        Serve::AsyncBare(args) => args.config(Model::Bare),
        Serve::Async(args) => args.config(Model::Axum),
        Serve::Sync(_) | Serve::SyncPool(_) | Serve::Scripted(_) | Serve::Waits(_) => return None,
    };
    let given = flags
        .iter()
        .any(|flag| flag.starts_with("--worker-threads"));
    let as_many_as_cpus = config.flavor == Flavor::MultiThread && !given && !cpus.is_empty();
    Some(if as_many_as_cpus {
        cpus.len()
    } else {
        config.worker_threads
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_take_labels_flags_and_urls() {
        let spec = ServerSpec::parse("ct=async --flavor current-thread").unwrap();
        assert_eq!(spec.label, "ct");
        let flags = vec!["--flavor".to_owned(), "current-thread".to_owned()];
        assert_eq!(
            spec.source,
            ServerSource::BuiltIn {
                model: "async".to_owned(),
                flags
            }
        );
        assert_eq!(
            ServerSpec::parse("mine=http://127.0.0.1:1").unwrap().label,
            "mine"
        );
        assert_eq!(
            ServerSpec::parse("sync --stack-size=65536").unwrap().label,
            "sync"
        );
    }

    #[test]
    fn worker_threads_are_those_of_the_async_servers() {
        let workers = |servers: &[&str], cpus: &[usize]| {
            let specs: Vec<ServerSpec> = servers
                .iter()
                .map(|text| ServerSpec::parse(text).unwrap())
                .collect();
            worker_threads(&specs, cpus)
        };
        let cores = counters::available_cores();
        assert_eq!(workers(&["sync", "async"], &[]), cores);
        assert_eq!(workers(&["sync", "async --worker-threads 7"], &[]), 7);
        assert_eq!(workers(&["few=async-bare --worker-threads=3"], &[]), 3);
        assert_eq!(workers(&["async --flavor current-thread"], &[]), 1);
        let differing = [
            "async --worker-threads 5",
            "one=async --flavor current-thread",
        ];
        assert_eq!(workers(&differing, &[]), 5);
        assert_eq!(workers(&["async"], &[0, 1, 2]), 3);
        assert_eq!(workers(&["async --worker-threads 7"], &[0]), 7);
        assert_eq!(workers(&["sync"], &[0]), cores);
    }
}
