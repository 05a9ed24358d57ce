//! Workers that are lost.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use alphafleet_domain::Queue;
use alphafleet_domain::job::StateName;
use alphafleet_domain::ports::JobStore as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::handler::Script;
use crate::rig::{ROLE, Rig, eventually, lives, pids, trial};

const FOLDER: &str = "ALPHAFLEET_TEST_FOLDER";

pub fn trials() -> Vec<libtest_mimic::Trial> {
    vec![
        trial("a_killed_worker_takes_its_children_along", killed_worker),
        trial("a_lost_lease_stops_the_child_and_discards_its_work", fenced),
    ]
}

/// Played by another process of this binary: runs one stubborn job.
pub fn be_a_worker() -> ExitCode {
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let rig = Rig::new().await;
        let worker = rig.start_slots(1);
        rig.submit(&Script::Stubborn { pids: folder }).await;
        worker.task.await.unwrap();
    });
    ExitCode::SUCCESS
}

async fn killed_worker() {
    let folder = tempfile::tempdir().unwrap();
    let mut worker = Command::new(std::env::current_exe().unwrap())
        .env(ROLE, "worker")
        .env(FOLDER, folder.path())
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let processes = pids(folder.path()).await;
    assert!(processes.len() == 2 && processes.iter().all(|&pid| lives(pid)));
    kill(Pid::from_raw(i32::try_from(worker.id()).unwrap()), Signal::SIGKILL).unwrap();
    worker.wait().unwrap();
    eventually("the children are gone", async || {
        (!processes.iter().any(|&pid| lives(pid))).then_some(())
    })
    .await;
}

/// The lease ends as if the worker had been silent; the worker must notice and let go.
async fn fenced() {
    let rig = Rig::new().await;
    let mut config = rig.config().with_queue(Queue::default_queue(), 1);
    config.poll = Duration::from_secs(3_600);
    let worker = rig.start(config);
    let folder = rig.path("pids");
    let id = rig.submit(&Script::Stubborn { pids: folder.clone() }).await;
    let processes = pids(&folder).await;
    let expired = rig.store.expire(Duration::ZERO).await.unwrap();
    assert_eq!(expired.len(), 1);
    eventually("the child is gone", async || {
        (!processes.iter().any(|&pid| lives(pid))).then_some(())
    })
    .await;
    eventually("it is counted", async || (worker.counted("fenced") == 1).then_some(())).await;
    assert_eq!(rig.job(id).await.state.name(), StateName::Pending);
    assert_eq!(rig.job(id).await.failures, 1);
    worker.stop().await;
}
