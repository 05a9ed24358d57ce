use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::stat::{Stat, process_ids};

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

    /// The process id of the one that leads it.
    pub const fn id(self) -> i32 {
        self.0.as_raw()
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
            _ => only_zombies(self.id()).unwrap_or(false),
        }
    }
}

fn only_zombies(group: i32) -> std::io::Result<bool> {
    let lives = |stat: Stat| stat.group == group && !matches!(stat.state, 'Z' | 'X');
    Ok(!process_ids()?.any(|pid| Stat::read(pid).is_some_and(lives)))
}
