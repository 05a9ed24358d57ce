//! The database's side: rows that change through the domain's state machine.

use alphafleet_domain::job::{
    Completion, Failure, FailureCode, JobState, Outcome, RetryPolicy, StateName,
};
use alphafleet_domain::{Instant, LeaseId, WorkerId};
use uuid::Uuid;

/// A rule left out of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    SettleIgnoresLease,
    SettleIgnoresState,
    RecordIgnoresLease,
    CancelsRunningAtOnce,
    UsesLateClaimAnswer,
    ExpiresLivingWorkers,
    ClaimKeepsAttempt,
    NoDispatcher,
    NoExpirer,
    KeepsLostClaims,
}

/// `JobState` with small numbers in place of ids and moments. The lease is the attempt's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stand {
    Pending { waits: bool },
    Running { worker: u8, lease: u8, cancel: bool },
    Completed,
    Failed,
    Cancelled,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    Completed,
    Failed,
    Cancelled,
    Released,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Done,
    Already,
    Fenced,
}

/// One job's row, and what the properties need to remember (from `claims` on).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    pub stand: Stand,
    pub attempt: u8,
    pub failures: u8,
    /// Beats in a row of the owning worker that did not name the lease.
    pub missed: u8,
    /// The lease that settled last.
    pub settled: Option<u8>,
    pub claims: u8,
    pub outcomes: u8,
    /// The attempts whose lease expired, one bit each.
    pub expired: u16,
    pub illegal: bool,
    pub fenced_write: bool,
    pub expired_alive: bool,
}

const RETRY: RetryPolicy =
    RetryPolicy { max_failures: 2, backoff_ms: 1_000, max_backoff_ms: 1_000 };

fn now() -> Instant {
    Instant::UNIX_EPOCH
}

impl Row {
    pub const fn submitted() -> Self {
        Self {
            stand: Stand::Pending { waits: false },
            attempt: 0,
            failures: 0,
            missed: 0,
            settled: None,
            claims: 0,
            outcomes: 0,
            expired: 0,
            illegal: false,
            fenced_write: false,
            expired_alive: false,
        }
    }

    /// Worker 0 becomes worker 1 and the other way round.
    pub fn mirror(&mut self) {
        if let Stand::Running { worker, .. } = &mut self.stand {
            *worker = 1 - *worker;
        }
    }

    pub fn name(&self) -> StateName {
        self.state().name()
    }

    pub fn due(&self) -> bool {
        self.stand == Stand::Pending { waits: false }
    }

    /// The current lease, and who holds it.
    pub fn lease(&self) -> Option<(u8, u8)> {
        match self.stand {
            Stand::Running { worker, lease, .. } => Some((worker, lease)),
            _ => None,
        }
    }

    pub fn cancel_requested(&self) -> bool {
        matches!(self.stand, Stand::Running { cancel: true, .. })
    }

    pub fn claim(&mut self, by: u8, flaw: Flaw) -> u8 {
        if flaw != Flaw::ClaimKeepsAttempt || self.attempt == 0 {
            self.attempt += 1;
        }
        self.claims += 1;
        self.missed = 0;
        let claimed = self.state().claim(worker_id(by), lease_id(self.attempt), now());
        self.enter(claimed.expect("only due rows are claimed"));
        self.attempt
    }

    pub fn request_cancel(&mut self, flaw: Flaw) {
        match self.state().request_cancel() {
            Ok(JobState::Running { .. }) if flaw == Flaw::CancelsRunningAtOnce => {
                self.enter(JobState::Cancelled);
            }
            Ok(next) => self.enter(next),
            Err(_) => {}
        }
    }

    /// `UPDATE … WHERE lease = $1 AND state = 'running'`.
    pub fn settle(&mut self, lease: u8, end: End, flaw: Flaw) -> Answer {
        let current = self.lease().map(|(_, lease)| lease);
        if flaw == Flaw::SettleIgnoresState {
            self.enter(JobState::Completed);
            return Answer::Done;
        }
        let ignores = flaw == Flaw::SettleIgnoresLease && current.is_some();
        if current != Some(lease) && !ignores {
            let already = self.settled == Some(lease);
            return if already { Answer::Already } else { Answer::Fenced };
        }
        self.fenced_write |= current != Some(lease);
        self.settled = Some(lease);
        self.end(end);
        Answer::Done
    }

    /// Progress, metrics or a checkpoint under a lease.
    pub fn record(&mut self, lease: u8, flaw: Flaw) {
        let current = self.lease().is_some_and(|(_, current)| current == lease);
        if !current && flaw == Flaw::RecordIgnoresLease {
            self.fenced_write = true;
        }
    }

    /// A beat of `worker`, which names `held` as the lease it has of this job.
    pub fn beat(&mut self, worker: u8, held: Option<u8>, flaw: Flaw) {
        match self.lease() {
            Some((owner, lease)) if owner == worker && held != Some(lease) => {
                self.missed += 1;
                if self.missed >= 2 && flaw != Flaw::KeepsLostClaims {
                    self.end(End::Released);
                }
                self.missed = self.missed.min(2);
            }
            Some((owner, _)) if owner == worker => self.missed = 0,
            _ => {}
        }
    }

    pub fn expire(&mut self, alive: bool) {
        if let Some((_, lease)) = self.lease() {
            self.expired |= 1 << lease;
            self.expired_alive |= alive;
            self.end(End::Failed);
        }
    }

    pub fn back_off_ends(&mut self) {
        self.stand = Stand::Pending { waits: false };
    }

    fn end(&mut self, end: End) {
        self.missed = 0;
        let outcome = match end {
            End::Completed => Outcome::Completed(Completion::default()),
            End::Failed => Outcome::Failed(lost()),
            End::Cancelled => Outcome::Cancelled,
            End::Released => Outcome::Released,
        };
        match self.state().settle(&outcome, self.failures.into(), &RETRY, now(), 0.0) {
            Ok((next, failures)) => {
                self.failures = u8::try_from(failures).expect("few failures");
                self.enter(next);
            }
            Err(_) => self.illegal = true,
        }
    }

    fn enter(&mut self, next: JobState) {
        let (from, to) = (self.name(), next.name());
        self.illegal |= from != to && !from.may_become(to);
        self.illegal |= from == to && from.is_terminal();
        self.outcomes = (self.outcomes + u8::from(to.is_terminal())).min(2);
        self.stand = match next {
            JobState::Pending { not_before } => {
                Stand::Pending { waits: not_before.is_some_and(|at| at > now()) }
            }
            JobState::Running { worker, lease, cancel_requested, .. } => Stand::Running {
                worker: small(worker.as_uuid()),
                lease: small(lease.as_uuid()),
                cancel: cancel_requested,
            },
            JobState::Completed => Stand::Completed,
            JobState::Failed(_) => Stand::Failed,
            JobState::Cancelled => Stand::Cancelled,
        };
    }

    fn state(&self) -> JobState {
        match self.stand {
            Stand::Pending { waits } => {
                JobState::Pending { not_before: waits.then(|| now() + RETRY.delay(1, 0.0)) }
            }
            Stand::Running { worker, lease, cancel } => JobState::Running {
                worker: worker_id(worker),
                lease: lease_id(lease),
                since: now(),
                cancel_requested: cancel,
            },
            Stand::Completed => JobState::Completed,
            Stand::Failed => JobState::Failed(lost()),
            Stand::Cancelled => JobState::Cancelled,
        }
    }
}

fn lost() -> Failure {
    Failure::retryable(FailureCode::WorkerLost, String::new())
}

fn worker_id(number: u8) -> WorkerId {
    WorkerId::from_uuid(Uuid::from_u128(number.into()))
}

fn lease_id(number: u8) -> LeaseId {
    LeaseId::from_uuid(Uuid::from_u128(number.into()))
}

fn small(id: Uuid) -> u8 {
    u8::try_from(id.as_u128()).expect("the model's ids are small")
}
