//! The limits themselves, as the operating system tells them.

use record::limits::MachineLimit;

use crate::counters;

/// What was found; `None` is "no limit" or "not told here".
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Machine {
    /// Files this program, and each server it starts, may open.
    pub open_files: Option<u64>,
    /// The most an ordinary user can raise that to.
    pub open_files_hard: Option<u64>,
    /// Local ports for connections to one address.
    pub ports: Option<u64>,
    /// Threads of the whole system.
    pub threads_max: Option<u64>,
    /// Process and thread numbers.
    pub pid_max: Option<u64>,
    /// Processes and threads of this user; not for root.
    pub user_processes: Option<u64>,
    /// Processes and threads of this user now.
    pub user_processes_now: Option<u64>,
    /// Processes and threads of this control group.
    pub cgroup_pids: Option<u64>,
    /// Processes and threads of this control group now.
    pub cgroup_pids_now: Option<u64>,
    /// Threads of the whole system now.
    pub threads_now: Option<u64>,
    /// Mappings of one process.
    pub max_map_count: Option<u64>,
    /// Memory of the machine in bytes.
    pub memory_bytes: Option<u64>,
    /// Memory that can be had now, in bytes.
    pub available_bytes: Option<u64>,
    /// Memory of this control group in bytes.
    pub cgroup_memory_bytes: Option<u64>,
    /// CPU time of this control group, in thousandths of a core.
    pub cgroup_millicores: Option<u64>,
    /// Cores this program may use.
    pub cores: u64,
    /// Connections the kernel keeps before they are accepted.
    pub somaxconn: Option<u64>,
    /// Connections that are being made.
    pub syn_backlog: Option<u64>,
}

/// Looks.
pub(super) fn look() -> Machine {
    let pids = counters::cgroup::pids();
    let user_processes = counters::user_process_limit();
    let files = engine::limits::raise_descriptor_limit()
        .or_else(|_| engine::limits::descriptor_limit())
        .ok();
    Machine {
        open_files: files.map(|limit| limit.soft),
        open_files_hard: files.map(|limit| limit.hard),
        ports: counters::local_ports(),
        threads_max: counters::sysctl("kernel/threads-max"),
        pid_max: counters::sysctl("kernel/pid_max"),
        user_processes,
        user_processes_now: user_processes.and_then(|_| counters::threads_of_this_user()),
        cgroup_pids: pids.max,
        cgroup_pids_now: pids.current,
        threads_now: counters::threads_of_the_system(),
        max_map_count: counters::sysctl("vm/max_map_count"),
        memory_bytes: counters::memory_bytes(),
        available_bytes: counters::available_memory_bytes(),
        cgroup_memory_bytes: counters::cgroup::memory_max_bytes(),
        cgroup_millicores: counters::cgroup::cpu_max_millicores(),
        cores: counters::available_cores() as u64,
        somaxconn: counters::sysctl("net/core/somaxconn"),
        syn_backlog: counters::sysctl("net/ipv4/tcp_max_syn_backlog"),
    }
}

impl Machine {
    /// All of them, each with what it limits.
    pub(super) fn limits(&self) -> Vec<MachineLimit> {
        let limit = |name: &str, value: Option<u64>, unit: &str, meaning: &str| MachineLimit {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
            meaning: meaning.to_owned(),
        };
        vec![
            limit(
                "open files",
                self.open_files,
                "files",
                "connections of one process, a hundred other files left aside (ulimit -n, raised as far as it goes)",
            ),
            limit(
                "open files, hard",
                self.open_files_hard,
                "files",
                "the most an ordinary user can raise it to (ulimit -Hn)",
            ),
            limit(
                "ip_local_port_range",
                self.ports,
                "ports",
                "connections from one local address to one server; the load generator takes further addresses of 127.0.0.0/8 when they run out",
            ),
            limit(
                "kernel.threads-max",
                self.threads_max,
                "threads",
                "threads of the whole system",
            ),
            limit(
                "kernel.pid_max",
                self.pid_max,
                "threads",
                "numbers for processes and threads of the whole system",
            ),
            limit(
                "user processes",
                self.user_processes,
                "threads",
                "processes and threads of this user (ulimit -u; root has no limit)",
            ),
            limit(
                "cgroup pids.max",
                self.cgroup_pids,
                "threads",
                "processes and threads of this container or service",
            ),
            limit(
                "threads now",
                self.threads_now,
                "threads",
                "of the whole system: taken of kernel.threads-max and kernel.pid_max already",
            ),
            limit(
                "user processes now",
                self.user_processes_now,
                "threads",
                "taken of this user's already, where they are limited",
            ),
            limit(
                "cgroup pids.current",
                self.cgroup_pids_now,
                "threads",
                "taken of pids.max already",
            ),
            limit(
                "vm.max_map_count",
                self.max_map_count,
                "maps",
                "mappings of one process; each thread's stack takes two, itself and its guard page",
            ),
            limit("memory", self.memory_bytes, "bytes", "of the machine"),
            limit(
                "memory available",
                self.available_bytes,
                "bytes",
                "that can be had now without swapping",
            ),
            limit(
                "cgroup memory.max",
                self.cgroup_memory_bytes,
                "bytes",
                "of this container or service",
            ),
            limit(
                "cgroup cpu.max",
                self.cgroup_millicores,
                "millicores",
                "CPU time of this container or service",
            ),
            limit(
                "cores",
                Some(self.cores),
                "cores",
                "that the load generator and the servers share",
            ),
            limit(
                "net.core.somaxconn",
                self.somaxconn,
                "connections",
                "kept before they are accepted, whatever a server asks for",
            ),
            limit(
                "tcp_max_syn_backlog",
                self.syn_backlog,
                "connections",
                "being made at a time, for each listening socket",
            ),
        ]
    }
}
