//! The fleet around the database: broker, workers, their processes, and what can go wrong.

use alphafleet_domain::job::StateName;
use stateright::{Model, Property};

use crate::database::{End, Flaw, Row};

pub const OUTCOME_ONCE: &str = "an outcome is written once";
pub const ONE_LEASE_WRITES: &str = "only the current lease writes";
pub const ATTEMPT_COUNTS_CLAIMS: &str = "the attempt grows with each claim";
pub const TERMINAL_FOREVER: &str = "every transition is legal and nothing leaves a terminal state";
pub const CANCELLED_AFTER_PROCESS: &str =
    "cancelled means that the process is gone or its lease expired";
pub const ONE_PROCESS: &str = "a process works under the current lease or one that expired";
pub const EXPIRES_THE_SILENT: &str = "only silent workers lose their leases";

const WORKERS: u8 = 2;
const MOST_TICKETS: u8 = 2;

/// The model: how many jobs, how much may go wrong, which rule is left out.
#[derive(Debug, Clone, Copy)]
pub struct Fleet {
    pub jobs: u8,
    pub faults: u8,
    pub cancels: u8,
    pub flaw: Flaw,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct World {
    pub rows: Vec<Row>,
    pub workers: Vec<Worker>,
    /// Tickets that wait in the broker.
    pub tickets: u8,
    pub faults: u8,
    pub cancels: u8,
}

/// A worker with one slot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Worker {
    pub alive: bool,
    /// The database has not heard of it for a window.
    pub silent: bool,
    /// Holds a delivery it has not acknowledged.
    pub ticket: bool,
    pub slot: Slot,
    /// The process that runs for the slot, or outlives a crash for a moment: job and lease.
    pub process: Option<(u8, u8)>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    Free,
    /// Claimed in the database; the answer is on its way. `beats` went out since.
    Asked {
        job: u8,
        lease: u8,
        beats: u8,
    },
    Holds {
        job: u8,
        lease: u8,
        to_cancel: bool,
        end: Option<End>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Dispatch,
    BackOffEnds(u8),
    Expire(u8),
    WindowPasses(u8),
    TakeTicket(u8),
    Claim(u8),
    ClaimAnswered(u8),
    Record(u8),
    ProcessEnds(u8, End),
    Kill(u8),
    Settle(u8),
    Beat(u8),
    OrphanEnds(u8),
    // A free slot looks without a ticket; what the others can do without it is checked.
    Look(u8),
    // Done by people and operators.
    Cancel(u8),
    Drain(u8),
    // Faults.
    TicketLost,
    TicketDoubled,
    BrokerWiped,
    FallsSilent(u8),
    Crash(u8),
    ClaimAnswerLost(u8),
    SettleAnswerLost(u8),
    BeatAnswerLost(u8),
    /// A claim's answer takes so long that a second beat leaves before it.
    AnswerIsLate(u8),
}

impl Action {
    /// Whether the fleet does it by itself, without luck: what recovery may count on.
    pub const fn is_dependable(self) -> bool {
        !matches!(self, Self::Look(_) | Self::Cancel(_) | Self::Drain(_)) && !self.is_fault()
    }

    const fn is_fault(self) -> bool {
        matches!(
            self,
            Self::TicketLost
                | Self::TicketDoubled
                | Self::BrokerWiped
                | Self::FallsSilent(_)
                | Self::Crash(_)
                | Self::ClaimAnswerLost(_)
                | Self::SettleAnswerLost(_)
                | Self::BeatAnswerLost(_)
                | Self::AnswerIsLate(_)
                | Self::Drain(_)
        )
    }
}

impl World {
    /// Every job has ended and every living slot is free.
    pub fn is_over(&self) -> bool {
        self.rows.iter().all(|row| row.name().is_terminal())
            && self.workers.iter().all(|w| w.slot == Slot::Free && w.process.is_none())
    }

    /// The workers are alike: of a world and its mirror image one is enough. (In a path that the
    /// checker prints, the two may therefore change names.)
    fn canonical(self) -> Self {
        let mut mirrored = self.clone();
        mirrored.workers.swap(0, 1);
        mirrored.rows.iter_mut().for_each(Row::mirror);
        self.min(mirrored)
    }

    fn processes(&self) -> impl Iterator<Item = (&Row, u8)> {
        let live = self.workers.iter().filter_map(|worker| worker.process);
        live.map(|(job, lease)| (&self.rows[usize::from(job)], lease))
    }
}

impl Model for Fleet {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let worker =
            Worker { alive: true, silent: false, ticket: false, slot: Slot::Free, process: None };
        vec![World {
            rows: vec![Row::submitted(); self.jobs.into()],
            workers: vec![worker; WORKERS.into()],
            tickets: self.jobs,
            faults: self.faults,
            cancels: self.cancels,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let from = actions.len();
        self.around(world, actions);
        for (number, worker) in (0..).zip(&world.workers) {
            self.of_worker(world, number, worker, actions);
        }
        if world.faults == 0 {
            let mut index = 0;
            actions.retain(|action| {
                index += 1;
                index <= from || !action.is_fault()
            });
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        next.faults -= u8::from(action.is_fault());
        self.step(&mut next, action);
        let next = next.canonical();
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(OUTCOME_ONCE, |_, world: &World| {
                world.rows.iter().all(|row| row.outcomes == u8::from(row.name().is_terminal()))
            }),
            Property::always(ONE_LEASE_WRITES, |_, world: &World| {
                !world.rows.iter().any(|row| row.fenced_write)
            }),
            Property::always(ATTEMPT_COUNTS_CLAIMS, |_, world: &World| {
                world.rows.iter().all(|row| row.attempt == row.claims)
            }),
            Property::always(TERMINAL_FOREVER, |_, world: &World| {
                !world.rows.iter().any(|row| row.illegal)
            }),
            Property::always(CANCELLED_AFTER_PROCESS, |_, world: &World| {
                world.processes().all(|(row, lease)| {
                    row.name() != StateName::Cancelled || row.expired & (1 << lease) != 0
                })
            }),
            Property::always(ONE_PROCESS, |_, world: &World| {
                world.processes().all(|(row, lease)| {
                    let current = row.lease().is_some_and(|(_, current)| current == lease);
                    current || row.expired & (1 << lease) != 0
                })
            }),
            Property::always(EXPIRES_THE_SILENT, |_, world: &World| {
                !world.rows.iter().any(|row| row.expired_alive)
            }),
        ]
    }
}

impl Fleet {
    fn around(&self, world: &World, actions: &mut Vec<Action>) {
        let waiting = world.rows.iter().any(Row::due);
        if waiting && world.tickets < MOST_TICKETS && self.flaw != Flaw::NoDispatcher {
            actions.push(Action::Dispatch);
        }
        if world.tickets > 0 {
            actions.extend([Action::TicketLost, Action::BrokerWiped]);
            if world.tickets < MOST_TICKETS {
                actions.push(Action::TicketDoubled);
            }
        }
        for (job, row) in (0..).zip(&world.rows) {
            if row.name() == StateName::Pending && !row.due() {
                actions.push(Action::BackOffEnds(job));
            }
            if let Some((owner, _)) = row.lease() {
                let silent = world.workers[usize::from(owner)].silent;
                let judged = silent || self.flaw == Flaw::ExpiresLivingWorkers;
                if judged && self.flaw != Flaw::NoExpirer {
                    actions.push(Action::Expire(job));
                }
            }
            if world.cancels > 0 && !row.name().is_terminal() && !row.cancel_requested() {
                actions.push(Action::Cancel(job));
            }
        }
    }

    fn of_worker(&self, world: &World, number: u8, worker: &Worker, actions: &mut Vec<Action>) {
        if !worker.alive {
            if worker.process.is_some() {
                actions.push(Action::OrphanEnds(number));
            }
            if !worker.silent {
                actions.push(Action::WindowPasses(number));
            }
            return;
        }
        match worker.slot {
            Slot::Asked { beats: 1.., .. } => actions.push(Action::AnswerIsLate(number)),
            _ => actions.extend([Action::Beat(number), Action::BeatAnswerLost(number)]),
        }
        // Someone must be left to finish the work.
        if world.workers.iter().all(|worker| worker.alive) {
            actions.push(Action::Crash(number));
        }
        if !worker.silent {
            actions.push(Action::FallsSilent(number));
        }
        match &worker.slot {
            Slot::Free if worker.ticket => actions.push(Action::Claim(number)),
            Slot::Free => {
                if world.tickets > 0 {
                    actions.push(Action::TakeTicket(number));
                }
                if world.rows.iter().any(Row::due) {
                    actions.push(Action::Look(number));
                }
            }
            Slot::Asked { .. } => {
                actions.extend([Action::ClaimAnswered(number), Action::ClaimAnswerLost(number)]);
            }
            Slot::Holds { end: Some(_), .. } => {
                actions.extend([Action::Settle(number), Action::SettleAnswerLost(number)]);
            }
            Slot::Holds { to_cancel, .. } => {
                actions.extend([
                    Action::ProcessEnds(number, End::Completed),
                    Action::ProcessEnds(number, End::Failed),
                    Action::Record(number),
                    Action::Drain(number),
                ]);
                if *to_cancel {
                    actions.push(Action::Kill(number));
                }
            }
        }
    }

    fn step(&self, world: &mut World, action: Action) {
        match action {
            Action::Dispatch | Action::TicketDoubled => world.tickets += 1,
            Action::TicketLost => world.tickets -= 1,
            Action::BrokerWiped => {
                world.tickets = 0;
                world.workers.iter_mut().for_each(|worker| worker.ticket = false);
            }
            Action::BackOffEnds(job) => world.rows[usize::from(job)].back_off_ends(),
            Action::Expire(job) => {
                let owner = world.rows[usize::from(job)].lease().map(|(owner, _)| owner);
                let silent = owner.is_some_and(|owner| world.workers[usize::from(owner)].silent);
                world.rows[usize::from(job)].expire(!silent);
            }
            Action::Cancel(job) => {
                world.cancels -= 1;
                world.rows[usize::from(job)].request_cancel(self.flaw);
            }
            Action::WindowPasses(number) | Action::FallsSilent(number) => {
                world.workers[usize::from(number)].silent = true;
            }
            Action::TakeTicket(number) => {
                world.tickets -= 1;
                world.workers[usize::from(number)].ticket = true;
            }
            Action::Claim(number) | Action::Look(number) => self.claim(world, number),
            Action::Crash(number) => crash(world, number),
            Action::Beat(number) | Action::AnswerIsLate(number) => {
                self.beat(world, number, true);
            }
            Action::BeatAnswerLost(number) => self.beat(world, number, false),
            Action::Settle(number) => self.settle(world, number, true),
            Action::SettleAnswerLost(number) => self.settle(world, number, false),
            Action::Record(number) => {
                if let Slot::Holds { job, lease, .. } = world.workers[usize::from(number)].slot {
                    world.rows[usize::from(job)].record(lease, self.flaw);
                }
            }
            Action::ClaimAnswered(number)
            | Action::ClaimAnswerLost(number)
            | Action::ProcessEnds(number, _)
            | Action::Kill(number)
            | Action::Drain(number)
            | Action::OrphanEnds(number) => {
                self.inside(&mut world.workers[usize::from(number)], action);
            }
        }
    }

    /// What happens within one worker and touches nobody else.
    fn inside(&self, worker: &mut Worker, action: Action) {
        match (action, worker.slot.clone()) {
            (Action::ClaimAnswered(_), Slot::Asked { job, lease, beats }) => {
                // After two beats without it the database has taken the claim back.
                if beats < 2 || self.flaw == Flaw::UsesLateClaimAnswer {
                    worker.process = Some((job, lease));
                    worker.slot = Slot::Holds { job, lease, to_cancel: false, end: None };
                } else {
                    worker.slot = Slot::Free;
                }
            }
            (Action::ClaimAnswerLost(_), _) => worker.slot = Slot::Free,
            (Action::OrphanEnds(_), _) => worker.process = None,
            (_, Slot::Holds { job, lease, to_cancel, .. }) => {
                let end = match action {
                    Action::ProcessEnds(_, end) => end,
                    Action::Kill(_) => End::Cancelled,
                    _ => End::Released,
                };
                worker.process = None;
                worker.slot = Slot::Holds { job, lease, to_cancel, end: Some(end) };
            }
            _ => {}
        }
    }

    fn claim(&self, world: &mut World, number: u8) {
        let worker = &mut world.workers[usize::from(number)];
        match (0..).zip(&mut world.rows).find(|(_, row)| row.due()) {
            Some((job, row)) => {
                let lease = row.claim(number, self.flaw);
                worker.slot = Slot::Asked { job, lease, beats: 0 };
            }
            None => worker.ticket = false,
        }
    }

    fn settle(&self, world: &mut World, number: u8, answered: bool) {
        let worker = &mut world.workers[usize::from(number)];
        let Slot::Holds { job, lease, end: Some(end), .. } = worker.slot else { return };
        // Done, settled before, or fenced: whatever the answer, the slot is free.
        let _answer = world.rows[usize::from(job)].settle(lease, end, self.flaw);
        if answered {
            worker.slot = Slot::Free;
            worker.ticket = false;
        }
    }

    fn beat(&self, world: &mut World, number: u8, answered: bool) {
        let worker = &mut world.workers[usize::from(number)];
        worker.silent = false;
        let held = match worker.slot {
            Slot::Holds { job, lease, .. } => Some((job, lease)),
            _ => None,
        };
        for (job, row) in (0..).zip(&mut world.rows) {
            let lease = held.filter(|(held, _)| *held == job).map(|(_, lease)| lease);
            row.beat(number, lease, self.flaw);
        }
        match &mut worker.slot {
            Slot::Asked { beats, .. } => *beats = (*beats + 1).min(2),
            Slot::Holds { job, lease, to_cancel, .. } if answered => {
                let row = &world.rows[usize::from(*job)];
                if row.lease() == Some((number, *lease)) {
                    *to_cancel = row.cancel_requested();
                } else {
                    worker.process = None;
                    worker.slot = Slot::Free;
                    worker.ticket = false;
                }
            }
            _ => {}
        }
    }
}

/// The worker is gone at once, its unacknowledged ticket comes again, its process notices soon.
fn crash(world: &mut World, number: u8) {
    let worker = &mut world.workers[usize::from(number)];
    let redelivered = u8::from(worker.ticket);
    worker.alive = false;
    worker.ticket = false;
    worker.slot = Slot::Free;
    world.tickets = (world.tickets + redelivered).min(MOST_TICKETS);
}
