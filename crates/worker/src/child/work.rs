use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use alphafleet_domain::LeaseId;

use super::Stop;
use super::context::StopFlag;
use crate::frame::Assignment;

/// Assignments on their way from the thread that reads frames to the one that works.
#[derive(Debug, Clone, Default)]
pub(super) struct Work(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Assigned>,
    /// What is worked on, or was last.
    begun: Option<(LeaseId, StopFlag)>,
    /// After a failure, what comes ahead is another child's.
    forgetting: bool,
}

#[derive(Debug)]
pub(super) struct Assigned {
    pub assignment: Box<Assignment>,
    pub stop: StopFlag,
    pub came: Came,
}

/// When an assignment came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// When nothing was left to do.
    InTurn,
    /// While others were.
    Ahead,
}

/// What a stop hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The handler has been told.
    Begun,
    /// It was not begun and is forgotten.
    Waiting,
    Unknown,
}

impl Work {
    pub fn add(&self, assignment: Box<Assignment>, came: Came) {
        let mut state = self.lock();
        match came {
            Came::InTurn => state.forgetting = false,
            Came::Ahead if state.forgetting => return,
            Came::Ahead => {}
        }
        state.waiting.push_back(Assigned { assignment, stop: StopFlag::default(), came });
        self.0.more.notify_one();
    }

    pub fn stop(&self, lease: LeaseId, reason: Stop) -> Stopped {
        let mut state = self.lock();
        if let Some(place) = state.waiting.iter().position(|one| one.assignment.lease == lease) {
            state.waiting.remove(place);
            return Stopped::Waiting;
        }
        match &state.begun {
            Some((begun, stop)) if *begun == lease => {
                stop.raise(reason);
                Stopped::Begun
            }
            _ => Stopped::Unknown,
        }
    }

    /// Waits for the next one, which has begun from here on.
    pub fn next(&self) -> Assigned {
        let mut state = self.lock();
        loop {
            if let Some(next) = state.waiting.pop_front() {
                state.begun = Some((next.assignment.lease, next.stop.clone()));
                return next;
            }
            state = self.0.more.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Forgets what came ahead, and what comes ahead until the next assignment in its turn.
    pub fn forget_ahead(&self) {
        let mut state = self.lock();
        state.forgetting = true;
        state.waiting.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
