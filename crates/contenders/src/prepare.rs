//! From a manifest to a server that may be measured: tools found, built, started, every answer compared. Or the
//! reason why not.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use contract::Workload;
use record::contenders::{Contender, LeftOut, Stage, Tool};
use tempfile::TempDir;

use super::catalogue::{Entry, Foreign, Server};
use super::conformance::{self, Routes};
use super::names::Names;
use super::tools::{Found, Tools};
use bench::counters;
use bench::process::ForeignCommand;
use bench::server_spec::{ServerSource, ServerSpec};
use bench::server_under_test::ServerUnderTest;

/// How long a contender may take until it is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an answer may take that is compared.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Where contenders are made ready.
pub struct Workshop {
    tools: Tools,
    built: HashMap<PathBuf, Result<(), LeftOut>>,
    /// Holds the `{tmp}` of every contender; removed with the workshop.
    tmp: TempDir,
    cpus: Vec<usize>,
    quiet: bool,
}

impl Workshop {
    /// `cpus` are those that servers are pinned to; empty for none.
    ///
    /// # Errors
    /// When there is no room for temporary files.
    pub fn new(cpus: Vec<usize>, quiet: bool) -> anyhow::Result<Self> {
        Ok(Self {
            tools: Tools::default(),
            built: HashMap::new(),
            tmp: tempfile::Builder::new()
                .prefix("crossover-")
                .tempdir()
                .context("cannot make a temporary folder")?,
            cpus,
            quiet,
        })
    }

    /// Looks for the tools of a contender and writes them down.
    ///
    /// # Errors
    /// Which is missing, and how to get it.
    pub fn find_tools(&mut self, entry: &mut Entry) -> Result<Vec<Found>, LeftOut> {
        let Server::Foreign(foreign) = &entry.server else {
            return Ok(Vec::new());
        };
        let found = self
            .tools
            .find_all(&foreign.tools)
            .map_err(|reason| left_out(Stage::Tools, reason))?;
        entry.facts.tools = found
            .iter()
            .map(|tool| Tool {
                name: tool.name.clone(),
                version: tool.version.clone(),
                program: tool.program.display().to_string(),
            })
            .collect();
        Ok(found)
    }

    /// Builds a contender; a build that variants share is made once.
    ///
    /// # Errors
    /// With the output of the tool that failed.
    pub fn build(&mut self, entry: &Entry, tools: &[Found]) -> Result<(), LeftOut> {
        let Server::Foreign(foreign) = &entry.server else {
            return Ok(());
        };
        if let Some(built) = self.built.get(&entry.dir) {
            return built.clone();
        }
        if foreign.build.is_some() {
            self.say(&format!("{}: building", entry.facts.name));
        }
        let names = Names {
            dir: &entry.dir,
            tools,
            running: None,
        };
        let built = super::build::build(foreign, &names)
            .map_err(|error| left_out(Stage::Build, format!("{error:#}")));
        self.built.insert(entry.dir.clone(), built.clone());
        built
    }

    /// The server as it is started.
    ///
    /// # Errors
    /// When its folder for temporary files cannot be made.
    pub fn spec(&self, entry: &Entry, tools: &[Found]) -> Result<ServerSpec, LeftOut> {
        let source = match &entry.server {
            Server::BuiltIn(model) => ServerSource::BuiltIn {
                model: model.clone(),
                flags: Vec::new(),
            },
            Server::Foreign(foreign) => self
                .command(entry, foreign, tools)
                .map(|command| ServerSource::Contender(Box::new(command)))
                .map_err(|error| left_out(Stage::Start, format!("{error:#}")))?,
        };
        Ok(ServerSpec {
            label: entry.facts.name.clone(),
            source,
            path: None,
            authorization: None,
        })
    }

    fn command(
        &self,
        entry: &Entry,
        foreign: &Foreign,
        tools: &[Found],
    ) -> anyhow::Result<ForeignCommand> {
        let tmp = tempfile::Builder::new()
            .prefix(&format!("{}-", entry.facts.name))
            .tempdir_in(self.tmp.path())?
            .keep(); // it goes with the workshop's own
        let cores = match self.cpus.len() {
            0 => counters::available_cores(),
            pinned => pinned,
        };
        let names = Names {
            dir: &entry.dir,
            tools,
            running: Some((cores, &tmp)),
        };
        Ok(ForeignCommand {
            command: names.fill_all(&foreign.command)?,
            dir: Some(entry.dir.clone()),
            env: names.fill_env(&foreign.env)?,
            env_removed: super::inherited::tuning(),
            ready_path: foreign.ready_path.clone(),
            ready_by_any_status: false,
            ready_timeout: READY_TIMEOUT,
        })
    }

    /// Starts a contender, counts its threads, compares every answer and ends it; the number of answers.
    ///
    /// # Errors
    /// When it does not start, or for the first answer that differs.
    pub fn verify(&self, entry: &mut Entry, spec: &ServerSpec) -> Result<usize, LeftOut> {
        self.say(&format!("{}: verifying", entry.facts.name));
        let mut sut = ServerUnderTest::start(spec, &self.cpus)
            .map_err(|error| left_out(Stage::Start, format!("{error:#}")))?;
        entry.facts.threads_idle = sut.threads();
        let answers = conformance::check(&sut, &routes(entry), ANSWER_TIMEOUT);
        answers.map_err(|error| {
            let ended = sut.check_alive().err();
            let stage = if ended.is_some() {
                Stage::Start
            } else {
                Stage::Answers
            };
            let ended = ended.map_or(String::new(), |ended| format!("; {ended:#}"));
            left_out(stage, format!("{error:#}{ended}"))
        })
    }

    /// All steps, for a contender that shall be measured with a workload.
    ///
    /// # Errors
    /// At the first step that fails.
    pub fn make_ready(
        &mut self,
        entry: &mut Entry,
        workload: &Workload,
    ) -> Result<ServerSpec, LeftOut> {
        if !conformance::has(&routes(entry), workload) && !is_built_in_with(entry, workload) {
            return Err(left_out(
                Stage::Routes,
                format!("its manifest does not list what {workload} asks for"),
            ));
        }
        let tools = self.find_tools(entry)?;
        self.build(entry, &tools)?;
        let spec = self.spec(entry, &tools)?;
        self.verify(entry, &spec)?;
        self.spec(entry, &tools) // its folder is empty again
    }

    fn say(&self, text: &str) {
        bench::stderr::progress(self.quiet, text);
    }
}

/// What became of a contender in words, for a line of its own.
pub fn outcome(facts: &Contender) -> String {
    match &facts.left_out {
        None => "ready".to_owned(),
        Some(why) => format!("{}: {}", why.stage.words(), why.reason),
    }
}

fn routes(entry: &Entry) -> Routes {
    match &entry.server {
        Server::BuiltIn(_) => conformance::builtin_routes(),
        Server::Foreign(foreign) => foreign.routes.clone(),
    }
}

fn is_built_in_with(entry: &Entry, workload: &Workload) -> bool {
    matches!(&entry.server, Server::BuiltIn(model) if workload.lacking(model).is_none())
}

fn left_out(stage: Stage, reason: String) -> LeftOut {
    LeftOut { stage, reason }
}
