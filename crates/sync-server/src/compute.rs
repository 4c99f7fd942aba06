//! The threads kept for computing.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

/// What such a thread runs.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// As many threads as there are cores, for computing; started when they are first needed.
#[derive(Debug, Default)]
pub(crate) struct ComputePool(Mutex<Option<SyncSender<Job>>>);

impl ComputePool {
    /// Where jobs are handed in; sending blocks while the threads have too much to do. Threads
    /// that are started now get a stack of `stack_size_bytes`.
    pub(crate) fn jobs(&self, stack_size_bytes: usize) -> io::Result<SyncSender<Job>> {
        let mut started = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = &*started {
            return Ok(jobs.clone());
        }
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let (sender, receiver) = sync_channel::<Job>(threads);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..threads {
            let receiver = receiver.clone();
            thread::Builder::new()
                .stack_size(stack_size_bytes)
                .spawn(move || work_until_closed(&receiver))?;
        }
        Ok(started.insert(sender).clone())
    }
}

fn work_until_closed(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}
