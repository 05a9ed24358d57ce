//! What a running attempt tells: progress, stages, metrics, logs.

use alphafleet_domain::job::{
    LogLevel, LogLine, MetricPoint, Progress, ProgressBatch, StageRecord,
};
use alphafleet_domain::ports::{LogQuery, MetricQuery, Recorded};
use alphafleet_domain::{ArtifactKind, JobId, LeaseId};
use chrono::TimeDelta;

use super::AnyStore;
use super::support::*;

async fn record(store: &AnyStore, lease: LeaseId, batch: ProgressBatch) {
    assert_eq!(store.record(lease, &batch).await.unwrap(), Recorded::Written);
}

pub async fn progress_and_stages_are_kept(store: AnyStore) {
    let (job_before, lease, _) = running(&store).await;
    let progress = Progress {
        percent: 41.5,
        stage: "training".to_owned(),
        message: "round 3 of 10".to_owned(),
        epoch: Some(3),
        epochs: Some(10),
        eta_ms: Some(70_000),
    };
    let stage = |stage: &str, percent, after| StageRecord {
        attempt: 1,
        stage: stage.to_owned(),
        percent,
        at: now() + TimeDelta::milliseconds(after),
    };
    let stages = vec![stage("preparing", 10.0, 0), stage("training", 30.0, 5)];
    let checkpoint = pointer(ArtifactKind::Checkpoint, "round-3");
    let batch = ProgressBatch {
        progress: Some(progress.clone()),
        stages: stages.clone(),
        checkpoint: Some(checkpoint.clone()),
        ..ProgressBatch::default()
    };
    record(&store, lease, batch.clone()).await;
    record(&store, lease, batch).await;
    let after = job(&store, job_before.id).await;
    assert_eq!((after.progress, after.checkpoint), (progress, Some(checkpoint)));
    assert_eq!(store.stages(job_before.id).await.unwrap(), stages, "repeating changes nothing");
    record(&store, lease, ProgressBatch::default()).await;
    let silly = Progress { percent: f64::NAN, ..Progress::default() };
    record(&store, lease, ProgressBatch { progress: Some(silly), ..Default::default() }).await;
    assert_eq!(job(&store, job_before.id).await.progress.percent, 0.0);
}

fn point(name: &str, step: u64, value: f64) -> MetricPoint {
    MetricPoint { name: name.to_owned(), step, value, at: now() }
}

async fn metrics(store: &AnyStore, job: JobId, name: Option<&str>, limit: u32) -> Vec<MetricPoint> {
    let query = MetricQuery { job, name: name.map(str::to_owned), limit };
    store.metrics(&query).await.unwrap()
}

pub async fn metrics_are_overwritten_and_limited(store: AnyStore) {
    let (job, lease, _) = running(&store).await;
    let first: Vec<_> = (0..200)
        .map(|step| MetricPoint {
            at: now() + TimeDelta::milliseconds(step as i64),
            ..point("loss", step, 1.0 / (step + 1) as f64)
        })
        .collect();
    record(&store, lease, ProgressBatch { metrics: first.clone(), ..Default::default() }).await;
    assert_eq!(metrics(&store, job.id, Some("loss"), 500).await, first);
    assert_eq!(metrics(&store, job.id, None, 3).await, first[197..]);
    // A resumed attempt repeats a step; one batch may even hold it twice.
    let again = vec![point("loss", 7, -1.0), point("loss", 7, -2.0), point("ic", 7, f64::NAN)];
    record(&store, lease, ProgressBatch { metrics: again, ..Default::default() }).await;
    let losses = metrics(&store, job.id, Some("loss"), 500).await;
    assert_eq!(losses.len(), 200);
    let seventh = losses.iter().find(|point| point.step == 7).unwrap();
    assert_eq!(seventh.value, -2.0);
    let ics = metrics(&store, job.id, Some("ic"), 500).await;
    assert!(ics.len() == 1 && ics[0].value.is_nan(), "{ics:?}");
    let extremes = [f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE, -0.0, 0.1];
    let points: Vec<_> = (0..).zip(extremes).map(|(step, v)| point("x", step, v)).collect();
    record(&store, lease, ProgressBatch { metrics: points, ..Default::default() }).await;
    let mut kept = metrics(&store, job.id, Some("x"), 500).await;
    kept.sort_by_key(|point| point.step);
    assert_eq!(kept.iter().map(|point| point.value).collect::<Vec<_>>(), extremes);
}

fn line(message: &str) -> LogLine {
    LogLine { at: now(), level: LogLevel::Info, message: message.to_owned() }
}

async fn logs(store: &AnyStore, job: JobId, contains: Option<&str>, limit: u32) -> Vec<String> {
    let query = LogQuery { job, contains: contains.map(str::to_owned), limit };
    store.logs(&query).await.unwrap().into_iter().map(|line| line.message).collect()
}

pub async fn logs_are_searched(store: AnyStore) {
    let (job, lease, _) = running(&store).await;
    let written = ["Loading bars", "100% done", "a_b", "axb", r"back\slash"];
    let lines = written.map(line).to_vec();
    record(&store, lease, ProgressBatch { logs: lines, ..Default::default() }).await;
    assert_eq!(logs(&store, job.id, None, 99).await, written);
    assert_eq!(logs(&store, job.id, None, 2).await, written[3..]);
    assert_eq!(logs(&store, job.id, Some("loading"), 99).await, ["Loading bars"]);
    assert_eq!(logs(&store, job.id, Some("0%"), 99).await, ["100% done"]);
    assert_eq!(logs(&store, job.id, Some("A_B"), 99).await, ["a_b"]);
    assert_eq!(logs(&store, job.id, Some(r"k\s"), 99).await, [r"back\slash"]);
    assert!(logs(&store, job.id, Some("nothing"), 99).await.is_empty());
}

pub async fn logs_are_capped(store: AnyStore) {
    let (job, lease, _) = running(&store).await;
    for batch in 0..3 {
        let lines = (0..4_000).map(|n| line(&format!("line {}", batch * 4_000 + n))).collect();
        record(&store, lease, ProgressBatch { logs: lines, ..Default::default() }).await;
    }
    let kept = logs(&store, job.id, None, 20_000).await;
    assert_eq!(kept.len(), 10_000);
    assert_eq!((kept[0].as_str(), kept[9_999].as_str()), ("line 2000", "line 11999"));
    let endless = line(&"é".repeat(1 << 20));
    record(&store, lease, ProgressBatch { logs: vec![endless], ..Default::default() }).await;
    let last = logs(&store, job.id, None, 1).await.remove(0);
    assert!(last.len() <= 16 * 1024 && last.starts_with("éé"), "a line is capped too");
}

pub async fn hostile_text_is_kept_readable(store: AnyStore) {
    let (job_before, lease, _) = running(&store).await;
    let batch = ProgressBatch {
        progress: Some(Progress { message: "nul \0 end".to_owned(), ..Progress::default() }),
        logs: vec![line("a\0b'; DROP TABLE jobs; --\u{202e}\u{1f600}")],
        ..ProgressBatch::default()
    };
    record(&store, lease, batch).await;
    let message = job(&store, job_before.id).await.progress.message;
    assert_eq!(message, "nul \u{fffd} end");
    let kept = logs(&store, job_before.id, None, 9).await;
    assert_eq!(kept, ["a\u{fffd}b'; DROP TABLE jobs; --\u{202e}\u{1f600}"]);
}
