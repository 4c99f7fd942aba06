//! Server processes: started, awaited, stopped.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::guard;

/// How long a built-in server may take until it is ready.
const BUILT_IN_READY_TIMEOUT: Duration = Duration::from_secs(10);
/// What the kernel sends when memory is out.
const SIGKILL: i32 = nix::sys::signal::Signal::SIGKILL as i32;
/// A server that answers with the same status for so long will not answer with another one soon, unless it says that the
/// fault is its own (500 and more): then it may still be starting.
const SETTLED: Duration = Duration::from_secs(3);
/// Lines of a server's standard error that are kept for messages.
const KEPT_LINES: usize = 40;

/// Ends the line of a message below which stands what a server wrote.
pub const STDERR_FOLLOWS: &str = "; its standard error:";

/// A server process of ours. It ends when this is dropped, or when this program ends in whatever way.
pub struct ServerProcess {
    child: Child,
    /// Its standard input: built-in servers and the guard end when it closes.
    stdin: Option<ChildStdin>,
    /// The process that serves: the child, or the command below the guard.
    pid: u32,
    addr: SocketAddr,
    settings: Option<serde_json::Value>,
    command: Vec<String>,
    stderr: Tail,
    guarded: bool,
}

/// A foreign command that serves HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignCommand {
    /// Program and arguments; `{port}` in them stands for the port to listen on.
    pub command: Vec<String>,
    /// Folder to run in; `None` is this program's own.
    pub dir: Option<std::path::PathBuf>,
    /// Variables added to the environment; `{port}` as above.
    pub env: Vec<(String, String)>,
    /// Variables of this program's environment that are not passed on.
    pub env_removed: Vec<String>,
    /// Path that answers with success when the server is ready.
    pub ready_path: String,
    /// Whether another status does as well, once it stays the same: what counts is asked later.
    pub ready_by_any_status: bool,
    /// How long it may take until then.
    pub ready_timeout: Duration,
}

/// The line a built-in server prints when it is ready.
#[derive(Deserialize)]
struct Ready {
    addr: SocketAddr,
    config: serde_json::Value,
}

impl ServerProcess {
    /// Starts `loadgen serve MODEL FLAGS` on a free port and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start or is not ready in time: its standard error stands in the message.
    pub fn start_built_in(model: &str, flags: &[String], cpus: &[usize]) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let mut command = vec![program.display().to_string(), "serve".to_owned()];
        command.extend(cpus_flag(cpus));
        command.extend([
            model.to_owned(),
            "--addr".to_owned(),
            "127.0.0.1:0".to_owned(),
        ]);
        command.extend_from_slice(flags);
        let what = format!("server `{model}`");
        let mut child =
            spawn(&command, None, &[], &[]).with_context(|| format!("cannot start {what}"))?;
        // A record is passed on: in it stands what was run, not where it lies on this machine.
        command[0] = "loadgen".to_owned();
        let stderr = Tail::of(child.stderr.take());
        let line = first_line(child.stdout.take());
        let mut process = Self {
            pid: child.id(),
            stdin: child.stdin.take(),
            child,
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            settings: None,
            command,
            stderr,
            guarded: false,
        };
        let deadline = Instant::now() + BUILT_IN_READY_TIMEOUT;
        let line = loop {
            match line.recv_timeout(Duration::from_millis(20)) {
                Ok(line) => break line,
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    bail!("{what} {}", process.how_it_ended())
                }
                Err(mpsc::RecvTimeoutError::Timeout) if crate::interrupt::requested() => {
                    bail!("interrupted before {what} was ready")
                }
                Err(mpsc::RecvTimeoutError::Timeout) if Instant::now() >= deadline => {
                    bail!("{what} was not ready after {BUILT_IN_READY_TIMEOUT:?}")
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
        };
        let ready: Ready = serde_json::from_str(&line)
            .with_context(|| format!("{what} announced itself with {line:?}"))?;
        process.addr = ready.addr;
        process.settings = Some(ready.config);
        Ok(process)
    }

    /// Starts a foreign command below the guard and waits until its ready path answers with success.
    ///
    /// # Errors
    /// When it does not start, ends, or is not ready in time: its standard error stands in the message.
    pub fn start_foreign(
        name: &str,
        foreign: &ForeignCommand,
        cpus: &[usize],
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let fill = |text: &String| text.replace("{port}", &port.to_string());
        let served: Vec<String> = foreign.command.iter().map(fill).collect();
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let mut command = vec![program.display().to_string(), "guard".to_owned()];
        command.extend(cpus_flag(cpus));
        command.push("--".to_owned());
        command.extend(served.iter().cloned());
        let env: Vec<(String, String)> = foreign
            .env
            .iter()
            .map(|(name, value)| (name.clone(), fill(value)))
            .collect();
        let (dir, removed) = (foreign.dir.as_deref(), &foreign.env_removed);
        let mut child =
            spawn(&command, dir, &env, removed).with_context(|| format!("cannot start {name}"))?;
        let stderr = Tail::of(child.stderr.take());
        stderr.follow(child.stdout.take());
        let mut process = Self {
            pid: child.id(),
            stdin: child.stdin.take(),
            child,
            addr: SocketAddr::from(([127, 0, 0, 1], port)),
            settings: None,
            command: served,
            stderr,
            guarded: true,
        };
        process.await_ready(name, foreign)?;
        Ok(process)
    }

    fn await_ready(&mut self, name: &str, foreign: &ForeignCommand) -> anyhow::Result<()> {
        let request = engine::Request::get(&foreign.ready_path);
        let deadline = Instant::now() + foreign.ready_timeout;
        let mut answers: Option<(u16, Instant)> = None;
        loop {
            if self.exited().is_some() {
                bail!("{name} {}", self.how_it_ended());
            }
            let last = match self.ask(&request) {
                Ok(answer) if (200..300).contains(&answer.status) => break,
                Ok(answer) => {
                    let same = answers.filter(|(status, _)| *status == answer.status);
                    let since = same.map_or_else(Instant::now, |(_, since)| since);
                    answers = Some((answer.status, since));
                    match answer.status < 500 && since.elapsed() >= SETTLED {
                        true if foreign.ready_by_any_status => break,
                        true => bail!(
                            "{name} answers GET {} with status {} and goes on to: it is ready when a path answers with \
                             success; name one with --ready (in loadgen.toml: [ready] path){}",
                            foreign.ready_path,
                            answer.status,
                            self.stderr_note()
                        ),
                        false => format!("status {}", answer.status),
                    }
                }
                Err(error) => {
                    answers = None;
                    error.to_string()
                }
            };
            if crate::interrupt::requested() {
                bail!("interrupted before {name} was ready");
            }
            if Instant::now() >= deadline {
                bail!(
                    "{name} was not ready after {:?}: GET {}{} gave: {last}{}",
                    foreign.ready_timeout,
                    self.url(),
                    foreign.ready_path,
                    self.stderr_note()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // Only now: below the guard, the command is its one child.
        self.pid = crate::counters::process_tree(self.child.id(), &[])
            .get(1)
            .copied()
            .unwrap_or(self.child.id());
        Ok(())
    }

    /// Asks where it listens: on 127.0.0.1, or on ::1 only.
    fn ask(&mut self, request: &engine::Request) -> Result<engine::Answer, engine::FetchError> {
        const LONGEST: Duration = Duration::from_secs(1);
        let answer = engine::fetch(&self.url(), request, LONGEST);
        let refused = matches!(
            answer,
            Err(engine::FetchError::Failed {
                kind: engine::ErrorKind::Connect,
                ..
            })
        );
        if !refused {
            return answer;
        }
        let other = SocketAddr::from((Ipv6Addr::LOCALHOST, self.addr.port()));
        match engine::fetch(&format!("http://{other}"), request, LONGEST) {
            Ok(theirs) => {
                self.addr = other;
                Ok(theirs)
            }
            Err(_) => answer,
        }
    }

    /// Base URL, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Process that serves.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Every tunable, as a built-in server reported it.
    pub fn settings(&self) -> Option<&serde_json::Value> {
        self.settings.as_ref()
    }

    /// The command that serves.
    pub fn command(&self) -> &[String] {
        &self.command
    }

    /// How the process ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// How it ended and what it wrote to standard error, for a message that opens with its name.
    pub fn how_it_ended(&mut self) -> String {
        let deadline = Instant::now() + Duration::from_secs(1);
        // What it wrote last may still be on its way.
        let is_over = |it: &mut Self| it.exited().is_some() && it.stderr.is_whole();
        while !is_over(self) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let status = match self.exited() {
            Some(status) => ended_by(status, self.guarded),
            None => "closed its output but still runs".to_owned(),
        };
        format!("{status}{}", self.stderr_note())
    }

    /// What the process wrote to standard error, as the tail of a message.
    pub fn stderr_note(&self) -> String {
        match self.stderr.text() {
            text if text.is_empty() => "; it wrote nothing to standard error".to_owned(),
            text => format!("{STDERR_FOLLOWS}\n{text}"),
        }
    }
}

/// A status in words. The guard tells of a signal as a shell does.
fn ended_by(status: ExitStatus, guarded: bool) -> String {
    let told = status.code().filter(|_| guarded);
    let by_guard = told.and_then(|code| code.checked_sub(guard::SIGNALLED.into()));
    match status.signal().or(by_guard.filter(|signal| *signal > 0)) {
        Some(SIGKILL) => {
            format!("was killed by signal {SIGKILL} (out of memory, perhaps: see dmesg)")
        }
        Some(signal) => format!("was killed by signal {signal}"),
        None => format!("ended ({status})"),
    }
}

/// How a command ended that was run to its end.
pub struct Ended {
    /// Whether it says that it did what it should.
    pub success: bool,
    /// What it wrote, standard output and standard error in one.
    pub output: String,
}

/// Runs a command below the guard until it ends, or until Ctrl-C ends it.
///
/// # Errors
/// When it cannot be started, or was interrupted.
pub fn run_to_end(
    command: &[String],
    dir: &std::path::Path,
    env: &[(String, String)],
) -> anyhow::Result<Ended> {
    use std::io::{Read as _, Seek as _};
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    // A file, because a pipe stays open as long as anything the command left behind holds it.
    let mut output = tempfile::tempfile().context("cannot make a temporary file")?;
    let mut child = Command::new(program)
        .args(["guard", "--"])
        .args(command)
        .envs(env.iter().cloned())
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .process_group(0)
        .spawn()?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if crate::interrupt::requested() {
            drop(child.stdin.take());
            child.wait()?;
            bail!("interrupted");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let mut bytes = Vec::new();
    output.rewind()?;
    output.read_to_end(&mut bytes)?;
    Ok(Ended {
        success: status.success(),
        output: String::from_utf8_lossy(&bytes).into_owned(),
    })
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // The guard needs its own time of grace before it is killed.
        let grace = if self.guarded {
            guard::GRACE + Duration::from_secs(1)
        } else {
            guard::GRACE
        };
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline {
            if self.exited().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn cpus_flag(cpus: &[usize]) -> Vec<String> {
    if cpus.is_empty() {
        return Vec::new();
    }
    let list: Vec<String> = cpus.iter().map(ToString::to_string).collect();
    vec!["--cpus".to_owned(), list.join(",")]
}

/// In a process group of its own: Ctrl-C in a terminal is for the load generator, which then stops its
/// servers in order.
fn spawn(
    command: &[String],
    dir: Option<&std::path::Path>,
    env: &[(String, String)],
    env_removed: &[String],
) -> std::io::Result<Child> {
    let mut process = Command::new(&command[0]);
    process.args(&command[1..]);
    for name in env_removed {
        process.env_remove(name);
    }
    process.envs(env.iter().cloned());
    if let Some(dir) = dir {
        process.current_dir(dir);
    }
    process
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// A port nobody listens on at the moment; the system does not hand it out again soon.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot find a free port")?;
    Ok(listener.local_addr()?.port())
}

/// The first line, when it comes; the rest is read and thrown away, so that the writer never blocks.
fn first_line(stdout: Option<std::process::ChildStdout>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = stdout {
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
            if let Some(line) = lines.next() {
                // Nobody waits any more: the rest is still drained.
                sender.send(line).ok();
            }
            drop(sender);
            lines.for_each(drop);
        });
    }
    receiver
}

/// The last lines that a process wrote.
#[derive(Default)]
struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    fn of(pipe: Option<impl std::io::Read + Send + 'static>) -> Self {
        let tail = Self::default();
        tail.follow(pipe);
        tail
    }

    fn follow(&self, pipe: Option<impl std::io::Read + Send + 'static>) {
        let Some(pipe) = pipe else { return };
        let lines = Arc::clone(&self.0);
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                if lines.len() == KEPT_LINES {
                    lines.pop_front();
                }
                lines.push_back(String::from_utf8_lossy(&line).into_owned());
            }
        });
    }

    /// Whether all that it followed has ended: each reader holds the lines.
    fn is_whole(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .map(|line| format!("  {line}"))
            .collect::<Vec<_>>()
            .join("\n")
    }
}
