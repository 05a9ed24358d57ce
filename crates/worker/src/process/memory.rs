use std::fs;
use std::path::{Path, PathBuf};

/// How often the kernel has killed a process of our control group because memory ran out; `None`
/// where that cannot be read.
pub(crate) fn out_of_memory_kills() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    counters(&groups).into_iter().find_map(|file| count(&fs::read_to_string(file).ok()?))
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
