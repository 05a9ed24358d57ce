//! The rows of one family, and the transactions that change them.

use alphafleet_domain::job::StateName;
use stateright::{Model, Property};

pub const COUNT_IS_TRUE: &str = "waiting_on is the number of children that have not ended";
pub const PARENT_COMES_LAST: &str = "a parent runs only after its children have ended";
pub const OUTCOME_ONCE: &str = "an outcome is written once, and every transition is legal";
pub const COMPLETED_WHOLE: &str = "a parent completes only if its children did";
pub const NONE_BEGINS_IN_VAIN: &str = "no child begins after a sibling was spoilt";
pub const NEVER_STUCK: &str = "a family that cannot go on has ended";

/// Attempts of a child that may be lost before the next loss is final.
const BUDGET: u8 = 1;

/// A rule left out of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// The parent counts in a transaction of its own, after the one that ended the child.
    CountsAfterwards,
    /// The transaction that ends a child does not lock the parent before it counts.
    CountsWithoutLock,
    CountsRetries,
    ClaimIgnoresChildren,
    LeavesSiblings,
}

/// The model: how many children, how much may go wrong, which rule is left out.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    pub children: u8,
    /// Attempts lost, and workers that die between two of their transactions.
    pub faults: u8,
    pub cancels: u8,
    pub flaw: Flaw,
}

/// One job's row, and what the properties need to remember.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Row {
    pub state: StateName,
    pub cancel: bool,
    pub failures: u8,
    pub illegal: bool,
}

impl Row {
    const SUBMITTED: Self =
        Self { state: StateName::Pending, cancel: false, failures: 0, illegal: false };

    fn enter(&mut self, next: StateName) {
        self.illegal |= !self.state.may_become(next);
        self.state = next;
    }

    const fn ended(self) -> bool {
        self.state.is_terminal()
    }

    fn is(self, state: StateName) -> bool {
        self.state == state
    }

    /// Pending → cancelled, running → noted.
    fn request_cancel(&mut self) {
        match self.state {
            StateName::Pending => self.enter(StateName::Cancelled),
            StateName::Running => self.cancel = true,
            _ => {}
        }
    }

    /// Whether a failed attempt is the last.
    fn fail(&mut self, retryable: bool) {
        self.failures += 1;
        self.enter(match (self.cancel, retryable && self.failures <= BUDGET) {
            (true, _) => StateName::Cancelled,
            (_, true) => StateName::Pending,
            (_, false) => StateName::Failed,
        });
    }
}

/// A transaction that ends an attempt of a child: what it has read, and what it will write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Open {
    pub end: End,
    /// Siblings that have not ended, as it read them.
    pub others: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    Completed,
    /// Of its own doing: not tried again.
    Failed,
    /// Lost with its worker: tried again while the budget lasts.
    Lost,
    /// Its process is gone, as was asked for.
    Killed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub parent: Row,
    pub waiting_on: u8,
    pub children: Vec<Row>,
    /// The open transaction of each child.
    pub open: Vec<Option<Open>>,
    /// Ends that are still to be counted, where that is done afterwards.
    pub uncounted: u8,
    pub began_in_vain: bool,
    pub faults: u8,
    pub cancels: u8,
}

impl World {
    fn unended(&self) -> u8 {
        u8::try_from(self.children.iter().filter(|child| !child.ended()).count()).expect("few")
    }

    fn spoilt(&self) -> bool {
        let spoilt = |child: &Row| child.ended() && !child.is(StateName::Completed);
        self.children.iter().any(spoilt)
    }

    fn is_over(&self) -> bool {
        self.parent.ended() && self.unended() == 0
    }

    /// In the transaction that spoilt a child.
    fn cancel_siblings(&mut self) {
        self.children.iter_mut().filter(|child| !child.ended()).for_each(Row::request_cancel);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    ClaimChild(u8),
    /// The transaction has its locks and has read.
    Begin(u8, End),
    Commit(u8),
    CountAfterwards,
    /// Whoever was to count is gone.
    CounterDies,
    ClaimParent,
    EndParent(End),
    CancelParent,
    CancelChild(u8),
}

impl Model for Family {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            parent: Row::SUBMITTED,
            waiting_on: self.children,
            children: vec![Row::SUBMITTED; self.children.into()],
            open: vec![None; self.children.into()],
            uncounted: 0,
            began_in_vain: false,
            faults: self.faults,
            cancels: self.cancels,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let locked = world.open.iter().any(Option::is_some);
        for (number, child) in (0..).zip(&world.children) {
            let open = world.open[usize::from(number)];
            match (child.state, open) {
                (_, Some(_)) => actions.push(Action::Commit(number)),
                (StateName::Pending, None) => actions.push(Action::ClaimChild(number)),
                (StateName::Running, None) if !locked || self.flaw == Flaw::CountsWithoutLock => {
                    actions.push(Action::Begin(number, End::Completed));
                    actions.push(Action::Begin(number, End::Failed));
                    if world.faults > 0 {
                        actions.push(Action::Begin(number, End::Lost));
                    }
                    if child.cancel {
                        actions.push(Action::Begin(number, End::Killed));
                    }
                }
                _ => {}
            }
            if world.cancels > 0 && !locked && !child.ended() {
                actions.push(Action::CancelChild(number));
            }
        }
        if world.uncounted > 0 {
            actions.push(Action::CountAfterwards);
            if world.faults > 0 {
                actions.push(Action::CounterDies);
            }
        }
        self.of_parent(world, locked, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        self.step(&mut next, action);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(COUNT_IS_TRUE, |_, world: &World| world.waiting_on == world.unended()),
            Property::always(PARENT_COMES_LAST, |_, world: &World| {
                !world.parent.is(StateName::Running) || world.unended() == 0
            }),
            Property::always(OUTCOME_ONCE, |_, world: &World| {
                !world.parent.illegal && !world.children.iter().any(|child| child.illegal)
            }),
            Property::always(COMPLETED_WHOLE, |_, world: &World| {
                !world.parent.is(StateName::Completed)
                    || world.children.iter().all(|child| child.is(StateName::Completed))
            }),
            Property::always(NONE_BEGINS_IN_VAIN, |_, world: &World| !world.began_in_vain),
            // Every step uses something up, so whoever is never stuck ends.
            Property::always(NEVER_STUCK, |family: &Self, world: &World| {
                let mut actions = Vec::new();
                family.actions(world, &mut actions);
                // A cancel is a person's to ask for: nobody may depend on it.
                actions.retain(|action| {
                    !matches!(action, Action::CancelParent | Action::CancelChild(_))
                });
                world.is_over() || !actions.is_empty()
            }),
        ]
    }
}

impl Family {
    fn of_parent(&self, world: &World, locked: bool, actions: &mut Vec<Action>) {
        match world.parent.state {
            StateName::Pending
                if world.waiting_on == 0 || self.flaw == Flaw::ClaimIgnoresChildren =>
            {
                actions.push(Action::ClaimParent);
            }
            // The supervisor asks first whether the children completed.
            StateName::Running if world.spoilt() => actions.push(Action::EndParent(End::Failed)),
            StateName::Running => {
                actions.push(Action::EndParent(End::Completed));
                if world.faults > 0 {
                    actions.push(Action::EndParent(End::Lost));
                }
                if world.parent.cancel {
                    actions.push(Action::EndParent(End::Killed));
                }
            }
            _ => {}
        }
        let asked = world.parent.cancel || world.parent.ended();
        if world.cancels > 0 && !locked && !asked {
            actions.push(Action::CancelParent);
        }
    }

    fn step(&self, world: &mut World, action: Action) {
        match action {
            Action::ClaimChild(number) => {
                world.began_in_vain |= world.spoilt();
                world.children[usize::from(number)].enter(StateName::Running);
            }
            Action::Begin(number, end) => {
                world.faults -= u8::from(end == End::Lost);
                let others = world.unended() - 1;
                world.open[usize::from(number)] = Some(Open { end, others });
            }
            Action::Commit(number) => self.commit(world, number),
            Action::CountAfterwards => {
                world.uncounted -= 1;
                world.waiting_on = world.waiting_on.saturating_sub(1);
            }
            Action::CounterDies => {
                world.faults -= 1;
                world.uncounted -= 1;
            }
            Action::ClaimParent => world.parent.enter(StateName::Running),
            Action::EndParent(end) => {
                world.faults -= u8::from(end == End::Lost);
                close(&mut world.parent, end);
            }
            Action::CancelParent => {
                world.cancels -= 1;
                let waits = world.parent.is(StateName::Pending);
                world.parent.request_cancel();
                if waits {
                    world.cancel_siblings();
                    world.waiting_on = world.unended();
                }
            }
            Action::CancelChild(number) => {
                world.cancels -= 1;
                let child = &mut world.children[usize::from(number)];
                child.request_cancel();
                if child.ended() {
                    self.spoil(world);
                    world.waiting_on = world.unended();
                }
            }
        }
    }

    fn commit(&self, world: &mut World, number: u8) {
        let Some(Open { end, others }) = world.open[usize::from(number)].take() else { return };
        let child = &mut world.children[usize::from(number)];
        close(child, end);
        let (ended, completed) = (child.ended(), child.is(StateName::Completed));
        match self.flaw {
            Flaw::CountsAfterwards => world.uncounted += u8::from(ended),
            Flaw::CountsRetries => world.waiting_on = world.waiting_on.saturating_sub(1),
            _ if ended => world.waiting_on = others,
            _ => {}
        }
        if ended && !completed {
            let before = world.unended();
            self.spoil(world);
            let cancelled = before - world.unended();
            match self.flaw {
                Flaw::CountsAfterwards => world.uncounted += cancelled,
                _ => world.waiting_on = world.waiting_on.saturating_sub(cancelled),
            }
        }
    }

    fn spoil(&self, world: &mut World) {
        if self.flaw != Flaw::LeavesSiblings {
            world.cancel_siblings();
        }
    }
}

fn close(row: &mut Row, end: End) {
    match end {
        End::Completed => row.enter(StateName::Completed),
        End::Failed => row.fail(false),
        End::Lost => row.fail(true),
        End::Killed => row.enter(StateName::Cancelled),
    }
}
