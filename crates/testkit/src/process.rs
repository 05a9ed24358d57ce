use std::path::Path;

use nix::unistd::Pid;

/// The processes that it started and that live.
pub(crate) fn children_of(parent: Pid) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_child = |pid: &Pid| Stat::of(*pid).is_some_and(|stat| stat.parent == parent);
    pids.map(Pid::from_raw).filter(is_child).collect()
}

pub(crate) fn is_alive(pid: Pid) -> bool {
    Stat::of(pid).is_some_and(|stat| stat.state != 'Z')
}

/// Whether no thread of the process runs: some go on for a moment after a stop signal was sent.
pub(crate) fn stands_still(pid: Pid) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut stats = threads.filter_map(|thread| Stat::read(&thread.path().join("stat")));
    stats.all(|stat| matches!(stat.state, 'T' | 'Z' | 'X'))
}

/// When a living process started, in ticks since the machine did: with the pid it names the
/// process for good, as pids are used again.
pub fn started_at(pid: Pid) -> Option<u64> {
    Stat::of(pid).filter(|stat| stat.state != 'Z').map(|stat| stat.started)
}

/// What `/proc` says of a process.
struct Stat {
    state: char,
    parent: Pid,
    started: u64,
}

impl Stat {
    fn of(pid: Pid) -> Option<Self> {
        Self::read(Path::new(&format!("/proc/{pid}/stat")))
    }

    fn read(path: &Path) -> Option<Self> {
        let stat = std::fs::read_to_string(path).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        Some(Self {
            state: fields.first()?.chars().next()?,
            parent: Pid::from_raw(fields.get(1)?.parse().ok()?),
            started: fields.get(19)?.parse().ok()?,
        })
    }
}
