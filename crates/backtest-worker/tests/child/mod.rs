//! A child process that serves assignments, spoken to in frames as a supervisor does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use alphafleet_backtest_worker::{BacktestSweepHandler, BacktestSweepShareHandler};
use alphafleet_worker::child::Assignment;
use alphafleet_worker::frame::{FromChild, ToChild};

const DEADLINE: Duration = Duration::from_secs(120);
const CHILD: &str = "ALPHAFLEET_TEST_CHILD";

/// Ends the process when it was started as a child; else does nothing.
pub fn serve_if_child() {
    if std::env::var_os(CHILD).is_some() {
        alphafleet_worker::child::main(&[&BacktestSweepHandler, &BacktestSweepShareHandler]);
        std::process::exit(0);
    }
}

pub struct Running {
    child: Child,
    input: ChildStdin,
    frames: Receiver<FromChild>,
}

impl Running {
    pub fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_process", "--exact", "--ignored", "--nocapture"])
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, frames) = channel();
        std::thread::spawn(move || {
            // Before the child takes the pipe over, the test harness writes lines to it.
            let frames = output.lines().map_while(Result::ok);
            for frame in frames.filter_map(|line| serde_json::from_str(&line).ok()) {
                if sender.send(frame).is_err() {
                    return;
                }
            }
        });
        let running = Self { child, input, frames };
        assert!(matches!(running.next(), Some(FromChild::Ready { .. })));
        running
    }

    fn send(&mut self, frame: &ToChild) {
        let mut line = serde_json::to_vec(frame).unwrap();
        line.push(b'\n');
        self.input.write_all(&line).unwrap();
        self.input.flush().unwrap();
    }

    /// The next frame; none when the child is gone.
    fn next(&self) -> Option<FromChild> {
        match self.frames.recv_timeout(DEADLINE) {
            Ok(frame) => Some(frame),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(timeout) => panic!("no frame: {timeout}"),
        }
    }

    /// All frames of an assignment up to its last one; `each` may answer.
    pub fn serve(
        &mut self,
        assignment: &Assignment,
        mut each: impl FnMut(&FromChild) -> Option<ToChild>,
    ) -> Vec<FromChild> {
        self.send(&ToChild::Assign(Box::new(assignment.clone())));
        let mut frames = Vec::new();
        while let Some(frame) = self.next() {
            if let Some(answer) = each(&frame) {
                self.send(&answer);
            }
            let last = matches!(
                frame,
                FromChild::Completed { .. } | FromChild::Failed { .. } | FromChild::Stopped { .. }
            );
            frames.push(frame);
            if last {
                break;
            }
        }
        frames
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
