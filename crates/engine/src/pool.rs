//! The worker threads as a whole: started, asked all at once, ended together.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::clock::Clock;
use crate::config::EngineConfig;
use crate::error::EngineError;
use crate::live::LiveStatistics;
use crate::worker::{self, Command, Reply, WorkerSetup};

#[derive(Debug)]
pub(crate) struct WorkerPool {
    workers: Vec<WorkerHandle>,
}

#[derive(Debug)]
struct WorkerHandle {
    // None once the pool is being dropped: a worker ends when its commands do.
    commands: Option<UnboundedSender<Command>>,
    replies: Receiver<Reply>,
    thread: Option<JoinHandle<()>>,
}

/// Why a thread that was spawned does not become a worker.
enum Unfit {
    Pin { cpu: usize, reason: String },
    Runtime(io::Error),
}

impl WorkerPool {
    /// Starts as many workers as the configuration asks for.
    pub(crate) fn start(
        config: &EngineConfig,
        clock: Clock,
        statistics: &Arc<LiveStatistics>,
        cancelled: &Arc<AtomicBool>,
    ) -> Result<Self, EngineError> {
        if config.threads == 0 {
            return Err(EngineError::NoThreads);
        }
        let mut pool = Self {
            workers: Vec::with_capacity(config.threads),
        };
        for index in 0..config.threads {
            let setup = WorkerSetup {
                index,
                workers: config.threads,
                clock,
                timeout: config.timeout,
                seed: config.seed,
                statistics: Arc::clone(statistics),
                cancelled: Arc::clone(cancelled),
            };
            let cpus = &config.cpus;
            let cpu = (!cpus.is_empty()).then(|| cpus[index % cpus.len()]);
            pool.workers.push(WorkerHandle::start(setup, cpu)?);
        }
        Ok(pool)
    }

    /// Sends every worker a command and waits for all replies, in the order of the workers.
    pub(crate) fn ask_all(&self, command: impl Fn() -> Command) -> Result<Vec<Reply>, EngineError> {
        for (index, worker) in self.workers.iter().enumerate() {
            let sent = worker.commands.as_ref().map(|to| to.send(command()));
            if !matches!(sent, Some(Ok(()))) {
                return Err(EngineError::WorkerLost(index));
            }
        }
        let replies = self.workers.iter().enumerate();
        replies
            .map(|(index, worker)| {
                let reply = worker.replies.recv();
                reply.map_err(|_| EngineError::WorkerLost(index))
            })
            .collect()
    }
}

impl WorkerHandle {
    fn start(setup: WorkerSetup, cpu: Option<usize>) -> Result<Self, EngineError> {
        let index = setup.index;
        let (commands, receive_commands) = unbounded_channel();
        let (send_replies, replies) = channel();
        let (send_ready, ready) = channel();
        let start = |source| EngineError::Start {
            worker: index,
            source,
        };
        let thread = thread::Builder::new()
            .name(format!("engine-{index}"))
            .spawn(move || {
                // Whoever spawned this thread waits for exactly one message.
                match prepare(cpu) {
                    Ok(runtime) => {
                        let _ = send_ready.send(Ok(()));
                        worker::run(&runtime, setup, receive_commands, &send_replies);
                    }
                    Err(unfit) => {
                        let _ = send_ready.send(Err(unfit));
                    }
                }
            })
            .map_err(start)?;
        match ready.recv() {
            Ok(Ok(())) => Ok(Self {
                commands: Some(commands),
                replies,
                thread: Some(thread),
            }),
            Ok(Err(Unfit::Runtime(source))) => Err(start(source)),
            Ok(Err(Unfit::Pin { cpu, reason })) => Err(EngineError::Pin {
                worker: index,
                cpu,
                reason,
            }),
            Err(_) => Err(EngineError::WorkerLost(index)),
        }
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            worker.commands = None;
        }
        for worker in &mut self.workers {
            if let Some(thread) = worker.thread.take() {
                // A worker that panicked was reported as lost when it was asked for something.
                let _ = thread.join();
            }
        }
    }
}

/// Pins the calling thread and makes its runtime.
fn prepare(cpu: Option<usize>) -> Result<LocalRuntime, Unfit> {
    if let Some(cpu) = cpu {
        pin(cpu).map_err(|reason| Unfit::Pin { cpu, reason })?;
    }
    Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .map_err(Unfit::Runtime)
}

#[cfg(target_os = "linux")]
fn pin(cpu: usize) -> Result<(), String> {
    use nix::sched::{CpuSet, sched_setaffinity};
    use nix::unistd::Pid;
    let mut set = CpuSet::new();
    let this_thread = Pid::from_raw(0);
    let result = set
        .set(cpu)
        .and_then(|()| sched_setaffinity(this_thread, &set));
    result.map_err(|error| io::Error::from(error).to_string())
}

#[cfg(not(target_os = "linux"))]
fn pin(_: usize) -> Result<(), String> {
    Err(io::Error::from(io::ErrorKind::Unsupported).to_string())
}
