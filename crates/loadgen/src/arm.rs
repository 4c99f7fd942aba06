//! An arm: one server under measurement, with its process, its connections and its counters.

use std::time::Duration;

use anyhow::Context as _;
use engine::{Engine, Request, Target, TargetId};
use serde::Deserialize;

use crate::counters;
use crate::plan::{ServerSource, ServerSpec};
use crate::process::{ForeignCommand, ServerProcess};

/// A command that answers `GET /` once it is ready.
fn foreign(command: &[String]) -> ForeignCommand {
    const READY_TIMEOUT: Duration = Duration::from_secs(30);
    ForeignCommand {
        command: command.to_vec(),
        dir: None,
        env: Vec::new(),
        ready_path: "/".to_owned(),
        ready_timeout: READY_TIMEOUT,
    }
}

/// One server under measurement.
pub struct Arm {
    /// Name it is shown by.
    pub label: String,
    /// `http://host:port`.
    pub base_url: String,
    /// The process, unless the server was running already.
    pub process: Option<ServerProcess>,
    /// Built-in servers answer `/stats`.
    built_in: bool,
    /// Its connections, while there are any.
    pub connections: Option<TargetId>,
    /// Mean response time seen last under the present load.
    pub mean_response: Option<Duration>,
}

/// CPU time and context switches of a server since it began.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerCounters {
    /// CPU time; `None` where not available.
    pub cpu: Option<Duration>,
    /// Context switches; `None` where not available.
    pub context_switches: Option<u64>,
}

/// What `/stats` of a built-in server tells and is used here.
#[derive(Deserialize)]
struct Stats {
    cpu_us: u64,
    context_switches: u64,
}

impl Arm {
    /// Starts the server, or takes the one that runs.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(spec: &ServerSpec, cpus: &[usize]) -> anyhow::Result<Self> {
        let (base_url, process, built_in) = match &spec.source {
            ServerSource::BuiltIn { model, flags } => {
                let process = ServerProcess::start_built_in(model, flags, cpus)?;
                (process.url(), Some(process), true)
            }
            ServerSource::Command { command } => {
                let process = ServerProcess::start_foreign(&spec.label, &foreign(command), cpus)?;
                (process.url(), Some(process), false)
            }
            ServerSource::Running { base_url } => (base_url.clone(), None, false),
        };
        Ok(Self {
            label: spec.label.clone(),
            base_url,
            process,
            built_in,
            connections: None,
            mean_response: None,
        })
    }

    /// Opens the arm's connections.
    ///
    /// # Errors
    /// When not all of them can be established.
    pub fn connect(&mut self, engine: &mut Engine, target: Target) -> anyhow::Result<TargetId> {
        let connections = target.connections;
        let id = engine.connect(target).with_context(|| {
            format!(
                "{}: cannot establish {connections} connections to {}",
                self.label, self.base_url
            )
        })?;
        self.connections = Some(id);
        Ok(id)
    }

    /// Closes the arm's connections.
    pub fn disconnect(&mut self, engine: &mut Engine) {
        if let Some(id) = self.connections.take() {
            engine.disconnect(id);
        }
    }

    /// The processes whose CPU and memory are the server's.
    pub fn pids(&self) -> Vec<u32> {
        self.process
            .as_ref()
            .map_or_else(Vec::new, |process| match self.built_in {
                true => vec![process.pid()],
                false => counters::process_tree(process.pid()),
            })
    }

    /// CPU time so far, by the processes' CPU clocks: cheap enough for the edges of a slice.
    pub fn cpu(pids: &[u32]) -> Option<Duration> {
        if pids.is_empty() {
            return None;
        }
        pids.iter().map(|&pid| counters::process_cpu(pid)).sum()
    }

    /// CPU time and context switches so far as the server itself tells them: for the edges of a block.
    pub fn counters(&self) -> ServerCounters {
        if self.built_in {
            return self
                .stats()
                .map_or_else(ServerCounters::default, |stats| ServerCounters {
                    cpu: Some(Duration::from_micros(stats.cpu_us)),
                    context_switches: Some(stats.context_switches),
                });
        }
        let pids = self.pids();
        let switches = pids
            .iter()
            .map(|&pid| counters::threads_context_switches(pid))
            .sum::<Option<u64>>();
        ServerCounters {
            cpu: Self::cpu(&pids),
            context_switches: switches.filter(|_| !pids.is_empty()),
        }
    }

    fn stats(&self) -> Option<Stats> {
        let answer = engine::fetch(
            &self.base_url,
            &Request::get("/stats"),
            Duration::from_secs(5),
        )
        .ok()?;
        serde_json::from_slice(&answer.body).ok()
    }

    /// Fails when the server's process has ended.
    ///
    /// # Errors
    /// Then, with its standard error.
    pub fn check_alive(&mut self) -> anyhow::Result<()> {
        let Some(process) = &mut self.process else {
            return Ok(());
        };
        if process.exited().is_some() {
            anyhow::bail!("server `{}` {}", self.label, process.how_it_ended());
        }
        Ok(())
    }
}
