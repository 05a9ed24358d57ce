use std::sync::Arc;
use std::time::Duration;

use alphafleet_callbacks::{CallbackSettings, CallbackStats, Deliverer, Retries};
use alphafleet_domain::job::{Completion, Outcome, ProgressBatch};
use alphafleet_domain::ports::{
    Callback, CallbackState, CallbackStore, Claim, JobStore, NewJob, NewUser, PasswordHash,
    Submission, UserStore, WorkerRecord,
};
use alphafleet_domain::{AuditRecord, Job, JobId, JobKind, Role, UserId, UserLimits, WorkerId};
use alphafleet_store::Store;
use chrono::Utc;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Nothing here takes longer unless it hangs.
pub const DEADLINE: Duration = Duration::from_secs(30);

pub const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A store whose jobs end when they are told to.
pub struct Fleet {
    _folder: tempfile::TempDir,
    pub store: Store,
    pub owner: UserId,
    worker: WorkerRecord,
}

/// A deliverer at work.
pub struct Delivery {
    pub stats: Arc<CallbackStats>,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl Delivery {
    pub async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(DEADLINE, self.running).await.expect("it does not stop").unwrap();
    }
}

/// Quick to look and to try again, and allowed to call the receivers of these tests.
pub fn settings() -> CallbackSettings {
    let mut settings = CallbackSettings::new(KEY.into());
    settings.allowed_networks = vec!["127.0.0.0/8".to_owned()];
    settings.interval = Duration::from_millis(10);
    let first = Duration::from_millis(20);
    settings.retries = Retries { first, longest: first, tries: 5 };
    settings
}

fn audit() -> AuditRecord {
    AuditRecord {
        at: Utc::now(),
        user: None,
        action: "test".to_owned(),
        target: "test".to_owned(),
        source: None,
        details: Value::Null,
    }
}

impl Fleet {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        let worker = WorkerRecord {
            id: WorkerId::new(),
            host: "here".to_owned(),
            pid: 7,
            version: "1".to_owned(),
            queues: vec![JobKind::Probe.queue()],
            slots: 1,
        };
        store.register_worker(&worker).await.unwrap();
        let owner = user(&store, "ann").await;
        Self { _folder: folder, store, owner, worker }
    }

    pub async fn user(&self, name: &str) -> UserId {
        user(&self.store, name).await
    }

    /// A job that has ended, to be announced at `url`.
    pub async fn ended(&self, url: &str) -> Job {
        self.ended_of(self.owner, url).await
    }

    pub async fn ended_of(&self, owner: UserId, url: &str) -> Job {
        let job = NewJob::new(owner, JobKind::Probe, json!({ "steps": [] }));
        let mut submission = Submission::new(job, audit());
        submission.callback_url = Some(url.to_owned());
        self.store.submit(submission).await.unwrap();
        let claim = Claim { worker: self.worker.id, queues: vec![JobKind::Probe.queue()] };
        let job = self.store.claim(&claim).await.unwrap().unwrap();
        let result = json!({ "metrics": { "ic": 0.04 } });
        let outcome = Outcome::Completed(Completion { result, ..Completion::default() });
        let lease = job.lease().unwrap();
        self.store.settle(lease, &outcome, &ProgressBatch::default()).await.unwrap();
        self.store.job(job.id).await.unwrap().unwrap()
    }

    pub fn deliver(&self, settings: CallbackSettings) -> Delivery {
        let deliverer = Deliverer::new(Arc::new(self.store.clone()), settings).unwrap();
        let (stats, shutdown) = (deliverer.stats(), CancellationToken::new());
        let running = tokio::spawn(deliverer.run(shutdown.clone()));
        Delivery { stats, shutdown, running }
    }

    /// The callback once `is` holds of it.
    pub async fn callback(&self, job: JobId, is: impl Fn(&Callback) -> bool) -> Callback {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let callback = self.store.callback(job).await.unwrap().unwrap();
            if is(&callback) {
                return callback;
            }
            assert!(Instant::now() < deadline, "still {callback:?}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn settled(&self, job: JobId) -> Callback {
        let waits = |callback: &Callback| matches!(callback.state, CallbackState::Waiting { .. });
        self.callback(job, |callback| !waits(callback)).await
    }
}

async fn user(store: &Store, name: &str) -> UserId {
    let id = UserId::new();
    let user = NewUser {
        id,
        username: name.parse().unwrap(),
        password: PasswordHash::new("$argon2id$…".to_owned()),
        role: Role::Researcher,
        limits: UserLimits { max_concurrent_sessions: 999, max_websocket_connections: 5 },
    };
    store.create_user(user, audit()).await.unwrap();
    id
}
