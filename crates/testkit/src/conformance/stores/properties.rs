//! Random sequences of calls against the laws of a job's life.

use std::collections::HashMap;
use std::time::Duration;

use alphafleet_domain::job::{Outcome, ProgressBatch};
use alphafleet_domain::ports::{Beat, Recorded, Settled, Submission};
use alphafleet_domain::{Job, JobId, LeaseId, User, WorkerId};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::AnyStore;
use super::support::*;

const CASES: u32 = 24;
const WORKERS: usize = 3;

#[derive(Debug, Clone)]
enum Call {
    Submit,
    /// A job with so many children.
    SubmitFamily(usize),
    Claim(usize),
    /// By the lease claimed n-th, whether it is current or not.
    Record(usize),
    Settle(usize, End),
    Cancel(usize),
    /// Naming the worker's leases, or none.
    Beat(usize, bool),
    Expire,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Completed,
    Failed,
    Cancelled,
    Released,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let end = prop_oneof![
        Just(End::Completed),
        Just(End::Failed),
        Just(End::Cancelled),
        Just(End::Released)
    ];
    let call = prop_oneof![
        3 => Just(Call::Submit),
        2 => (1..4_usize).prop_map(Call::SubmitFamily),
        5 => (0..WORKERS).prop_map(Call::Claim),
        2 => any::<usize>().prop_map(Call::Record),
        4 => (any::<usize>(), end).prop_map(|(n, end)| Call::Settle(n, end)),
        1 => any::<usize>().prop_map(Call::Cancel),
        2 => ((0..WORKERS), any::<bool>()).prop_map(|(n, names)| Call::Beat(n, names)),
        1 => Just(Call::Expire),
    ];
    prop::collection::vec(call, 1..40)
}

/// Nothing leaves a terminal state, every step is legal, `attempt` counts claims, at most one
/// lease of a job can write, a job waits for the children that have not ended, and until then it
/// is not claimed.
pub async fn any_sequence_of_calls_is_lawful(store: AnyStore) {
    let runtime = tokio::runtime::Handle::current();
    let check = move || {
        let mut runner = TestRunner::new(Config {
            cases: CASES,
            failure_persistence: None,
            ..Config::default()
        });
        runner.run(&calls(), |calls| {
            runtime.block_on(async {
                let mut world = World::new(store.clone()).await;
                for call in calls {
                    world.perform(call).await;
                    world.check().await?;
                }
                world.clean_up().await;
                Ok(())
            })
        })
    };
    if let Err(failure) = tokio::task::spawn_blocking(check).await.unwrap() {
        panic!("{failure}");
    }
}

struct World {
    store: AnyStore,
    owner: User,
    workers: Vec<WorkerId>,
    leases: Vec<(LeaseId, JobId, WorkerId)>,
    claims: HashMap<JobId, u32>,
    seen: HashMap<JobId, Job>,
}

impl World {
    async fn new(store: AnyStore) -> Self {
        let owner = user(&store, 1_000).await;
        let mut workers = Vec::new();
        for _ in 0..WORKERS {
            workers.push(worker(&store).await);
        }
        Self {
            store,
            owner,
            workers,
            leases: Vec::new(),
            claims: HashMap::new(),
            seen: HashMap::new(),
        }
    }

    async fn perform(&mut self, call: Call) {
        match call {
            Call::Submit => {
                let job = submit(&self.store, probe(&self.owner)).await;
                self.seen.insert(job.id, job);
            }
            Call::SubmitFamily(size) => {
                let children: Vec<_> = (0..size).map(|_| probe(&self.owner)).collect();
                let ids: Vec<JobId> = children.iter().map(|child| child.id).collect();
                let submission = Submission {
                    children,
                    ..Submission::new(probe(&self.owner), audit("session.create"))
                };
                let parent = self.store.submit(submission).await.unwrap().into_job();
                self.seen.insert(parent.id, parent);
                for id in ids {
                    self.seen.insert(id, job(&self.store, id).await);
                }
            }
            Call::Claim(n) => {
                let worker = self.workers[n];
                if let Some(job) = try_claim(&self.store, worker).await {
                    assert_eq!(job.waiting_on, 0, "claimed while it waits");
                    let lease = job.lease().expect("claimed");
                    self.leases.push((lease, job.id, worker));
                    *self.claims.entry(job.id).or_default() += 1;
                }
            }
            Call::Record(n) => {
                if let Some((lease, job, _)) = self.pick_lease(n) {
                    let current = self.current(job).await == Some(lease);
                    let answer = self.store.record(lease, &ProgressBatch::default()).await;
                    assert_eq!(answer.unwrap() == Recorded::Written, current);
                }
            }
            Call::Settle(n, end) => {
                if let Some((lease, job, _)) = self.pick_lease(n) {
                    let current = self.current(job).await == Some(lease);
                    let answer = settle(&self.store, lease, outcome(end)).await;
                    assert_eq!(matches!(answer, Settled::Done(_)), current, "{answer:?}");
                }
            }
            Call::Cancel(n) => {
                let mut ids: Vec<JobId> = self.seen.keys().copied().collect();
                ids.sort_unstable();
                if !ids.is_empty() {
                    let id = ids[n % ids.len()];
                    self.store.request_cancel(id, audit("session.stop")).await.unwrap();
                }
            }
            Call::Beat(n, names) => {
                let worker = self.workers[n];
                let own = self.leases.iter().filter(|(_, _, by)| *by == worker);
                let held = own.filter(|_| names).map(|(lease, ..)| *lease).collect();
                let answer = self.store.beat(&Beat { worker, held }).await.unwrap();
                for lease in answer.fenced {
                    let job = self.leases.iter().find(|(known, ..)| *known == lease).unwrap().1;
                    assert_ne!(self.current(job).await, Some(lease), "fenced the current lease");
                }
            }
            Call::Expire => {
                self.store.expire(Duration::ZERO).await.unwrap();
            }
        }
    }

    fn pick_lease(&self, n: usize) -> Option<(LeaseId, JobId, WorkerId)> {
        (!self.leases.is_empty()).then(|| self.leases[n % self.leases.len()])
    }

    async fn current(&self, id: JobId) -> Option<LeaseId> {
        job(&self.store, id).await.lease()
    }

    async fn check(&mut self) -> Result<(), TestCaseError> {
        for (id, before) in &mut self.seen {
            let after = job(&self.store, *id).await;
            let (from, to) = (before.state.name(), after.state.name());
            if from.is_terminal() {
                let counted = Job { waiting_on: after.waiting_on, ..before.clone() };
                prop_assert_eq!(&counted, &after, "something left a terminal state");
            }
            let children = self.store.children(*id).await.unwrap();
            let unended = children.iter().filter(|child| !child.state.name().is_terminal());
            prop_assert_eq!(after.waiting_on as usize, unended.count());
            prop_assert!(from == to || from.may_become(to), "{} became {}", from, to);
            prop_assert_eq!(after.attempt, self.claims.get(id).copied().unwrap_or_default());
            prop_assert!(after.failures <= after.attempt && after.failures <= 3);
            *before = after;
        }
        Ok(())
    }

    /// The next sequence starts with nothing to claim.
    async fn clean_up(&self) {
        for id in self.seen.keys() {
            self.store.request_cancel(*id, audit("session.stop")).await.unwrap();
            if let Some(lease) = self.current(*id).await {
                settle(&self.store, lease, Outcome::Cancelled).await;
            }
        }
    }
}

fn outcome(end: End) -> Outcome {
    match end {
        End::Completed => completed(),
        End::Failed => failed(),
        End::Cancelled => Outcome::Cancelled,
        End::Released => Outcome::Released,
    }
}
