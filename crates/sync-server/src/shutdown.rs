//! Stopping with what is in flight finished.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Tells a server to stop. All clones tell the same one.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(Arc<(Mutex<bool>, Condvar)>);

impl Shutdown {
    /// A handle for a server that is not told to stop yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells it. Safe to call again.
    pub fn trigger(&self) {
        let (told, condition) = &*self.0;
        *told.lock().unwrap_or_else(PoisonError::into_inner) = true;
        condition.notify_all();
    }

    /// Blocks until it is told.
    pub(crate) fn wait(&self) {
        let (told, condition) = &*self.0;
        let told = told.lock().unwrap_or_else(PoisonError::into_inner);
        drop(condition.wait_while(told, |told| !*told));
    }
}
