use std::collections::HashSet;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::group::ProcessGroup;
use super::stat::{Stat, TICKS, process_ids};

/// A look at all processes serves everybody who asks within so short a time.
const FRESH: Duration = Duration::from_millis(100);

/// What the processes of a group use.
///
/// Processor time and bytes are totals of the living and of those they have waited for, so a
/// difference of two looks holds what ended in between; what another process waited for, say
/// because its parent died first, is missing. A process whose `/proc/{pid}/io` may not be read
/// counts no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    pub processes: u32,
    pub cpu: Duration,
    /// Resident; pages that processes share count for each.
    pub memory_bytes: u64,
    /// Resident and no file's: what only these processes can give back.
    pub private_bytes: u64,
    pub read_bytes: u64,
    pub written_bytes: u64,
}

impl Usage {
    /// Of the process that leads the group alone; while no job works in it, that is all of it.
    pub fn of_leader(group: ProcessGroup) -> Self {
        let mut usage = Self::default();
        if let Some(stat) = Stat::read(group.id()) {
            usage.add(group.id(), stat);
        }
        usage
    }

    fn add(&mut self, pid: i32, stat: Stat) {
        self.processes += 1;
        self.cpu += Duration::from_millis(stat.ticks * 1_000 / TICKS);
        if let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) {
            let kibibytes = |name| number(&status, name) << 10;
            self.memory_bytes += kibibytes("VmRSS:");
            self.private_bytes += kibibytes("RssAnon:") + kibibytes("RssShmem:");
        }
        if let Ok(io) = fs::read_to_string(format!("/proc/{pid}/io")) {
            self.read_bytes += number(&io, "read_bytes:");
            self.written_bytes += number(&io, "write_bytes:");
        }
    }
}

/// The first number behind `name` at the beginning of a line.
fn number(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Looks at the processes of this machine, once for all groups that ask at the same time.
#[derive(Debug, Default, Clone)]
pub(crate) struct ProcessTable(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    looked: Option<Instant>,
    processes: Vec<(i32, Stat)>,
}

impl ProcessTable {
    pub async fn usage(&self, group: ProcessGroup) -> Usage {
        let table = self.clone();
        spawn_blocking(move || table.look(group)).await.unwrap_or_default()
    }

    fn look(&self, group: ProcessGroup) -> Usage {
        let members: HashSet<i32> = {
            let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if table.looked.is_none_or(|looked| looked.elapsed() > FRESH) {
                let ids = process_ids().into_iter().flatten();
                table.processes = ids.filter_map(|pid| Some((pid, Stat::read(pid)?))).collect();
                table.looked = Some(Instant::now());
            }
            let of_group = |(pid, stat): &(i32, Stat)| (stat.group == group.id()).then_some(*pid);
            table.processes.iter().filter_map(of_group).collect()
        };
        let mut usage = Usage::default();
        for pid in members {
            // Read anew: it may have ended, and its number may be another process's.
            if let Some(stat) = Stat::read(pid).filter(|stat| stat.group == group.id()) {
                usage.add(pid, stat);
            }
        }
        usage
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn numbers_are_found_by_name() {
        let text = "VmRSS:\t  123 kB\nRssAnon:\t45 kB\nbroken: x\n";
        assert_eq!(number(text, "VmRSS:"), 123);
        assert_eq!(number(text, "RssAnon:"), 45);
        assert_eq!((number(text, "broken:"), number(text, "missing:")), (0, 0));
    }

    #[tokio::test]
    async fn a_group_is_looked_at_with_all_its_processes() {
        let script =
            "dd if=/dev/zero of=/dev/null bs=1M count=2000 2>/dev/null; sleep 100 & sleep 100";
        let mut child = Command::new("sh").args(["-c", script]).process_group(0).spawn().unwrap();
        let group = ProcessGroup::led_by(i32::try_from(child.id()).unwrap());
        let table = ProcessTable::default();
        let begun = Instant::now();
        let usage = loop {
            let usage = table.usage(group).await;
            if usage.processes == 3 || begun.elapsed() > Duration::from_secs(20) {
                break usage;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        group.signal(nix::sys::signal::Signal::SIGKILL);
        child.wait().unwrap();
        assert_eq!(usage.processes, 3);
        assert!(usage.memory_bytes >= usage.private_bytes && usage.private_bytes > 0);
        assert!(usage.cpu > Duration::ZERO, "what the ended process used counts too");
        assert_eq!(Usage::of_leader(group), Usage::default(), "it is gone");
    }
}
