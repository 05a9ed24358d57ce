use std::process::ExitStatus;
use std::time::Duration;

use alphafleet_domain::job::{Failure, FailureCode, LogLevel, TimeLimits};
use alphafleet_domain::{ArtifactPointer, LeaseId};
use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tracing::{debug, warn};

use super::checkpoints::Checkpoints;
use super::teller::Teller;
use crate::frame::{Completed, FromChild, Stop, ToChild};
use crate::process::{ChildProcess, Crash, FrameFault, out_of_memory_kills};
use crate::supervisor::{Grace, Order, Orders};

/// How long a child that closed its output may take to end, and one that ended to be heard out.
const LAST_MOMENT: Duration = Duration::from_secs(2);
const LAST_LINES: Duration = Duration::from_millis(300);
/// A child that goes on has said all it had to say when no line comes for so long.
const SILENCE: Duration = Duration::from_millis(20);
/// Lines of standard error that become lines of the job's log.
const MOST_LINES: u32 = 2_000;

/// How an attempt's process came to its end.
#[derive(Debug)]
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
    lease: LeaseId,
    child: &'a mut ChildProcess,
    teller: &'a Teller,
    checkpoints: &'a mut Checkpoints,
    orders: Orders,
    seen: Order,
    grace: Grace,
    limits: TimeLimits,
    begun: Instant,
    stopping: Option<Stop>,
    terminate_at: Option<Instant>,
    kill_at: Option<Instant>,
    stderr_open: bool,
    stderr_lines: u32,
    kills_before: Option<u64>,
}

enum Happened {
    Order(Order),
    Frame(Result<Option<FromChild>, FrameFault>),
    Line(Option<String>),
    Checkpoint(Result<ArtifactPointer, String>),
    Ended(Option<ExitStatus>),
    SoftLimit,
    HardLimit,
    Terminate,
    Kill,
}

impl<'a> Watch<'a> {
    pub fn new(
        lease: LeaseId,
        child: &'a mut ChildProcess,
        teller: &'a Teller,
        checkpoints: &'a mut Checkpoints,
        (orders, grace, limits): (Orders, Grace, TimeLimits),
    ) -> Self {
        Self {
            lease,
            child,
            teller,
            checkpoints,
            orders,
            seen: Order::Run,
            grace,
            limits,
            begun: Instant::now(),
            stopping: None,
            terminate_at: None,
            kill_at: None,
            stderr_open: true,
            stderr_lines: 0,
            kills_before: out_of_memory_kills(),
        }
    }

    pub async fn run(mut self) -> Ending {
        loop {
            let happened = self.next().await;
            if let Some(ending) = self.handle(happened).await {
                if matches!(ending, Ending::Completed(_)) {
                    self.hear_out(SILENCE).await;
                } else {
                    // First the end: a lease may be lost, and then standard error closes at once.
                    self.child.process.end().await;
                    self.hear_out(LAST_LINES).await;
                }
                return ending;
            }
        }
    }

    async fn next(&mut self) -> Happened {
        let (soft, hard) = (self.begun + self.limits.soft(), self.begun + self.limits.hard());
        let teller = self.teller;
        let frames = &mut self.child.frames;
        let frame = async {
            teller.room().await;
            frames.next().await
        };
        tokio::select! {
            order = self.orders.above(self.seen) => Happened::Order(order),
            frame = frame => Happened::Frame(frame),
            line = self.child.stderr.next(), if self.stderr_open => Happened::Line(line),
            stored = self.checkpoints.next() => Happened::Checkpoint(stored),
            status = self.child.process.wait() => Happened::Ended(status.ok()),
            () = sleep_until(soft), if self.stopping.is_none() => Happened::SoftLimit,
            () = sleep_until(hard) => Happened::HardLimit,
            () = at(self.terminate_at) => Happened::Terminate,
            () = at(self.kill_at) => Happened::Kill,
        }
    }

    async fn handle(&mut self, happened: Happened) -> Option<Ending> {
        match happened {
            Happened::Order(order) => {
                self.seen = order;
                match order {
                    Order::Run => None,
                    Order::Fenced => Some(Ending::Fenced),
                    Order::Drain => self.stop(Stop::Drain, Some(self.grace.drain)).await,
                    Order::Cancel => self.stop(Stop::Cancel, Some(self.grace.cancel)).await,
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
                self.terminate_at = None;
                self.child.process.signal(Signal::SIGTERM);
                None
            }
            Happened::Kill => {
                self.kill_at = None;
                self.child.process.signal(Signal::SIGKILL);
                None
            }
        }
    }

    /// Asks the child to stop; with a grace, makes it stop when that has passed.
    async fn stop(&mut self, reason: Stop, grace: Option<Duration>) -> Option<Ending> {
        let weight = |stop: Stop| match stop {
            Stop::Drain => 1,
            Stop::SoftLimit => 2,
            Stop::Cancel => 3,
        };
        if self.stopping.is_none_or(|told| weight(told) < weight(reason)) {
            self.stopping = Some(reason);
        }
        if let Some(grace) = grace {
            let terminate = Instant::now() + grace;
            self.terminate_at = Some(terminate);
            self.kill_at = Some(terminate + self.grace.terminate);
        }
        if let Err(error) = self.child.send(&ToChild::Stop { lease: self.lease, reason }).await {
            debug!(%error, "the child cannot be asked to stop");
            if grace.is_some() {
                self.terminate_at = Some(Instant::now());
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
            FromChild::Failed { failure, .. } if self.stopping == Some(Stop::Cancel) => {
                debug!(message = failure.message, "failed while it was cancelled");
                return Some(Ending::Stopped(Stop::Cancel));
            }
            FromChild::Failed { failure, .. } => return Some(Ending::Failed(failure)),
            FromChild::Stopped { .. } => {
                return Some(match self.stopping {
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
            self.stderr_open = false;
            return;
        };
        self.stderr_lines += 1;
        if self.stderr_lines <= MOST_LINES {
            self.teller.note(LogLevel::Info, line);
        } else if self.stderr_lines == MOST_LINES + 1 {
            let message = "what the process prints from here on is left out";
            self.teller.note(LogLevel::Warn, message);
        }
    }

    fn broke_the_rules(&self, fault: &FrameFault) -> Ending {
        let message = format!("the process broke the rules of its frames: {fault}");
        self.unless_stopping(Ending::Failed(Failure::permanent(FailureCode::HandlerError, message)))
    }

    fn hard_limit(&self) -> Ending {
        let seconds = self.limits.hard().as_secs_f64();
        let message = format!("ran longer than its hard limit of {seconds} s and was killed");
        let failure = Failure::permanent(FailureCode::HardTimeLimit, message);
        match self.stopping {
            Some(Stop::Cancel) => Ending::Stopped(Stop::Cancel),
            _ => Ending::Failed(failure),
        }
    }

    fn unless_stopping(&self, ending: Ending) -> Ending {
        self.stopping.map_or(ending, Ending::Stopped)
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
        self.hear_out(LAST_LINES).await;
        let kernel_out_of_memory = match (self.kills_before, out_of_memory_kills()) {
            (Some(before), Some(now)) => now > before,
            _ => false,
        };
        let last_words = self.child.stderr.last_words();
        let crash = Crash { status, last_words: &last_words, kernel_out_of_memory };
        self.unless_stopping(Ending::Crashed(crash.failure()))
    }

    /// Takes the lines that were written before the end. The pipe may stay open: the child goes on,
    /// or one that it started and that left its group.
    async fn hear_out(&mut self, silence: Duration) {
        let until = Instant::now() + LAST_LINES;
        while self.stderr_open {
            let silent = until.min(Instant::now() + silence);
            match timeout_at(silent, self.child.stderr.next()).await {
                Ok(line) => self.line(line),
                Err(_) => break,
            }
        }
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
