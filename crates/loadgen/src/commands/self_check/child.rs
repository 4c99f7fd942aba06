//! Measurements as users make them: this program as a child process, and scripted servers as others.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use analysis::usage;
use anyhow::{Context as _, bail};
use record::{CellResult, Comparison, LoadKind, Record};

use bench::interrupt;
use bench::process::ServerProcess;

/// A measurement of a few seconds that takes longer does not end.
const LONGEST: Duration = Duration::from_secs(120);

/// A scripted server in a process of its own.
pub struct Scripted(ServerProcess);

impl Scripted {
    /// Starts one with these flags.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(flags: &str) -> anyhow::Result<Self> {
        let flags: Vec<String> = flags.split_whitespace().map(str::to_owned).collect();
        ServerProcess::start_built_in("scripted", &flags, &[]).map(Self)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("{}/", self.0.url())
    }

    /// One number of its account.
    ///
    /// # Errors
    /// When it does not tell.
    pub fn account(&self, name: &str) -> anyhow::Result<u64> {
        let request = engine::Request::get("/account");
        let answer = engine::fetch(&self.0.url(), &request, Duration::from_secs(5))
            .context("the scripted server does not tell its account")?;
        let account: serde_json::Value = serde_json::from_slice(&answer.body)?;
        account[name]
            .as_u64()
            .with_context(|| format!("the account says nothing of {name:?}"))
    }
}

/// A child that measures.
pub struct Measuring(Child);

impl Measuring {
    /// Starts one with these arguments; it prints its record.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(arguments: &str) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let child = Command::new(program)
            .args(arguments.split_whitespace())
            .args(["--format", "json", "--no-save", "--quiet"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start the measurement")?;
        Ok(Self(child))
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Its record, when it has ended.
    ///
    /// # Errors
    /// When it could not measure, or does not end.
    pub fn record(mut self) -> anyhow::Result<Record> {
        let stdout = read_on(self.0.stdout.take());
        let stderr = read_on(self.0.stderr.take());
        let status = self.wait()?;
        let (stdout, stderr) = (stdout.join(), stderr.join());
        let text = stdout.unwrap_or_default();
        serde_json::from_str(&text).with_context(|| {
            let told = stderr.unwrap_or_default();
            format!("the measurement ended with {status} and without a record: {told}")
        })
    }

    fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + LONGEST;
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("the measurement did not end within {LONGEST:?}");
            }
            if interrupt::requested() {
                bail!("interrupted");
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Measuring {
    fn drop(&mut self) {
        // It may have ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn read_on(pipe: Option<impl std::io::Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is all there is.
            pipe.read_to_string(&mut text).ok();
        }
        text
    })
}

/// The cell of a server in the closed loop.
///
/// # Errors
/// When there is none.
pub fn cell<'a>(record: &'a Record, server: &str) -> anyhow::Result<&'a CellResult> {
    let mut cells = record.results.iter();
    cells
        .find(|cell| cell.server == server && cell.load == LoadKind::Closed)
        .with_context(|| format!("the record has no figures of {server}"))
}

/// The ratio of the servers' throughputs.
pub fn throughput(record: &Record) -> Option<&Comparison> {
    let mut comparisons = record.comparisons.iter();
    comparisons.find(|it| it.metric == "throughput" && it.load == LoadKind::Closed)
}

/// Share of the machine's CPU that other programs took meanwhile, in percent.
pub fn others_percent(record: &Record) -> Option<f64> {
    usage::others_percent(record.results.iter().flat_map(|cell| &cell.blocks))
}
