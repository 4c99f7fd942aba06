//! Which servers are measured: built-in ones with flags, commands, contenders, URLs.

use anyhow::bail;

use super::url;
use crate::cli::RunArgs;
use crate::process::ForeignCommand;
use crate::servers;

/// The servers of a default run.
const DEFAULT_SERVERS: [&str; 3] = ["sync", "async-bare", "async"];

/// One server to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSpec {
    /// Name it is shown by.
    pub label: String,
    /// Where it comes from.
    pub source: ServerSource,
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
        /// `http://host:port`.
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
        if rest.starts_with("http://") || rest.starts_with("https://") {
            let (base_url, path) = url::split(rest)?;
            if path != "/" {
                bail!("--server {text:?}: a server is named without a path, such as {base_url}");
            }
            let label = label.map_or_else(|| base_url.clone(), str::to_owned);
            return Ok(Self {
                label,
                source: ServerSource::Running { base_url },
            });
        }
        if let Some(command) = rest.strip_prefix("exec:") {
            let command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
            let Some(program) = command.first() else {
                bail!("--server {text:?} names no command")
            };
            if !command.iter().any(|word| word.contains("{port}")) {
                bail!(
                    "--server {text:?}: the command must say with {{port}} where it takes its port"
                );
            }
            let label = label.unwrap_or(program).to_owned();
            return Ok(Self {
                label,
                source: ServerSource::Command { command },
            });
        }
        let mut words = rest.split_whitespace().map(str::to_owned);
        let model = words.next().unwrap_or_default();
        if !servers::MODELS.contains(&model.as_str()) {
            bail!(
                "--server {text:?}: there is no server {model:?}; there are {}, URLs and exec:COMMAND",
                servers::MODELS.join(", ")
            );
        }
        Ok(Self {
            label: label.map_or_else(|| model.clone(), str::to_owned),
            source: ServerSource::BuiltIn {
                model,
                flags: words.collect(),
            },
        })
    }
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

pub(super) fn asked_for(args: &RunArgs) -> anyhow::Result<Vec<ServerSpec>> {
    if let Some(url) = &args.url {
        let (base_url, _) = url::split(url)?;
        return Ok(vec![ServerSpec {
            label: base_url.clone(),
            source: ServerSource::Running { base_url },
        }]);
    }
    if args.server.is_empty() {
        return DEFAULT_SERVERS
            .iter()
            .map(|name| ServerSpec::parse(name))
            .collect();
    }
    args.server
        .iter()
        .map(|text| ServerSpec::parse(text))
        .collect()
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
}
