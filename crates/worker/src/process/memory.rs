use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const FRESH: Duration = Duration::from_secs(1);

/// How often the kernel has killed a process because memory ran out: of our control group if that
/// can be read, else of the whole machine.
#[derive(Debug, Default)]
pub(crate) struct OutOfMemoryKills(Mutex<Option<(Instant, Option<u64>)>>);

impl OutOfMemoryKills {
    /// As it was less than a second ago; `None` where it cannot be read.
    pub fn recent(&self) -> Option<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *known {
            Some((at, kills)) if at.elapsed() < FRESH => kills,
            _ => {
                let kills = read();
                *known = Some((Instant::now(), kills));
                kills
            }
        }
    }

    /// Whether there were more than `before` by now.
    pub fn more_than(&self, before: Option<u64>) -> bool {
        let now = read();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), now));
        matches!((before, now), (Some(before), Some(now)) if now > before)
    }
}

fn read() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut files = counters(&groups);
    files.push(PathBuf::from("/proc/vmstat"));
    files.into_iter().find_map(|file| count(&fs::read_to_string(file).ok()?))
}

/// Where the counter may be: version 1 with a memory controller, version 2; each by the path from
/// outside and, in a container that sees only its own group, at the root.
fn counters(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (_, Some(controllers), Some(group)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (root, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.events"),
            _ if controllers.split(',').any(|one| one == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.oom_control")
            }
            _ => continue,
        };
        let root = Path::new(root);
        files.push(root.join(group.trim_start_matches('/')).join(name));
        files.push(root.join(name));
    }
    files
}

fn count(file: &str) -> Option<u64> {
    file.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_found() {
        let files = counters("4:memory:/a/b\n3:cpu:/\n0::/c\n");
        let expected = [
            "/sys/fs/cgroup/memory/a/b/memory.oom_control",
            "/sys/fs/cgroup/memory/memory.oom_control",
            "/sys/fs/cgroup/c/memory.events",
            "/sys/fs/cgroup/memory.events",
        ];
        assert_eq!(files, expected.map(PathBuf::from));
    }

    #[test]
    fn the_counter_is_read() {
        assert_eq!(count("low 0\noom 4\noom_kill 3\n"), Some(3));
        assert_eq!(count("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"), Some(2));
        assert_eq!(count("oom 4"), None);
    }
}
