//! What the control group of this process may use: a container's or a service's limits.
//!
//! Version 2 has one tree; version 1 has one for each controller. Both may be mounted at once.

use std::path::{Path, PathBuf};

/// Processes and threads of one control group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pids {
    /// How many there may be; `None` is no limit, or no control groups.
    pub max: Option<u64>,
    /// How many there are now; `None` where it is not told.
    pub current: Option<u64>,
}

/// Processes and threads, both figures of the same group.
pub fn pids() -> Pids {
    let mut folders = v2_folders().into_iter().chain(v1_folders("pids"));
    folders
        .find_map(|folder| pids_of(&folder))
        .unwrap_or_default()
}

fn pids_of(folder: &Path) -> Option<Pids> {
    let max = read_file(folder.join("pids.max"))?;
    let current = read_file(folder.join("pids.current"));
    Some(Pids {
        max: max.parse().ok(), // "max" is no limit
        current: current.and_then(|text| text.parse().ok()),
    })
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
    let mut v1_folders = v1_folders(controller).into_iter();
    read_v2(v2).or_else(|| v1_folders.find_map(|folder| read_file(folder.join(v1))))
}

fn read_v2(file: &str) -> Option<String> {
    let mut folders = v2_folders().into_iter();
    folders.find_map(|folder| read_file(folder.join(file)))
}

// Inside a container the path may be the host's while the mount begins at the container's own: the folder
// of the path comes first, then the one that is mounted.

fn v2_folders() -> Vec<PathBuf> {
    let root = PathBuf::from("/sys/fs/cgroup");
    let groups = own_groups().unwrap_or_default();
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"));
    path.map_or_else(Vec::new, |path| vec![root.join(path), root])
}

fn v1_folders(controller: &str) -> Vec<PathBuf> {
    let own = v1_folder(&own_groups().unwrap_or_default(), controller);
    let mounted = PathBuf::from("/sys/fs/cgroup").join(controller);
    own.into_iter().chain([mounted]).collect()
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
    fn threads_are_counted_in_the_group_that_limits_them() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(pids_of(folder.path()), None);
        let write = |file: &str, text: &str| std::fs::write(folder.path().join(file), text);
        write("pids.max", "1000\n").unwrap();
        let pids = |max, current| Some(Pids { max, current });
        assert_eq!(pids_of(folder.path()), pids(Some(1_000), None));
        write("pids.current", "42\n").unwrap();
        assert_eq!(pids_of(folder.path()), pids(Some(1_000), Some(42)));
        write("pids.max", "max\n").unwrap();
        assert_eq!(pids_of(folder.path()), pids(None, Some(42)));
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
