//! A server under test: with its process, its connections and its counters.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use engine::{Load, Measurement, Request, RequestClass, Slice, SliceEnd, Target, TargetId};
use server_core::Stats;

use crate::counters;
use crate::interrupt;
use crate::loader::Loader;
use crate::pids::Pids;
use crate::process::{ForeignCommand, ServerProcess};
use crate::server_spec::{ServerSource, ServerSpec};
use crate::url;

/// How long asking all connections once may take.
const LONGEST_ROUND: Duration = Duration::from_secs(60);

/// How long a built-in server may take to answer `/stats`. It is asked between slices, when nothing else is under way: one
/// that does not answer at once has no thread left, because kept-alive connections hold them all.
const STATS_TIMEOUT: Duration = Duration::from_secs(1);

/// A command that answers `GET /` in some way once it is ready.
fn foreign(command: &[String]) -> ForeignCommand {
    const READY_TIMEOUT: Duration = Duration::from_secs(30);
    ForeignCommand {
        command: command.to_vec(),
        dir: None,
        env: Vec::new(),
        env_removed: Vec::new(),
        ready_path: "/".to_owned(),
        ready_by_any_status: true,
        ready_timeout: READY_TIMEOUT,
    }
}

/// One server under measurement.
pub struct ServerUnderTest {
    /// Name it is shown by.
    pub label: String,
    /// `http://host:port`, or `unix:SOCKET`.
    pub base_url: String,
    /// Path and query that it is asked for, where it has its own.
    path: Option<String>,
    authorization: Option<String>,
    /// The process, unless the server was running already.
    pub process: Option<ServerProcess>,
    /// Built-in servers answer `/stats`.
    built_in: bool,
    pids: Pids,
    /// Descriptors that its processes had open when they were looked at last, and how many they may have.
    descriptors: Option<(u64, u64)>,
    /// Its connections, while there are any.
    pub connections: Option<TargetId>,
    /// What is connected beside them, if the workload wants it.
    pub beside: Option<Beside>,
    /// Resident memory of its processes before the first connection of the load, in bytes.
    pub rss_before_bytes: Option<u64>,
    /// How long it took to ask it once, before any load.
    pub first_response: Duration,
    /// Mean response time seen last under the present load.
    pub mean_response: Option<Duration>,
    /// Longest time so far in which it answered nobody under the present load.
    pub longest_silence: Duration,
    /// Slices in which it was loaded so far.
    pub slices: u32,
    /// How it was warmed up last.
    pub warmed_up: Option<WarmedUp>,
    /// How its connects went while it was warmed up.
    pub warm_connects: Connects,
    /// Whether the run goes on without it when it fails.
    pub dispensable: bool,
    /// Why the run goes on without it, with its standard error.
    pub failure: Option<String>,
}

/// How a server was warmed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarmedUp {
    /// How long it was loaded.
    pub time: Duration,
    /// Whether its throughput had settled by then; `None` when nobody looked.
    pub settled: Option<bool>,
}

/// How slow the connects to a server were, and how many failed, before anything was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connects {
    /// The slowest.
    pub slowest: Duration,
    /// Those that failed.
    pub failed: u64,
}

impl Connects {
    /// Adds what was seen of a warm-up.
    pub fn add(&mut self, seen: &Measurement) {
        self.join(Self {
            slowest: Duration::from_nanos(seen.connect.max()),
            failed: seen.connections.failed,
        });
    }

    /// Adds those of others.
    pub fn join(&mut self, other: Self) {
        self.slowest = self.slowest.max(other.slowest);
        self.failed += other.failed;
    }
}

/// CPU time and context switches of a server since it began.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerCounters {
    /// CPU time; `None` where not available.
    pub cpu: Option<Duration>,
    /// Context switches; `None` where not available.
    pub context_switches: Option<u64>,
}

/// Connections beside those that are measured.
#[derive(Clone)]
pub struct Beside {
    /// What they ask for.
    pub target: Target,
    /// How they are loaded while the others are measured; `None`: they are only held open.
    pub load: Option<Load>,
    /// While they are connected.
    pub connections: Option<TargetId>,
    /// Loaded: answers, all in all. Only held open: how many answered when each was asked once at the end,
    /// without having been connected anew; the fewest, where that was done several times.
    pub answered: u64,
    /// What went wrong on them.
    pub errors: u64,
    asked: bool,
}

impl ServerUnderTest {
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
            ServerSource::Contender(command) => {
                let process = ServerProcess::start_foreign(&spec.label, command, cpus)?;
                (process.url(), Some(process), false)
            }
            ServerSource::Running { base_url } => (base_url.clone(), None, false),
        };
        let pids = match &process {
            None => Pids::of_url(&base_url),
            Some(process) if built_in => Pids::One(process.pid()),
            Some(process) => Pids::Trees(vec![process.pid()]),
        };
        Ok(Self {
            label: spec.label.clone(),
            base_url,
            path: spec.path.clone(),
            authorization: spec.authorization.clone(),
            process,
            built_in,
            pids,
            descriptors: None,
            connections: None,
            beside: None,
            rss_before_bytes: None,
            first_response: Duration::ZERO,
            mean_response: None,
            longest_silence: Duration::ZERO,
            slices: 0,
            warmed_up: None,
            warm_connects: Connects::default(),
            dispensable: false,
            failure: None,
        })
    }

    /// What the server wrote to standard error, as the tail of a message.
    pub fn stderr_note(&self) -> String {
        self.process
            .as_ref()
            .map_or_else(String::new, ServerProcess::stderr_note)
    }

    /// A request as this server is asked it.
    pub fn request(&self, request: &Request) -> Request {
        let mut request = request.clone();
        if let Some(path) = &self.path {
            request.path.clone_from(path);
        }
        let authorization = self.authorization.clone();
        let field = authorization.map(|value| ("authorization".to_owned(), value));
        request.headers.extend(field);
        request
    }

    /// Where it is asked, as a record tells it: with its own path, if it has one.
    pub fn url(&self) -> String {
        url::joined(&self.base_url, self.path.as_deref().unwrap_or_default())
    }

    /// What it is asked on so many connections.
    pub fn target(
        &self,
        mut requests: Vec<RequestClass>,
        connections: usize,
        keep_alive: bool,
    ) -> Target {
        for class in &mut requests {
            class.request = self.request(&class.request);
        }
        Target {
            name: self.label.clone(),
            url: self.base_url.clone(),
            requests,
            connections,
            keep_alive,
            record_first_byte: false,
            record_chunk_gaps: false,
            mean_response: None,
        }
    }

    /// Opens the server's connections, and those beside them.
    ///
    /// # Errors
    /// When not all of them can be established.
    pub fn connect(&mut self, loader: &mut dyn Loader, target: Target) -> anyhow::Result<TargetId> {
        if self.rss_before_bytes.is_none() {
            self.rss_before_bytes = self.rss_bytes();
        }
        self.count_descriptors();
        if let Some(beside) = &self.beside {
            let id = self.connect_target(loader, beside.target.clone())?;
            self.beside
                .iter_mut()
                .for_each(|beside| beside.connections = Some(id));
        }
        let id = self.connect_target(loader, target)?;
        self.connections = Some(id);
        Ok(id)
    }

    fn connect_target(
        &mut self,
        loader: &mut dyn Loader,
        target: Target,
    ) -> anyhow::Result<TargetId> {
        let connections = target.connections;
        let connected = loader.connect(target);
        self.count_descriptors();
        connected.with_context(|| {
            format!(
                "{}{}: cannot establish {connections} connections to {}",
                self.label,
                self.descriptors_note(),
                self.base_url
            )
        })
    }

    /// Counts them while there is a process that has them.
    fn count_descriptors(&mut self) {
        let sum = |of: fn(counters::ProcessMemory) -> Option<u64>| {
            let each = self.pids.now().into_iter();
            each.map(|pid| of(counters::process_memory(pid)))
                .sum::<Option<u64>>()
                .filter(|sum| *sum > 0)
        };
        let counted = sum(|it| it.fds).zip(sum(|it| it.fds_limit));
        self.descriptors = counted.or(self.descriptors);
    }

    /// ` (12 of at most 64 descriptors open when last looked at)`, where the system tells: what a server dies of that
    /// has too few.
    fn descriptors_note(&self) -> String {
        self.descriptors.map_or_else(String::new, |(open, limit)| {
            format!(
                " ({} of at most {} open when last looked at)",
                format::count(open),
                format::counted(limit, "descriptor"),
            )
        })
    }

    /// Closes the server's connections and those beside them. What was only held open is asked once before.
    pub fn disconnect(&mut self, loader: &mut dyn Loader) {
        if let Some(id) = self.connections.take() {
            loader.disconnect(id);
        }
        if let Some(beside) = &mut self.beside {
            beside.disconnect(loader);
        }
    }

    /// Resident memory of its processes now, in bytes; `None` where not available.
    pub fn rss_bytes(&self) -> Option<u64> {
        let pids = self.pids().now();
        let rss = pids
            .iter()
            .map(|&pid| counters::process_memory(pid).rss_bytes);
        rss.sum::<Option<u64>>().filter(|_| !pids.is_empty())
    }

    /// The processes whose CPU and memory are the server's.
    pub fn pids(&self) -> Pids {
        self.pids.clone()
    }

    /// Threads of all its processes at this moment; `None` where not available.
    pub fn threads(&self) -> Option<u64> {
        let pids = self.pids().now();
        let threads = pids
            .iter()
            .map(|&pid| counters::process_memory(pid).threads)
            .sum::<Option<u64>>();
        threads.filter(|_| !pids.is_empty())
    }

    /// CPU time so far, by the processes' CPU clocks: cheap enough for the edges of a slice.
    pub fn cpu(pids: &[u32]) -> Option<Duration> {
        if pids.is_empty() {
            return None;
        }
        pids.iter().map(|&pid| counters::process_cpu(pid)).sum()
    }

    /// CPU time and context switches so far, as a built-in server itself tells them, or of these processes: for
    /// the edges of a block.
    pub fn counters(&self, pids: &[u32]) -> ServerCounters {
        if self.built_in {
            return self
                .stats()
                .map_or_else(ServerCounters::default, |stats| ServerCounters {
                    cpu: Some(Duration::from_micros(stats.cpu_us)),
                    context_switches: Some(stats.context_switches),
                });
        }
        let switches = pids
            .iter()
            .map(|&pid| counters::threads_context_switches(pid))
            .sum::<Option<u64>>();
        ServerCounters {
            cpu: Self::cpu(pids),
            context_switches: switches.filter(|_| !pids.is_empty()),
        }
    }

    /// What `/stats` of a built-in server tells; `None` when it does not answer.
    pub fn stats(&self) -> Option<Stats> {
        self.stats_reader()()
    }

    /// The same for another thread.
    pub fn stats_reader(&self) -> impl Fn() -> Option<Stats> + Send + use<> {
        let (built_in, base_url) = (self.built_in, self.base_url.clone());
        move || {
            if !built_in {
                return None;
            }
            let answer = engine::fetch(&base_url, &Request::get("/stats"), STATS_TIMEOUT);
            serde_json::from_slice(&answer.ok()?.body).ok()
        }
    }

    /// What went wrong with the server: that its process has ended, where it has, says more than a connection that
    /// failed.
    pub fn explained(&mut self, error: anyhow::Error) -> anyhow::Error {
        self.await_end();
        self.check_alive().err().unwrap_or(error)
    }

    /// Awaits the end of a process that is ending: it refuses connections a little before it is gone.
    pub fn await_end(&mut self) {
        const ENDING: Duration = Duration::from_millis(500);
        let deadline = Instant::now() + ENDING;
        while self.process.is_some()
            && self.check_alive().is_ok()
            && !interrupt::requested()
            && Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(5));
        }
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
            let how = process.how_it_ended();
            let note = self.descriptors_note();
            anyhow::bail!("server `{}`{note} {how}", self.label);
        }
        Ok(())
    }

    /// Takes the server out of the run.
    ///
    /// # Errors
    /// With its failure, where the run cannot go on without it; and after Ctrl-C, when a failure says nothing.
    pub fn fail(&mut self, failure: anyhow::Error, loader: &mut dyn Loader) -> anyhow::Result<()> {
        let failure = self.explained(failure);
        if !self.dispensable || interrupt::requested() {
            return Err(failure);
        }
        self.disconnect(loader);
        self.failure = Some(format!("{failure:#}"));
        Ok(())
    }

    /// Whether it takes part, still.
    pub fn is_in(&self) -> bool {
        self.failure.is_none()
    }
}

impl Beside {
    /// Connections that are loaded in a closed loop, or (`None`) only held open.
    pub fn new(target: Target, load: Option<Load>) -> Self {
        Self {
            target,
            load,
            connections: None,
            answered: 0,
            errors: 0,
            asked: false,
        }
    }

    /// What has to be added to a slice.
    pub fn load(&self) -> Option<(TargetId, Load)> {
        Some((self.connections?, self.load?))
    }

    fn disconnect(&mut self, loader: &mut dyn Loader) {
        let Some(id) = self.connections.take() else {
            return;
        };
        if self.load.is_none() {
            let once = Slice {
                loads: vec![(id, Load::OnceEach)],
                lead_in: Duration::ZERO,
                end: SliceEnd::After(LONGEST_ROUND),
            };
            // One that cannot be run answers nothing, and that is what the figure will say.
            loader.run_slice(&once).ok();
        }
        self.count(&loader.collect(id).unwrap_or_default());
        loader.disconnect(id);
    }

    fn count(&mut self, seen: &Measurement) {
        self.errors += seen.errors.total();
        if self.load.is_some() {
            self.answered += seen.answers_total;
            return;
        }
        let connections = self.target.connections as u64;
        let anew = seen.connections.established.saturating_sub(connections);
        let answered = seen.requests.saturating_sub(anew);
        self.answered = if self.asked {
            self.answered.min(answered)
        } else {
            answered
        };
        self.asked = true;
    }
}

/// The longest silence of any server so far.
pub fn longest_silence(suts: &[ServerUnderTest]) -> Duration {
    let silences = suts.iter().map(|sut| sut.longest_silence);
    silences.max().unwrap_or_default()
}

/// The mean response time of the slowest server under the present load; zero where none is known.
pub fn slowest_response(suts: &[ServerUnderTest]) -> Duration {
    let responses = suts.iter().filter_map(|sut| sut.mean_response);
    responses.max().unwrap_or_default()
}
