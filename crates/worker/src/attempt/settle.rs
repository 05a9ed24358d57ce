use alphafleet_domain::job::{Failure, FailureCode, JobState, Outcome, ProgressBatch};
use alphafleet_domain::ports::Settled;
use alphafleet_domain::{Job, LeaseId};
use tracing::{error, info, warn};

use crate::supervisor::{BackOff, Order, Orders, Shared, count};

const TRIES: u32 = 5;

/// Settles until the store has answered: done, done before, or not ours any more. Then tells the
/// world. Answers the job as the store then has it.
pub(super) async fn settle(
    shared: &Shared,
    job: &Job,
    lease: LeaseId,
    mut outcome: Outcome,
    mut orders: Orders,
) -> Option<Job> {
    let last = ProgressBatch::default();
    let mut back_off = BackOff::default();
    let mut refusals = 0;
    loop {
        tokio::select! {
            () = shared.standing.secure() => {}
            // Perhaps by our own settling, whose answer was lost: the store knows.
            _ = orders.at_least(Order::Fenced) => {}
        }
        match shared.ports.store.settle(lease, &outcome, &last).await {
            Ok(Settled::Done(settled)) => {
                announce(shared, &settled).await;
                return Some(settled);
            }
            Ok(Settled::Already) => {
                let settled = shared.ports.store.job(job.id).await.ok().flatten();
                announce(shared, settled.as_ref().unwrap_or(job)).await;
                return settled;
            }
            Ok(Settled::Fenced) => {
                fenced(shared, job);
                return None;
            }
            Err(error) if error.is_retryable() => {
                if back_off.tries() == 0 {
                    warn!(job = %job.id, %error, "an outcome waits for the store");
                }
            }
            Err(error) => {
                refusals += 1;
                error!(job = %job.id, %error, "the store refuses an outcome");
                match (&outcome, refusals > TRIES) {
                    (_, false) => {}
                    (Outcome::Completed(_), true) => {
                        outcome = refused(&error.to_string());
                        refusals = 0;
                    }
                    // Unnamed in the beats to come, the lease is released by the store.
                    (_, true) => return None,
                }
            }
        }
        back_off.wait().await;
    }
}

fn refused(error: &str) -> Outcome {
    let message = format!("the result cannot be recorded: {error}");
    Outcome::Failed(Failure::retryable(FailureCode::Internal, message))
}

pub(super) fn fenced(shared: &Shared, job: &Job) {
    count(&shared.stats.fenced);
    warn!(job = %job.id, attempt = job.attempt, "the lease was lost; what was done is discarded");
}

async fn announce(shared: &Shared, job: &Job) {
    let stats = &shared.stats;
    match &job.state {
        JobState::Completed => count(&stats.completed),
        JobState::Failed(_) => count(&stats.failed),
        JobState::Cancelled => count(&stats.cancelled),
        JobState::Pending { not_before: Some(_) } => count(&stats.retried),
        JobState::Pending { not_before: None } => count(&stats.released),
        JobState::Running { .. } => {}
    }
    info!(job = %job.id, attempt = job.attempt, state = %job.state.name(), "settled");
    shared.ports.announcer.announce(job, None).await;
}
