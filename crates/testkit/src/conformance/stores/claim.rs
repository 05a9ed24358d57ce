//! Claiming: what comes first, and never two for one job.

use std::collections::HashSet;

use alphafleet_domain::job::Priority;
use alphafleet_domain::ports::Claim;
use alphafleet_domain::{JobState, Queue, WorkerId};
use chrono::TimeDelta;

use super::AnyStore;
use super::support::*;

pub async fn a_claim_starts_an_attempt(store: AnyStore) {
    let owner = user(&store, 3).await;
    let pending = submit(&store, probe(&owner)).await;
    let claimer = worker(&store).await;
    let (running, lease) = claim(&store, claimer).await;
    assert_eq!(running.id, pending.id);
    assert_eq!(running.attempt, 1);
    let JobState::Running { worker, lease: held, since, cancel_requested } = running.state else {
        panic!("not running: {running:?}")
    };
    assert_eq!((worker, held, cancel_requested), (claimer, lease, false));
    assert_eq!(running.started_at, Some(since));
    assert_eq!(running, job(&store, running.id).await);
    assert_eq!(try_claim(&store, claimer).await, None, "a running job is not claimed again");
}

pub async fn the_best_job_comes_first(store: AnyStore) {
    let (busy, idle) = (user(&store, 9).await, user(&store, 9).await);
    let worker = worker(&store).await;
    submit(&store, probe(&busy)).await;
    claim(&store, worker).await;
    let older = submit(&store, probe(&busy)).await;
    let younger = submit(&store, probe(&idle)).await;
    let youngest = submit(&store, probe(&idle)).await;
    let mut urgent = probe(&busy);
    urgent.priority = Priority(5);
    let urgent = submit(&store, urgent).await;
    // Priority first; then `idle` with nothing running; then both have one or more.
    let mut order = Vec::new();
    for _ in 0..4 {
        order.push(claim(&store, worker).await.0.id);
    }
    assert_eq!(order, [urgent.id, younger.id, youngest.id, older.id]);
}

pub async fn only_due_jobs_of_the_queues_are_claimed(store: AnyStore) {
    let owner = user(&store, 9).await;
    let mut elsewhere = probe(&owner);
    elsewhere.queue = "backtest".parse().unwrap();
    submit(&store, elsewhere).await;
    let mut later = probe(&owner);
    let due = now() + TimeDelta::milliseconds(700);
    later.not_before = Some(due);
    submit(&store, later).await;
    let worker = worker(&store).await;
    assert_eq!(try_claim(&store, worker).await, None);
    let (job, _) = claim(&store, worker).await;
    assert_eq!(job.queue, Queue::default_queue());
    assert!(job.started_at.unwrap() >= due, "claimed before its time");
    assert_eq!(try_claim(&store, worker).await, None);
}

pub async fn racing_claimers_never_share_a_job(store: AnyStore) {
    const JOBS: usize = 40;
    let owner = user(&store, JOBS as u32).await;
    for _ in 0..JOBS {
        submit(&store, probe(&owner)).await;
    }
    let mut claimers = Vec::new();
    for _ in 0..8 {
        let (store, worker) = (store.clone(), worker(&store).await);
        claimers.push(tokio::spawn(async move {
            let mut mine = Vec::new();
            while let Some(job) = try_claim(&store, worker).await {
                mine.push(job.id);
            }
            mine
        }));
    }
    let mut all = Vec::new();
    for claimer in claimers {
        all.extend(claimer.await.unwrap());
    }
    assert_eq!(all.len(), JOBS);
    assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), JOBS, "a job was claimed twice");
}

pub async fn an_unregistered_worker_claims_nothing(store: AnyStore) {
    let owner = user(&store, 1).await;
    let pending = submit(&store, probe(&owner)).await;
    let claim = Claim { worker: WorkerId::new(), queues: vec![Queue::default_queue()] };
    store.claim(&claim).await.expect_err("it would expire at once");
    assert_eq!(job(&store, pending.id).await, pending);
}
