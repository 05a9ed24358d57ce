use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::account::Account;
use crate::process::{children_of, is_alive, stands_still};

const DEADLINE: Duration = Duration::from_secs(60);

/// Says the server's pid, and ends the server when the pipe to the starter closes, however the
/// starter ends. A stopped process takes no other signal than those to go on and to die, and a
/// server that does not end in an orderly way within half a minute dies. A starter that could not
/// say a word before can clean up as little: what is temporary goes.
const GUARD: &str = r#"signal=$1; temporary=$2; shift 2
"$@" >&2 < /dev/null & server=$!
trap '' PIPE; echo $server
exec >&- 2> /dev/null
word=$(cat)
children=$(cat "/proc/$server/task/$server/children")
for pid in "$server" $children; do kill -s CONT "$pid"; done
kill -s "$signal" "$server"
if [ "$signal" != KILL ]; then
    rounds=600
    while kill -s 0 "$server" && [ "$rounds" -gt 0 ]; do sleep 0.05; rounds=$((rounds - 1)); done
    kill -s KILL "$server"
fi
wait "$server"
if [ -z "$word" ] && [ -n "$temporary" ]; then rm -rf -- "$temporary"; fi"#;

/// A server process that does not outlive whoever started it.
pub(crate) struct Leash {
    guard: Child,
    /// The server lives while this pipe is open.
    pipe: Option<ChildStdin>,
    server: Pid,
    log: PathBuf,
}

/// What to start, and how it ends.
pub(crate) struct Leashed<'a> {
    pub command: &'a Command,
    /// Ends it when its starter did.
    pub ending: Signal,
    pub account: Option<Account>,
    /// The file that takes its output.
    pub log: &'a Path,
    /// A folder that goes with a starter that was killed.
    pub temporary: Option<&'a Path>,
}

impl Leash {
    pub fn start(leashed: &Leashed<'_>) -> Self {
        let Leashed { command, ending, account, log, temporary } = leashed;
        let output = std::fs::File::options().create(true).append(true).open(log).expect("a log");
        let mut guarded = Command::new("/bin/sh");
        let name = ending.as_str().trim_start_matches("SIG");
        guarded.args(["-c", GUARD, "guard", name]).arg(temporary.unwrap_or(Path::new("")));
        guarded.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(name, value),
                None => guarded.env_remove(name),
            };
        }
        guarded.current_dir(command.get_current_dir().unwrap_or(Path::new("/")));
        if let Some(Account { uid, gid }) = *account {
            guarded.uid(uid).gid(gid);
        }
        guarded.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(output);
        // The terminal's Ctrl-C is for the starter.
        guarded.process_group(0);
        let mut guard = guarded.spawn().expect("a guard");
        let pipe = guard.stdin.take();
        let mut said = String::new();
        let stdout = guard.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut said).expect("the server's pid");
        let server = Pid::from_raw(said.trim().parse().expect("the server's pid"));
        Self { guard, pipe, server, log: log.to_path_buf() }
    }

    /// Waits until the server is ready; panics with its last words if it ends before.
    pub fn until_ready(&self, mut ready: impl FnMut() -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !ready() {
            let late = Instant::now() > deadline;
            assert!(!late && self.is_alive(), "a server did not start:\n{}", self.last_words());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until what ends by itself has.
    pub fn until_ended(self) {
        until(|| !self.is_alive());
    }

    pub fn is_alive(&self) -> bool {
        is_alive(self.server)
    }

    /// Stops the server and its children: nobody is answered.
    pub fn pause(&self) {
        let stop = |pid| {
            try_signal(pid, Signal::SIGSTOP);
            until(|| stands_still(pid));
        };
        // Once it stands still it starts no more of them.
        stop(self.server);
        children_of(self.server).into_iter().for_each(stop);
    }

    pub fn resume(&self) {
        children_of(self.server).into_iter().for_each(|pid| try_signal(pid, Signal::SIGCONT));
        self.signal(Signal::SIGCONT);
    }

    /// Kills the server and waits until its own children are gone too.
    pub fn kill(self) {
        let children = children_of(self.server);
        self.signal(Signal::SIGKILL);
        // Those of a paused server could not notice.
        children.iter().for_each(|&pid| try_signal(pid, Signal::SIGCONT));
        drop(self);
        until(|| !children.iter().any(|&pid| is_alive(pid)));
    }

    /// Asks the server to end, and waits until it has.
    pub fn stop(self, signal: Signal) {
        self.signal(signal);
        until(|| !self.is_alive());
    }

    fn signal(&self, signal: Signal) {
        kill(self.server, signal).expect("the server lives");
    }

    fn last_words(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(4096)..]).into_owned()
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            pipe.write_all(b"over\n").ok();
        }
        self.guard.wait().ok();
    }
}

/// Waits for something that happens within a minute.
pub(crate) fn until(mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !happened() {
        assert!(Instant::now() < deadline, "it did not happen within {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// To a process that may have ended.
fn try_signal(pid: Pid, signal: Signal) {
    kill(pid, signal).ok();
}
