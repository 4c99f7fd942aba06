//! `loadgen guard -- COMMAND`: runs a foreign command so that it never outlives the program.
//!
//! A built-in server watches its standard input by itself; a foreign one does not. The guard stands in
//! between: when its own standard input closes, because the program ended in whatever way, it ends the
//! command's whole process group.

use std::io::Read as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How long a process may take to end after SIGTERM before it is killed.
pub const GRACE: Duration = Duration::from_secs(3);

/// A command that a signal ended has this and the signal's number as its exit code, as in a shell.
pub const SIGNALLED: u8 = 128;

/// The exit code where the command's own is not known.
const UNKNOWN: u8 = 2;

/// Runs `command` until it ends or standard input closes.
///
/// # Errors
/// When the command cannot be started.
pub fn run(command: &[String], cpus: &[usize]) -> anyhow::Result<u8> {
    let [program, args @ ..] = command else {
        anyhow::bail!("guard: no command given")
    };
    if !cpus.is_empty() {
        crate::counters::pin_this_process(cpus)
            .with_context(|| format!("cannot pin to CPUs {cpus:?}"))?;
    }
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start `{}`", command.join(" ")))?;
    let closed = stdin_closed();
    loop {
        if let Some(status) = child.try_wait()? {
            end_group(&mut child);
            let signalled = status.signal().map(|signal| i32::from(SIGNALLED) + signal);
            return Ok(status
                .code()
                .or(signalled)
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(UNKNOWN));
        }
        match closed.recv_timeout(Duration::from_millis(20)) {
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                end_group(&mut child);
                return Ok(0);
            }
        }
    }
}

fn stdin_closed() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut rest = [0; 64];
        while matches!(std::io::stdin().read(&mut rest), Ok(1..)) {}
        // A receiver that is gone has ended the command already.
        sender.send(()).ok();
    });
    receiver
}

/// Asks the child's process group to end, and kills what is left after [`GRACE`].
fn end_group(child: &mut Child) {
    let Ok(group) = i32::try_from(child.id()).map(Pid::from_raw) else {
        return;
    };
    if killpg(group, Signal::SIGTERM).is_err() {
        return; // nothing of it is left
    }
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline {
        // Waiting for the leader first: a zombie still counts as a member of its group.
        let ended = matches!(child.try_wait(), Ok(Some(_)));
        if ended && killpg(group, None).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    killpg(group, Signal::SIGKILL).ok();
    child.wait().ok();
}
