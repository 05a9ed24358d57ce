use std::collections::VecDeque;
use std::process::ExitStatus;
use std::time::Duration;

use alphafleet_domain::job::{Failure, FailureCode, LogLevel};
use alphafleet_domain::{ArtifactPointer, Job, LeaseId};
use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tracing::{debug, warn};

use super::checkpoints::Checkpoints;
use super::meter::Meter;
use super::teller::Teller;
use crate::frame::{Completed, FromChild, Stop, ToChild};
use crate::process::{ChildProcess, Crash, FrameFault, Heard};
use crate::supervisor::{Order, Orders, Shared};

/// How long a child that closed its output may take to end, and one that ended to be heard out.
const LAST_MOMENT: Duration = Duration::from_secs(2);
const LAST_LINES: Duration = Duration::from_millis(300);
/// Lines of standard error that become lines of the job's log.
const MOST_LINES: u32 = 2_000;

/// How an attempt's process came to its end.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "short-lived, and nearly always `Completed`")]
pub(super) enum Ending {
    /// The only one after which the process is used again.
    Completed(Completed),
    Failed(Failure),
    Crashed(Failure),
    /// It was told to stop, and did or was made to.
    Stopped(Stop),
    Fenced,
}

/// Hears and directs the child of a running attempt.
pub(super) struct Watch<'a> {
    pub shared: &'a Shared,
    pub job: &'a Job,
    pub lease: LeaseId,
    pub child: &'a mut ChildProcess,
    pub teller: &'a Teller,
    pub checkpoints: &'a mut Checkpoints,
    pub orders: Orders,
    pub meter: Meter,
    /// When the child took the job up.
    pub begun: Instant,
    /// How often the system had killed for memory by then.
    pub kills_before: Option<u64>,
    pub directions: Directions,
}

/// What the child was told, and what comes of it.
#[derive(Debug)]
pub(super) struct Directions {
    seen: Order,
    stopping: Option<Stop>,
    terminate_at: Option<Instant>,
    kill_at: Option<Instant>,
    stderr_open: bool,
    stderr_lines: u32,
}

impl Default for Directions {
    fn default() -> Self {
        Self {
            seen: Order::Run,
            stopping: None,
            terminate_at: None,
            kill_at: None,
            stderr_open: true,
            stderr_lines: 0,
        }
    }
}

enum Happened {
    Order(Order),
    Frame(Heard),
    Line(Option<String>),
    Checkpoint(Result<ArtifactPointer, String>),
    Ended(Option<ExitStatus>),
    SoftLimit,
    HardLimit,
    Terminate,
    Kill,
    Measure,
}

impl Watch<'_> {
    /// `heard` are frames that were not handled yet.
    pub async fn run(mut self, mut heard: VecDeque<Heard>) -> Ending {
        loop {
            let happened = match heard.pop_front() {
                Some(frame) => Happened::Frame(frame),
                None => self.next().await,
            };
            if let Some(ending) = self.handle(happened).await {
                self.end(&ending).await;
                return ending;
            }
        }
    }

    async fn end(&mut self, ending: &Ending) {
        let now = self.shared.ports.clock.now();
        if let Some(sample) = self.meter.last(self.begun, now).await {
            self.teller.resources(sample);
        }
        if matches!(ending, Ending::Completed(_)) {
            for line in self.child.stderr.drain(self.lease) {
                self.line(Some(line));
            }
            self.tell_left_out();
        } else {
            // First the end: a lease may be lost, and then standard error closes at once.
            self.child.process.end().await;
            self.hear_out().await;
        }
    }

    async fn next(&mut self) -> Happened {
        let limits = self.job.limits;
        let (soft, hard) = (self.begun + limits.soft(), self.begun + limits.hard());
        let told = &self.directions;
        let teller = self.teller;
        let frames = &mut self.child.frames;
        let frame = async {
            teller.room().await;
            frames.next().await
        };
        tokio::select! {
            order = self.orders.above(told.seen) => Happened::Order(order),
            frame = frame => Happened::Frame(frame),
            line = self.child.stderr.next(self.lease), if told.stderr_open => Happened::Line(line),
            stored = self.checkpoints.next() => Happened::Checkpoint(stored),
            status = self.child.process.wait() => Happened::Ended(status.ok()),
            () = sleep_until(soft), if told.stopping.is_none() => Happened::SoftLimit,
            () = sleep_until(hard) => Happened::HardLimit,
            () = at(told.terminate_at) => Happened::Terminate,
            () = at(told.kill_at) => Happened::Kill,
            () = sleep_until(self.meter.due()) => Happened::Measure,
        }
    }

    async fn handle(&mut self, happened: Happened) -> Option<Ending> {
        match happened {
            Happened::Order(order) => {
                self.directions.seen = order;
                match order {
                    Order::Run => None,
                    Order::Fenced => Some(Ending::Fenced),
                    Order::Drain => {
                        self.stop(Stop::Drain, Some(self.shared.config.grace.drain)).await
                    }
                    Order::Cancel => {
                        self.stop(Stop::Cancel, Some(self.shared.config.grace.cancel)).await
                    }
                }
            }
            Happened::Frame(Ok(Some(frame))) => self.frame(frame).await,
            Happened::Frame(Ok(None)) => Some(self.closed().await),
            Happened::Frame(Err(fault)) => Some(self.broke_the_rules(&fault)),
            Happened::Line(line) => {
                self.line(line);
                None
            }
            Happened::Checkpoint(stored) => {
                tell_checkpoint(self.teller, stored);
                None
            }
            Happened::Ended(status) => Some(self.ended(status).await),
            Happened::SoftLimit => self.stop(Stop::SoftLimit, None).await,
            Happened::HardLimit => Some(self.hard_limit()),
            Happened::Terminate => {
                self.directions.terminate_at = None;
                self.child.process.signal(Signal::SIGTERM);
                None
            }
            Happened::Kill => {
                self.directions.kill_at = None;
                self.child.process.signal(Signal::SIGKILL);
                None
            }
            Happened::Measure => self.measure().await,
        }
    }

    async fn measure(&mut self) -> Option<Ending> {
        let measured = self.meter.look(self.shared.ports.clock.now()).await;
        if let Some(sample) = measured.sample {
            self.teller.resources(sample);
        }
        measured.failure.map(|failure| self.unless_stopping(Ending::Failed(failure)))
    }

    /// Asks the child to stop; with a grace, makes it stop when that has passed.
    async fn stop(&mut self, reason: Stop, grace: Option<Duration>) -> Option<Ending> {
        let weight = |stop: Stop| match stop {
            Stop::Drain => 1,
            Stop::SoftLimit => 2,
            Stop::Cancel => 3,
        };
        if self.directions.stopping.is_none_or(|told| weight(told) < weight(reason)) {
            self.directions.stopping = Some(reason);
        }
        if let Some(grace) = grace {
            let terminate = Instant::now() + grace;
            self.directions.terminate_at = Some(terminate);
            self.directions.kill_at = Some(terminate + self.shared.config.grace.terminate);
        }
        if let Err(error) = self.child.send(&ToChild::Stop { lease: self.lease, reason }).await {
            debug!(%error, "the child cannot be asked to stop");
            if grace.is_some() {
                self.directions.terminate_at = Some(Instant::now());
            }
        }
        None
    }

    async fn frame(&mut self, frame: FromChild) -> Option<Ending> {
        if frame.lease() != Some(self.lease) {
            warn!(lease = %self.lease, "a frame of another lease is ignored");
            return None;
        }
        match frame {
            FromChild::Ready { .. } => {}
            FromChild::Progress { progress, .. } => self.teller.progress(progress),
            FromChild::Metrics { points, .. } => self.teller.metrics(points),
            FromChild::Log { line, .. } => self.teller.log(line),
            FromChild::Checkpoint { path, .. } => self.checkpoints.offer(path).await,
            FromChild::Completed { completed, .. } => return Some(Ending::Completed(completed)),
            FromChild::Failed { failure, .. } if self.directions.stopping == Some(Stop::Cancel) => {
                debug!(message = failure.message, "failed while it was cancelled");
                return Some(Ending::Stopped(Stop::Cancel));
            }
            FromChild::Failed { failure, .. } => return Some(Ending::Failed(failure)),
            FromChild::Stopped { .. } => {
                return Some(match self.directions.stopping {
                    Some(reason) => Ending::Stopped(reason),
                    None => Ending::Failed(Failure::permanent(
                        FailureCode::HandlerError,
                        "the handler stopped although nobody told it to",
                    )),
                });
            }
        }
        None
    }

    fn line(&mut self, line: Option<String>) {
        let Some(line) = line else {
            self.directions.stderr_open = false;
            return;
        };
        self.directions.stderr_lines += 1;
        if self.directions.stderr_lines <= MOST_LINES {
            self.teller.note(LogLevel::Info, line);
        } else if self.directions.stderr_lines == MOST_LINES + 1 {
            let message = "what the process prints from here on is left out";
            self.teller.note(LogLevel::Warn, message);
        }
    }

    fn broke_the_rules(&self, fault: &FrameFault) -> Ending {
        let message = format!("the process broke the rules of its frames: {fault}");
        self.unless_stopping(Ending::Failed(Failure::permanent(FailureCode::HandlerError, message)))
    }

    fn hard_limit(&self) -> Ending {
        let seconds = self.job.limits.hard().as_secs_f64();
        let message = format!("ran longer than its hard limit of {seconds} s and was killed");
        let failure = Failure::permanent(FailureCode::HardTimeLimit, message);
        match self.directions.stopping {
            Some(Stop::Cancel) => Ending::Stopped(Stop::Cancel),
            _ => Ending::Failed(failure),
        }
    }

    fn unless_stopping(&self, ending: Ending) -> Ending {
        self.directions.stopping.map_or(ending, Ending::Stopped)
    }

    /// The child closed its output: it is about to end, or has gone astray.
    async fn closed(&mut self) -> Ending {
        match timeout(LAST_MOMENT, self.child.process.wait()).await {
            Ok(status) => self.crashed(status.ok()).await,
            Err(_) => {
                let message = "the process closed its output and went on";
                let failure = Failure::permanent(FailureCode::HandlerError, message);
                self.unless_stopping(Ending::Failed(failure))
            }
        }
    }

    /// The child ended; what it said before still counts.
    async fn ended(&mut self, status: Option<ExitStatus>) -> Ending {
        let until = Instant::now() + LAST_MOMENT;
        while let Ok(Ok(Some(frame))) = timeout_at(until, self.child.frames.next()).await {
            match self.frame(frame).await {
                // It is not there to be used again, but it did its work.
                Some(ending) => return ending,
                None => {
                    if let Some(ending) = self.room().await {
                        return ending;
                    }
                }
            }
        }
        self.crashed(status).await
    }

    /// Waits until more may be said, unless nobody wants to hear it any more.
    async fn room(&mut self) -> Option<Ending> {
        tokio::select! {
            biased;
            () = self.teller.room() => None,
            order = self.orders.at_least(Order::Cancel) => Some(match order {
                Order::Fenced => Ending::Fenced,
                _ => Ending::Stopped(Stop::Cancel),
            }),
        }
    }

    async fn crashed(&mut self, status: Option<ExitStatus>) -> Ending {
        self.child.process.end().await;
        self.hear_out().await;
        let kernel_out_of_memory = self.shared.kills.more_than(self.kills_before);
        let last_words = self.child.stderr.last_words();
        let crash = Crash { status, last_words: &last_words, kernel_out_of_memory };
        self.unless_stopping(Ending::Crashed(crash.failure()))
    }

    /// Takes the lines that were written before the end. The pipe may stay open: a process that the
    /// child started may have left its group.
    async fn hear_out(&mut self) {
        let until = Instant::now() + LAST_LINES;
        while self.directions.stderr_open {
            match timeout_at(until, self.child.stderr.next(self.lease)).await {
                Ok(line) => self.line(line),
                Err(_) => break,
            }
        }
        self.tell_left_out();
    }

    fn tell_left_out(&self) {
        let left_out = self.child.stderr.take_left_out();
        if left_out > 0 {
            let message = format!("{left_out} lines the process printed were left out");
            self.teller.note(LogLevel::Warn, message);
        }
    }
}

pub(super) fn tell_checkpoint(teller: &Teller, stored: Result<ArtifactPointer, String>) {
    match stored {
        Ok(pointer) => teller.checkpoint(pointer),
        Err(error) => teller.note(LogLevel::Warn, format!("a checkpoint is not stored: {error}")),
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
