//! Waiting for an instant more precisely than Tokio's timer, which ticks in whole milliseconds: a
//! lateness of 1 ms is larger than the latencies measured.

use std::io;

use crate::clock::{Clock, Nanos};

/// Linux: a timer of the kernel, awaited like a socket. It wakes within tens of microseconds and uses
/// no CPU meanwhile.
#[cfg(target_os = "linux")]
mod precise {
    use std::os::fd::{AsFd, AsRawFd, RawFd};
    use std::time::Duration;

    use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
    use tokio::io::unix::AsyncFd;

    use super::*;

    struct Fd(TimerFd);

    impl AsRawFd for Fd {
        fn as_raw_fd(&self) -> RawFd {
            self.0.as_fd().as_raw_fd()
        }
    }

    pub(crate) struct PreciseTimer {
        fd: AsyncFd<Fd>,
        clock: Clock,
    }

    impl PreciseTimer {
        /// Must be called inside a Tokio runtime.
        pub(crate) fn new(clock: Clock) -> io::Result<Self> {
            let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
            let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
            // Its successor is an unsafe function, because a type could lie about its descriptor; `Fd`
            // owns its one and never changes it.
            #[expect(deprecated, reason = "the successor is unsafe; see above")]
            let fd = AsyncFd::new(Fd(timer))?;
            Ok(Self { fd, clock })
        }

        async fn wait(&self, left: Duration) -> io::Result<()> {
            // Setting the timer again forgets earlier expirations, so it need not be read.
            let once = Expiration::OneShot(left.into());
            self.fd.get_ref().0.set(once, TimerSetTimeFlags::empty())?;
            self.fd.readable().await?.clear_ready();
            Ok(())
        }

        /// Returns at `deadline` or shortly after, never before.
        pub(crate) async fn sleep_until(&self, deadline: Nanos) {
            loop {
                let now = self.clock.now();
                if now >= deadline {
                    return;
                }
                let left = Duration::from_nanos(deadline - now);
                if self.wait(left).await.is_err() {
                    // The kernel refuses no valid timer; should it ever, a late one is better than none.
                    tokio::time::sleep(left).await;
                }
            }
        }
    }
}

/// Elsewhere: Tokio's timer up to 2 ms before the instant, then asking the clock again and again
/// between other tasks. That keeps the core of this worker busy for those 2 ms.
#[cfg(not(target_os = "linux"))]
mod precise {
    use super::*;

    /// Tokio's timer may be late by its tick of 1 ms and a scheduling delay.
    const COARSE_NS: Nanos = 2_000_000;

    pub(crate) struct PreciseTimer {
        clock: Clock,
    }

    impl PreciseTimer {
        pub(crate) fn new(clock: Clock) -> io::Result<Self> {
            Ok(Self { clock })
        }

        /// Returns at `deadline` or shortly after, never before.
        pub(crate) async fn sleep_until(&self, deadline: Nanos) {
            if self.clock.now() + COARSE_NS < deadline {
                tokio::time::sleep_until(self.clock.instant(deadline - COARSE_NS)).await;
            }
            while self.clock.now() < deadline {
                tokio::task::yield_now().await;
            }
        }
    }
}

pub(crate) use precise::PreciseTimer;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_early_and_usable_again() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let clock = Clock::start();
            let timer = PreciseTimer::new(clock).unwrap();
            for step in [3_000_000, 50_000, 0, 1_000_000] {
                let deadline = clock.now() + step;
                timer.sleep_until(deadline).await;
                assert!(clock.now() >= deadline);
            }
        });
    }
}
