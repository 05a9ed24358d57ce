//! The use cases on a real store, broker and bus, and a worker that only speaks the protocol.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alphafleet_broker::MemoryBroker;
use alphafleet_domain::job::{Completion, Outcome, ProgressBatch, StateName};
use alphafleet_domain::ports::{
    Beat, BeatAnswer, Claim, EventBus, JobStore, NewJob, NewUser, PasswordHash, Settled,
    Subscription, SubscriptionItem, UserStore, WorkerRecord,
};
use alphafleet_domain::{
    AuditRecord, Clock, Cursor, EventKind, Instant, Job, JobId, JobKind, LeaseId, Queue, Role,
    SystemClock, UserId, UserLimits, WorkerId,
};
use alphafleet_events::{MemoryEventBus, StreamLimits};
use alphafleet_jobs::{
    Announcer, Cancel, DispatchSettings, Dispatcher, ExpireSettings, Expirer, Origin, OutboxRelay,
    OutboxSettings, Submit, SubmitRequest,
};
use alphafleet_store::Store;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::faults::Line;

pub const DEADLINE: Duration = Duration::from_secs(20);

pub struct Fleet {
    pub store: Line<Store>,
    pub broker: Line<MemoryBroker>,
    pub events: Line<MemoryEventBus>,
    pub relay: Arc<OutboxRelay>,
    pub announcer: Announcer,
    pub submit: Submit,
    pub cancel: Cancel,
    pub user: UserId,
    _folder: TempDir,
}

impl Fleet {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("fleet.db").display());
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        let user = user(&store).await;
        let store = Line::new(store);
        let broker = Line::new(MemoryBroker::new());
        let bus = MemoryEventBus::new(StreamLimits::default(), SystemClock.now());
        let events = Line::new(bus);
        let settings = OutboxSettings {
            interval: Duration::from_millis(20),
            batch: 7,
            lease: Duration::from_millis(600),
            patience: Duration::from_millis(200),
        };
        let relay = OutboxRelay::new(Arc::new(store.clone()), Arc::new(events.clone()), settings);
        let relay = Arc::new(relay);
        let announcer = Announcer::new(Arc::new(broker.clone()), Arc::clone(&relay));
        let submit = Submit::new(Arc::new(store.clone()), announcer.clone());
        let cancel = Cancel::new(Arc::new(store.clone()), announcer.clone());
        Self { store, broker, events, relay, announcer, submit, cancel, user, _folder: folder }
    }

    pub fn dispatcher(&self) -> Dispatcher {
        let settings =
            DispatchSettings { interval: Duration::from_millis(20), ..Default::default() };
        Dispatcher::new(Arc::new(self.store.clone()), Arc::new(self.broker.clone()), settings)
    }

    pub fn expirer(&self, clock: &HandClock, window: Duration) -> Expirer {
        let settings = ExpireSettings { window, ..ExpireSettings::default() };
        let store = Arc::new(self.store.clone());
        Expirer::new(store, self.announcer.clone(), Arc::new(clock.clone()), settings)
    }

    pub fn origin(&self) -> Origin {
        Origin { user: self.user, source: Some("192.0.2.7".to_owned()), at: SystemClock.now() }
    }

    pub fn request(&self) -> SubmitRequest {
        let job = NewJob::new(self.user, JobKind::Probe, json!({ "echo": 1 }));
        SubmitRequest::new(job, self.origin())
    }

    pub async fn submit(&self) -> Job {
        self.submit.submit(self.request()).await.unwrap().into_job()
    }

    pub async fn state(&self, job: JobId) -> StateName {
        self.store.inner().job(job).await.unwrap().unwrap().state.name()
    }

    pub async fn follow(&self, job: JobId) -> Box<dyn Subscription> {
        self.events.inner().subscribe(job, Some(Cursor::START)).await.unwrap()
    }

    pub fn tickets(&self) -> usize {
        self.broker.inner().waiting(&Queue::default_queue())
    }
}

async fn user(store: &Store) -> UserId {
    let id = UserId::new();
    let audit = AuditRecord {
        at: SystemClock.now(),
        user: None,
        action: "user.create".to_owned(),
        target: format!("user/{id}"),
        source: None,
        details: Value::Null,
    };
    let user = NewUser {
        id,
        username: "ann".parse().unwrap(),
        password: PasswordHash::new("$argon2id$none".to_owned()),
        role: Role::Researcher,
        limits: UserLimits { max_concurrent_sessions: 100, max_websocket_connections: 5 },
    };
    store.create_user(user, audit).await.unwrap();
    id
}

/// The states of the next `count` state events.
pub async fn states(subscription: &mut dyn Subscription, count: usize) -> Vec<String> {
    let mut states = Vec::new();
    while states.len() < count {
        let item = timeout(DEADLINE, subscription.next()).await.expect("an event comes").unwrap();
        let SubscriptionItem::Event(event) = item else { panic!("a gap") };
        assert_eq!(event.body.kind, EventKind::State);
        states.push(event.body.payload["state"].as_str().unwrap().to_owned());
    }
    states
}

/// Waits until `check` holds.
pub async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let waits = async {
        while !check().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, waits).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

/// A worker as the database sees it.
pub struct Worker {
    store: Store,
    pub id: WorkerId,
}

impl Worker {
    pub async fn start(fleet: &Fleet) -> Self {
        let store = fleet.store.inner().clone();
        let id = WorkerId::new();
        let record = WorkerRecord {
            id,
            host: "test".to_owned(),
            pid: 1,
            version: "0".to_owned(),
            queues: vec![Queue::default_queue()],
            slots: 1,
        };
        store.register_worker(&record).await.unwrap();
        Self { store, id }
    }

    pub async fn claim(&self) -> Option<Job> {
        let claim = Claim { worker: self.id, queues: vec![Queue::default_queue()] };
        self.store.claim(&claim).await.unwrap()
    }

    pub async fn beat(&self, held: &[LeaseId]) -> BeatAnswer {
        self.store.beat(&Beat { worker: self.id, held: held.to_vec() }).await.unwrap()
    }

    pub async fn complete(&self, lease: LeaseId) -> Settled {
        let outcome = Outcome::Completed(Completion::default());
        self.store.settle(lease, &outcome, &ProgressBatch::default()).await.unwrap()
    }
}

/// A clock that is set by hand.
#[derive(Clone)]
pub struct HandClock(Arc<Mutex<Instant>>);

impl HandClock {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(SystemClock.now())))
    }

    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += TimeDelta::from_std(by).unwrap();
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap()
    }
}
