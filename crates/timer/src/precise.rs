//! One task waits for one instant after another.

use std::io;
use std::time::Instant;

use crate::ticker::Ticker;

/// A timer for one task at a time.
#[derive(Debug)]
pub struct PreciseTimer(Ticker);

impl PreciseTimer {
    /// Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// When the system has no timer left.
    pub fn new() -> io::Result<Self> {
        Ticker::new().map(Self)
    }

    /// Returns at `deadline` or shortly after, never before.
    pub async fn sleep_until(&self, deadline: Instant) {
        while Instant::now() < deadline {
            if self.0.set(deadline).is_err() || self.0.expired().await.is_err() {
                // The system refuses no valid timer; should it ever, asking again and again is better than waiting for ever.
                tokio::task::yield_now().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn never_early_and_usable_again() {
        let timer = PreciseTimer::new().unwrap();
        for step_us in [3_000, 50, 0, 1_000] {
            let deadline = Instant::now() + Duration::from_micros(step_us);
            timer.sleep_until(deadline).await;
            assert!(Instant::now() >= deadline);
        }
    }
}
