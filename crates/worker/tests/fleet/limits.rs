//! Attempts that are ended from outside.

use std::time::Duration;

use alphafleet_domain::Queue;
use alphafleet_domain::job::{FailureCode, StateName, TimeLimits};
use alphafleet_domain::ports::{CancelAnswer, NewJob};
use alphafleet_worker::Grace;
use serde_json::json;

use crate::handler::Script;
use crate::rig::{Rig, eventually, lives, pids, trial};

pub fn trials() -> Vec<libtest_mimic::Trial> {
    vec![
        trial("a_cancel_ends_a_stubborn_child_and_its_children", cancels),
        trial("a_polite_child_ends_by_itself_when_cancelled", cancels_politely),
        trial("the_soft_limit_leaves_a_checkpoint", soft_limit),
        trial("the_hard_limit_kills_the_whole_group", hard_limit),
        trial("a_drain_keeps_the_checkpoint_and_another_worker_goes_on", drains),
    ]
}

async fn cancels() {
    let rig = Rig::new().await;
    let mut config = rig.config().with_queue(Queue::default_queue(), 1);
    let quick = Duration::from_millis(100);
    config.grace = Grace { cancel: quick, terminate: quick, ..Grace::default() };
    let worker = rig.start(config);
    let folder = rig.path("pids");
    let id = rig.submit(&Script::Stubborn { pids: folder.clone() }).await;
    let processes = pids(&folder).await;
    assert!(processes.len() == 2 && processes.iter().all(|&pid| lives(pid)));
    assert!(matches!(rig.cancel(id).await, CancelAnswer::Requested(_)));
    let job = rig.reaches(id, StateName::Cancelled).await;
    assert!(!processes.iter().any(|&pid| lives(pid)), "cancelled before the processes were gone");
    assert_eq!((job.attempt, worker.counted("cancelled")), (1, 1));
    worker.stop().await;
}

async fn cancels_politely() {
    let rig = Rig::new().await;
    let worker = rig.start_slots(1);
    let folder = rig.path("pids");
    let id = rig.submit(&Script::Polite { pids: folder.clone() }).await;
    let processes = pids(&folder).await;
    rig.cancel(id).await;
    rig.reaches(id, StateName::Cancelled).await;
    assert!(!lives(processes[0]));
    worker.stop().await;
}

fn limited(rig: &Rig, script: &Script, soft_ms: u64, hard_ms: u64) -> NewJob {
    NewJob { limits: TimeLimits::new(soft_ms, hard_ms), ..rig.new_job(script) }
}

async fn soft_limit() {
    let rig = Rig::new().await;
    let worker = rig.start_slots(1);
    let script = Script::Polite { pids: rig.path("pids") };
    let id = rig.submit_job(limited(&rig, &script, 100, 60_000)).await;
    let (job, failure) = rig.fails(id).await;
    assert_eq!((job.attempt, failure.code), (1, FailureCode::SoftTimeLimit));
    assert!(failure.message.contains("soft limit of 0.1 s"), "{}", failure.message);
    assert!(job.checkpoint.is_some());
    worker.stop().await;
}

async fn hard_limit() {
    let rig = Rig::new().await;
    let worker = rig.start_slots(1);
    let folder = rig.path("pids");
    let script = Script::Stubborn { pids: folder.clone() };
    let id = rig.submit_job(limited(&rig, &script, 100, 1_500)).await;
    let processes = pids(&folder).await;
    let (job, failure) = rig.fails(id).await;
    assert_eq!((job.attempt, failure.code), (1, FailureCode::HardTimeLimit));
    assert!(!processes.iter().any(|&pid| lives(pid)));
    worker.stop().await;
}

async fn drains() {
    let rig = Rig::new().await;
    let first = rig.start_slots(1);
    let folder = rig.path("pids");
    let id = rig.submit(&Script::Polite { pids: folder.clone() }).await;
    let processes = pids(&folder).await;
    first.stop().await;
    let job = rig.job(id).await;
    assert_eq!((job.state.name(), job.failures), (StateName::Pending, 0));
    assert!(job.checkpoint.is_some());
    eventually("the child is gone", async || (!lives(processes[0])).then_some(())).await;
    let second = rig.start_slots(1);
    let job = rig.completes(id).await;
    assert_eq!((job.attempt, job.result), (2, Some(json!("Drain"))));
    second.stop().await;
}
