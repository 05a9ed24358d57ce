//! Binary operators that follow one another on the left: `a + b - c * d` are those of `-` and `+`.
//!
//! Such a chain is as deep a tree as it has operators, up to the limit of parts. Who walks an
//! expression goes along a chain in a loop, so that only what the limit of nesting counts takes
//! room on the stack.

use super::node::{Binary, Node};

/// A node taken apart along its left side.
pub(crate) struct Chain<'a> {
    /// What the first operator has on its left: no binary operator.
    pub(crate) first: &'a Node,
    /// The operators in the order they are applied, each with its right side; none if the node is
    /// no binary operator.
    pub(crate) rest: Vec<(Binary, &'a Node)>,
}

impl<'a> Chain<'a> {
    pub(crate) fn of(node: &'a Node) -> Self {
        Self::until(node, |_| false)
    }

    /// The same, but plain numbers that are joined stay together: the first may be such a part.
    pub(crate) fn of_series(node: &'a Node) -> Self {
        Self::until(node, |left| left.constant().is_some())
    }

    fn until(node: &'a Node, is_first: impl Fn(&Node) -> bool) -> Self {
        let (mut first, mut rest) = (node, vec![]);
        while let Node::Binary(op, left, right) = first
            && !is_first(first)
        {
            rest.push((*op, &**right));
            first = left;
        }
        rest.reverse();
        Self { first, rest }
    }
}

impl Clone for Node {
    fn clone(&self) -> Self {
        match self {
            Self::Binary(..) => {
                let Chain { first, rest } = Chain::of(self);
                rest.into_iter().fold(first.clone(), |left, (op, right)| {
                    Self::Binary(op, Box::new(left), Box::new(right.clone()))
                })
            }
            Self::Field(name) => Self::Field(name.clone()),
            Self::PeriodField(name) => Self::PeriodField(name.clone()),
            Self::PointInTime(a, period) => Self::PointInTime(a.clone(), *period),
            Self::Number(value) => Self::Number(*value),
            Self::Unary(op, a) => Self::Unary(*op, a.clone()),
            Self::If(a, b, c) => Self::If(a.clone(), b.clone(), c.clone()),
            Self::Rolling(op, a, window) => Self::Rolling(*op, a.clone(), *window),
            Self::Shift(op, a, distance) => Self::Shift(*op, a.clone(), *distance),
            Self::Quantile(a, window, q) => Self::Quantile(a.clone(), *window, *q),
            Self::Ema(a, span) => Self::Ema(a.clone(), *span),
            Self::Pair(op, a, b, window) => Self::Pair(*op, a.clone(), b.clone(), *window),
            Self::Cross(op, a, group) => Self::Cross(*op, a.clone(), group.clone()),
            Self::Indicator(id, args, numbers) => {
                Self::Indicator(*id, args.clone(), numbers.clone())
            }
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let taken = |left: &mut Box<Node>| std::mem::replace(&mut **left, Self::Number(0.0));
        let Self::Binary(_, left, _) = self else { return };
        let mut next = taken(left);
        // What is let go of has a number for its left side by then.
        while let Self::Binary(_, left, _) = &mut next {
            next = taken(left);
        }
    }
}
