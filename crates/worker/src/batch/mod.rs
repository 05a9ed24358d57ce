//! Several short jobs that were claimed together, run one after the other by one child.
//!
//! While the child works at the first, the assignments of the others wait in its pipe, and what has
//! ended is settled with others in one transaction. Each job has a lease of its own, which the
//! beats name until it is settled. Everything unusual — a limit, an order to stop, a crash, a
//! checkpoint, a job that takes long — is not handled here: that job goes on as an attempt of its
//! own, see [`Ran::Long`].
//!
//! Nobody waits long behind another: what has not begun [`PATIENCE`] after its claim is given back
//! without charge, and the slot looks less far ahead next time.

mod settler;
mod share;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::LeaseId;
use alphafleet_domain::job::{Completion, LogLevel, Outcome};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use crate::attempt::{Claimed, Pending, Working, assignment, cannot_start, times_out_of_memory};
use crate::frame::{Completed, FromChild, OutputFile, Stop, ToChild};
use crate::process::{ChildProcess, Heard};
use crate::supervisor::{Order, Shared};

pub(crate) use settler::{Ended, Settler};
pub(crate) use share::LookAhead;

/// How long claimed jobs wait behind others.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long a job that nobody waits behind may be silent in the store.
const QUICK: Duration = Duration::from_millis(50);
/// How long a child may take to give assignments back that it has not begun.
const RETURNING: Duration = Duration::from_secs(2);
/// Frames handled before something else is looked at.
const MOST_FRAMES: usize = 256;

/// Whether a job can be one of several: short, from its beginning, with nothing to look up.
pub(crate) fn is_quick(claimed: &Claimed) -> bool {
    let job = &claimed.job;
    job.kind.is_short()
        && job.checkpoint.is_none()
        && job.dataset_version.is_none()
        && times_out_of_memory(job) == 0
}

/// Gives claimed jobs back that have not begun.
pub(crate) async fn give_back(shared: &Arc<Shared>, claimed: impl IntoIterator<Item = Claimed>) {
    let mut settler = Settler::new(shared);
    for one in claimed {
        settler.push(Ended::without_work(one, Outcome::Released));
    }
    settler.finish().await;
}

pub(crate) struct Batch<'a> {
    shared: &'a Arc<Shared>,
    orders: watch::Receiver<u64>,
    child: Option<ChildProcess>,
    /// Not in a child's hands.
    waiting: VecDeque<Claimed>,
    /// In the child's hands; it works at the first.
    sent: VecDeque<Sent>,
    /// What the first said that is not a batch's matter, and all after that.
    unusual: VecDeque<Heard>,
    settler: Settler,
    /// Since when those that wait do so.
    since: Instant,
    /// Since when the others are asked back.
    returning: Option<Instant>,
    kills_before: Option<u64>,
    counts: Counts,
}

struct Sent {
    claimed: Claimed,
    pending: Pending,
    /// When the child took it up, of the first.
    begun: Instant,
    /// Asked back, and why.
    told: Option<Stop>,
}

/// How a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub ended: usize,
    pub given_back: usize,
    pub long: usize,
    /// From the first assignment to the last end.
    pub took: Duration,
}

#[allow(clippy::large_enum_variant, reason = "short-lived")]
pub(crate) enum Ran {
    /// All have ended or are given back; what is not yet settled will be.
    All,
    /// This one is not a matter of a batch any more. Others may be left for another child.
    Long(Claimed, Working),
}

#[allow(clippy::large_enum_variant, reason = "short-lived, and nearly always a frame")]
enum Happened {
    Frame(Heard),
    Orders,
    Settled,
    Late,
}

impl<'a> Batch<'a> {
    pub fn new(shared: &'a Arc<Shared>, claimed: VecDeque<Claimed>) -> Self {
        Self {
            shared,
            orders: shared.held.orders(),
            child: None,
            waiting: claimed,
            sent: VecDeque::new(),
            unusual: VecDeque::new(),
            settler: Settler::new(shared),
            since: Instant::now(),
            returning: None,
            kills_before: shared.kills.recent(),
            counts: Counts::default(),
        }
    }

    /// Goes on until everything has ended, or something is not this batch's matter.
    pub async fn run(&mut self) -> Ran {
        let begun = Instant::now();
        let ran = self.work().await;
        self.counts.took += begun.elapsed();
        ran
    }

    async fn work(&mut self) -> Ran {
        self.obey().await;
        loop {
            if self.returning.is_some() {
                self.give_back_waiting();
            }
            if self.sent.is_empty() {
                if !self.unusual.is_empty() {
                    self.unusual.clear();
                    self.renew_child().await;
                }
                if self.waiting.is_empty() {
                    self.release_child().await;
                    return Ran::All;
                }
                self.assign().await;
                continue;
            }
            match self.next().await {
                Happened::Settled => continue,
                Happened::Frame(Ok(Some(frame))) => self.frames(frame).await,
                Happened::Frame(broken) => {
                    self.unusual.push_back(broken);
                    return self.broken();
                }
                Happened::Orders => self.obey().await,
                Happened::Late => {}
            }
            if self.is_unusual() && !self.sent.is_empty() {
                self.ask_back().await;
                if self.sent.len() == 1 && self.is_unusual() {
                    return self.long();
                }
                if self.has_ended() || self.returns_late() {
                    return self.broken();
                }
            }
        }
    }

    /// Settles what is left.
    pub async fn finish(mut self) -> Counts {
        self.settler.finish().await;
        self.counts
    }

    /// Settles what has ended by now. Safe to cancel.
    pub async fn settle(&mut self) {
        self.settler.finish().await;
    }

    /// Gives a child what waits, or the first of it a failure.
    async fn assign(&mut self) {
        let mut child = match self.child.take() {
            Some(child) => child,
            None => tokio::select! {
                taken = self.shared.pool.take() => match taken {
                    Ok(child) => child,
                    Err(error) => {
                        if let Some(claimed) = self.waiting.pop_front() {
                            let outcome = Outcome::Failed(cannot_start(&error));
                            self.end(Ended::without_work(claimed, outcome));
                        }
                        return;
                    }
                },
                _ = self.orders.changed() => return self.obey().await,
                () = sleep_until(self.since + PATIENCE), if self.waiting.len() > 1 => {
                    let others = self.waiting.split_off(1);
                    for claimed in others {
                        self.end(Ended::without_work(claimed, Outcome::Released));
                    }
                    return;
                }
            },
        };
        let count = self.waiting.len().min(child.ahead + 1);
        let mut frames = Vec::with_capacity(count);
        for claimed in self.waiting.drain(..count) {
            claimed.holding.worked_by(child.process.group().id());
            let folder = self.shared.scratch.path_of(claimed.lease);
            let work = Box::new(assignment(self.shared, &claimed.job, claimed.lease, folder));
            if frames.is_empty() {
                child.stderr.start_over(claimed.lease);
                frames.push(ToChild::Assign(work));
            } else {
                frames.push(ToChild::AssignAhead(work));
            }
            let pending = Pending::of(claimed.job.attempt);
            self.sent.push_back(Sent { claimed, pending, begun: Instant::now(), told: None });
        }
        if let Err(error) = child.send_all(&frames).await {
            // Its end says more than the broken pipe, and is read below.
            debug!(%error, "a child does not take its assignments");
        }
        if let Some(first) = self.sent.front_mut() {
            first.begun = Instant::now();
        }
        self.child = Some(child);
    }

    async fn next(&mut self) -> Happened {
        let late = self.late();
        let Some(child) = &mut self.child else { return Happened::Late };
        tokio::select! {
            frame = child.frames.next() => Happened::Frame(frame),
            changed = self.orders.changed() => match changed {
                Ok(()) => Happened::Orders,
                Err(_) => std::future::pending().await,
            },
            () = self.settler.next() => Happened::Settled,
            () = sleep_until(late) => Happened::Late,
        }
    }

    /// Nobody waits behind the first.
    fn is_last(&self) -> bool {
        self.sent.len() == 1 && self.waiting.is_empty()
    }

    /// When something is to be done about the first, or about those who wait for it.
    fn late(&self) -> Instant {
        let long = self.sent.front().map(|first| first.begun + first.claimed.job.limits.soft());
        let late = match (self.returning, self.sent.front()) {
            (_, Some(first)) if self.is_last() => first.begun + QUICK,
            (Some(since), _) => return since + RETURNING,
            _ => self.since + PATIENCE,
        };
        long.map_or(late, |long| long.min(late))
    }

    /// The first is not a batch's matter any more, or it is time for the others to go elsewhere.
    fn is_unusual(&self) -> bool {
        let ordered = |first: &Sent| first.claimed.holding.present() > Order::Run;
        !self.unusual.is_empty()
            || self.sent.front().is_some_and(ordered)
            || (self.returning.is_none() || self.is_last()) && Instant::now() >= self.late()
            || self.returns_late()
    }

    fn returns_late(&self) -> bool {
        self.returning.is_some_and(|since| since.elapsed() >= RETURNING)
    }

    /// The end of the first is among what is not handled here.
    fn has_ended(&self) -> bool {
        let is_end = |heard: &Heard| match heard {
            Ok(Some(frame)) => matches!(
                frame,
                FromChild::Completed { .. } | FromChild::Failed { .. } | FromChild::Stopped { .. }
            ),
            _ => true,
        };
        self.unusual.iter().any(is_end)
    }

    /// This frame, and those that are here already.
    async fn frames(&mut self, frame: FromChild) {
        self.frame(frame).await;
        for _ in 0..MOST_FRAMES {
            let Some(child) = self.child.as_mut().filter(|child| child.frames.is_at_hand()) else {
                return;
            };
            match child.frames.next().await {
                Ok(Some(frame)) => self.frame(frame).await,
                broken => return self.unusual.push_back(broken),
            }
        }
    }

    async fn frame(&mut self, frame: FromChild) {
        let lease = frame.lease();
        let first = self.sent.front_mut().filter(|first| Some(first.claimed.lease) == lease);
        let Some(first) = first else { return self.of_another(&frame) };
        if !self.unusual.is_empty() {
            return self.unusual.push_back(Ok(Some(frame)));
        }
        let now = self.shared.ports.clock.now();
        match frame {
            FromChild::Progress { progress, .. } => first.pending.progress(progress, now),
            FromChild::Metrics { points, .. } if first.pending.has_room(points.len()) => {
                first.pending.metrics(points);
            }
            FromChild::Log { line, .. } if first.pending.has_room(1) => first.pending.log(line),
            FromChild::Completed { completed, .. } => {
                // A short kind of job computes no columns.
                let Completed { result, files, model, backtest, features: _ } = completed;
                let completion = Completion { result, model, backtest, ..Completion::default() };
                self.first_ended(Outcome::Completed(completion), files);
            }
            FromChild::Failed { failure, .. } => {
                self.first_ended(Outcome::Failed(failure), Vec::new());
                self.renew_child().await;
            }
            FromChild::Stopped { .. } if first.told.is_some() => {
                self.first_ended(Outcome::Released, Vec::new());
                self.renew_child().await;
            }
            other => self.unusual.push_back(Ok(Some(other))),
        }
    }

    /// Only the answer to a stop can be of one that is not the first.
    fn of_another(&mut self, frame: &FromChild) {
        let FromChild::Stopped { lease } = frame else {
            return debug!("a frame of another lease is ignored");
        };
        if let Some(place) = self.sent.iter().position(|sent| sent.claimed.lease == *lease)
            && let Some(sent) = self.sent.remove(place)
        {
            self.end(Ended::without_work(sent.claimed, Outcome::Released));
        }
    }

    fn first_ended(&mut self, outcome: Outcome, files: Vec<OutputFile>) {
        let Some(Sent { claimed, mut pending, .. }) = self.sent.pop_front() else { return };
        let now = self.shared.ports.clock.now();
        if let Some(child) = &self.child {
            for line in child.stderr.drain(claimed.lease) {
                pending.note(now, LogLevel::Info, line);
            }
        }
        let folder = Some(self.shared.scratch.unmade(claimed.lease));
        self.end(Ended { claimed, outcome, files, pending: Some(pending), folder });
        if let Some(next) = self.sent.front_mut() {
            next.begun = Instant::now();
        }
    }

    fn end(&mut self, ended: Ended) {
        match ended.outcome {
            Outcome::Released => self.counts.given_back += 1,
            _ => self.counts.ended += 1,
        }
        self.settler.push(ended);
    }

    /// What has not begun is given back.
    async fn ask_back(&mut self) {
        if self.sent.len() + self.waiting.len() < 2 || self.returning.is_some() {
            return;
        }
        self.returning = Some(Instant::now());
        self.give_back_waiting();
        let leases: Vec<LeaseId> =
            self.sent.iter().skip(1).map(|sent| sent.claimed.lease).collect();
        self.tell(&leases, Stop::Drain).await;
    }

    fn give_back_waiting(&mut self) {
        while let Some(claimed) = self.waiting.pop_front() {
            self.end(Ended::without_work(claimed, Outcome::Released));
        }
    }

    async fn tell(&mut self, leases: &[LeaseId], reason: Stop) {
        let mut frames = Vec::new();
        for sent in self.sent.iter_mut().filter(|sent| leases.contains(&sent.claimed.lease)) {
            if sent.told.is_none() {
                sent.told = Some(reason);
                frames.push(ToChild::Stop { lease: sent.claimed.lease, reason });
            }
        }
        if let Some(child) = &mut self.child
            && let Err(error) = child.send_all(&frames).await
        {
            debug!(%error, "a child cannot be asked to give assignments back");
        }
    }

    /// Follows the orders to those that have not begun; those to the first are an attempt's matter.
    async fn obey(&mut self) {
        let mut draining = self.shared.held.is_draining();
        let waiting = std::mem::take(&mut self.waiting);
        for claimed in waiting {
            match claimed.holding.present() {
                Order::Run => self.waiting.push_back(claimed),
                Order::Drain => {
                    draining = true;
                    self.waiting.push_back(claimed);
                }
                Order::Cancel => self.end(Ended::without_work(claimed, Outcome::Cancelled)),
                Order::Fenced => self.end(Ended::without_work(claimed, Outcome::Released)),
            }
        }
        let stops =
            self.sent.iter().skip(1).filter(|sent| sent.claimed.holding.present() >= Order::Cancel);
        let leases: Vec<LeaseId> = stops.map(|sent| sent.claimed.lease).collect();
        self.tell(&leases, Stop::Cancel).await;
        if draining {
            self.ask_back().await;
            self.give_back_waiting();
        }
    }

    /// The first goes on as an attempt of its own.
    fn long(&mut self) -> Ran {
        self.counts.long += 1;
        self.hand_over()
    }

    /// The child is not to be used for another job: what else it was given is left for a new one.
    /// Should it begin any of that before it is ended, the new one begins it again.
    fn broken(&mut self) -> Ran {
        if let Some(child) = &mut self.child {
            child.retire();
        }
        self.hand_over()
    }

    fn hand_over(&mut self) -> Ran {
        let (Some(child), Some(sent)) = (self.child.take(), self.sent.pop_front()) else {
            return Ran::All;
        };
        self.take_back_sent();
        let Sent { claimed, pending, begun, .. } = sent;
        let folder = self.shared.scratch.unmade(claimed.lease);
        let (heard, kills_before) = (std::mem::take(&mut self.unusual), self.kills_before);
        Ran::Long(claimed, Working { child, folder, pending, begun, heard, kills_before })
    }

    /// What a child that is gone had not ended waits for another, from now on.
    fn take_back_sent(&mut self) {
        for sent in self.sent.drain(..).rev() {
            self.waiting.push_front(sent.claimed);
        }
        self.since = Instant::now();
    }

    /// Only a child that finished normally is used again.
    async fn renew_child(&mut self) {
        self.take_back_sent();
        if let Some(mut child) = self.child.take() {
            child.process.end().await;
            if !self.shared.held.is_draining() {
                self.shared.pool.replace();
            }
        }
    }

    async fn release_child(&mut self) {
        if let Some(child) = self.child.take() {
            self.shared.pool.give_back(child).await;
        }
    }
}
