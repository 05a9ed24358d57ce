use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const DEADLINE: Duration = Duration::from_secs(60);

/// Says the server's pid, and ends the server when the pipe to the starter closes, however the
/// starter ends. A stopped process takes no other signal than those to go on and to die.
const GUARD: &str = r#"signal=$1; shift; "$@" >&2 <&- & server=$!; echo $server; exec >&-;
cat > /dev/null; kill -s CONT "$server"; kill -s "$signal" "$server"; wait "$server""#;

/// A server process that does not outlive whoever started it.
pub(crate) struct Leash {
    guard: Child,
    /// The server lives while this pipe is open.
    pipe: Option<ChildStdin>,
    server: Pid,
}

impl Leash {
    /// Starts `command`, its output going to the file `log`; `signal` ends it in the end.
    pub fn start(command: &Command, signal: Signal, account: Option<Account>, log: &Path) -> Self {
        let log = std::fs::File::options().create(true).append(true).open(log).expect("a log");
        let mut guarded = Command::new("/bin/sh");
        let name = signal.as_str().trim_start_matches("SIG");
        guarded.args(["-c", GUARD, "guard", name]);
        guarded.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(name, value),
                None => guarded.env_remove(name),
            };
        }
        guarded.current_dir(command.get_current_dir().unwrap_or(Path::new("/")));
        if let Some(Account { uid, gid }) = account {
            guarded.uid(uid).gid(gid);
        }
        guarded.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        // The terminal's Ctrl-C is for the starter.
        guarded.process_group(0);
        let mut guard = guarded.spawn().expect("a guard");
        let pipe = guard.stdin.take();
        let mut said = String::new();
        let stdout = guard.stdout.take().expect("a pipe");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut said)
            .expect("the server's pid");
        let server = Pid::from_raw(said.trim().parse().expect("the server's pid"));
        Self { guard, pipe, server }
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.server, signal).expect("the server lives");
    }

    /// Kills the server and waits until its own children are gone too.
    pub fn kill(self) {
        let children = children_of(self.server);
        self.signal(Signal::SIGKILL);
        drop(self);
        until(|| !children.iter().any(|&pid| is_alive(pid)));
    }

    /// Asks the server to end, and waits until it has.
    pub fn stop(self, signal: Signal) {
        self.signal(signal);
        until(|| !is_alive(self.server));
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        drop(self.pipe.take());
        self.guard.wait().ok();
    }
}

/// An account that servers run as which refuse to run as root.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub uid: u32,
    pub gid: u32,
}

/// Waits for something that happens within a minute.
pub(crate) fn until(mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !happened() {
        assert!(Instant::now() < deadline, "it did not happen within {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A port of the loopback interface that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// A program of this name on the path, or where Debian keeps those of administrators.
pub(crate) fn program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/bin".into()]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// A word on the terminal where a service is not installed; a panic if that happens in continuous
/// integration (`CI=true`).
pub(crate) fn missing(service: &str, package: &str) {
    let missing = format!("{service} is not installed: apt-get install {package}");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
    eprintln!("skipped: {missing}");
}

fn children_of(parent: Pid) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_child = |pid: &i32| stat(Pid::from_raw(*pid)).is_some_and(|(_, of)| of == parent);
    pids.filter(is_child).map(Pid::from_raw).collect()
}

fn is_alive(pid: Pid) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z')
}

/// State and parent, from `/proc`.
fn stat(pid: Pid) -> Option<(char, Pid)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((state, Pid::from_raw(fields.next()?.parse().ok()?)))
}
