//! Cancelling pending and running jobs.

use alphafleet_domain::job::Outcome;
use alphafleet_domain::ports::{Beat, CancelAnswer};
use alphafleet_domain::{JobId, JobState};

use super::AnyStore;
use super::support::*;

async fn cancel(store: &AnyStore, id: JobId) -> CancelAnswer {
    store.request_cancel(id, audit("session.stop")).await.unwrap()
}

pub async fn a_pending_job_is_cancelled_at_once(store: AnyStore) {
    let owner = user(&store, 1).await;
    let pending = submit(&store, probe(&owner)).await;
    let CancelAnswer::Cancelled(over) = cancel(&store, pending.id).await else {
        panic!("it was pending")
    };
    assert_eq!(over.state, JobState::Cancelled);
    assert!(over.finished_at.is_some());
    assert_eq!(over, job(&store, over.id).await);
    let worker = worker(&store).await;
    assert_eq!(try_claim(&store, worker).await, None);
    assert_eq!(cancel(&store, over.id).await, CancelAnswer::AlreadyEnded(over));
    assert_eq!(cancel(&store, JobId::new()).await, CancelAnswer::NotFound);
    let stops = audited(&store).await.iter().filter(|action| *action == "session.stop").count();
    assert_eq!(stops, 1, "only the change is audited");
}

pub async fn a_running_job_is_cancelled_by_its_worker(store: AnyStore) {
    let (running, lease, worker) = running(&store).await;
    let beat = Beat { worker, held: vec![lease] };
    assert!(store.beat(&beat).await.unwrap().cancel.is_empty());
    let CancelAnswer::Requested(noted) = cancel(&store, running.id).await else {
        panic!("it was running")
    };
    assert!(matches!(noted.state, JobState::Running { cancel_requested: true, .. }));
    assert_eq!(noted, job(&store, noted.id).await);
    assert!(matches!(cancel(&store, running.id).await, CancelAnswer::Requested(_)));
    let answer = store.beat(&beat).await.unwrap();
    assert_eq!((answer.cancel, answer.fenced), (vec![lease], vec![]));
    let over = settled(&store, lease, Outcome::Cancelled).await;
    assert_eq!(over.state, JobState::Cancelled);
    assert_eq!(over, job(&store, over.id).await);
}

pub async fn a_completion_that_came_first_wins(store: AnyStore) {
    let (asked, lease, _) = running(&store).await;
    cancel(&store, asked.id).await;
    let done = settled(&store, lease, completed()).await;
    assert_eq!(done.state, JobState::Completed);
    assert_eq!(cancel(&store, asked.id).await, CancelAnswer::AlreadyEnded(done));
}

pub async fn a_failure_of_a_job_to_be_cancelled_cancels_it(store: AnyStore) {
    for outcome in [failed(), Outcome::Released] {
        let (asked, lease, worker) = running(&store).await;
        cancel(&store, asked.id).await;
        let over = settled(&store, lease, outcome).await;
        assert_eq!(over.state, JobState::Cancelled);
        assert_eq!(over.failures, 0);
        assert_eq!(try_claim(&store, worker).await, None, "it is not tried again");
    }
}
