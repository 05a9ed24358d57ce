//! One worker with its store, broker, events and storage in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use alphafleet_artifacts::open_store;
use alphafleet_broker::MemoryBroker;
use alphafleet_domain::job::{Failure, JobState, RetryPolicy, StateName};
use alphafleet_domain::ports::{
    ArtifactStore, CancelAnswer, EventBus, JobStore, NewJob, NewUser, PasswordHash, Submission,
    UserStore,
};
use alphafleet_domain::{
    AuditRecord, Clock, Job, JobId, JobKind, Queue, Role, SystemClock, UserId, UserLimits,
};
use alphafleet_events::{MemoryEventBus, StreamLimits};
use alphafleet_jobs::{Announcer, OutboxRelay, OutboxSettings};
use alphafleet_store::Store;
use alphafleet_worker::{ChildCommand, Worker, WorkerConfig, WorkerPorts, WorkerStats};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::handler::Script;

/// Which part this binary plays.
pub const ROLE: &str = "ALPHAFLEET_TEST_ROLE";
pub const DEADLINE: Duration = Duration::from_secs(60);

pub struct Rig {
    pub folder: tempfile::TempDir,
    pub store: Arc<Store>,
    pub broker: Arc<MemoryBroker>,
    pub events: Arc<MemoryEventBus>,
    pub artifacts: Arc<dyn ArtifactStore>,
    announcer: Announcer,
    owner: UserId,
}

pub struct Running {
    pub stats: Arc<WorkerStats>,
    pub shutdown: CancellationToken,
    pub task: JoinHandle<()>,
}

impl Rig {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}", folder.path().join("jobs.db").display());
        let store = Store::open(&database).await.unwrap();
        store.migrate().await.unwrap();
        let store = Arc::new(store);
        let events = Arc::new(MemoryEventBus::new(StreamLimits::default(), SystemClock.now()));
        let broker = Arc::new(MemoryBroker::new());
        let storage = format!("file://{}", folder.path().join("objects").display());
        let artifacts: Arc<dyn ArtifactStore> = Arc::new(open_store(&storage).unwrap());
        let relay = OutboxRelay::new(
            Arc::<Store>::clone(&store),
            Arc::<MemoryEventBus>::clone(&events),
            OutboxSettings::default(),
        );
        let announcer = Announcer::new(Arc::<MemoryBroker>::clone(&broker), Arc::new(relay));
        let owner = UserId::new();
        let user = NewUser {
            id: owner,
            username: "tester".parse().unwrap(),
            password: PasswordHash::new("none".to_owned()),
            role: Role::Admin,
            limits: UserLimits { max_concurrent_sessions: 100, max_websocket_connections: 5 },
        };
        store.create_user(user, audit()).await.unwrap();
        Self { folder, store, broker, events, artifacts, announcer, owner }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn config(&self) -> WorkerConfig {
        let mut child = ChildCommand::new(std::env::current_exe().unwrap(), &[]);
        child.env.push((ROLE.into(), "child".into()));
        let storage = format!("file://{}", self.path("objects").display());
        WorkerConfig::new(child, self.path("scratch"), storage)
    }

    pub fn start(&self, config: WorkerConfig) -> Running {
        self.start_on(config, Arc::<Store>::clone(&self.store))
    }

    pub fn start_on(&self, config: WorkerConfig, store: Arc<dyn JobStore>) -> Running {
        let ports = WorkerPorts::new(
            store,
            Arc::<MemoryBroker>::clone(&self.broker),
            Arc::<MemoryEventBus>::clone(&self.events),
            Arc::clone(&self.artifacts),
            self.announcer.clone(),
        );
        let worker = Worker::new(config, ports);
        let (stats, shutdown) = (worker.stats(), CancellationToken::new());
        let token = shutdown.clone();
        let task = tokio::spawn(async move { worker.run(token).await.unwrap() });
        Running { stats, shutdown, task }
    }

    /// A worker with so many slots for probes.
    pub fn start_slots(&self, slots: u32) -> Running {
        self.start(self.config().with_queue(Queue::default_queue(), slots))
    }

    pub fn new_job(&self, script: &Script) -> NewJob {
        let spec = serde_json::to_value(script).unwrap();
        let retry = RetryPolicy { max_failures: 3, backoff_ms: 10, max_backoff_ms: 20 };
        NewJob { retry, ..NewJob::new(self.owner, JobKind::Probe, spec) }
    }

    pub async fn submit(&self, script: &Script) -> JobId {
        self.submit_job(self.new_job(script)).await
    }

    pub async fn submit_family(&self, parent: &Script, children: &[Script]) -> JobId {
        let children = children.iter().map(|child| self.new_job(child)).collect();
        let submission = Submission { children, ..Submission::new(self.new_job(parent), audit()) };
        self.store.submit(submission).await.unwrap().into_job().id
    }

    pub async fn submit_job(&self, job: NewJob) -> JobId {
        let submission = Submission::new(job, audit());
        let job = self.store.submit(submission).await.unwrap().into_job();
        self.announcer.announce(&job, None).await;
        job.id
    }

    pub async fn cancel(&self, job: JobId) -> CancelAnswer {
        self.store.request_cancel(job, audit()).await.unwrap()
    }

    pub async fn job(&self, id: JobId) -> Job {
        self.store.job(id).await.unwrap().unwrap()
    }

    pub async fn reaches(&self, id: JobId, state: StateName) -> Job {
        eventually(&format!("the job is {state}"), async || {
            let job = self.job(id).await;
            if job.state.name().is_terminal() && job.state.name() != state {
                panic!("expected {state}, found {:?}", job.state);
            }
            (job.state.name() == state).then_some(job)
        })
        .await
    }

    pub async fn completes(&self, id: JobId) -> Job {
        self.reaches(id, StateName::Completed).await
    }

    pub async fn fails(&self, id: JobId) -> (Job, Failure) {
        let job = self.reaches(id, StateName::Failed).await;
        let JobState::Failed(failure) = job.state.clone() else { panic!("{:?}", job.state) };
        (job, failure)
    }

    pub async fn log(&self, job: JobId) -> Vec<String> {
        let query = alphafleet_domain::ports::LogQuery { job, contains: None, limit: 10_000 };
        let lines = self.store.logs(&query).await.unwrap();
        lines.into_iter().map(|line| line.message).collect()
    }

    /// Everything the bus told of a job up to its end, as kind and payload.
    pub async fn events_of(&self, job: JobId, last_state: &str) -> Vec<(&'static str, Value)> {
        use alphafleet_domain::Cursor;
        use alphafleet_domain::ports::SubscriptionItem;
        let mut all = Vec::new();
        let mut subscription = self.events.subscribe(job, Some(Cursor::START)).await.unwrap();
        loop {
            let item = tokio::time::timeout(DEADLINE, subscription.next()).await.unwrap();
            match item.unwrap() {
                SubscriptionItem::Gap { .. } => panic!("a gap in the events"),
                SubscriptionItem::Event(event) => {
                    let body = &event.body;
                    all.push((body.kind.as_str(), body.payload.clone()));
                    if body.kind.as_str() == "state" && body.payload["state"] == last_state {
                        return all;
                    }
                }
            }
        }
    }
}

impl Running {
    pub async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(DEADLINE, self.task).await.unwrap().unwrap();
    }

    pub fn counted(&self, name: &str) -> u64 {
        let found = self.stats.snapshot().into_iter().find(|(counter, _)| *counter == name);
        found.unwrap().1
    }

    pub fn children_started(&self) -> u64 {
        self.stats.children_started.load(Ordering::Relaxed)
    }
}

/// Asks again and again until there is an answer.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// The process ids a child has told, once it has.
pub async fn pids(folder: &Path) -> Vec<u32> {
    eventually("the child tells its pids", async || {
        let text = fs::read_to_string(folder.join("pids")).ok()?;
        Some(text.lines().map(|line| line.parse().unwrap()).collect())
    })
    .await
}

/// Whether a process runs; a zombie does not.
pub fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

pub fn audit() -> AuditRecord {
    AuditRecord {
        at: SystemClock.now(),
        user: None,
        action: "test".to_owned(),
        target: "test".to_owned(),
        source: None,
        details: Value::Null,
    }
}

/// A named test that runs in a runtime of its own.
pub fn trial<F: Future<Output = ()>>(
    name: &str,
    test: impl Fn() -> F + Send + 'static,
) -> libtest_mimic::Trial {
    libtest_mimic::Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(test());
        Ok(())
    })
}
