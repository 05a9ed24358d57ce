use alphafleet_domain::Job;
use alphafleet_domain::job::{Failure, FailureCode, JobState, Outcome};
use alphafleet_domain::ports::{Settled, Settlement};
use tracing::{debug, error, info, warn};

use crate::supervisor::{BackOff, Order, Orders, Shared, count};

const TRIES: u32 = 5;

/// Settles until the store has answered: done, done before, or not ours any more. Answers the job
/// as the store then has it; it is to be announced.
pub(crate) async fn settle(
    shared: &Shared,
    job: &Job,
    mut settlement: Settlement,
    mut orders: Orders,
) -> Option<Job> {
    let mut back_off = BackOff::default();
    let mut refusals = 0;
    loop {
        tokio::select! {
            () = shared.standing.secure() => {}
            // Perhaps by our own settling, whose answer was lost: the store knows.
            _ = orders.at_least(Order::Fenced) => {}
        }
        let Settlement { lease, outcome, last } = &settlement;
        match shared.ports.store.settle(*lease, outcome, last).await {
            Ok(settled) => return settled_as(shared, job, settled).await,
            Err(error) if error.is_retryable() => {
                if back_off.tries() == 0 {
                    warn!(job = %job.id, %error, "an outcome waits for the store");
                }
            }
            Err(error) => {
                refusals += 1;
                error!(job = %job.id, %error, "the store refuses an outcome");
                match (outcome, refusals > TRIES) {
                    (_, false) => {}
                    (Outcome::Completed(_), true) => {
                        settlement.outcome = refused(&error.to_string());
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

/// Counts and notes what the store answered. The job as the store has it, unless the lease was
/// lost.
pub(crate) async fn settled_as(shared: &Shared, job: &Job, settled: Settled) -> Option<Job> {
    let settled = match settled {
        Settled::Done(settled) => settled,
        Settled::Already => {
            let found = shared.ports.store.job(job.id).await.ok().flatten();
            found.unwrap_or_else(|| job.clone())
        }
        Settled::Fenced => {
            fenced(shared, job);
            return None;
        }
    };
    note(shared, job, &settled);
    Some(settled)
}

fn refused(error: &str) -> Outcome {
    let message = format!("the result cannot be recorded: {error}");
    Outcome::Failed(Failure::retryable(FailureCode::Internal, message))
}

pub(crate) fn fenced(shared: &Shared, job: &Job) {
    count(&shared.stats.fenced);
    warn!(job = %job.id, attempt = job.attempt, "the lease was lost; what was done is discarded");
}

fn note(shared: &Shared, before: &Job, job: &Job) {
    let stats = &shared.stats;
    match &job.state {
        JobState::Completed => count(&stats.completed),
        JobState::Failed(_) => count(&stats.failed),
        JobState::Cancelled => count(&stats.cancelled),
        JobState::Pending { .. } if job.failures > before.failures => count(&stats.retried),
        JobState::Pending { .. } => count(&stats.released),
        JobState::Running { .. } => {}
    }
    let (attempt, state) = (job.attempt, job.state.name());
    if job.kind.is_short() {
        debug!(job = %job.id, attempt, %state, "settled");
    } else {
        info!(job = %job.id, attempt, %state, "settled");
    }
}
