//! What the control group of this process may use: a container's or a service's limits.
//!
//! Version 2 has one tree; version 1 has one for each controller. Both may be mounted at once.

use std::path::PathBuf;

/// Processes and threads; `None` is no limit, or no control groups.
pub fn pids_max() -> Option<u64> {
    let text = read("pids", "pids.max", "pids.max")?;
    text.parse().ok() // "max" is no limit
}

/// Memory in bytes; `None` as above.
pub fn memory_max_bytes() -> Option<u64> {
    /// Version 1 has a number beyond all memory for "no limit".
    const NO_LIMIT: u64 = 1 << 60;
    let text = read("memory", "memory.max", "memory.limit_in_bytes")?;
    text.parse().ok().filter(|bytes| *bytes < NO_LIMIT)
}

/// CPU time in thousandths of a core; `None` as above.
pub fn cpu_max_millicores() -> Option<u64> {
    if let Some(text) = read_v2("cpu.max") {
        return millicores(&text);
    }
    let quota = read("cpu", "cpu.max", "cpu.cfs_quota_us")?;
    let period = read("cpu", "cpu.max", "cpu.cfs_period_us")?;
    millicores(&format!("{quota} {period}"))
}

/// `QUOTA PERIOD`, the quota `max` or negative for no limit.
fn millicores(text: &str) -> Option<u64> {
    let (quota, period) = text.split_once(' ')?;
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    (quota * 1_000).checked_div(period)
}

fn read(controller: &str, v2: &str, v1: &str) -> Option<String> {
    // Inside a container the path may be the host's while the mount begins at the container's own.
    let own = || read_file(v1_folder(&own_groups()?, controller)?.join(v1));
    let mounted = || read_file(PathBuf::from("/sys/fs/cgroup").join(controller).join(v1));
    read_v2(v2).or_else(own).or_else(mounted)
}

fn read_v2(file: &str) -> Option<String> {
    let groups = own_groups()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let root = PathBuf::from("/sys/fs/cgroup");
    read_file(root.join(path).join(file)).or_else(|| read_file(root.join(file)))
}

/// Lines of `NUMBER:CONTROLLERS:/PATH`.
fn v1_folder(groups: &str, controller: &str) -> Option<PathBuf> {
    groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let is_it = controllers.split(',').any(|it| it == controller);
        is_it.then(|| {
            PathBuf::from("/sys/fs/cgroup")
                .join(controllers)
                .join(path.trim_start_matches('/'))
        })
    })
}

fn own_groups() -> Option<String> {
    std::fs::read_to_string("/proc/self/cgroup").ok()
}

fn read_file(path: PathBuf) -> Option<String> {
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_shares_of_cores() {
        assert_eq!(millicores("150000 100000"), Some(1_500));
        for unlimited in ["max 100000", "-1 100000", "100000 0", "max", ""] {
            assert_eq!(millicores(unlimited), None, "{unlimited}");
        }
    }

    #[test]
    fn version_1_has_a_folder_for_each_controller() {
        let groups = "4:cpu,cpuacct:/a/b\n3:pids:/\n0::/c\n";
        assert_eq!(
            v1_folder(groups, "cpu"),
            Some(PathBuf::from("/sys/fs/cgroup/cpu,cpuacct/a/b"))
        );
        assert_eq!(
            v1_folder(groups, "pids"),
            Some(PathBuf::from("/sys/fs/cgroup/pids/"))
        );
        assert_eq!(v1_folder(groups, "memory"), None);
        assert_eq!(v1_folder("nonsense", "memory"), None);
    }
}
