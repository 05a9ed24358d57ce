//! A job and the children it waits for as a small model, checked exhaustively.
//!
//! Children are claimed, complete, fail, are lost with their workers and cancelled, in any order;
//! the transactions that end them overlap as far as their locks let them. Each rule of the protocol
//! has a flawed variant without it, and the checker must catch that one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod family;

use family::{Family, Flaw};
use stateright::{Checker, HasDiscoveries, Model};

const THREE: Family = Family { children: 3, faults: 2, cancels: 1, flaw: Flaw::None };

#[test]
fn every_family_ends_once_and_is_counted() {
    for family in [THREE, Family { children: 4, faults: 1, ..THREE }] {
        let checker = family.checker().threads(2).spawn_bfs().join();
        checker.assert_properties();
        assert!(checker.unique_state_count() > 1_000, "the model hardly moves");
        eprintln!("{} states, depth {}", checker.unique_state_count(), checker.max_depth());
    }
}

fn assert_caught(flaw: Flaw, property: &'static str) {
    let found = HasDiscoveries::AnyOf([property].into());
    let family = Family { flaw, ..THREE };
    let checker = family.checker().threads(2).finish_when(found).spawn_bfs().join();
    let caught = checker.discoveries();
    assert!(caught.contains_key(property), "{flaw:?} was not caught: {:?}", caught.keys());
}

#[test]
fn counting_outside_of_the_transaction_is_caught() {
    assert_caught(Flaw::CountsAfterwards, family::COUNT_IS_TRUE);
    assert_caught(Flaw::CountsAfterwards, family::NEVER_STUCK);
}

#[test]
fn counting_without_the_parents_lock_is_caught() {
    assert_caught(Flaw::CountsWithoutLock, family::COUNT_IS_TRUE);
    assert_caught(Flaw::CountsWithoutLock, family::NEVER_STUCK);
}

#[test]
fn counting_a_retry_as_an_end_is_caught() {
    assert_caught(Flaw::CountsRetries, family::PARENT_COMES_LAST);
}

#[test]
fn claiming_a_parent_that_waits_is_caught() {
    assert_caught(Flaw::ClaimIgnoresChildren, family::PARENT_COMES_LAST);
}

#[test]
fn leaving_the_siblings_of_a_failed_child_is_caught() {
    assert_caught(Flaw::LeavesSiblings, family::NONE_BEGINS_IN_VAIN);
}
