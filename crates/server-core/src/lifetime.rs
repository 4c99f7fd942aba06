//! When a server process has to end: at SIGTERM, at SIGINT from a terminal, or when whoever started
//! it is gone, which closes the pipe on its standard input.
//!
//! It lives here because both servers must agree on it, and because waiting for it is one blocked
//! thread in either model.

use std::{io::Read, thread};

use nix::{
    errno::Errno,
    sys::{
        signal::{SigSet, Signal, kill},
        stat::{SFlag, fstat},
    },
    unistd::Pid,
};

/// The signals of the end, held back from their usual effect.
#[derive(Debug)]
pub struct Lifetime {
    signals: SigSet,
    stdin_is_pipe: bool,
}

impl Lifetime {
    /// Holds the signals back, in this thread and in those it starts from now on. So call it first.
    ///
    /// # Errors
    ///
    /// When the operating system refuses.
    pub fn begin() -> Result<Self, Errno> {
        let stdin_is_pipe = fstat(std::io::stdin()).is_ok_and(|stat| {
            SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFIFO
        });
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGTERM);
        signals.add(Signal::SIGINT);
        signals.thread_block()?;
        if stdin_is_pipe {
            // Ctrl-C reaches the whole process group. Whoever started us decides what it means,
            // and may still want to measure; so it stays held back.
            signals.remove(Signal::SIGINT);
        }
        Ok(Self {
            signals,
            stdin_is_pipe,
        })
    }

    /// Starts a thread that calls `stop` at the end.
    ///
    /// # Errors
    ///
    /// When no thread can be made.
    pub fn on_end(self, stop: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        if self.stdin_is_pipe {
            thread::Builder::new()
                .name("stdin".to_owned())
                .spawn(end_with_stdin)?;
        }
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                // Fails only for an invalid set; then there is nothing to wait for.
                let _ = self.signals.wait();
                stop();
            })?;
        Ok(())
    }
}

/// Waits for the end of standard input, and turns it into the signal that is awaited already.
fn end_with_stdin() {
    let mut ignored = [0; 256];
    let mut stdin = std::io::stdin().lock();
    while stdin.read(&mut ignored).is_ok_and(|count| count > 0) {}
    let _ = kill(Pid::this(), Signal::SIGTERM);
}
