//! One attempt: from the claim to the settled outcome.

mod checkpoints;
mod files;
mod meter;
mod pending;
mod prepare;
mod publish;
mod settle;
mod spare;
mod teller;
mod watch;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::job::{Completion, Failure, FailureCode, LogLevel, Outcome, ProgressBatch};
use alphafleet_domain::ports::{ArtifactKey, Delivery, Settlement};
use alphafleet_domain::{Job, LeaseId};
use tokio::time::{Instant, timeout};
use tracing::info;

use crate::frame::{Completed, Stop, ToChild};
use crate::process::{ChildProcess, Heard};
use crate::supervisor::{AttemptFolder, Holding, Order, Orders, Shared, count};
use checkpoints::Checkpoints;
use meter::Meter;
use prepare::Prepared;
use teller::Teller;
use watch::{Ending, Watch};

pub(crate) use files::Uploader;
pub(crate) use pending::Pending;
pub(crate) use prepare::{assignment, cannot_start};
pub(crate) use publish::publish_all;
pub(crate) use settle::{fenced, settle, settled_as};
pub(crate) use spare::times_out_of_memory;

/// How long the end of an attempt waits for its last checkpoint to be stored.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(60);

/// A claimed job, held.
pub(crate) struct Claimed {
    pub job: Job,
    pub lease: LeaseId,
    pub holding: Holding,
    /// Acknowledged once the attempt is settled.
    pub ticket: Option<Box<dyn Delivery>>,
}

/// An attempt at which a child works.
pub(crate) struct Working {
    pub child: ChildProcess,
    pub folder: AttemptFolder,
    /// What it has said up to now.
    pub pending: Pending,
    /// When the child took it up.
    pub begun: Instant,
    /// Frames that were heard and are not yet handled.
    pub heard: VecDeque<Heard>,
    /// How often the system had killed for memory by then.
    pub kills_before: Option<u64>,
}

/// Runs a claimed job from its beginning and settles it.
pub(crate) async fn run(shared: &Arc<Shared>, claimed: &Claimed) {
    let mut attempt = Attempt::of(shared, claimed);
    let outcome = attempt.outcome().await;
    attempt.settle(outcome, claimed).await;
}

/// Goes on with a job that a child has begun, and settles it.
pub(crate) async fn go_on(shared: &Arc<Shared>, claimed: &Claimed, working: Working) {
    let mut attempt = Attempt::of(shared, claimed);
    let outcome = attempt.watch(working).await;
    attempt.settle(outcome, claimed).await;
}

struct Attempt<'a> {
    shared: &'a Arc<Shared>,
    job: &'a Job,
    lease: LeaseId,
    orders: Orders,
    /// The folder of the checkpoint that the job points to.
    checkpoint: Option<ArtifactKey>,
}

impl<'a> Attempt<'a> {
    fn of(shared: &'a Arc<Shared>, claimed: &'a Claimed) -> Self {
        let Claimed { job, lease, holding, .. } = claimed;
        let checkpoint = job.checkpoint.as_ref().and_then(|at| checkpoints::folder(job.id, at));
        Self { shared, job, lease: *lease, orders: holding.orders(), checkpoint }
    }

    async fn settle(self, outcome: Option<Outcome>, claimed: &Claimed) {
        let Some(outcome) = outcome else { return fenced(self.shared, self.job) };
        let settlement = Settlement { lease: self.lease, outcome, last: ProgressBatch::default() };
        let orders = claimed.holding.orders();
        let Some(settled) = settle(self.shared, self.job, settlement, orders).await else { return };
        let unused = self.checkpoint.filter(|_| settled.checkpoint.is_none());
        if let Some(folder) = unused {
            checkpoints::forget(&self.shared.ports.artifacts, folder);
        }
        self.shared.announce(vec![settled], Vec::new());
    }

    /// `None` when the lease was lost on the way.
    async fn outcome(&mut self) -> Option<Outcome> {
        let kills_before = self.shared.kills.recent();
        let mut orders = self.orders.clone();
        let prepared = tokio::select! {
            biased;
            order = orders.at_least(Order::Drain) => Err(instead(order)),
            prepared = prepare::prepare(self.shared, self.job, self.lease) => {
                prepared.map_err(|failure| Some(Outcome::Failed(failure)))
            }
        };
        let Prepared { folder, assignment, mut child, warnings } = match prepared {
            Ok(prepared) => prepared,
            Err(outcome) => return outcome,
        };
        let mut pending = Pending::of(self.job.attempt);
        for message in warnings.into_iter().flatten() {
            pending.note(self.shared.ports.clock.now(), LogLevel::Warn, message);
        }
        child.stderr.start_over(self.lease);
        if let Err(error) = child.send(&ToChild::Assign(Box::new(assignment))).await {
            // Its end says more than the broken pipe, and is read below.
            info!(job = %self.job.id, %error, "the child does not take its assignment");
        }
        let begun = Instant::now();
        self.watch(Working { child, folder, pending, begun, heard: VecDeque::new(), kills_before })
            .await
    }

    async fn watch(&mut self, working: Working) -> Option<Outcome> {
        let Working { mut child, folder, pending, begun, heard, kills_before } = working;
        let (job, group) = (self.job, child.process.group());
        info!(job = %job.id, attempt = job.attempt, child = group.id(), "running");
        let uploader = self.shared.uploader(job.id, self.lease, folder.path());
        let teller = Teller::start(self.shared, job, self.lease, self.orders.clone(), pending);
        let mut checkpoints = Checkpoints::new(uploader.clone());
        let limit = self.shared.config.memory_bytes;
        let meter = Meter::start(self.shared.processes.clone(), group, job.attempt, limit);
        let watch = Watch {
            shared: self.shared,
            job,
            lease: self.lease,
            child: &mut child,
            teller: &teller,
            checkpoints: &mut checkpoints,
            orders: self.orders.clone(),
            meter,
            begun,
            kills_before,
            directions: watch::Directions::default(),
        };
        let ending = watch.run(heard).await;
        let outcome = self.conclude(ending, child, &uploader, &teller, &mut checkpoints).await;
        checkpoints.abandon();
        if outcome.is_some() {
            self.checkpoint = teller.finish().await;
        }
        outcome.filter(|_| self.orders.present() < Order::Fenced)
    }

    /// From the ending of the process to the outcome of the attempt. The process is waiting again
    /// or gone with all it started when this returns.
    async fn conclude(
        &mut self,
        ending: Ending,
        mut child: ChildProcess,
        uploader: &Uploader,
        teller: &Teller,
        checkpoints: &mut Checkpoints,
    ) -> Option<Outcome> {
        if let Ending::Completed(completed) = ending {
            let outcome = self.store_outputs(completed, uploader).await;
            if matches!(outcome, Some(Outcome::Completed(_))) {
                self.shared.pool.give_back(child).await;
            } else {
                child.process.end().await;
                self.replace_child();
            }
            return outcome;
        }
        child.process.end().await;
        self.replace_child();
        match ending {
            Ending::Fenced | Ending::Completed(_) => None,
            Ending::Stopped(Stop::Cancel) => Some(Outcome::Cancelled),
            Ending::Stopped(Stop::Drain) => {
                self.last_checkpoint(teller, checkpoints).await;
                Some(Outcome::Released)
            }
            Ending::Stopped(Stop::SoftLimit) => {
                self.last_checkpoint(teller, checkpoints).await;
                Some(Outcome::Failed(self.soft_limit()))
            }
            Ending::Failed(failure) => {
                self.last_checkpoint(teller, checkpoints).await;
                Some(Outcome::Failed(failure))
            }
            Ending::Crashed(failure) => {
                count(&self.shared.stats.crashed);
                self.last_checkpoint(teller, checkpoints).await;
                Some(Outcome::Failed(failure))
            }
        }
    }

    fn replace_child(&self) {
        if !self.shared.held.is_draining() {
            self.shared.pool.replace();
        }
    }

    /// A cancel that comes before the completion is committed wins.
    async fn store_outputs(
        &mut self,
        completed: Completed,
        uploader: &Uploader,
    ) -> Option<Outcome> {
        let Completed { result, files, model, backtest, features } = completed;
        let stored = async {
            let artifacts = uploader.outputs(files).await?;
            Ok((artifacts, uploader.features(features).await?))
        };
        tokio::select! {
            biased;
            order = self.orders.at_least(Order::Cancel) => instead(order),
            stored = stored => Some(match stored {
                Ok((artifacts, features)) => {
                    Outcome::Completed(Completion { result, artifacts, model, backtest, features })
                }
                Err(failure) => Outcome::Failed(failure),
            }),
        }
    }

    async fn last_checkpoint(&mut self, teller: &Teller, checkpoints: &mut Checkpoints) {
        let stored = async {
            while !checkpoints.is_idle() {
                watch::tell_checkpoint(teller, checkpoints.next().await);
            }
        };
        tokio::select! {
            _ = self.orders.at_least(Order::Fenced) => {}
            in_time = timeout(CHECKPOINT_PATIENCE, stored) => if in_time.is_err() {
                teller.note(LogLevel::Warn, "the last checkpoint could not be stored in time");
            }
        }
    }

    fn soft_limit(&self) -> Failure {
        let seconds = self.job.limits.soft().as_secs_f64();
        let message = format!("ran longer than its soft limit of {seconds} s and stopped");
        Failure::permanent(FailureCode::SoftTimeLimit, message)
    }
}

/// How an attempt ends that is interrupted while no process works for it.
const fn instead(order: Order) -> Option<Outcome> {
    match order {
        Order::Fenced => None,
        Order::Cancel => Some(Outcome::Cancelled),
        Order::Drain | Order::Run => Some(Outcome::Released),
    }
}
