//! The use cases on SQLite and the in-process broker and bus, with lines that fail.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod families;
mod faults;
mod fleet;

use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::job::{FailureCode, RetryPolicy, StateName};
use alphafleet_domain::ports::{
    CancelAnswer, IdempotencyKey, JobStore, Settled, SubmitError, Submitted,
};
use alphafleet_domain::{Clock, Job, JobId, JobState, LeaseId, SystemClock};
use alphafleet_jobs::{DispatchError, Expirer, RelayError};
use chrono::TimeDelta;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use fleet::{DEADLINE, Fleet, HandClock, Worker, states, until};

const WINDOW: Duration = Duration::from_millis(1_500);
/// Longer than a window and a reconnect, in steps shorter than a window.
const STEPS_TO_CONFIDENCE: u32 = 40;

/// Judges until the expirer may, and once more; answers what it ended.
async fn judge_with_confidence(expirer: &Expirer, clock: &HandClock) -> Vec<Job> {
    let mut ended = Vec::new();
    for _ in 0..STEPS_TO_CONFIDENCE {
        let expired = expirer.judge().await.unwrap();
        ended.extend(expired.into_iter().map(|expired| expired.job));
        clock.advance(WINDOW / 2);
    }
    ended
}

/// Does it while the worker beats faster than the window passes.
async fn while_beating<T>(worker: &Worker, lease: LeaseId, work: impl Future<Output = T>) -> T {
    let beating = async {
        loop {
            worker.beat(&[lease]).await;
            tokio::time::sleep(WINDOW / 10).await;
        }
    };
    tokio::select! {
        done = work => done,
        () = beating => unreachable!("it beats for ever"),
    }
}

/// Waits until the database has not heard of the worker for a window.
async fn until_silent(fleet: &Fleet, worker: &Worker) {
    until("the worker is silent", async || {
        let workers = fleet.store.inner().workers().await.unwrap();
        let row = workers.iter().find(|row| row.record.id == worker.id).unwrap();
        let silence = SystemClock.now() - row.last_seen;
        silence > TimeDelta::from_std(WINDOW).unwrap()
    })
    .await;
}

#[tokio::test]
async fn a_submit_is_told_at_once() {
    let fleet = Fleet::start().await;
    let job = fleet.submit().await;
    let mut events = fleet.follow(job.id).await;
    assert_eq!(states(&mut *events, 1).await, ["pending"]);
    until("the ticket is there", async || fleet.tickets() == 1).await;
}

#[tokio::test]
async fn a_submit_is_answered_without_broker_and_bus() {
    let fleet = Fleet::start().await;
    for hangs in [false, true] {
        if hangs {
            fleet.broker.hang();
            fleet.events.hang();
        } else {
            fleet.broker.cut();
            fleet.events.cut();
        }
        let job = timeout(DEADLINE, fleet.submit()).await.expect("the submit is answered");
        assert_eq!(fleet.state(job.id).await, StateName::Pending);
    }
    assert_eq!(fleet.tickets(), 0);
}

#[tokio::test]
async fn a_scheduled_job_gets_no_ticket_before_its_time() {
    let fleet = Fleet::start().await;
    let mut request = fleet.request();
    request.job.not_before = Some(request.origin.at + TimeDelta::hours(1));
    let job = fleet.submit.submit(request).await.unwrap().into_job();
    let mut events = fleet.follow(job.id).await;
    assert_eq!(states(&mut *events, 1).await, ["pending"]);
    assert_eq!(fleet.dispatcher().dispatch().await.unwrap(), 0);
    assert_eq!(fleet.tickets(), 0);
}

#[tokio::test]
async fn a_repeated_submit_is_the_same_job_and_says_nothing_new() {
    let fleet = Fleet::start().await;
    let key = IdempotencyKey { key: "k".to_owned(), body_sha256: "00".repeat(32) };
    let mut first = fleet.request();
    first.idempotency = Some(key.clone());
    let job = fleet.submit.submit(first).await.unwrap().into_job();
    let mut events = fleet.follow(job.id).await;
    assert_eq!(states(&mut *events, 1).await, ["pending"]);
    until("the ticket is there", async || fleet.tickets() == 1).await;

    let mut again = fleet.request();
    again.idempotency = Some(key.clone());
    let Submitted::Replayed(replayed) = fleet.submit.submit(again).await.unwrap() else {
        panic!("a second job was made")
    };
    assert_eq!(replayed.id, job.id);
    let mut other = fleet.request();
    other.idempotency = Some(IdempotencyKey { body_sha256: "11".repeat(32), ..key });
    let refused = fleet.submit.submit(other).await.unwrap_err();
    assert!(matches!(refused, SubmitError::IdempotencyConflict));
    assert_eq!(fleet.tickets(), 1);
}

#[tokio::test]
async fn a_pending_job_is_cancelled_at_once_and_a_running_one_by_its_worker() {
    let fleet = Fleet::start().await;
    let pending = fleet.submit().await;
    let answer = fleet.cancel.cancel(pending.id, &fleet.origin()).await.unwrap();
    assert!(matches!(answer, CancelAnswer::Cancelled(_)));
    let mut events = fleet.follow(pending.id).await;
    assert_eq!(states(&mut *events, 2).await, ["pending", "cancelled"]);
    let answer = fleet.cancel.cancel(pending.id, &fleet.origin()).await.unwrap();
    assert!(matches!(answer, CancelAnswer::AlreadyEnded(_)));

    fleet.submit().await;
    let worker = Worker::start(&fleet).await;
    let running = worker.claim().await.unwrap();
    let lease = running.lease().unwrap();
    let answer = fleet.cancel.cancel(running.id, &fleet.origin()).await.unwrap();
    assert!(matches!(answer, CancelAnswer::Requested(_)));
    assert_eq!(worker.beat(&[lease]).await.cancel, [lease]);
    assert_eq!(fleet.state(running.id).await, StateName::Running);

    let answer = fleet.cancel.cancel(JobId::new(), &fleet.origin()).await.unwrap();
    assert_eq!(answer, CancelAnswer::NotFound);
}

#[tokio::test]
async fn the_dispatcher_replaces_tickets_that_never_came() {
    let fleet = Fleet::start().await;
    fleet.broker.cut();
    let job = fleet.submit().await;
    // The submit has tried by the time its state event is told.
    let mut events = fleet.follow(job.id).await;
    assert_eq!(states(&mut *events, 1).await, ["pending"]);
    let dispatcher = fleet.dispatcher();
    let refused = dispatcher.dispatch().await.unwrap_err();
    assert!(matches!(refused, DispatchError::Broker(_)));
    fleet.broker.mend();
    // Whoever submits has five seconds for it; the outage did not push it back further.
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(8);
    while dispatcher.dispatch().await.unwrap() == 0 {
        assert!(tokio::time::Instant::now() < deadline, "the ticket is not replaced");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(fleet.tickets(), 1);
    assert_eq!(dispatcher.dispatch().await.unwrap(), 0, "not again so soon");
    assert_eq!(fleet.state(job.id).await, StateName::Pending);
}

#[tokio::test]
async fn state_events_wait_for_the_bus_and_keep_their_order() {
    let fleet = Fleet::start().await;
    fleet.events.cut();
    let job = fleet.submit().await;
    let worker = Worker::start(&fleet).await;
    let lease = worker.claim().await.unwrap().lease().unwrap();
    assert!(matches!(worker.complete(lease).await, Settled::Done(_)));
    let mut events = fleet.follow(job.id).await;

    let shutdown = CancellationToken::new();
    let relay = Arc::clone(&fleet.relay);
    let running = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { relay.run(shutdown).await }
    });
    until("a relay has failed", async || {
        matches!(fleet.relay.relay_job(job.id).await, Err(RelayError::Events(_)))
    })
    .await;
    fleet.events.hang();
    until("a relay has waited too long", async || {
        matches!(fleet.relay.relay_job(job.id).await, Err(RelayError::Events(_)))
    })
    .await;
    fleet.events.mend();
    assert_eq!(states(&mut *events, 3).await, ["pending", "running", "completed"]);
    shutdown.cancel();
    timeout(DEADLINE, running).await.expect("the loop stops").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_relays_tell_each_state_once_and_in_order() {
    const JOBS: usize = 12;
    let fleet = Fleet::start().await;
    let worker = Worker::start(&fleet).await;
    let shutdown = CancellationToken::new();
    let relays: Vec<_> = (0..3)
        .map(|_| {
            let (relay, shutdown) = (Arc::clone(&fleet.relay), shutdown.clone());
            tokio::spawn(async move { relay.run(shutdown).await })
        })
        .collect();
    let mut jobs = Vec::new();
    for _ in 0..JOBS {
        jobs.push(fleet.submit().await.id);
        let claimed = worker.claim().await.unwrap();
        fleet.relay.wake();
        worker.complete(claimed.lease().unwrap()).await;
    }
    for job in jobs {
        let mut events = fleet.follow(job).await;
        assert_eq!(states(&mut *events, 3).await, ["pending", "running", "completed"]);
    }
    until("the outbox is empty", async || {
        fleet.store.take_outbox(None, 100, Duration::ZERO).await.unwrap().is_empty()
    })
    .await;
    shutdown.cancel();
    for relay in relays {
        timeout(DEADLINE, relay).await.expect("the loop stops").unwrap();
    }
}

#[tokio::test]
async fn a_silent_worker_loses_its_job_and_the_world_is_told() {
    let fleet = Fleet::start().await;
    let mut request = fleet.request();
    request.job.retry = RetryPolicy { max_failures: 2, backoff_ms: 0, max_backoff_ms: 0 };
    let job = fleet.submit.submit(request).await.unwrap().into_job();
    let (lost, heir) = (Worker::start(&fleet).await, Worker::start(&fleet).await);
    let first = lost.claim().await.unwrap();
    until_silent(&fleet, &lost).await;

    let clock = HandClock::new();
    let expirer = fleet.expirer(&clock, WINDOW);
    let ended = judge_with_confidence(&expirer, &clock).await;
    assert_eq!(ended.iter().map(|job| job.id).collect::<Vec<_>>(), [job.id]);
    assert_eq!(ended[0].last_failure.as_ref().unwrap().code, FailureCode::WorkerLost);
    let mut events = fleet.follow(job.id).await;
    assert_eq!(states(&mut *events, 3).await, ["pending", "running", "pending"]);

    let second = heir.claim().await.unwrap();
    assert_eq!((second.id, second.attempt), (job.id, 2));
    let late = lost.complete(first.lease().unwrap()).await;
    assert_eq!(late, Settled::Fenced, "a worker that was given up wrote");
    assert_eq!(lost.beat(&[first.lease().unwrap()]).await.fenced, [first.lease().unwrap()]);
    assert!(matches!(heir.complete(second.lease().unwrap()).await, Settled::Done(_)));
}

#[tokio::test]
async fn a_job_to_be_cancelled_whose_worker_is_lost_is_cancelled() {
    let fleet = Fleet::start().await;
    let job = fleet.submit().await;
    let worker = Worker::start(&fleet).await;
    worker.claim().await.unwrap();
    fleet.cancel.cancel(job.id, &fleet.origin()).await.unwrap();
    until_silent(&fleet, &worker).await;
    let clock = HandClock::new();
    let ended = judge_with_confidence(&fleet.expirer(&clock, WINDOW), &clock).await;
    assert_eq!(ended[0].state, JobState::Cancelled);
}

#[tokio::test]
async fn after_an_outage_of_the_database_nobody_is_judged_too_soon() {
    let fleet = Fleet::start().await;
    let job = fleet.submit().await;
    let worker = Worker::start(&fleet).await;
    let lease = worker.claim().await.unwrap().lease().unwrap();
    let clock = HandClock::new();
    let expirer = fleet.expirer(&clock, WINDOW);
    while_beating(&worker, lease, judge_with_confidence(&expirer, &clock)).await;
    fleet.store.cut();
    assert!(expirer.judge().await.is_err());
    until_silent(&fleet, &worker).await;
    fleet.store.mend();
    assert!(expirer.judge().await.unwrap().is_empty(), "it judged after one success");
    clock.advance(WINDOW / 2);
    assert!(expirer.judge().await.unwrap().is_empty(), "it judged after half a window");
    assert_eq!(fleet.state(job.id).await, StateName::Running);
    assert!(worker.beat(&[lease]).await.fenced.is_empty(), "the worker came back in time");
    assert!(matches!(worker.complete(lease).await, Settled::Done(_)));
}

#[tokio::test]
async fn a_database_that_stalls_makes_no_worker_look_lost() {
    let fleet = Fleet::start().await;
    let job = fleet.submit().await;
    let worker = Worker::start(&fleet).await;
    let lease = worker.claim().await.unwrap().lease().unwrap();
    let clock = HandClock::new();
    let expirer = fleet.expirer(&clock, WINDOW);
    while_beating(&worker, lease, judge_with_confidence(&expirer, &clock)).await;
    fleet.store.hang();
    let judged = timeout(DEADLINE, expirer.judge()).await.expect("it waits for ever");
    assert!(judged.expect_err("it stalls").is_retryable());
    until_silent(&fleet, &worker).await;
    fleet.store.mend();
    assert!(expirer.judge().await.unwrap().is_empty(), "it judged after a stall");
    assert_eq!(fleet.state(job.id).await, StateName::Running);
    assert!(matches!(worker.complete(lease).await, Settled::Done(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_loops_survive_outages_and_stop_when_told() {
    let fleet = Fleet::start().await;
    fleet.store.cut();
    fleet.broker.cut();
    fleet.events.cut();
    let shutdown = CancellationToken::new();
    let (dispatcher, relay) = (fleet.dispatcher(), Arc::clone(&fleet.relay));
    let expirer = fleet.expirer(&HandClock::new(), WINDOW);
    let (first, second, third) = (shutdown.clone(), shutdown.clone(), shutdown.clone());
    let loops = [
        tokio::spawn(async move { dispatcher.run(first).await }),
        tokio::spawn(async move { relay.run(second).await }),
        tokio::spawn(async move { expirer.run(third).await }),
    ];
    assert!(fleet.submit.submit(fleet.request()).await.is_err(), "there is no database");
    fleet.store.mend();
    let job = fleet.submit().await;
    fleet.broker.mend();
    fleet.events.mend();
    let mut events = fleet.follow(job.id).await;
    assert_eq!(states(&mut *events, 1).await, ["pending"]);
    until("the ticket is there", async || fleet.tickets() >= 1).await;
    shutdown.cancel();
    for running in loops {
        timeout(DEADLINE, running).await.expect("the loop stops").unwrap();
    }
}
