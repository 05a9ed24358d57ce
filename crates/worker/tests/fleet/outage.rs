//! A database that is away, or whose answers are lost.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use alphafleet_domain::Queue;
use alphafleet_domain::job::StateName;
use alphafleet_domain::ports::{JobStore as _, MetricQuery};
use serde_json::json;

use crate::flaky::Flaky;
use crate::handler::Script;
use crate::rig::{Rig, Running, eventually, trial};

pub fn trials() -> Vec<libtest_mimic::Trial> {
    vec![
        trial("an_outage_of_the_database_only_delays_the_outcome", outage),
        trial("metrics_said_during_an_outage_are_written_after_it", said_meanwhile),
        trial("a_lost_answer_to_a_settling_is_asked_for_again", lost_settling),
        trial("a_job_whose_claim_was_not_answered_is_released", lost_claim),
    ]
}

fn start(rig: &Rig, flaky: &Arc<Flaky>) -> Running {
    let mut config = rig.config().with_queue(Queue::default_queue(), 1);
    config.window = Duration::from_millis(300);
    config.beat = Duration::from_millis(100);
    rig.start_on(config, Arc::<Flaky>::clone(flaky))
}

/// Until so many beats in a row have failed that the window has long passed.
async fn silent_for_long(worker: &Running) {
    let before = worker.counted("beats_failed");
    eventually("beats fail", async || (worker.counted("beats_failed") > before + 5).then_some(()))
        .await;
}

async fn outage() {
    let rig = Rig::new().await;
    let flaky = Flaky::new(Arc::clone(&rig.store));
    let worker = start(&rig, &flaky);
    let (started, go) = (rig.path("started"), rig.path("go"));
    let id = rig.submit(&Script::Until { started: started.clone(), go: go.clone() }).await;
    eventually("it runs", async || fs::read_dir(&started).is_ok().then_some(())).await;
    flaky.away.store(true, Ordering::SeqCst);
    fs::write(&go, b"").unwrap();
    silent_for_long(&worker).await;
    assert_eq!(rig.job(id).await.state.name(), StateName::Running);
    flaky.away.store(false, Ordering::SeqCst);
    assert_eq!(rig.completes(id).await.attempt, 1);
    worker.stop().await;
}

async fn said_meanwhile() {
    let rig = Rig::new().await;
    let flaky = Flaky::new(Arc::clone(&rig.store));
    let worker = start(&rig, &flaky);
    let script = Script::Emit { stages: 20, points: 5_000 };
    let id = rig.submit(&script).await;
    eventually("something is recorded", async || {
        (flaky.records.load(Ordering::SeqCst) > 0).then_some(())
    })
    .await;
    flaky.away.store(true, Ordering::SeqCst);
    silent_for_long(&worker).await;
    let records = flaky.records.load(Ordering::SeqCst);
    silent_for_long(&worker).await;
    assert_eq!(flaky.records.load(Ordering::SeqCst), records);
    assert_eq!(rig.job(id).await.state.name(), StateName::Running);
    flaky.away.store(false, Ordering::SeqCst);
    assert_eq!(rig.completes(id).await.attempt, 1);
    let query = MetricQuery { job: id, name: Some("loss".to_owned()), limit: 200_000 };
    let mut steps: Vec<_> =
        rig.store.metrics(&query).await.unwrap().iter().map(|point| point.step).collect();
    steps.sort_unstable();
    assert!(steps.iter().copied().eq(0..100_000), "{} points", steps.len());
    worker.stop().await;
}

async fn lost_settling() {
    let rig = Rig::new().await;
    let flaky = Flaky::new(Arc::clone(&rig.store));
    flaky.lost_settlings.store(2, Ordering::SeqCst);
    let worker = start(&rig, &flaky);
    let id = rig.submit(&Script::Echo(json!(1))).await;
    let job = rig.completes(id).await;
    assert_eq!((job.attempt, job.result), (1, Some(json!(1))));
    eventually("it is counted", async || (worker.counted("completed") == 1).then_some(())).await;
    assert_eq!(flaky.lost_settlings.load(Ordering::SeqCst), 0);
    assert_eq!(worker.counted("fenced"), 0);
    worker.stop().await;
}

async fn lost_claim() {
    let rig = Rig::new().await;
    let flaky = Flaky::new(Arc::clone(&rig.store));
    flaky.lost_claims.store(1, Ordering::SeqCst);
    let worker = start(&rig, &flaky);
    let id = rig.submit(&Script::Echo(json!(1))).await;
    let job = rig.completes(id).await;
    assert_eq!((job.attempt, job.failures), (2, 0));
    worker.stop().await;
}
