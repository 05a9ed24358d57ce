//! Every transition the functions make is in the table, and every transition of the table is made.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use alphafleet_domain::job::{
    Completion, Failure, FailureCode, IllegalTransition, JobState, Outcome, RetryPolicy, StateName,
};
use alphafleet_domain::{Instant, LeaseId, WorkerId};
use chrono::TimeDelta;
use proptest::prelude::*;
use uuid::Uuid;

const RETRY: RetryPolicy =
    RetryPolicy { max_failures: 3, backoff_ms: 1_000, max_backoff_ms: 60_000 };

fn now() -> Instant {
    Instant::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn failure(retryable: bool) -> Failure {
    Failure { code: FailureCode::HandlerError, message: "broken".to_owned(), retryable }
}

fn worker() -> WorkerId {
    WorkerId::from_uuid(Uuid::from_u128(1))
}

fn lease() -> LeaseId {
    LeaseId::from_uuid(Uuid::from_u128(2))
}

fn running(cancel_requested: bool) -> JobState {
    JobState::Running { worker: worker(), lease: lease(), since: now(), cancel_requested }
}

fn pending() -> JobState {
    JobState::Pending { not_before: None }
}

fn any_state() -> impl Strategy<Value = JobState> {
    prop_oneof![
        prop::option::of(-60_i64..60).prop_map(|seconds| JobState::Pending {
            not_before: seconds.map(|seconds| now() + TimeDelta::seconds(seconds)),
        }),
        any::<bool>().prop_map(running),
        Just(JobState::Completed),
        any::<bool>().prop_map(|retryable| JobState::Failed(failure(retryable))),
        Just(JobState::Cancelled),
    ]
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Completed(Completion::default())),
        any::<bool>().prop_map(|retryable| Outcome::Failed(failure(retryable))),
        Just(Outcome::Cancelled),
        Just(Outcome::Released),
    ]
}

#[derive(Debug, Clone)]
enum Step {
    Claim,
    RequestCancel,
    Settle(Box<Outcome>),
    Wait(u32),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Claim),
        1 => Just(Step::RequestCancel),
        3 => any_outcome().prop_map(|outcome| Step::Settle(Box::new(outcome))),
        2 => (0_u32..120).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn property_3_every_step_of_a_job_is_a_legal_transition(
        steps in prop::collection::vec(any_step(), 1..60),
        jitter in 0.0..1.0,
    ) {
        let (mut state, mut failures, mut at) = (pending(), 0, now());
        for step in steps {
            let before = state.clone();
            let next = match step {
                Step::Claim => state.claim(worker(), lease(), at),
                Step::RequestCancel => state.request_cancel(),
                Step::Settle(outcome) => {
                    state.settle(&outcome, failures, &RETRY, at, jitter).map(|(next, count)| {
                        failures = count;
                        next
                    })
                }
                Step::Wait(seconds) => {
                    at += TimeDelta::seconds(seconds.into());
                    continue;
                }
            };
            state = next.unwrap_or_else(|_| before.clone());
            let (from, to) = (before.name(), state.name());
            prop_assert!(state == before || from.may_become(to) || from == to, "{from} → {to}");
            prop_assert!(!from.is_terminal() || state == before, "{from} was left");
            prop_assert!(failures <= RETRY.max_failures);
            prop_assert!(failures < RETRY.max_failures || state.name().is_terminal());
        }
    }

    #[test]
    fn a_refused_transition_names_both_ends(state in any_state(), outcome in any_outcome()) {
        let from = state.name();
        if let Err(illegal) = state.clone().claim(worker(), lease(), now()) {
            prop_assert_eq!((illegal.from, illegal.to), (from, StateName::Running));
        }
        if let Err(illegal) = state.clone().request_cancel() {
            prop_assert!(from.is_terminal());
            prop_assert_eq!((illegal.from, illegal.to), (from, StateName::Cancelled));
        }
        if let Err(illegal) = state.settle(&outcome, 0, &RETRY, now(), 0.0) {
            prop_assert!(from != StateName::Running);
            prop_assert_eq!(illegal.from, from);
        }
    }

    #[test]
    fn a_retry_waits_within_its_bounds(
        failures in 1_u32..200,
        jitter in -1.0..2.0,
        backoff_ms in 0_u64..100_000,
        max_backoff_ms in 0_u64..10_000_000,
    ) {
        let policy = RetryPolicy { max_failures: 3, backoff_ms, max_backoff_ms };
        let doubled = u128::from(backoff_ms) << (failures - 1).min(20);
        let ceiling = doubled.min(max_backoff_ms.into()) as f64 / 1_000.0;
        let delay = policy.delay(failures, jitter).as_secs_f64();
        prop_assert!(delay <= ceiling + 1e-6, "{delay} s is over {ceiling} s");
        prop_assert!(delay >= ceiling / 2.0 - 1e-5, "{delay} s is under half of {ceiling} s");
    }
}

#[test]
fn the_functions_make_every_transition_of_the_table_and_no_other() {
    let states = [
        pending(),
        running(false),
        running(true),
        JobState::Completed,
        JobState::Failed(failure(true)),
        JobState::Cancelled,
    ];
    let outcomes = [
        Outcome::Completed(Completion::default()),
        Outcome::Failed(failure(true)),
        Outcome::Failed(failure(false)),
        Outcome::Cancelled,
        Outcome::Released,
    ];
    let mut made = BTreeSet::new();
    let mut note = |from: StateName, next: Result<JobState, IllegalTransition>| {
        if let Ok(next) = next {
            made.insert((from.as_str(), next.name().as_str()));
        }
    };
    for state in states {
        let from = state.name();
        note(from, state.clone().claim(worker(), lease(), now()));
        note(from, state.clone().request_cancel());
        for outcome in &outcomes {
            note(from, state.clone().settle(outcome, 0, &RETRY, now(), 0.5).map(|(next, _)| next));
        }
    }
    // A request to cancel stays within running; it is no change of state.
    assert!(made.remove(&("running", "running")));
    let table: BTreeSet<_> = StateName::ALL
        .into_iter()
        .flat_map(|from| StateName::ALL.map(|to| (from, to)))
        .filter(|(from, to)| from.may_become(*to))
        .map(|(from, to)| (from.as_str(), to.as_str()))
        .collect();
    assert_eq!(made, table);
    assert_eq!(table.len(), 6);
}

#[test]
fn a_job_is_not_claimed_before_its_time() {
    let later = now() + TimeDelta::microseconds(1);
    let waits = JobState::Pending { not_before: Some(later) };
    assert!(waits.clone().claim(worker(), lease(), now()).is_err());
    let claimed = waits.claim(worker(), lease(), later).unwrap();
    assert_eq!(
        claimed,
        JobState::Running {
            worker: worker(),
            lease: lease(),
            since: later,
            cancel_requested: false
        }
    );
}

#[test]
fn completion_that_comes_first_wins_over_a_request_to_cancel() {
    let done = Outcome::Completed(Completion::default());
    let settled = running(true).settle(&done, 1, &RETRY, now(), 0.0).unwrap();
    assert_eq!(settled, (JobState::Completed, 1));
}

#[test]
fn what_ends_otherwise_after_a_request_to_cancel_is_cancelled() {
    for outcome in [Outcome::Released, Outcome::Failed(failure(true)), Outcome::Cancelled] {
        let settled = running(true).settle(&outcome, 1, &RETRY, now(), 0.0).unwrap();
        assert_eq!(settled, (JobState::Cancelled, 1));
    }
}

#[test]
fn only_failures_use_up_the_retry_budget() {
    let released = running(false).settle(&Outcome::Released, 2, &RETRY, now(), 0.0).unwrap();
    assert_eq!(released, (pending(), 2));

    let failed = Outcome::Failed(failure(true));
    let (retried, failures) = running(false).settle(&failed, 1, &RETRY, now(), 1.0).unwrap();
    let not_before = Some(now() + TimeDelta::seconds(2));
    assert_eq!((retried, failures), (JobState::Pending { not_before }, 2));

    let (ended, failures) = running(false).settle(&failed, 2, &RETRY, now(), 1.0).unwrap();
    assert_eq!((ended, failures), (JobState::Failed(failure(true)), 3));

    let permanent = Outcome::Failed(failure(false));
    let (ended, failures) = running(false).settle(&permanent, 0, &RETRY, now(), 1.0).unwrap();
    assert_eq!((ended, failures), (JobState::Failed(failure(false)), 1));
}

#[test]
fn names_of_states_round_trip() {
    for state in StateName::ALL {
        assert_eq!(state.as_str().parse(), Ok(state));
    }
    assert!("Running".parse::<StateName>().is_err());
}
