//! One attempt: from the claim to the settled outcome.

mod checkpoints;
mod files;
mod pending;
mod prepare;
mod publish;
mod settle;
mod teller;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::job::{Completion, Failure, FailureCode, LogLevel, Outcome};
use alphafleet_domain::ports::ArtifactKey;
use alphafleet_domain::{Job, LeaseId};
use tokio::time::timeout;
use tracing::{error, info};

use crate::frame::{Completed, Stop, ToChild};
use crate::process::ChildProcess;
use crate::supervisor::{Asked, Order, Orders, Shared, count};
use checkpoints::Checkpoints;
use files::Uploader;
use prepare::Prepared;
use teller::Teller;
use watch::{Ending, Watch};

/// How long the end of an attempt waits for its last checkpoint to be stored.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(60);

/// Runs a claimed job and settles it.
pub(crate) async fn run(shared: &Arc<Shared>, job: Job, asked: Asked) {
    let Some(lease) = job.lease() else {
        error!(job = %job.id, state = %job.state.name(), "a claimed job has no lease");
        return;
    };
    let Some(holding) = shared.held.hold_if(lease, asked) else {
        return settle::fenced(shared, &job);
    };
    info!(job = %job.id, kind = job.kind.as_str(), attempt = job.attempt, %lease, "claimed");
    let checkpoint = job.checkpoint.as_ref().and_then(|at| checkpoints::folder(job.id, at));
    let mut attempt = Attempt { shared, job: &job, lease, orders: holding.orders(), checkpoint };
    let Some(outcome) = attempt.outcome().await else { return settle::fenced(shared, &job) };
    let checkpoint = attempt.checkpoint;
    let Some(settled) = settle::settle(shared, &job, lease, outcome, holding.orders()).await else {
        return;
    };
    if let (None, Some(folder)) = (settled.checkpoint, checkpoint) {
        checkpoints::forget(&shared.ports.artifacts, folder);
    }
}

struct Attempt<'a> {
    shared: &'a Arc<Shared>,
    job: &'a Job,
    lease: LeaseId,
    orders: Orders,
    /// The folder of the checkpoint that the job points to.
    checkpoint: Option<ArtifactKey>,
}

impl Attempt<'_> {
    /// `None` when the lease was lost on the way.
    async fn outcome(&mut self) -> Option<Outcome> {
        let announced = self.shared.ports.announcer.announce(self.job, None);
        let mut orders = self.orders.clone();
        let prepared = async {
            tokio::select! {
                biased;
                order = orders.at_least(Order::Drain) => Err(instead(order)),
                prepared = prepare::prepare(self.shared, self.job, self.lease) => {
                    prepared.map_err(|failure| Some(Outcome::Failed(failure)))
                }
            }
        };
        match tokio::join!(announced, prepared).1 {
            Ok(prepared) => self.execute(prepared).await,
            Err(outcome) => outcome,
        }
    }

    async fn execute(&mut self, prepared: Prepared) -> Option<Outcome> {
        let Prepared { folder, assignment, mut child, warning } = prepared;
        let uploader = Uploader {
            artifacts: Arc::clone(&self.shared.ports.artifacts),
            job: self.job.id,
            lease: self.lease,
            scratch: folder.path().to_owned(),
        };
        let teller = Teller::start(self.shared, self.job, self.lease, self.orders.clone());
        if let Some(warning) = warning {
            teller.note(LogLevel::Warn, warning);
        }
        let mut checkpoints = Checkpoints::new(uploader.clone());
        let assign = ToChild::Assign(Box::new(assignment));
        if let Err(error) = child.send(&assign).await {
            // Its end says more than the broken pipe, and is read below.
            info!(job = %self.job.id, %error, "the child does not take its assignment");
        }
        let directions = (self.orders.clone(), self.shared.config.grace, self.job.limits);
        let watch = Watch::new(self.lease, &mut child, &teller, &mut checkpoints, directions);
        let ending = watch.run().await;
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
            }
            return outcome;
        }
        child.process.end().await;
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
                if self.orders.present() == Order::Run {
                    self.shared.pool.replace();
                }
                self.last_checkpoint(teller, checkpoints).await;
                Some(Outcome::Failed(failure))
            }
        }
    }

    /// A cancel that comes before the completion is committed wins.
    async fn store_outputs(
        &mut self,
        completed: Completed,
        uploader: &Uploader,
    ) -> Option<Outcome> {
        let Completed { result, files, model } = completed;
        tokio::select! {
            biased;
            order = self.orders.at_least(Order::Cancel) => instead(order),
            stored = uploader.outputs(files) => Some(match stored {
                Ok(artifacts) => Outcome::Completed(Completion { result, artifacts, model }),
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
