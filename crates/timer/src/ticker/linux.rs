//! A timer of the kernel that is a descriptor. It wakes within tens of microseconds and uses no CPU meanwhile.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::unix::AsyncFd;

/// The kernel takes a time of 0 for "never".
const SHORTEST: Duration = Duration::from_nanos(1);

#[derive(Debug)]
struct Fd(TimerFd);

impl AsRawFd for Fd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

#[derive(Debug)]
pub(crate) struct Ticker(AsyncFd<Fd>);

impl Ticker {
    /// Must be called inside a Tokio runtime.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        // Its successor is an unsafe function, because a type could lie about its descriptor; `Fd` owns its one and
        // never changes it.
        #[expect(deprecated, reason = "the successor is unsafe; see above")]
        let fd = AsyncFd::new(Fd(timer))?;
        Ok(Self(fd))
    }

    pub(crate) fn set(&self, at: Instant) -> io::Result<()> {
        let left = at.saturating_duration_since(Instant::now()).max(SHORTEST);
        // This also forgets earlier expirations, so that they need not be read.
        let once = Expiration::OneShot(left.into());
        Ok(self.0.get_ref().0.set(once, TimerSetTimeFlags::empty())?)
    }

    pub(crate) async fn expired(&self) -> io::Result<()> {
        self.0.readable().await?.clear_ready();
        Ok(())
    }
}
