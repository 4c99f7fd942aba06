//! Systems that tell less: every counter is "not available".

use std::collections::HashMap;
use std::time::Duration;

use super::{ListenQueue, MachineCpu, ProcessMemory, ThreadTime};

/// Not available here; built-in servers tell their own CPU time by `/stats`.
pub fn process_cpu(_pid: u32) -> Option<Duration> {
    None
}

/// Not available here.
pub fn process_memory(_pid: u32) -> ProcessMemory {
    ProcessMemory::default()
}

/// Only the process itself is known here.
pub fn process_tree(root: u32, _except: &[u32]) -> Vec<u32> {
    vec![root]
}

/// Not available here.
pub fn threads(_pids: &[u32]) -> Option<HashMap<u32, ThreadTime>> {
    None
}

/// Not available here.
pub fn listeners(_address: std::net::SocketAddr) -> Vec<u32> {
    Vec::new()
}

/// Not available here.
pub fn listeners_at_socket(_path: &std::path::Path) -> Vec<u32> {
    Vec::new()
}

/// Only the process itself is known here.
pub fn lineage(pid: u32) -> Vec<u32> {
    vec![pid]
}

/// Not available here.
pub fn pressure() -> Option<Duration> {
    None
}

/// Not available here.
pub fn threads_context_switches(_pid: u32) -> Option<u64> {
    None
}

/// Not available here.
pub fn run_queue_wait() -> Option<Duration> {
    None
}

/// Not available here.
pub fn machine_cpu() -> Option<MachineCpu> {
    None
}

/// Not available here.
pub fn listen_queue() -> Option<ListenQueue> {
    None
}

/// Not available here.
pub fn throttled_periods() -> Option<u64> {
    None
}

/// CPU model name, as `sysctl` tells it.
pub fn cpu_model() -> Option<String> {
    sysctl_tool("machdep.cpu.brand_string")
}

/// Memory of the machine in bytes, as `sysctl` tells it.
pub fn memory_bytes() -> Option<u64> {
    sysctl_tool("hw.memsize")?.parse().ok()
}

/// Not available here.
pub fn available_memory_bytes() -> Option<u64> {
    None
}

/// Not available here: what is limited is processes, not threads.
pub fn user_process_limit() -> Option<u64> {
    None
}

fn sysctl_tool(name: &str) -> Option<String> {
    let output = std::process::Command::new("sysctl")
        .args(["-n", name])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Not available here.
pub fn threads_of_this_user() -> Option<u64> {
    None
}

/// Pinning is not available here.
///
/// # Errors
/// Always.
pub fn usable_cpus() -> Option<Vec<usize>> {
    None
}

/// Cannot be had here.
pub fn pin_this_process(_cpus: &[usize]) -> std::io::Result<()> {
    Err(std::io::Error::new(
        std::io::ErrorKind::Unsupported,
        "pinning to CPUs works on Linux only",
    ))
}
