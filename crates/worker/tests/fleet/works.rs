//! Jobs that go well.

use std::fs;

use alphafleet_domain::job::FailureCode;
use alphafleet_domain::ports::JobStore as _;
use alphafleet_domain::ports::{ArtifactKey, MetricQuery};
use serde_json::json;

use crate::handler::Script;
use crate::rig::{Rig, eventually, trial};

pub fn trials() -> Vec<libtest_mimic::Trial> {
    vec![
        trial("a_job_completes_and_its_child_is_used_again", completes),
        trial("metrics_and_stages_are_complete_and_in_order", emits),
        trial("what_libraries_print_becomes_log_lines", prints),
        trial("files_are_stored_under_the_lease", stores_files),
        trial("slots_are_never_exceeded", keeps_to_its_slots),
        trial("a_result_too_large_for_a_frame_is_refused", refuses_large_results),
    ]
}

async fn completes() {
    let rig = Rig::new().await;
    let worker = rig.start_slots(1);
    for value in [json!("one"), json!({"two": [2, null]})] {
        let job = rig.submit(&Script::Echo(value.clone())).await;
        let job = rig.completes(job).await;
        assert_eq!((job.result, job.attempt), (Some(value), 1));
    }
    assert_eq!(worker.children_started(), 1);
    // The store has it before the worker has heard so.
    eventually("both are counted", async || (worker.counted("completed") == 2).then_some(())).await;
    assert_eq!(worker.counted("claimed"), 2);
    worker.stop().await;
    assert!(rig.store.workers().await.unwrap().is_empty());
    assert_eq!(fs::read_dir(rig.path("scratch")).unwrap().count(), 0);
}

async fn emits() {
    let rig = Rig::new().await;
    let worker = rig.start_slots(1);
    let id = rig.submit(&Script::Emit { stages: 5, points: 1_000 }).await;
    rig.completes(id).await;
    let query = MetricQuery { job: id, name: Some("loss".to_owned()), limit: 10_000 };
    let points = rig.store.metrics(&query).await.unwrap();
    let found: Vec<_> = points.iter().map(|point| (point.step, point.value)).collect();
    let expected: Vec<_> = (0..5_000_u64).map(|step| (step, 1.0 / (step + 1) as f64)).collect();
    assert_eq!(found, expected);
    let stages: Vec<_> = rig.store.stages(id).await.unwrap().into_iter().map(|s| s.stage).collect();
    assert_eq!(stages, ["stage-0", "stage-1", "stage-2", "stage-3", "stage-4"]);
    assert!(rig.log(id).await.iter().any(|line| line == "odd at step 7 is NaN: not recorded"));

    let told = rig.events_of(id, "completed").await;
    let steps: Vec<u64> = told
        .iter()
        .filter(|(kind, _)| *kind == "metrics")
        .flat_map(|(_, payload)| payload["points"].as_array().unwrap().clone())
        .map(|point| point["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, (0..5_000).collect::<Vec<_>>());
    let mut stages: Vec<_> = told
        .iter()
        .filter(|(kind, _)| *kind == "progress")
        .map(|(_, payload)| payload["stage"].as_str().unwrap().to_owned())
        .collect();
    assert!(stages.len() < 500, "{} progress events are not conflated", stages.len());
    stages.dedup();
    assert_eq!(stages, ["stage-0", "stage-1", "stage-2", "stage-3", "stage-4"]);
    let states: Vec<_> = told.iter().filter(|(kind, _)| *kind == "state").collect();
    assert_eq!(states.last().unwrap().1["state"], "completed");
    assert!(told.iter().any(|(kind, payload)| *kind == "state" && payload["state"] == "running"));
    worker.stop().await;
}

async fn prints() {
    let rig = Rig::new().await;
    let worker = rig.start_slots(1);
    let id = rig.submit(&Script::Print).await;
    assert_eq!(rig.completes(id).await.result, Some(json!("heard")));
    let log = rig.log(id).await;
    for line in
        ["said properly", "{\"frame\": \"completed\"}", "no end of linesaid by another process"]
    {
        assert!(log.iter().any(|found| found == line), "{line:?} is not in {log:?}");
    }
    worker.stop().await;
}

async fn stores_files() {
    let rig = Rig::new().await;
    let worker = rig.start_slots(1);
    let file = |name: &str, path| Script::File {
        name: name.to_owned(),
        path,
        content: "content".to_owned(),
    };
    let id = rig.submit(&file("report.json", None)).await;
    rig.completes(id).await;
    let [pointer] = &rig.store.artifacts(id).await.unwrap()[..] else { panic!("one file") };
    assert_eq!((&*pointer.name, pointer.bytes), ("report.json", 7));
    assert!(pointer.key.starts_with(&format!("jobs/{id}/")));
    let key: ArtifactKey = pointer.key.parse().unwrap();
    assert_eq!(rig.artifacts.get(&key).await.unwrap(), b"content");

    let outside = rig.path("secret");
    fs::write(&outside, "secret").unwrap();
    for (script, says) in [
        (file("stolen", Some(outside)), "not a file in the job's scratch folder"),
        (file("gone", Some("nowhere".into())), "does not exist"),
        (file("a b", None), "not a file name"),
    ] {
        let id = rig.submit(&script).await;
        let (_, failure) = rig.fails(id).await;
        assert_eq!(failure.code, FailureCode::HandlerError);
        assert!(failure.message.contains(says), "{}", failure.message);
    }
    worker.stop().await;
}

async fn keeps_to_its_slots() {
    let rig = Rig::new().await;
    let (started, go) = (rig.path("started"), rig.path("go"));
    let mut jobs = Vec::new();
    for _ in 0..6 {
        jobs.push(rig.submit(&Script::Until { started: started.clone(), go: go.clone() }).await);
    }
    let worker = rig.start_slots(2);
    let running = || fs::read_dir(&started).map_or(0, Iterator::count);
    eventually("two jobs run", async || (running() == 2).then_some(())).await;
    // Two more polls and beats, in which a third would have been claimed.
    let beats = worker.counted("beats");
    eventually("beats pass", async || (worker.counted("beats") > beats + 2).then_some(())).await;
    assert_eq!((running(), worker.counted("claimed")), (2, 2));
    fs::write(&go, b"").unwrap();
    for job in jobs {
        assert_eq!(rig.completes(job).await.attempt, 1);
    }
    assert_eq!(worker.children_started(), 2);
    worker.stop().await;
}

async fn refuses_large_results() {
    let rig = Rig::new().await;
    let worker = rig.start_slots(1);
    let id = rig.submit(&Script::Result(2 << 20)).await;
    let (_, failure) = rig.fails(id).await;
    assert!(failure.message.contains("hand large things over as files"), "{}", failure.message);
    worker.stop().await;
}
