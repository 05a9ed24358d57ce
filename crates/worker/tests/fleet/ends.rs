//! Processes that end badly.

use std::fs;

use alphafleet_domain::job::{FailureCode, StateName};
use alphafleet_domain::ports::{JobStore as _, MetricQuery};
use alphafleet_domain::{ArtifactKind, Queue};
use alphafleet_worker::ChildCommand;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::handler::Script;
use crate::rig::{Rig, eventually, pids, trial};

pub fn trials() -> Vec<libtest_mimic::Trial> {
    vec![
        trial("a_crash_by_signal_is_retried_and_completes", crashes_once),
        trial("an_exit_code_is_told_until_the_budget_is_used", exits),
        trial("a_panic_is_told_and_not_retried", panics),
        trial("a_handler_says_whether_to_retry", fails),
        trial("a_killed_child_resumes_from_its_checkpoint", resumes),
        trial("running_out_of_memory_is_told", allocates),
        trial("a_frame_that_is_too_long_is_refused", breaks_the_rules),
        trial("a_child_that_cannot_start_is_told", does_not_start),
    ]
}

async fn crashes_once() {
    let rig = Rig::new().await;
    let worker = rig.start_slots(1);
    let id = rig.submit(&Script::Signal(Signal::SIGKILL as i32)).await;
    let job = rig.completes(id).await;
    assert_eq!((job.attempt, job.failures), (2, 1));
    assert_eq!(job.result, Some(json!({"attempt": 2})));
    assert_eq!((worker.counted("crashed"), worker.counted("retried")), (1, 1));
    let told = rig.events_of(id, "completed").await;
    let failure = told
        .iter()
        .find(|(kind, payload)| {
            *kind == "state" && payload["state"] == "pending" && !payload["failure"].is_null()
        })
        .map(|(_, payload)| payload["failure"]["message"].as_str().unwrap().to_owned())
        .unwrap();
    assert!(failure.contains("signal 9 (SIGKILL)"), "{failure}");
    assert!(failure.contains("about to be hit"), "{failure}");
    worker.stop().await;
}

async fn exits() {
    let rig = Rig::new().await;
    let worker = rig.start_slots(1);
    let id = rig.submit(&Script::Exit(3)).await;
    let (job, failure) = rig.fails(id).await;
    assert_eq!((job.attempt, failure.code), (3, FailureCode::ProcessExited));
    assert!(failure.message.contains("exit code 3"), "{}", failure.message);
    assert!(failure.message.contains("nothing works any more"), "{}", failure.message);
    worker.stop().await;
}

async fn panics() {
    let rig = Rig::new().await;
    let worker = rig.start_slots(1);
    let id = rig.submit(&Script::Panic("no such column".to_owned())).await;
    let (job, failure) = rig.fails(id).await;
    assert_eq!((job.attempt, failure.code), (1, FailureCode::Internal));
    assert!(failure.message.contains("panicked: no such column"), "{}", failure.message);
    assert!(failure.message.contains("handler.rs:"), "{}", failure.message);
    let id = rig.submit(&Script::Echo(json!(1))).await;
    rig.completes(id).await;
    assert_eq!(worker.children_started(), 2);
    worker.stop().await;
}

async fn fails() {
    let rig = Rig::new().await;
    let worker = rig.start_slots(1);
    for (retryable, attempts) in [(true, 3), (false, 1)] {
        let id = rig.submit(&Script::Fail { message: "bad bars".to_owned(), retryable }).await;
        let (job, failure) = rig.fails(id).await;
        assert_eq!((job.attempt, &*failure.message), (attempts, "bad bars"));
    }
    worker.stop().await;
}

async fn resumes() {
    let rig = Rig::new().await;
    let worker = rig.start_slots(1);
    let folder = rig.path("pids");
    let id = rig.submit(&Script::Count { pids: folder.clone() }).await;
    let pid = pids(&folder).await[0];
    let checkpoint = eventually("the second checkpoint is recorded", async || {
        rig.job(id).await.checkpoint.filter(|pointer| pointer.name == "checkpoint-2")
    })
    .await;
    assert_eq!(checkpoint.kind, ArtifactKind::Checkpoint);
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
    let job = rig.completes(id).await;
    assert_eq!((job.attempt, job.result), (2, Some(json!({"from": 20}))));
    assert_eq!(job.checkpoint, None);
    let objects = format!("jobs/{id}").parse().unwrap();
    eventually("no checkpoint is left", async || {
        rig.artifacts.list(&objects).await.unwrap().is_empty().then_some(())
    })
    .await;
    let query = MetricQuery { job: id, name: Some("count".to_owned()), limit: 1_000 };
    let mut steps: Vec<_> =
        rig.store.metrics(&query).await.unwrap().iter().map(|point| point.step).collect();
    steps.sort_unstable();
    assert_eq!(steps, (0..40).collect::<Vec<_>>());
    worker.stop().await;
}

async fn allocates() {
    let rig = Rig::new().await;
    let mut config = rig.config().with_queue(Queue::default_queue(), 1);
    config.memory_bytes = Some(256 << 20);
    let worker = rig.start(config);
    let id = rig.submit(&Script::Allocate(8 << 20)).await;
    assert_eq!(rig.completes(id).await.result, Some(json!(8 << 20)));
    let id = rig.submit(&Script::Allocate(1 << 30)).await;
    let (job, failure) = rig.fails(id).await;
    assert_eq!((job.attempt, failure.code), (3, FailureCode::OutOfMemory));
    assert!(failure.message.contains("memory ran out"), "{}", failure.message);
    worker.stop().await;
}

/// A child in another language.
async fn breaks_the_rules() {
    let rig = Rig::new().await;
    let shell = |script: &str| {
        let mut config = rig.config().with_queue(Queue::default_queue(), 1);
        let ready = r#"echo '{"frame":"ready","protocol":1,"pid":1}'; read line; "#;
        config.child = ChildCommand::new("/bin/sh", &["-c", &format!("{ready}{script}")]);
        config
    };
    for (script, says) in [
        ("head -c 2000000 /dev/zero | tr '\\0' x; read line", "longer than 1048576 bytes"),
        ("echo hello; read line", "a line is not a frame"),
        ("exec >&-; exec sleep 100", "closed its output"),
    ] {
        let worker = rig.start(shell(script));
        let id = rig.submit(&Script::Echo(json!(1))).await;
        let (_, failure) = rig.fails(id).await;
        assert!(failure.message.contains(says), "{}", failure.message);
        assert!(!failure.retryable);
        worker.stop().await;
    }
    let completes = r#"lease=$(echo "$line" | sed 's/.*"lease":"\([^"]*\)".*/\1/'); echo "{\"frame\":\"completed\",\"lease\":\"$lease\",\"completed\":{\"result\":5}}"; read line"#;
    let worker = rig.start(shell(completes));
    let id = rig.submit(&Script::Echo(json!(1))).await;
    assert_eq!(rig.completes(id).await.result, Some(json!(5)));
    worker.stop().await;
}

async fn does_not_start() {
    let rig = Rig::new().await;
    let mut config = rig.config().with_queue(Queue::default_queue(), 1);
    config.child = ChildCommand::new("/bin/sh", &["-c", "echo no library >&2; exit 1"]);
    let worker = rig.start(config);
    let id = rig.submit(&Script::Echo(json!(1))).await;
    let (_, failure) = rig.fails(id).await;
    assert!(failure.message.contains("no library"), "{}", failure.message);
    assert_eq!(rig.job(id).await.state.name(), StateName::Failed);
    worker.stop().await;
    assert_eq!(fs::read_dir(rig.path("scratch")).unwrap().count(), 0);
}
