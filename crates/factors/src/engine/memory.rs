//! What a group must remember to go on with later bars, and nothing that the bars themselves tell.
//!
//! Columns whose steps keep nothing are computed again from the last bars of the data, and the
//! suffixes of windows from those columns. What remains is a few numbers an instrument and step:
//! prefixes, pivots, exponential means, sorted windows, machines of indicators.

use serde::{Deserialize, Serialize};

use super::block::{Bars, Listed};
use super::buffer::Buffer;
use super::group::Group;
use super::lanes::LANES;
use super::lower;
use super::part::Places;
use super::program::{Op, Operand, Program};
use super::state::State;
use super::{BLOCK, blocks};
use crate::named::NamedExpr;

/// No calendar is as long: a program lowered with it has every lag as it was written.
pub(crate) const UNBOUNDED: usize = usize::MAX / 4;

/// Expressions whose state is kept apart from that of the program that runs them.
pub(crate) struct Kept {
    program: Program,
    places: Places,
}

impl Kept {
    /// `longest` is what `whole` was lowered with. `None` if it does not compute the expressions.
    pub(crate) fn of(exprs: &[NamedExpr], whole: &Program, longest: usize) -> Option<Self> {
        let program = lower(exprs.iter().map(|named| named.expr.root()), UNBOUNDED);
        let places = Places::find(&program, whole, longest)?;
        Some(Self { program, places })
    }
}

/// The state of up to eight instruments after some bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// By their places in a list of names.
    pub(crate) instruments: Vec<usize>,
    /// The first bar of each.
    pub(crate) starts: Vec<usize>,
    /// Newest rows of the columns that cannot be computed again, in the order of the columns.
    rows: Vec<Buffer>,
    /// One for each step.
    states: Vec<State>,
}

impl Memory {
    /// What a group that runs `whole` must remember of the expressions after `bars` bars.
    pub(crate) fn of(group: &Group, whole: &Program, kept: &Kept, bars: usize) -> Self {
        let Kept { program, places } = kept;
        let remembered = remembered(program);
        let rows = remembered.iter().map(|&column| {
            let there = &whole.columns[places.columns[column]];
            let rows = program.columns[column].history.min(bars);
            group.buffers[there.slot].slice(there.history.saturating_sub(rows)..there.history)
        });
        let states = places.steps.iter().map(|&step| group.states[step].remembered());
        Self {
            instruments: group.instruments.clone(),
            starts: group.listed.starts[..group.instruments.len()].to_vec(),
            rows: rows.collect(),
            states: states.collect(),
        }
    }

    /// Whether it can be the memory of these expressions after `bars` bars of `names` instruments.
    pub(crate) fn fits(&self, kept: &Kept, bars: usize, names: usize) -> bool {
        let program = &kept.program;
        let columns = remembered(program);
        let lanes = 1..=LANES;
        lanes.contains(&self.instruments.len())
            && self.starts.len() == self.instruments.len()
            && self.starts.iter().all(|&start| start < bars)
            && self.instruments.iter().all(|&instrument| instrument < names)
            && self.rows.len() == columns.len()
            && self.rows.iter().zip(columns).all(|(rows, column)| {
                let column = &program.columns[column];
                rows.is_of(column.precision, column.history.min(bars))
            })
            && self.states.len() == program.steps.len()
            && self.states.iter().zip(&program.steps).all(|(state, step)| state.fits(step))
    }

    /// The group as it was before bar `time`. `bars` has the bars before it, from the first on.
    pub(crate) fn recall(
        &self,
        whole: &Program,
        kept: &Kept,
        bars: Bars<'_>,
        time: usize,
    ) -> Group {
        let mut listed = Listed { starts: [usize::MAX; LANES], ends: [usize::MAX; LANES] };
        listed.starts[..self.starts.len()].copy_from_slice(&self.starts);
        let mut group = Group::new(whole, self.instruments.clone(), listed, BLOCK);
        let again = recomputed(whole);
        let from = time.saturating_sub(look_back(whole, &again));
        for block in blocks(from..time, 0) {
            group.run_steps(whole, &again, block, bars);
            group.keep(whole, block.rows);
        }
        let Kept { program, places } = kept;
        for (rows, column) in self.rows.iter().zip(remembered(program)) {
            let there = &whole.columns[places.columns[column]];
            group.buffers[there.slot].put_before(there.history, rows);
        }
        for (state, &step) in self.states.iter().zip(&places.steps) {
            group.states[step] = state.clone();
        }
        group
    }
}

/// For each step whether it and all that it reads keep nothing.
fn recomputed(program: &Program) -> Vec<bool> {
    let mut column_is = vec![false; program.columns.len()];
    let mut steps = Vec::with_capacity(program.steps.len());
    for step in &program.steps {
        let of_bars = matches!(
            step.op,
            Op::Field(_)
                | Op::FieldDouble(_)
                | Op::Present
                | Op::Widen
                | Op::Narrow
                | Op::Truth
                | Op::Not
                | Op::Unary(..)
                | Op::Binary(..)
                | Op::Choose(_)
        );
        let is = of_bars
            && step.inputs.iter().all(|input| match input {
                Operand::Value(value) => column_is[value.column],
                Operand::Scalar(_) => true,
            });
        for &(_, column) in &step.outputs {
            column_is[column] = is;
        }
        steps.push(is);
    }
    steps
}

/// The columns with a history that cannot be computed again.
fn remembered(program: &Program) -> Vec<usize> {
    let mut again = vec![false; program.columns.len()];
    for (step, is) in program.steps.iter().zip(recomputed(program)) {
        for &(_, column) in &step.outputs {
            again[column] = is;
        }
    }
    (0..again.len())
        .filter(|&column| !again[column] && program.columns[column].history > 0)
        .collect()
}

/// How many bars give the recomputed columns their whole history.
fn look_back(program: &Program, again: &[bool]) -> usize {
    let mut needed: Vec<usize> = program.columns.iter().map(|column| column.history).collect();
    let mut most = 0;
    for (step, _) in program.steps.iter().zip(again).rev().filter(|(_, again)| **again) {
        let own = step.outputs.iter().map(|&(_, column)| needed[column]).max().unwrap_or(0);
        most = most.max(own);
        for input in &step.inputs {
            if let Operand::Value(value) = *input {
                let back = own.saturating_add(program.rows_back(step, value));
                needed[value.column] = needed[value.column].max(back);
            }
        }
    }
    most
}
