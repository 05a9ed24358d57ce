//! A job and the children it waits for.

use std::time::Duration;

use alphafleet_domain::job::{
    Completion, Failure, FailureCode, Outcome, Priority, ProgressBatch, StateName,
};
use alphafleet_domain::ports::{
    Beat, CancelAnswer, IdempotencyKey, JobFilter, Settlement, Submission, SubmitError, Submitted,
};
use alphafleet_domain::{
    ArtifactKind, EventBody, EventKind, Job, JobId, JobState, LeaseId, PageRequest, User, WorkerId,
};

use super::AnyStore;
use super::support::*;

/// A parent with so many children, all of them probes.
fn family(owner: &User, children: usize) -> Submission {
    let children = (0..children).map(|_| probe(owner)).collect();
    Submission { children, ..Submission::new(probe(owner), audit("session.create")) }
}

/// Submits a family of a fresh user, and a worker for it.
async fn begun(store: &AnyStore, children: usize) -> (Job, Vec<JobId>, WorkerId) {
    let owner = user(store, 1).await;
    let submission = family(&owner, children);
    let ids = submission.children.iter().map(|child| child.id).collect();
    let parent = store.submit(submission).await.unwrap().into_job();
    (parent, ids, worker(store).await)
}

/// Claims children until there is none left to claim, in the order of the answer.
async fn claim_all(store: &AnyStore, worker: WorkerId) -> Vec<(Job, LeaseId)> {
    let mut claimed = Vec::new();
    while let Some(job) = try_claim(store, worker).await {
        let lease = job.lease().unwrap();
        claimed.push((job, lease));
    }
    claimed
}

async fn state(store: &AnyStore, id: JobId) -> StateName {
    job(store, id).await.state.name()
}

async fn waiting_on(store: &AnyStore, id: JobId) -> u32 {
    job(store, id).await.waiting_on
}

/// What the outbox has of a job, taken out.
async fn told(store: &AnyStore, id: JobId) -> Vec<EventBody> {
    let entries = store.take_outbox(Some(id), 99, Duration::from_secs(600)).await.unwrap();
    store.outbox_done(&entries.iter().map(|entry| entry.id).collect::<Vec<_>>()).await.unwrap();
    entries.into_iter().map(|entry| entry.event).collect()
}

fn progress(events: &[EventBody]) -> Vec<(&str, f64)> {
    let of_progress = events.iter().filter(|event| event.kind == EventKind::Progress);
    of_progress
        .map(|event| {
            let message = event.payload["message"].as_str().unwrap();
            (message, event.payload["percent"].as_f64().unwrap())
        })
        .collect()
}

fn permanent() -> Outcome {
    Outcome::Failed(Failure::permanent(FailureCode::InvalidData, "no such instrument"))
}

async fn total(store: &AnyStore, filter: JobFilter) -> u64 {
    store.jobs(&filter, PageRequest::default()).await.unwrap().total
}

pub async fn a_family_is_submitted_whole_or_not_at_all(store: AnyStore) {
    let owner = user(&store, 1).await;
    let mut submission = family(&owner, 3);
    submission.job.priority = Priority(4);
    submission.experiment = Some("sweeps".to_owned());
    for child in &mut submission.children {
        child.owner = alphafleet_domain::UserId::new();
    }
    let ids: Vec<JobId> = submission.children.iter().map(|child| child.id).collect();

    let mut twice = submission.clone();
    twice.children[2].id = twice.children[0].id;
    store.submit(twice).await.expect_err("an id of two jobs");
    let many = family(&owner, Submission::MAX_CHILDREN + 1);
    store.submit(many).await.expect_err("too many children");
    let mut nested = family(&owner, 1);
    nested.job.parent = Some(nested.job.id);
    store.submit(nested).await.expect_err("a child with children");
    assert_eq!(total(&store, JobFilter::default()).await, 0, "a refusal leaves nothing");

    let parent = store.submit(submission).await.unwrap().into_job();
    assert_eq!(parent, job(&store, parent.id).await);
    assert_eq!((parent.children, parent.waiting_on, parent.parent), (3, 3, None));
    let refused = store.submit(family(&owner, 1)).await.unwrap_err();
    assert!(matches!(refused, SubmitError::LimitReached { limit: 1 }), "{refused:?}");

    let of_parent = JobFilter { parent: Some(parent.id), ..JobFilter::default() };
    let listed = store.jobs(&of_parent, PageRequest::default()).await.unwrap();
    assert_eq!(listed.items.iter().map(|child| child.id).collect::<Vec<_>>(), ids);
    let second = store.jobs(&of_parent, PageRequest::new(1, 1)).await.unwrap();
    assert_eq!((second.total, second.items[0].id), (3, ids[1]));
    for child in &listed.items {
        assert_eq!((child.parent, child.owner), (Some(parent.id), owner.id));
        assert_eq!((child.priority, child.experiment), (Priority(4), parent.experiment));
        assert!(child.experiment.is_some());
        assert_eq!((child.children, child.waiting_on), (0, 0));
    }
    let sessions = JobFilter { top_level: true, ..JobFilter::default() };
    assert_eq!(total(&store, sessions).await, 1);
    let events = store.take_outbox(None, 99, Duration::from_secs(9)).await.unwrap();
    let told: Vec<JobId> = events.iter().map(|entry| entry.event.job).collect();
    assert_eq!(told, [vec![parent.id], ids].concat());
    assert_eq!(audited(&store).await, ["user.create", "session.create"]);
}

pub async fn a_repeated_family_is_replayed(store: AnyStore) {
    let owner = user(&store, 1).await;
    let key = IdempotencyKey { key: "key".to_owned(), body_sha256: "ab".repeat(32) };
    let submission = || Submission { idempotency: Some(key.clone()), ..family(&owner, 2) };
    let first = store.submit(submission()).await.unwrap();
    let Submitted::New(first) = first else { panic!("nothing to replay") };
    let again = store.submit(submission()).await.unwrap();
    assert_eq!(again, Submitted::Replayed(first));
    assert_eq!(total(&store, JobFilter::default()).await, 3, "one parent, two children");
}

pub async fn a_parent_is_passed_over_while_it_waits(store: AnyStore) {
    let (parent, children, worker) = begun(&store, 2).await;
    let depths = store.queue_depths().await.unwrap();
    assert_eq!((depths[0].pending, depths[0].running), (2, 0));
    let owner = user(&store, 1).await;
    let claimed = claim_all(&store, worker).await;
    let ids: Vec<JobId> = claimed.iter().map(|(job, _)| job.id).collect();
    assert_eq!(ids, children, "in the order of submission");
    let depths = store.queue_depths().await.unwrap();
    assert_eq!((depths[0].pending, depths[0].running), (0, 2));
    // One who came later is due, so the parent would be as well.
    let later = submit(&store, probe(&owner)).await;
    let due = eventually("a due job", async || {
        Some(store.take_due(9).await.unwrap()).filter(|due| !due.is_empty())
    })
    .await;
    assert_eq!(due.iter().map(|job| job.id).collect::<Vec<_>>(), [later.id]);
    assert_eq!(job(&store, parent.id).await, parent, "nobody touched it");
}

pub async fn the_last_end_makes_the_parent_due_once(store: AnyStore) {
    let (parent, children, worker) = begun(&store, 3).await;
    told(&store, parent.id).await;
    let claimed = claim_all(&store, worker).await;
    let share = |number: usize| {
        let artifacts = vec![
            pointer(ArtifactKind::Log, "log"),
            pointer(ArtifactKind::Share, &format!("rows-{number}")),
        ];
        Outcome::Completed(Completion { artifacts, ..Completion::default() })
    };
    // Not in their order.
    for (ended, number) in [(1, 2), (2, 0), (3, 1)] {
        assert!(store.take_due(9).await.unwrap().is_empty());
        assert_eq!(try_claim(&store, worker).await, None);
        settled(&store, claimed[number].1, share(number)).await;
        let parent = job(&store, parent.id).await;
        assert_eq!(parent.waiting_on, 3 - ended);
        assert_eq!(parent.progress.stage, "running");
    }
    let events = told(&store, parent.id).await;
    let said = progress(&events);
    let messages: Vec<&str> = said.iter().map(|(message, _)| *message).collect();
    assert_eq!(messages, ["1 of 3 shares done", "2 of 3 shares done", "3 of 3 shares done"]);
    assert!(said.windows(2).all(|pair| pair[0].1 < pair[1].1) && said[2].1 <= 95.0);
    let due = store.take_due(9).await.unwrap();
    assert_eq!(due.iter().map(|job| job.id).collect::<Vec<_>>(), [parent.id], "at once");
    assert!(store.take_due(9).await.unwrap().is_empty(), "once");
    let depths = store.queue_depths().await.unwrap();
    assert_eq!((depths[0].pending, depths[0].running), (1, 0));
    let (running, lease) = claim(&store, worker).await;
    assert_eq!((running.id, running.attempt), (parent.id, 1));

    let found = store.children(parent.id).await.unwrap();
    assert_eq!(found.iter().map(|child| child.id).collect::<Vec<_>>(), children);
    for (number, child) in found.iter().enumerate() {
        assert_eq!(child.state, JobState::Completed);
        assert!(child.finished_at.is_some());
        let names: Vec<&str> = child.artifacts.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["log".to_owned(), format!("rows-{number}")]);
    }
    settled(&store, lease, completed()).await;
    assert_eq!(state(&store, parent.id).await, StateName::Completed);
    assert!(store.children(children[0]).await.unwrap().is_empty());
}

pub async fn ends_of_one_batch_are_counted_together(store: AnyStore) {
    let (parent, _, worker) = begun(&store, 3).await;
    told(&store, parent.id).await;
    let settlements = claim_all(&store, worker).await.into_iter().map(|(_, lease)| Settlement {
        lease,
        outcome: completed(),
        last: ProgressBatch::default(),
    });
    store.settle_all(settlements.collect()).await.unwrap();
    assert_eq!(waiting_on(&store, parent.id).await, 0);
    let events = told(&store, parent.id).await;
    assert_eq!(progress(&events), [("3 of 3 shares done", 95.0)]);
    assert_eq!(store.take_due(9).await.unwrap().len(), 1);
    assert_eq!(claim(&store, worker).await.0.id, parent.id);
    assert_eq!(try_claim(&store, worker).await, None, "claimed once");
}

pub async fn racing_ends_are_each_counted(store: AnyStore) {
    let (parent, _, worker) = begun(&store, 12).await;
    let ends: Vec<_> = claim_all(&store, worker)
        .await
        .into_iter()
        .map(|(_, lease)| {
            let store = store.clone();
            tokio::spawn(async move { settled(&store, lease, completed()).await })
        })
        .collect();
    for end in ends {
        end.await.unwrap();
    }
    assert_eq!(waiting_on(&store, parent.id).await, 0);
    let claims: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { try_claim(&store, worker).await })
        })
        .collect();
    let mut claimed = 0;
    for claim in claims {
        claimed += usize::from(claim.await.unwrap().is_some());
    }
    assert_eq!(claimed, 1);
}

pub async fn a_failed_child_cancels_its_siblings(store: AnyStore) {
    let owner = user(&store, 1).await;
    let parent = store.submit(family(&owner, 4)).await.unwrap().into_job();
    let worker = worker(&store).await;
    let (done, lease) = claim(&store, worker).await;
    settled(&store, lease, completed()).await;
    let (busy, held) = claim(&store, worker).await;
    let (bad, lease) = claim(&store, worker).await;
    told(&store, parent.id).await;
    settled(&store, lease, permanent()).await;

    let children = store.children(parent.id).await.unwrap();
    let idle = children.iter().find(|child| child.state == JobState::Cancelled).unwrap();
    assert!(idle.finished_at.is_some());
    assert_eq!(told(&store, idle.id).await.last().unwrap().payload["state"], "cancelled");
    assert!(matches!(
        job(&store, busy.id).await.state,
        JobState::Running { cancel_requested: true, .. }
    ));
    let answer = store.beat(&Beat { worker, held: vec![held] }).await.unwrap();
    assert_eq!(answer.cancel, [held]);
    assert_eq!(state(&store, done.id).await, StateName::Completed);
    assert_eq!(state(&store, bad.id).await, StateName::Failed);
    assert_eq!(waiting_on(&store, parent.id).await, 1, "one process is still there");
    assert_eq!(try_claim(&store, worker).await, None);

    settled(&store, held, Outcome::Cancelled).await;
    let (running, _) = claim(&store, worker).await;
    assert_eq!((running.id, running.waiting_on), (parent.id, 0));
    let events = told(&store, parent.id).await;
    let messages: Vec<&str> = progress(&events).iter().map(|(message, _)| *message).collect();
    assert_eq!(
        messages,
        ["1 of 4 shares done, 2 failed or cancelled", "1 of 4 shares done, 3 failed or cancelled"]
    );
}

pub async fn a_retry_of_a_child_is_no_end(store: AnyStore) {
    let (parent, _, worker) = begun(&store, 2).await;
    let both = claim_all(&store, worker).await;
    told(&store, parent.id).await;
    settled(&store, both[0].1, failed()).await;
    settled(&store, both[1].1, Outcome::Released).await;
    assert_eq!(waiting_on(&store, parent.id).await, 2);
    // Nor is the loss of a worker, while there is something left of the budget.
    claim_all(&store, worker).await;
    let lost = eventually("the children expire", async || {
        Some(store.expire(Duration::from_millis(50)).await.unwrap()).filter(|lost| !lost.is_empty())
    })
    .await;
    assert_eq!(lost.len(), 2);
    assert_eq!(waiting_on(&store, parent.id).await, 2);
    assert!(told(&store, parent.id).await.is_empty());
    for _ in 0..2 {
        let (_, lease) = claim(&store, worker).await;
        settled(&store, lease, completed()).await;
    }
    assert_eq!(claim(&store, worker).await.0.id, parent.id);
}

pub async fn a_child_that_is_lost_for_good_is_counted(store: AnyStore) {
    let owner = user(&store, 1).await;
    let mut submission = family(&owner, 2);
    submission.children[0].retry.max_failures = 1;
    let idle = submission.children[1].id;
    let parent = store.submit(submission).await.unwrap().into_job();
    let worker = worker(&store).await;
    claim(&store, worker).await;
    store.deregister_worker(worker).await.unwrap();
    let lost = store.expire(Duration::from_secs(600)).await.unwrap();
    assert_eq!(lost[0].job.state.name(), StateName::Failed);
    assert_eq!(state(&store, idle).await, StateName::Cancelled);
    assert_eq!(waiting_on(&store, parent.id).await, 0);
    let due = store.take_due(9).await.unwrap();
    assert_eq!(due.iter().map(|job| job.id).collect::<Vec<_>>(), [parent.id]);
}

pub async fn cancelling_a_parent_cancels_its_children(store: AnyStore) {
    let (parent, children, worker) = begun(&store, 3).await;
    let (done, lease) = claim(&store, worker).await;
    settled(&store, lease, completed()).await;
    let (busy, held) = claim(&store, worker).await;
    let answer = store.request_cancel(parent.id, audit("session.stop")).await.unwrap();
    let CancelAnswer::Cancelled(over) = answer else { panic!("it was pending: {answer:?}") };
    assert_eq!(over, job(&store, parent.id).await);
    assert_eq!((over.state.name(), over.waiting_on), (StateName::Cancelled, 1));
    assert_eq!(state(&store, children[2]).await, StateName::Cancelled);
    assert_eq!(state(&store, done.id).await, StateName::Completed);
    assert_eq!(state(&store, busy.id).await, StateName::Running);
    let answer = store.beat(&Beat { worker, held: vec![held] }).await.unwrap();
    assert_eq!(answer.cancel, [held]);
    assert_eq!(try_claim(&store, worker).await, None);

    told(&store, parent.id).await;
    settled(&store, held, Outcome::Cancelled).await;
    let after = job(&store, parent.id).await;
    assert_eq!(after, Job { waiting_on: 0, ..over }, "it has ended before");
    assert!(told(&store, parent.id).await.is_empty());
    assert!(store.take_due(9).await.unwrap().is_empty());
    assert_eq!(try_claim(&store, worker).await, None);
}

pub async fn cancelling_a_child_ends_its_family(store: AnyStore) {
    let (parent, children, worker) = begun(&store, 3).await;
    let (busy, held) = claim(&store, worker).await;
    assert_eq!(busy.id, children[0]);
    let answer = store.request_cancel(children[1], audit("session.stop")).await.unwrap();
    assert!(matches!(answer, CancelAnswer::Cancelled(_)), "{answer:?}");
    assert_eq!(state(&store, children[2]).await, StateName::Cancelled);
    assert_eq!(waiting_on(&store, parent.id).await, 1);
    settled(&store, held, completed()).await;
    assert_eq!(state(&store, busy.id).await, StateName::Completed, "what came first wins");
    let (running, lease) = claim(&store, worker).await;
    assert_eq!(running.id, parent.id, "to say why it cannot go on");
    settled(&store, lease, permanent()).await;
    assert_eq!(state(&store, parent.id).await, StateName::Failed);
}

pub async fn a_running_child_is_cancelled_before_its_siblings(store: AnyStore) {
    let (parent, children, worker) = begun(&store, 2).await;
    let (busy, _) = claim(&store, worker).await;
    let answer = store.request_cancel(busy.id, audit("session.stop")).await.unwrap();
    assert!(matches!(answer, CancelAnswer::Requested(_)), "{answer:?}");
    assert_eq!(state(&store, children[1]).await, StateName::Pending, "it has not ended yet");
    assert_eq!(waiting_on(&store, parent.id).await, 2);
    // Its worker does not know of it: the beats end it.
    for _ in 0..2 {
        store.beat(&Beat { worker, held: Vec::new() }).await.unwrap();
    }
    assert_eq!(state(&store, busy.id).await, StateName::Cancelled);
    assert_eq!(state(&store, children[1]).await, StateName::Cancelled);
    assert_eq!(waiting_on(&store, parent.id).await, 0);
    assert_eq!(claim(&store, worker).await.0.id, parent.id);
}

/// Whatever comes together, nobody waits for another in a circle, and every child is counted.
pub async fn racing_ends_of_all_kinds_add_up(store: AnyStore) {
    for round in 0..8 {
        let (parent, children, worker) = begun(&store, 8).await;
        let mut held = Vec::new();
        for _ in 0..6 {
            held.push(claim(&store, worker).await);
        }
        let mut racing = tokio::task::JoinSet::new();
        for (number, (_, lease)) in held.iter().enumerate() {
            let (store, lease) = (store.clone(), *lease);
            let outcome = if number % 3 == 0 { permanent() } else { completed() };
            racing.spawn(async move {
                settle(&store, lease, outcome).await;
            });
        }
        let stopped = [children[7], parent.id][round % 2];
        let stop = store.clone();
        racing.spawn(async move {
            stop.request_cancel(stopped, audit("session.stop")).await.unwrap();
        });
        let silent = store.clone();
        racing.spawn(async move {
            silent.beat(&Beat { worker, held: Vec::new() }).await.unwrap();
            silent.beat(&Beat { worker, held: Vec::new() }).await.unwrap();
        });
        let other = store.clone();
        racing.spawn(async move {
            other.expire(Duration::from_secs(600)).await.unwrap();
        });
        while let Some(done) = racing.join_next().await {
            done.unwrap();
        }
        // Of what was released before it ended, nothing is left: a sibling has failed.
        let unended = async |id: &JobId| !state(&store, *id).await.is_terminal();
        let mut left = 0;
        for id in &children {
            left += u32::from(unended(id).await);
        }
        let after = job(&store, parent.id).await;
        assert_eq!((after.waiting_on, left), (0, 0), "round {round}");
        if after.state.name() == StateName::Pending {
            let (running, lease) = claim(&store, worker).await;
            assert_eq!(running.id, parent.id);
            settled(&store, lease, permanent()).await;
        }
        assert_eq!(try_claim(&store, worker).await, None);
    }
}
