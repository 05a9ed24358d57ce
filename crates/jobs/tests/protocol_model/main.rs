//! The job protocol as a small model, checked exhaustively.
//!
//! Two workers, one or two jobs, and a budget of faults: tickets lost and doubled, a broker wiped,
//! a worker crashed, a worker silent for longer than its window that goes on afterwards, answers
//! of claim, beat and settle lost, a drain, a cancel at any moment. The rows change through the
//! domain's own `JobState` functions, so that model and stores share one state machine.
//!
//! Safety is checked by stateright in every reachable state; progress by [`recovery`]: from every
//! reachable state the jobs can end once the faults cease. Each rule of the protocol has a flawed
//! variant without it, and the checker must catch that one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod database;
mod fleet;
mod recovery;

use database::Flaw;
use fleet::Fleet;
use stateright::{Checker, HasDiscoveries, Model};

const ONE_JOB: Fleet = Fleet { jobs: 1, faults: 2, cancels: 1, flaw: Flaw::None };
const TWO_JOBS: Fleet = Fleet { jobs: 2, faults: 1, cancels: 1, flaw: Flaw::None };

fn assert_safe(fleet: Fleet) {
    let checker = fleet.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    assert!(checker.unique_state_count() > 1_000, "the model hardly moves");
    eprintln!("{} states, depth {}", checker.unique_state_count(), checker.max_depth());
}

fn assert_caught(flaw: Flaw, property: &'static str) {
    let found = HasDiscoveries::AnyOf([property].into());
    let fleet = Fleet { flaw, ..ONE_JOB };
    let checker = fleet.checker().threads(2).finish_when(found).spawn_bfs().join();
    let caught = checker.discoveries();
    assert!(caught.contains_key(property), "{flaw:?} was not caught: {:?}", caught.keys());
}

#[test]
fn one_job_is_safe() {
    assert_safe(Fleet { faults: 3, ..ONE_JOB });
}

#[test]
fn two_jobs_are_safe() {
    assert_safe(TWO_JOBS);
}

#[test]
fn every_job_can_end_once_the_faults_cease() {
    for fleet in [ONE_JOB, Fleet { cancels: 0, ..TWO_JOBS }] {
        let stuck = recovery::stuck(&fleet);
        assert!(stuck.is_none(), "nothing leads to the end from {stuck:#?}");
    }
}

#[test]
fn a_settle_without_the_lease_check_is_caught() {
    assert_caught(Flaw::SettleIgnoresLease, fleet::ONE_LEASE_WRITES);
}

#[test]
fn a_record_without_the_lease_check_is_caught() {
    assert_caught(Flaw::RecordIgnoresLease, fleet::ONE_LEASE_WRITES);
}

#[test]
fn a_settle_without_the_state_check_is_caught() {
    assert_caught(Flaw::SettleIgnoresState, fleet::TERMINAL_FOREVER);
    assert_caught(Flaw::SettleIgnoresState, fleet::OUTCOME_ONCE);
}

#[test]
fn cancelling_a_running_job_at_once_is_caught() {
    assert_caught(Flaw::CancelsRunningAtOnce, fleet::CANCELLED_AFTER_PROCESS);
}

#[test]
fn using_a_claim_answered_after_two_beats_is_caught() {
    assert_caught(Flaw::UsesLateClaimAnswer, fleet::ONE_PROCESS);
}

#[test]
fn an_expiry_of_workers_that_live_is_caught() {
    assert_caught(Flaw::ExpiresLivingWorkers, fleet::EXPIRES_THE_SILENT);
}

#[test]
fn an_attempt_that_does_not_grow_is_caught() {
    assert_caught(Flaw::ClaimKeepsAttempt, fleet::ATTEMPT_COUNTS_CLAIMS);
}

#[test]
fn a_lost_ticket_without_dispatcher_is_caught() {
    assert!(recovery::stuck(&Fleet { flaw: Flaw::NoDispatcher, ..ONE_JOB }).is_some());
}

#[test]
fn a_lost_claim_that_no_beat_releases_is_caught() {
    assert!(recovery::stuck(&Fleet { flaw: Flaw::KeepsLostClaims, ..ONE_JOB }).is_some());
}

#[test]
fn a_crash_that_nobody_expires_is_caught() {
    assert!(recovery::stuck(&Fleet { flaw: Flaw::NoExpirer, ..ONE_JOB }).is_some());
}
