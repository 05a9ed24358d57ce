use std::fs;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};
use tracing::warn;

const LOOK_AGAIN: Duration = Duration::from_millis(10);
const STRANGE: Duration = Duration::from_secs(10);

/// A child and all it started. The child leads the group, so the id stays taken until the last of
/// them is gone and the child is reaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessGroup(Pid);

impl ProcessGroup {
    pub const fn led_by(pid: i32) -> Self {
        Self(Pid::from_raw(pid))
    }

    pub fn signal(self, signal: Signal) {
        if let Err(error) = killpg(self.0, signal)
            && error != Errno::ESRCH
        {
            warn!(group = %self.0, %signal, %error, "a process group cannot be signalled");
        }
    }

    /// Kills until none is left. The leader must have been reaped.
    pub async fn end(self) {
        let begun = Instant::now();
        let mut warned = false;
        while !self.is_gone() {
            self.signal(Signal::SIGKILL);
            sleep(LOOK_AGAIN).await;
            if !warned && begun.elapsed() > STRANGE {
                warned = true;
                warn!(group = %self.0, "a process group does not end although it was killed");
            }
        }
    }

    /// A zombie that its new parent has not reaped does not count: it does nothing any more.
    fn is_gone(self) -> bool {
        match killpg(self.0, None) {
            Err(Errno::ESRCH) => true,
            _ => only_zombies(self.0.as_raw()).unwrap_or(false),
        }
    }
}

fn only_zombies(group: i32) -> std::io::Result<bool> {
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if lives_in(&stat, group) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `stat` is `pid (name) state ppid pgrp …`; the name may hold anything.
fn lives_in(stat: &str, group: i32) -> bool {
    let Some((_, rest)) = stat.rsplit_once(") ") else { return false };
    let mut fields = rest.split(' ');
    let (state, pgrp) = (fields.next(), fields.nth(1));
    pgrp.is_some_and(|pgrp| pgrp == group.to_string()) && !matches!(state, Some("Z" | "X"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_behind_the_name() {
        assert!(lives_in("12 (a) b) S 1 77 77 0", 77));
        assert!(!lives_in("12 (a) b) Z 1 77 77 0", 77));
        assert!(!lives_in("12 (a) b) S 77 7 77 0", 77));
        assert!(!lives_in("", 77));
    }
}
