//! The few things a child must ask of the operating system.

use std::env;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::parent_id;

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::{dup2_stdout, getpgrp, getpid};

/// In bytes; how much private memory the process may take.
pub(crate) const MEMORY_LIMIT: &str = "ALPHAFLEET_MEMORY_LIMIT_BYTES";
/// The process id of the supervisor, to notice that it died before we asked to be told.
pub(crate) const SUPERVISOR: &str = "ALPHAFLEET_SUPERVISOR_PID";

/// Told by the kernel when the supervisor dies. Not SIGKILL, so that processes the handler has
/// started can be taken along.
const PARENT_DIED: Signal = Signal::SIGUSR2;

/// Keeps the frames' pipe for ourselves: libraries print to fd 1, which is the log from here on.
pub(super) fn claim_stdout() -> io::Result<File> {
    let pipe = io::stdout().as_fd().try_clone_to_owned()?;
    dup2_stdout(io::stderr().as_fd())?;
    Ok(File::from(pipe))
}

/// Ends this process and those it started when the supervisor dies, however it dies. Must run
/// before there are other threads, as they inherit the blocked signal.
pub(super) fn die_with_supervisor() -> io::Result<()> {
    let mut signals = SigSet::empty();
    signals.add(PARENT_DIED);
    signals.thread_block()?;
    std::thread::Builder::new().name("supervisor-watch".to_owned()).spawn(move || {
        let _ = signals.wait();
        end_group();
    })?;
    prctl::set_pdeathsig(PARENT_DIED)?;
    let supervisor = env::var(SUPERVISOR).ok().and_then(|pid| pid.parse::<u32>().ok());
    if supervisor.is_some_and(|pid| pid != parent_id()) {
        end_group();
    }
    Ok(())
}

pub(super) fn limit_memory() -> io::Result<()> {
    let Some(bytes) = env::var(MEMORY_LIMIT).ok().and_then(|text| text.parse::<u64>().ok()) else {
        return Ok(());
    };
    setrlimit(Resource::RLIMIT_DATA, bytes, bytes)?;
    Ok(())
}

/// Ends the process at once, with its whole group if it leads one: no destructor of a library in
/// the middle of its work runs or hangs.
pub(super) fn end_group() -> ! {
    if getpgrp() == getpid() {
        let _ = killpg(getpgrp(), Signal::SIGKILL);
    }
    exit_now(0)
}

/// Ends the process at once with this code, without running exit handlers.
#[allow(unsafe_code)]
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` takes any code, touches no memory of ours and does not return.
    unsafe { nix::libc::_exit(code) }
}
