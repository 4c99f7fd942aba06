//! What the operating system counts: the only place that reads it.
//!
//! Everything is optional, because not every system tells: on Linux most of it comes from `/proc` and
//! the per-process CPU clocks, elsewhere it is "not available".

use std::time::Duration;

pub mod cgroup;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(not(target_os = "linux"))]
use portable as platform;

pub use platform::{
    available_memory_bytes, cpu_model, listen_queue, machine_cpu, memory_bytes, pin_this_process,
    process_cpu, process_memory, process_tree, run_queue_wait, threads_context_switches,
    threads_of_this_user, throttled_periods, user_process_limit,
};

/// Memory, threads and descriptors of a process at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessMemory {
    /// Resident memory in bytes.
    pub rss_bytes: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// Open descriptors.
    pub fds: Option<u64>,
}

/// CPU time of the whole machine since boot, in clock ticks.
#[derive(Debug, Clone, Copy)]
pub struct MachineCpu {
    /// All of it, idle time included.
    pub total_ticks: u64,
    /// Stolen by the hypervisor.
    pub steal_ticks: u64,
}

impl MachineCpu {
    /// Share of CPU time stolen since `earlier`, in percent.
    pub fn steal_percent_since(self, earlier: Self) -> Option<f64> {
        let total = self.total_ticks.checked_sub(earlier.total_ticks)?;
        let steal = self.steal_ticks.checked_sub(earlier.steal_ticks)?;
        (total > 0).then(|| 100.0 * steal as f64 / total as f64)
    }
}

/// System-wide TCP counters since boot.
#[derive(Debug, Clone, Copy)]
pub struct ListenQueue {
    /// Connections dropped because a listener's queue was full.
    pub overflows: u64,
    /// SYN segments sent again; each costs its connection a second.
    pub syn_retransmits: u64,
}

/// CPU time this process has used, user and system, ended threads included.
pub fn own_cpu() -> Duration {
    use nix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// Logical CPUs this process may use.
pub fn available_cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Kernel release, for instance `6.1.0`.
pub fn kernel_release() -> Option<String> {
    let uname = std::process::Command::new("uname")
        .arg("-r")
        .output()
        .ok()?;
    let release = String::from_utf8(uname.stdout).ok()?;
    Some(release.trim().to_owned()).filter(|release| !release.is_empty())
}

/// Local ports for connections to one address.
pub fn local_ports() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = text.split_whitespace().map(|end| end.parse::<u64>().ok());
    let (first, last) = (ends.next()??, ends.next()??);
    Some(last.checked_sub(first)? + 1)
}

/// Threads of the whole system now.
pub fn threads_of_the_system() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace()
        .nth(3)?
        .split_once('/')?
        .1
        .parse()
        .ok()
}

/// An integer from a `/proc/sys` file; `None` where there is none.
pub fn sysctl(path: &str) -> Option<u64> {
    std::fs::read_to_string(format!("/proc/sys/{path}"))
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// Time that a fixed number of dependent multiplications takes: the clock speed of this moment.
pub fn spin() -> Duration {
    const ROUNDS: u32 = 2_000_000;
    let start = std::time::Instant::now();
    let mut x = std::hint::black_box(0x9e37_79b9_u32);
    for _ in 0..ROUNDS {
        x = x.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
    }
    std::hint::black_box(x);
    start.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_cpu_grows_with_work() {
        let before = own_cpu();
        spin();
        assert!(own_cpu() > before);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_on_linux_shows_cpu_memory_threads_and_descriptors() {
        let me = std::process::id();
        assert!(process_cpu(me).is_some());
        let memory = process_memory(me);
        assert!(memory.rss_bytes.is_some_and(|bytes| bytes > 100_000));
        assert!(memory.threads.is_some_and(|threads| threads >= 1));
        assert!(memory.fds.is_some_and(|fds| fds >= 3));
        assert!(machine_cpu().is_some());
    }

    #[test]
    fn a_process_that_is_not_there_is_not_available() {
        let gone = 4_194_303; // the largest number a process can have, and none has here
        assert!(process_cpu(gone).is_none());
        assert!(process_memory(gone).rss_bytes.is_none());
    }

    #[test]
    fn steal_is_a_share_of_all_time() {
        let earlier = MachineCpu {
            total_ticks: 100,
            steal_ticks: 1,
        };
        let later = MachineCpu {
            total_ticks: 300,
            steal_ticks: 11,
        };
        assert_eq!(later.steal_percent_since(earlier), Some(5.0));
        assert_eq!(earlier.steal_percent_since(later), None);
    }
}
