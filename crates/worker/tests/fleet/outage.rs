//! A database that is away, or whose answers are lost.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use alphafleet_domain::Queue;
use alphafleet_domain::job::StateName;
use alphafleet_domain::ports::{JobStore as _, MetricQuery};
use alphafleet_worker::ChildCommand;
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
        trial("a_lease_lost_while_much_waits_frees_its_slot", lost_with_much_to_say),
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
    flaky.refused_records.store(3, Ordering::SeqCst);
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

/// The child says more than may wait while the database is away, and ends; meanwhile its lease
/// does too.
async fn lost_with_much_to_say() {
    let rig = Rig::new().await;
    let flaky = Flaky::new(Arc::clone(&rig.store));
    let mut config = rig.config().with_queue(Queue::default_queue(), 1);
    config.window = Duration::from_millis(300);
    config.beat = Duration::from_millis(100);
    config.poll = Duration::from_millis(100);
    let (said, go) = (rig.path("said"), rig.path("go"));
    let script = format!(
        r#"echo '{{"frame":"ready","protocol":1,"pid":1}}'; read line
        lease=$(echo "$line" | sed 's/.*"lease":"\([^"]*\)".*/\1/')
        if [ -e {go} ]; then
            echo "{{\"frame\":\"completed\",\"lease\":\"$lease\",\"completed\":{{\"result\":5}}}}"
            read line
            exit
        fi
        point='{{"name":"m","step":1,"value":1.0,"at":"2024-01-01T00:00:00Z"}}'
        points=$(yes "$point" | head -n 5000 | paste -sd,)
        touch {go}
        while [ ! -e {said} ]; do sleep 0.01; done
        echo "{{\"frame\":\"metrics\",\"lease\":\"$lease\",\"points\":[$point]}}"
        sleep 0.5 # The worker takes it up, and waits for the database with it.
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            echo "{{\"frame\":\"metrics\",\"lease\":\"$lease\",\"points\":[$points]}}"
        done
        for _ in 1 2 3; do
            echo "{{\"frame\":\"metrics\",\"lease\":\"$lease\",\"points\":[$point]}}"
        done
        touch {said}.all"#,
        go = go.display(),
        said = said.display(),
    );
    config.child = ChildCommand::new("/bin/sh", &["-c", &script]);
    let worker = rig.start_on(config, Arc::<Flaky>::clone(&flaky));
    let id = rig.submit(&Script::Echo(json!(1))).await;
    eventually("it runs", async || go.exists().then_some(())).await;
    flaky.away.store(true, Ordering::SeqCst);
    fs::write(&said, b"").unwrap();
    let all = rig.path("said.all");
    eventually("the child said all", async || all.exists().then_some(())).await;
    assert_eq!(rig.store.expire(Duration::ZERO).await.unwrap().len(), 1);
    flaky.away.store(false, Ordering::SeqCst);
    let job = rig.completes(id).await;
    assert_eq!((job.attempt, job.result), (2, Some(json!(5))));
    assert_eq!(worker.counted("fenced"), 1);
    worker.stop().await;
}
