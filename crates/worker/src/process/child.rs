use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;
use thiserror::Error;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::group::ProcessGroup;
use super::lines::{Lines, Overlong};
use super::spawner::Spawner;
use super::stderr::Stderr;
use crate::frame::{FromChild, MAX_FRAME_BYTES, PROTOCOL, ToChild};

const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// A running child with its pipes. Dropped, it is killed with all it started.
#[derive(Debug)]
pub(crate) struct ChildProcess {
    pub frames: Frames,
    pub stderr: Stderr,
    pub process: Process,
    stdin: ChildStdin,
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
        let mut started = Self {
            frames: Frames(Lines::new(BufReader::new(stdout), MAX_FRAME_BYTES, Overlong::Stop)),
            stderr: Stderr::follow(stderr),
            process: Process::new(child)?,
            stdin,
        };
        let ready = timeout(patience, started.frames.next()).await;
        match ready.map_err(|_| StartError::Late)? {
            Ok(Some(FromChild::Ready { protocol: PROTOCOL, .. })) => Ok(started),
            Ok(Some(FromChild::Ready { protocol, .. })) => Err(StartError::Protocol(protocol)),
            other => Err(started.not_ready(other).await),
        }
    }

    async fn not_ready(&mut self, other: Result<Option<FromChild>, FrameFault>) -> StartError {
        let said = match other {
            Ok(Some(frame)) => format!("{frame:?}").chars().take(200).collect(),
            Ok(None) => "it closed its output".to_owned(),
            Err(fault) => fault.to_string(),
        };
        self.process.end().await;
        while self.stderr.next().await.is_some() {}
        StartError::NotReady { said, last_words: self.stderr.last_words().join(" | ") }
    }

    /// Writes one frame. A child that does not read is as good as dead.
    pub async fn send(&mut self, frame: &ToChild) -> io::Result<()> {
        let mut line = serde_json::to_vec(frame)?;
        line.push(b'\n');
        let write = async {
            self.stdin.write_all(&line).await?;
            self.stdin.flush().await
        };
        timeout(WRITE_PATIENCE, write).await.unwrap_or_else(|late| Err(io::Error::other(late)))
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

impl Frames {
    /// `None` once the child has closed its output. Safe to cancel.
    pub async fn next(&mut self) -> Result<Option<FromChild>, FrameFault> {
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
