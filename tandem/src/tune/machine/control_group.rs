//! What the control group leaves a process: CPU time and memory; cgroup v2 and v1.

use super::Root;

/// The least CPU time that this group and those around it may use, in hundredths of a core. `None`: all there is.
pub(crate) fn cpu_quota(root: &Root) -> Option<u64> {
    let second = groups(root, "").into_iter().filter_map(|group| {
        let text = root.read(&format!("{group}/cpu.max"))?;
        let (quota, period) = text.split_once(' ')?;
        percent(quota, period)
    });
    let first = groups(root, "cpu").into_iter().filter_map(|group| {
        let quota = root.read(&format!("{group}/cpu.cfs_quota_us"))?;
        percent(&quota, &root.read(&format!("{group}/cpu.cfs_period_us"))?)
    });
    second.chain(first).min()
}

/// `max` and -1 are no quota.
fn percent(quota: &str, period: &str) -> Option<u64> {
    let (quota, period) = (quota.parse::<u64>().ok()?, period.parse::<u64>().ok()?);
    (period > 0).then(|| quota.saturating_mul(100) / period)
}

/// The least memory that this group and those around it may use in bytes. `None`: all there is.
pub(super) fn memory_limit(root: &Root) -> Option<u64> {
    /// What v1 says for "no limit" is the largest multiple of a page.
    const NONE: u64 = 1 << 60;
    let read = |controller, file: &str| {
        let number = move |group: String| root.read(&format!("{group}/{file}"))?.parse().ok();
        groups(root, controller)
            .into_iter()
            .filter_map(number)
            .collect::<Vec<u64>>()
    };
    let mut limits = read("", "memory.max");
    limits.extend(read("memory", "memory.limit_in_bytes"));
    limits.into_iter().filter(|&limit| limit < NONE).min()
}

/// The directories of this process's group and all around it; `controller` is empty for v2.
fn groups(root: &Root, controller: &str) -> Vec<String> {
    let text = root.read("/proc/self/cgroup").unwrap_or_default();
    let Some(path) = text.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let is_it = controllers.split(',').any(|one| one == controller);
        is_it.then(|| path.trim_end_matches('/').to_owned())
    }) else {
        return Vec::new();
    };
    let base = match controller {
        // Beside v1, v2 stands in a directory of its own.
        "" if root.exists("/sys/fs/cgroup/unified") => "/sys/fs/cgroup/unified".to_owned(),
        "" => "/sys/fs/cgroup".to_owned(),
        _ => format!("/sys/fs/cgroup/{controller}"),
    };
    let mut directories = vec![base.clone()];
    let mut at = base;
    // In a container the path may be the host's, and its end is not there: what is there counts.
    for part in path.split('/').filter(|part| !part.is_empty()) {
        at = format!("{at}/{part}");
        directories.push(at.clone());
    }
    directories
}
