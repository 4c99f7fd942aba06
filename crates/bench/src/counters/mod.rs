//! What the operating system counts of processes and of the machine.
//!
//! Everything is optional, because not every system tells: on Linux most of it comes from `/proc` and
//! the per-process CPU clocks, elsewhere it is "not available".

use std::time::Duration;

pub mod cgroup;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod listeners;
#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(not(target_os = "linux"))]
use portable as platform;

#[cfg(target_os = "linux")]
pub use listeners::{lineage, listeners, listeners_at_socket};
pub use platform::{
    available_memory_bytes, cpu_model, listen_queue, machine_cpu, memory_bytes, pin_this_process,
    pressure, process_cpu, process_memory, process_tree, run_queue_wait, threads,
    threads_context_switches, threads_of_this_user, throttled_periods, usable_cpus,
    user_process_limit,
};
#[cfg(not(target_os = "linux"))]
pub use portable::{lineage, listeners, listeners_at_socket};

/// Memory, threads and descriptors of a process at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessMemory {
    /// Resident memory in bytes.
    pub rss_bytes: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// Open descriptors.
    pub fds: Option<u64>,
    /// How many it may have open: the soft limit. `None` also where there is no limit.
    pub fds_limit: Option<u64>,
}

/// CPU time of the whole machine since boot, in clock ticks of mostly 10 ms.
///
/// Idle time is measured by the kernel and only told in ticks; busy time it mostly samples. So what was used is
/// found as wall time less idle time, which over many short stretches is right to a few milliseconds each.
#[derive(Debug, Clone, Copy)]
pub struct MachineCpu {
    /// All of it, idle time included.
    pub total_ticks: u64,
    /// Nothing ran, or only waited for a disk.
    pub idle_ticks: u64,
    /// Stolen by the hypervisor.
    pub steal_ticks: u64,
    /// Ticks in a second.
    pub ticks_per_second: u64,
    /// CPUs that were running.
    pub cpus: u32,
}

/// What a thread did since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ThreadTime {
    /// It ran.
    pub ran: Duration,
    /// It was ready to run and had no CPU.
    pub waited: Duration,
}

impl MachineCpu {
    /// Share of CPU time stolen since `earlier`, in percent.
    pub fn steal_percent_since(self, earlier: Self) -> Option<f64> {
        let total = self.total_ticks.checked_sub(earlier.total_ticks)?;
        let steal = self.steal_ticks.checked_sub(earlier.steal_ticks)?;
        (total > 0).then(|| 100.0 * steal as f64 / total as f64)
    }

    /// CPU time in which nothing ran since `earlier`.
    pub fn idle_since(self, earlier: Self) -> Duration {
        self.time(self.idle_ticks.saturating_sub(earlier.idle_ticks))
    }

    /// CPU time that the hypervisor stole since `earlier`.
    pub fn stolen_since(self, earlier: Self) -> Duration {
        self.time(self.steal_ticks.saturating_sub(earlier.steal_ticks))
    }

    fn time(self, ticks: u64) -> Duration {
        Duration::from_secs_f64(ticks as f64 / self.ticks_per_second.max(1) as f64)
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

/// Context switches of this process so far, voluntary and involuntary.
pub fn own_switches() -> Option<u64> {
    use nix::sys::resource::{UsageWho, getrusage};
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    u64::try_from(usage.voluntary_context_switches() + usage.involuntary_context_switches()).ok()
}

/// A sum with one more part; not available as soon as one of them is not.
pub fn with<T: std::ops::Add<Output = T>>(
    sum: Option<T>,
    part: Option<T>,
    is_first: bool,
) -> Option<T> {
    if is_first { part } else { Some(sum? + part?) }
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
///
/// It is done in parts, and the fastest stands for all: a part in which another thread had the CPU is no clock.
pub fn spin() -> Duration {
    whole_spin(&[(); 10].map(|()| spin_part()))
}

fn whole_spin(parts: &[Duration]) -> Duration {
    let fastest = parts.iter().min().copied().unwrap_or_default();
    fastest.mul_f64(parts.len() as f64)
}

fn spin_part() -> Duration {
    const ROUNDS: u32 = 200_000;
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

        assert!(
            memory
                .fds_limit
                .is_none_or(|limit| Some(limit) >= memory.fds)
        );
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
            idle_ticks: 50,
            steal_ticks: 1,
            ticks_per_second: 100,
            cpus: 2,
        };
        let later = MachineCpu {
            total_ticks: 300,
            idle_ticks: 150,
            steal_ticks: 11,
            ..earlier
        };
        assert_eq!(later.steal_percent_since(earlier), Some(5.0));
        assert_eq!(earlier.steal_percent_since(later), None);
        assert_eq!(later.idle_since(earlier), Duration::from_secs(1));
        assert_eq!(later.stolen_since(earlier), Duration::from_millis(100));
        assert_eq!(earlier.idle_since(later), Duration::ZERO);
    }

    #[test]
    fn a_part_of_a_spin_that_was_kept_from_its_cpu_is_no_clock() {
        let ms = Duration::from_millis;
        assert_eq!(whole_spin(&[ms(2), ms(40), ms(2), ms(3)]), ms(8));
        assert_eq!(whole_spin(&[]), Duration::ZERO);
    }
}
