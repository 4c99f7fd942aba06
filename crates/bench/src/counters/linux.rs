//! Counters from `/proc` and the process CPU clocks.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use procfs::Current;
use procfs::process::{LimitValue, Process};

use super::{ListenQueue, MachineCpu, ProcessMemory, ThreadTime};

/// CPU time of a process by its own CPU clock: nanosecond resolution, ended threads included.
pub fn process_cpu(pid: u32) -> Option<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid).ok()?)).ok()?;
    clock_gettime(clock).ok().map(Duration::from)
}

/// Memory and threads from one read of the status file; descriptors from the size of the `fd` folder.
pub fn process_memory(pid: u32) -> ProcessMemory {
    let Ok(process) = i32::try_from(pid)
        .map_err(drop)
        .and_then(|pid| Process::new(pid).map_err(drop))
    else {
        return ProcessMemory::default();
    };
    let status = process.status().ok();
    ProcessMemory {
        rss_bytes: status
            .as_ref()
            .and_then(|status| status.vmrss)
            .map(|kib| kib * 1024),
        threads: status.as_ref().map(|status| status.threads),
        fds: fd_count(pid),
        fds_limit: fd_limit(&process),
    }
}

fn fd_limit(process: &Process) -> Option<u64> {
    match process.limits().ok()?.max_open_files.soft_limit {
        LimitValue::Value(limit) => Some(limit),
        LimitValue::Unlimited => None,
    }
}

/// Linux tells the number of descriptors as the size of the folder since 6.2; before that it says 0.
fn fd_count(pid: u32) -> Option<u64> {
    let count = std::fs::metadata(format!("/proc/{pid}/fd")).ok()?.len();
    (count > 0).then_some(count)
}

/// The process and all its descendants, without those below `except` and these themselves.
pub fn process_tree(root: u32, except: &[u32]) -> Vec<u32> {
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&pid) = tree.get(next) {
        let tasks = i32::try_from(pid)
            .ok()
            .and_then(|pid| Process::new(pid).ok())
            .and_then(|process| process.tasks().ok());
        for task in tasks.into_iter().flatten().flatten() {
            let children = task.children().unwrap_or_default();
            tree.extend(children.into_iter().filter(|it| !except.contains(it)));
        }
        next += 1;
    }
    tree
}

/// What each living thread of these processes did so far; `None` for more threads than can be read in a few
/// milliseconds, and where the system does not tell.
pub fn threads(pids: &[u32]) -> Option<HashMap<u32, ThreadTime>> {
    const MOST_THREADS: usize = 512;
    let mut threads = HashMap::new();
    for &pid in pids {
        let process = Process::new(i32::try_from(pid).ok()?).ok()?;
        for task in process.tasks().ok()?.flatten() {
            let Ok(stat) = task.schedstat() else {
                continue; // it has ended meanwhile
            };
            let time = ThreadTime {
                ran: Duration::from_nanos(stat.sum_exec_runtime),
                waited: Duration::from_nanos(stat.run_delay),
            };
            threads.insert(u32::try_from(task.tid).ok()?, time);
            if threads.len() > MOST_THREADS {
                return None;
            }
        }
    }
    (!threads.is_empty()).then_some(threads)
}

/// Time in which at least one task of the machine was ready and had no CPU, since boot (pressure stall).
pub fn pressure() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/pressure/cpu").ok()?;
    some_total(&text)
}

fn some_total(pressure: &str) -> Option<Duration> {
    let some = pressure.lines().find(|line| line.starts_with("some "))?;
    let total = some
        .split_whitespace()
        .find_map(|it| it.strip_prefix("total="))?;
    total.parse().ok().map(Duration::from_micros)
}

/// Context switches of the living threads of a process. Only for processes with few threads: a file is
/// read for each, and the switches of threads that have ended are missing.
pub fn threads_context_switches(pid: u32) -> Option<u64> {
    const MOST_THREADS: usize = 64;
    let process = Process::new(i32::try_from(pid).ok()?).ok()?;
    let tasks: Vec<_> = process
        .tasks()
        .ok()?
        .take(MOST_THREADS + 1)
        .flatten()
        .collect();
    if tasks.len() > MOST_THREADS {
        return None;
    }
    tasks
        .iter()
        .map(|task| {
            let status = task.status().ok()?;
            Some(status.voluntary_ctxt_switches? + status.nonvoluntary_ctxt_switches?)
        })
        .sum()
}

/// Time in which threads of this process were ready but had no CPU, added up.
pub fn run_queue_wait() -> Option<Duration> {
    let tasks = Process::myself().ok()?.tasks().ok()?;
    let nanoseconds = tasks
        .flatten()
        .filter_map(|task| task.schedstat().ok())
        .map(|stat| stat.run_delay)
        .sum();
    Some(Duration::from_nanos(nanoseconds))
}

/// CPU time of the machine.
pub fn machine_cpu() -> Option<MachineCpu> {
    machine_cpu_of(&std::fs::read_to_string("/proc/stat").ok()?)
}

/// The first line is of all CPUs, and each has a line of its own below.
fn machine_cpu_of(stat: &str) -> Option<MachineCpu> {
    let mut lines = stat.lines();
    let ticks: Vec<u64> = lines
        .next()?
        .strip_prefix("cpu ")?
        .split_whitespace()
        .map_while(|ticks| ticks.parse().ok())
        .collect();
    let [user, nice, system, idle, ref later @ ..] = ticks[..] else {
        return None;
    };
    // Older kernels have fewer columns: waiting for disks, interrupts (two), stolen. What follows is counted
    // within the first two.
    let later = |column: usize| later.get(column).copied().unwrap_or(0);
    let (idle_ticks, steal_ticks) = (idle + later(0), later(3));
    let cpus = lines.take_while(|line| line.starts_with("cpu")).count();
    Some(MachineCpu {
        total_ticks: user + nice + system + later(1) + later(2) + idle_ticks + steal_ticks,
        idle_ticks,
        steal_ticks,
        ticks_per_second: procfs::ticks_per_second(),
        cpus: u32::try_from(cpus).ok().filter(|cpus| *cpus > 0)?,
    })
}

/// TCP counters of this network namespace.
pub fn listen_queue() -> Option<ListenQueue> {
    let text = std::fs::read_to_string("/proc/net/netstat").ok()?;
    Some(ListenQueue {
        overflows: netstat_value(&text, "TcpExt:", "ListenOverflows")?,
        syn_retransmits: netstat_value(&text, "TcpExt:", "TCPSynRetrans")?,
    })
}

/// Values stand on the line below their names, both lines opening with the group.
fn netstat_value(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with(group));
    let column = lines
        .next()?
        .split_whitespace()
        .position(|word| word == name)?;
    lines.next()?.split_whitespace().nth(column)?.parse().ok()
}

/// Periods in which the CPU limit of this process's control group held it, and the servers it started,
/// back; `None` where there is no such group.
pub fn throttled_periods() -> Option<u64> {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let file = FILE.get_or_init(cpu_stat_file).as_ref()?;
    throttled(&std::fs::read_to_string(file).ok()?)
}

fn throttled(cpu_stat: &str) -> Option<u64> {
    let mut lines = cpu_stat.lines();
    lines
        .find_map(|line| line.strip_prefix("nr_throttled "))?
        .trim()
        .parse()
        .ok()
}

/// Where the group's counters are: version 2, then version 1, each below the path that the process
/// sees or, in a container, at the root.
fn cpu_stat_file() -> Option<PathBuf> {
    let groups = Process::myself().ok()?.cgroups().ok()?;
    let mut files = groups.into_iter().flat_map(|group| {
        let is_v2 = group.hierarchy == 0;
        let is_cpu = group
            .controllers
            .iter()
            .any(|controller| controller == "cpu");
        let root = Path::new("/sys/fs/cgroup").join(if is_v2 { "" } else { "cpu" });
        let below = root.join(group.pathname.trim_start_matches('/'));
        let files = [below, root].map(|folder| folder.join("cpu.stat"));
        files.into_iter().filter(move |_| is_v2 || is_cpu)
    });
    files.find(|file| std::fs::read_to_string(file).is_ok_and(|text| throttled(&text).is_some()))
}

/// CPU model name.
pub fn cpu_model() -> Option<String> {
    let info = procfs::CpuInfo::current().ok()?;
    info.model_name(0).map(str::to_owned)
}

/// Memory of the machine in bytes.
pub fn memory_bytes() -> Option<u64> {
    procfs::Meminfo::current()
        .ok()
        .map(|memory| memory.mem_total)
}

/// Memory that can be had without swapping, in bytes.
pub fn available_memory_bytes() -> Option<u64> {
    procfs::Meminfo::current().ok()?.mem_available
}

/// Processes and threads this user may have; `None` for root, who has no limit.
pub fn user_process_limit() -> Option<u64> {
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
    if nix::unistd::geteuid().is_root() {
        return None;
    }
    let (soft, _) = getrlimit(Resource::RLIMIT_NPROC).ok()?;
    (soft != RLIM_INFINITY).then_some(soft)
}

/// Threads of all processes of this user now: what [`user_process_limit`] counts.
pub fn threads_of_this_user() -> Option<u64> {
    let own = nix::unistd::getuid().as_raw();
    let processes = procfs::process::all_processes().ok()?.flatten();
    let status = processes.filter_map(|process| process.status().ok());
    let threads = status.filter(|status| status.ruid == own);
    Some(threads.map(|status| status.threads).sum())
}

/// Restricts this process, and all that it starts from now on, to some CPUs.
///
/// # Errors
/// When a CPU does not exist or the system refuses.
pub fn pin_this_process(cpus: &[usize]) -> std::io::Result<()> {
    let mut set = CpuSet::new();
    for &cpu in cpus {
        set.set(cpu)?;
    }
    sched_setaffinity(Pid::from_raw(0), &set).map_err(|error| {
        let usable = super::available_cores();
        std::io::Error::other(format!(
            "{error}; {usable} can be used here, counted from 0"
        ))
    })
}

/// Numbers of the CPUs this process may use; `None` where the system does not tell.
pub fn usable_cpus() -> Option<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0)).ok()?;
    let is_set = |cpu: &usize| set.is_set(*cpu).unwrap_or(false);
    Some((0..CpuSet::count()).filter(is_set).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netstat_values_stand_below_their_names() {
        let text = "TcpExt: A ListenOverflows\nTcpExt: 1 7\nIpExt: X\nIpExt: 3\n";
        assert_eq!(netstat_value(text, "TcpExt:", "ListenOverflows"), Some(7));
        assert_eq!(netstat_value(text, "TcpExt:", "Missing"), None);
        assert_eq!(netstat_value("", "TcpExt:", "A"), None);
    }

    #[test]
    fn throttled_periods_stand_behind_their_name() {
        let text = "usage_usec 5\nnr_periods 9\nnr_throttled 3\nthrottled_usec 7\n";
        assert_eq!(throttled(text), Some(3));
        assert_eq!(throttled("usage_usec 5\n"), None);
    }

    #[test]
    fn the_machine_s_cpu_is_in_the_first_line_and_its_cpus_below() {
        let text = "cpu  10 1 5 70 4 2 3 5 9 9\ncpu0 1 2\ncpu1 1 2\nintr 5 cpu7\n";
        let cpu = machine_cpu_of(text).expect("it is whole");
        assert_eq!((cpu.total_ticks, cpu.idle_ticks), (100, 74));
        assert_eq!((cpu.steal_ticks, cpu.cpus), (5, 2));
        assert!(machine_cpu_of("cpu  10 1\n").is_none());
        assert!(machine_cpu_of("").is_none());
        assert!(machine_cpu().is_some_and(|cpu| cpu.idle_ticks < cpu.total_ticks));
    }

    #[test]
    fn pressure_is_that_of_some_tasks() {
        let text = "some avg10=0.23 avg60=5.45 avg300=8.74 total=1500\nfull avg10=0.00 total=7\n";
        assert_eq!(some_total(text), Some(Duration::from_micros(1_500)));
        assert_eq!(some_total("full total=7\n"), None);
    }

    #[test]
    fn threads_of_a_process_run_and_are_found_by_number() {
        let threads = threads(&[std::process::id()]).expect("they are few");
        let ran: Duration = threads.values().map(|thread| thread.ran).sum();
        assert!(ran > Duration::ZERO, "{threads:?}");
        assert!(threads.contains_key(&std::process::id()));
        assert!(super::threads(&[]).is_none());
    }

    #[test]
    fn the_tree_of_a_process_holds_its_children() {
        let mut child = std::process::Command::new("sleep")
            .arg("30")
            .spawn()
            .expect("sleep starts");
        let tree = process_tree(std::process::id(), &[]);
        let without = process_tree(std::process::id(), &[child.id()]);
        child.kill().expect("sleep can be ended");
        child.wait().expect("sleep has ended");
        assert!(tree.contains(&child.id()), "{tree:?}");
        assert!(!without.contains(&child.id()), "{without:?}");
    }
}
