//! One timer of the system. `set` says when it expires next and forgets what was set before; `expired` awaits that.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::Ticker;

#[cfg(not(target_os = "linux"))]
mod thread;
#[cfg(not(target_os = "linux"))]
pub(crate) use thread::Ticker;
