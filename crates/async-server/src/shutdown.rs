//! Stopping with what is in flight finished.

use tokio::sync::watch;

/// Tells a server to stop. All clones tell the same one.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(watch::Sender<bool>);

impl Shutdown {
    /// A handle for a server that is not told to stop yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells it. Safe to call again, from any thread.
    pub fn trigger(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is told.
    pub(crate) async fn wait(&self) {
        // Fails when all senders are gone; this one is not.
        let _ = self.0.subscribe().wait_for(|told| *told).await;
    }
}
