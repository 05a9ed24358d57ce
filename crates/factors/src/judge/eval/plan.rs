use std::collections::HashMap;

use crate::expr::{Binary, Node, Pair, Rolling, Shift, Unary};

/// Index of a step in a [`Plan`].
pub(super) type StepId = usize;

/// A number by its bits, so that steps can be compared and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Scalar(u64);

impl Scalar {
    pub(super) fn value(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl From<f64> for Scalar {
    fn from(value: f64) -> Self {
        Self(value.to_bits())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Input {
    Step(StepId),
    Scalar(Scalar),
}

/// One computation over a series; its inputs are earlier steps.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Field(String),
    Constant(Scalar),
    Unary(Unary, StepId),
    Binary(Binary, Input, Input),
    If(StepId, Input, Input),
    Rolling(Rolling, StepId, usize),
    Shift(Shift, StepId, i64),
    Quantile(StepId, usize, Scalar),
    Ema(StepId, Scalar),
    Pair(Pair, StepId, StepId, usize),
}

/// All expressions as one list of steps in which equal parts appear once.
#[derive(Debug, Default)]
pub(super) struct Plan {
    steps: Vec<Step>,
    known: HashMap<Step, StepId>,
    outputs: Vec<StepId>,
}

impl Plan {
    pub(super) fn new<'a>(roots: impl IntoIterator<Item = &'a Node>) -> Self {
        let mut plan = Self::default();
        for root in roots {
            let output = plan.step(root);
            plan.outputs.push(output);
        }
        plan
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The step of each expression.
    pub(super) fn outputs(&self) -> &[StepId] {
        &self.outputs
    }

    /// For each step, the last step that reads it (itself where none does); outputs are read last.
    pub(super) fn last_uses(&self) -> Vec<StepId> {
        let mut last: Vec<StepId> = (0..self.steps.len()).collect();
        for (id, step) in self.steps.iter().enumerate() {
            for input in step.inputs() {
                last[input] = id;
            }
        }
        last
    }

    fn step(&mut self, node: &Node) -> StepId {
        let step = match node {
            Node::Field(name) => Step::Field(name.clone()),
            Node::Number(value) => Step::Constant((*value).into()),
            Node::Unary(op, a) => Step::Unary(*op, self.step(a)),
            Node::Binary(op, a, b) => Step::Binary(*op, self.input(a), self.input(b)),
            Node::If(a, b, c) => Step::If(self.step(a), self.input(b), self.input(c)),
            Node::Rolling(op, a, window) => Step::Rolling(*op, self.step(a), *window),
            Node::Shift(op, a, distance) => Step::Shift(*op, self.step(a), *distance),
            Node::Quantile(a, window, q) => Step::Quantile(self.step(a), *window, (*q).into()),
            Node::Ema(a, span) => Step::Ema(self.step(a), (*span).into()),
            Node::Pair(op, a, b, window) => Step::Pair(*op, self.step(a), self.step(b), *window),
            Node::PeriodField(_) | Node::PointInTime(..) => {
                unreachable!("announcements are judged by pyqlib")
            }
            Node::Indicator(..) => unreachable!("indicators are judged by TA-Lib"),
            Node::Cross(..) => unreachable!("the judge looks at one instrument at a time"),
        };
        if let Some(&id) = self.known.get(&step) {
            return id;
        }
        let id = self.steps.len();
        self.known.insert(step.clone(), id);
        self.steps.push(step);
        id
    }

    fn input(&mut self, node: &Node) -> Input {
        match node.constant() {
            Some(value) => Input::Scalar(value.into()),
            None => Input::Step(self.step(node)),
        }
    }
}

impl Step {
    fn inputs(&self) -> Vec<StepId> {
        let step = |input: &Input| match input {
            Input::Step(id) => Some(*id),
            Input::Scalar(_) => None,
        };
        match self {
            Self::Field(_) | Self::Constant(_) => vec![],
            Self::Unary(_, a)
            | Self::Rolling(_, a, _)
            | Self::Shift(_, a, _)
            | Self::Quantile(a, _, _)
            | Self::Ema(a, _) => vec![*a],
            Self::Pair(_, a, b, _) => vec![*a, *b],
            Self::Binary(_, a, b) => [step(a), step(b)].into_iter().flatten().collect(),
            Self::If(a, b, c) => [Some(*a), step(b), step(c)].into_iter().flatten().collect(),
        }
    }
}
