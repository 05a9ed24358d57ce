use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use alphafleet_domain::LeaseId;
use nix::sys::signal::Signal;
use thiserror::Error;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::group::ProcessGroup;
use super::lines::Lines;
use super::spawner::Spawner;
use super::stderr::Stderr;
use crate::frame::{FromChild, MAX_FRAME_BYTES, PROTOCOL, ToChild};

const WRITE_PATIENCE: Duration = Duration::from_secs(10);
const READ_BYTES: usize = 64 << 10;

/// A running child with its pipes. Dropped, it is killed with all it started.
#[derive(Debug)]
pub(crate) struct ChildProcess {
    pub frames: Frames,
    pub stderr: Stderr,
    pub process: Process,
    /// How many assignments it takes before it has ended the one it works on.
    pub ahead: usize,
    stdin: ChildStdin,
    use_after: Use,
}

/// What a child is good for once it has ended its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Again,
    Never,
}

#[derive(Debug, Error)]
pub(crate) enum StartError {
    #[error("the child cannot be started")]
    Spawn(#[source] io::Error),
    #[error("the child was not ready in time")]
    Late,
    #[error("the child speaks version {0} of the frames, expected {PROTOCOL}")]
    Protocol(u32),
    #[error("the child did not say that it is ready: {said}; last words: {last_words}")]
    NotReady { said: String, last_words: String },
}

impl ChildProcess {
    pub(super) async fn start(
        spawner: &Spawner,
        command: Command,
        patience: Duration,
    ) -> Result<Self, StartError> {
        let mut child = spawner.spawn(command).await.map_err(StartError::Spawn)?;
        let piped = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = piped else {
            return Err(StartError::Spawn(io::Error::other("the child has no pipes")));
        };
        let starting = LeaseId::new();
        let mut started = Self {
            frames: Frames::of(stdout),
            stderr: Stderr::follow(stderr, starting).map_err(StartError::Spawn)?,
            process: Process::new(child)?,
            ahead: 0,
            stdin,
            use_after: Use::Again,
        };
        let ready = timeout(patience, started.frames.next()).await;
        match ready.map_err(|_| StartError::Late)? {
            Ok(Some(FromChild::Ready { protocol: PROTOCOL, ahead, .. })) => {
                started.ahead = ahead as usize;
                Ok(started)
            }
            Ok(Some(FromChild::Ready { protocol, .. })) => Err(StartError::Protocol(protocol)),
            other => Err(started.not_ready(starting, other).await),
        }
    }

    async fn not_ready(&mut self, starting: LeaseId, other: Heard) -> StartError {
        let said = match other {
            Ok(Some(frame)) => format!("{frame:?}").chars().take(200).collect(),
            Ok(None) => "it closed its output".to_owned(),
            Err(fault) => fault.to_string(),
        };
        self.process.end().await;
        self.stderr.drain(starting);
        StartError::NotReady { said, last_words: self.stderr.last_words().join(" | ") }
    }

    /// Writes one frame. A child that does not read is as good as dead.
    pub async fn send(&mut self, frame: &ToChild) -> io::Result<()> {
        self.send_all(std::slice::from_ref(frame)).await
    }

    /// Writes frames at once.
    pub async fn send_all(&mut self, frames: &[ToChild]) -> io::Result<()> {
        let mut lines = Vec::new();
        for frame in frames {
            serde_json::to_writer(&mut lines, frame)?;
            lines.push(b'\n');
        }
        let write = async {
            self.stdin.write_all(&lines).await?;
            self.stdin.flush().await
        };
        timeout(WRITE_PATIENCE, write).await.unwrap_or_else(|late| Err(io::Error::other(late)))
    }

    /// Notes that it is not to be used for another job.
    pub fn retire(&mut self) {
        self.use_after = Use::Never;
    }

    pub(super) fn is_retired(&self) -> bool {
        self.use_after == Use::Never
    }
}

/// The frames a child writes.
#[derive(Debug)]
pub(crate) struct Frames(Lines<BufReader<ChildStdout>>);

#[derive(Debug, Error)]
pub(crate) enum FrameFault {
    #[error("a frame is longer than {MAX_FRAME_BYTES} bytes")]
    TooLong,
    #[error("a line is not a frame ({error}): {line}")]
    Malformed { line: String, error: serde_json::Error },
    #[error("the pipe failed: {0}")]
    Pipe(#[from] io::Error),
}

/// What reading a frame gives; `None` once the child has closed its output.
pub(crate) type Heard = Result<Option<FromChild>, FrameFault>;

impl Frames {
    fn of(stdout: ChildStdout) -> Self {
        Self(Lines::new(BufReader::with_capacity(READ_BYTES, stdout), MAX_FRAME_BYTES))
    }

    /// Whether the next frame is here already.
    pub fn is_at_hand(&self) -> bool {
        self.0.is_at_hand()
    }

    /// `None` once the child has closed its output. Safe to cancel.
    pub async fn next(&mut self) -> Heard {
        let Some(line) = self.0.next().await? else { return Ok(None) };
        if line.cut {
            return Err(FrameFault::TooLong);
        }
        serde_json::from_slice(&line.bytes).map(Some).map_err(|error| FrameFault::Malformed {
            line: String::from_utf8_lossy(&line.bytes).chars().take(120).collect(),
            error,
        })
    }
}

/// The process and its group.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: ProcessGroup,
    gone: bool,
}

impl Process {
    fn new(child: Child) -> Result<Self, StartError> {
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.ok_or_else(|| StartError::Spawn(io::Error::other("it ended at once")))?;
        Ok(Self { child, group: ProcessGroup::led_by(pid), gone: false })
    }

    /// The id of the process and of its group.
    pub const fn group(&self) -> ProcessGroup {
        self.group
    }

    pub fn signal(&self, signal: Signal) {
        if !self.gone {
            self.group.signal(signal);
        }
    }

    /// Waits for the child itself to end. Safe to cancel.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills the child and all it started, and returns when none of them is left.
    pub async fn end(&mut self) -> Option<ExitStatus> {
        self.signal(Signal::SIGKILL);
        let status = self.child.wait().await.ok();
        if !self.gone {
            self.group.end().await;
            self.gone = true;
        }
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}
