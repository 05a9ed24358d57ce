use std::any::Any;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::plan::{Outcome, Plan, Simulation};
use crate::{BacktestError, Signal};

/// Runs that go on or wait to be taken, for each thread.
const AHEAD: usize = 4;
const MOST_THREADS: usize = 256;

/// Many plans over one prepared market, several at a time.
#[derive(Debug, Clone, Copy)]
pub struct Sweep<'a> {
    /// All runs share it: the plans may differ from its own as [`Simulation::run`] says.
    pub simulation: &'a Simulation,
    /// Scores, for strategies that go by them.
    pub signal: Option<&'a Signal>,
    /// Runs at a time, at most 256; 0 is one a core.
    pub threads: usize,
    /// Once set, from anywhere, every run ends at its next bar and nothing more is taken.
    pub cancel: &'a AtomicBool,
}

/// A run's place among the plans and what became of it: `None` if it was stopped, else what is
/// kept of it; an error where the thread panicked.
type Ended<R> = (usize, Result<Option<Result<R, BacktestError>>, Box<dyn Any + Send>>);

impl Sweep<'_> {
    /// Runs the plans. `digest` makes of an outcome what is kept, on the thread of the run; `take`
    /// gets that with the plan's place, in the order of the plans, on the calling thread. A plan
    /// that cannot be run gives its error in its place. `take` may end the sweep.
    ///
    /// Plans are drawn as they are needed, and no more than four a thread are at work or wait for
    /// an earlier one: memory does not grow with the number of plans. For runs of the event-driven
    /// engine, [`Config::record_positions`](crate::Config::record_positions) may save much of it.
    ///
    /// Returns how many were taken: all of them unless it was cancelled or ended.
    pub fn run<R: Send>(
        &self,
        plans: impl IntoIterator<Item = Plan>,
        digest: impl Fn(&Plan, Outcome) -> R + Sync,
        take: impl FnMut(usize, Result<R, BacktestError>) -> ControlFlow<()>,
    ) -> usize {
        let threads = self.threads();
        let ended = AtomicBool::new(false);
        let (give, given) = channel();
        let (answer, answers) = channel();
        let (given, digest, ended) = (Mutex::new(given), &digest, &ended);
        thread::scope(|scope| {
            for _ in 0..threads {
                let (given, answer) = (&given, answer.clone());
                scope.spawn(move || work(given, &answer, |plan| self.play(plan, digest, ended)));
            }
            drop(answer);
            let plans = plans.into_iter().enumerate();
            let taken = hand_over(plans, threads * AHEAD, &give, &answers, take);
            ended.store(true, Ordering::Relaxed);
            drop(give);
            taken
        })
    }

    fn threads(&self) -> usize {
        match self.threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            some => some.min(MOST_THREADS),
        }
    }

    fn play<R>(
        &self,
        plan: &Plan,
        digest: impl Fn(&Plan, Outcome) -> R,
        ended: &AtomicBool,
    ) -> Option<Result<R, BacktestError>> {
        let ends = || self.cancel.load(Ordering::Relaxed) || ended.load(Ordering::Relaxed);
        if ends() {
            return None;
        }
        let mut observe = |_: &_| match ends() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        match self.simulation.run(plan, self.signal, &mut observe) {
            Ok(outcome) if outcome.stopped() => None,
            outcome => Some(outcome.map(|outcome| digest(plan, outcome))),
        }
    }
}

/// Plays what is given until there is no more.
fn work<R>(
    given: &Mutex<Receiver<(usize, Plan)>>,
    answers: &Sender<Ended<R>>,
    play: impl Fn(&Plan) -> Option<Result<R, BacktestError>>,
) {
    loop {
        let next = given.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((place, plan)) = next else { return };
        // Whoever waits for this run would do so for ever.
        let played = catch_unwind(AssertUnwindSafe(|| play(&plan)));
        if answers.send((place, played)).is_err() {
            return;
        }
    }
}

/// Keeps `window` plans under way and takes what comes of them in order.
fn hand_over<R>(
    mut plans: impl Iterator<Item = (usize, Plan)>,
    window: usize,
    give: &Sender<(usize, Plan)>,
    answers: &Receiver<Ended<R>>,
    mut take: impl FnMut(usize, Result<R, BacktestError>) -> ControlFlow<()>,
) -> usize {
    let mut given = 0;
    let mut give_next = |plans: &mut dyn Iterator<Item = (usize, Plan)>| {
        given += usize::from(plans.next().is_some_and(|next| give.send(next).is_ok()));
        given
    };
    let mut most = 0;
    for _ in 0..window {
        most = give_next(&mut plans);
    }
    let (mut taken, mut early) = (0, BTreeMap::new());
    while taken < most {
        let Ok((place, played)) = answers.recv() else { break };
        early.insert(place, played);
        while let Some(played) = early.remove(&taken) {
            let Some(kept) = played.unwrap_or_else(|panic| resume_unwind(panic)) else {
                return taken;
            };
            let goes_on = take(taken, kept).is_continue();
            taken += 1;
            if !goes_on {
                return taken;
            }
            most = give_next(&mut plans);
        }
    }
    taken
}

#[cfg(test)]
mod tests;
