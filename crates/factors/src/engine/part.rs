use std::collections::HashMap;

use super::program::{ColumnId, Op, Operand, Program, Step, Value};

/// Where the steps and columns of a program lie in another one that computes the same and perhaps
/// more.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// For each step.
    pub(crate) steps: Vec<usize>,
    /// For each column.
    pub(crate) columns: Vec<ColumnId>,
}

impl Places {
    /// `longest` is what `whole` was lowered with: longer lags of `part` are that long there.
    /// `None` if `whole` lacks a step of `part`.
    pub(crate) fn find(part: &Program, whole: &Program, longest: usize) -> Option<Self> {
        let known: HashMap<(Op, &[Operand]), usize> = (whole.steps.iter().enumerate())
            .map(|(at, step)| ((step.op, step.inputs.as_slice()), at))
            .collect();
        let mut steps = Vec::with_capacity(part.steps.len());
        let mut columns = vec![usize::MAX; part.columns.len()];
        // A step comes after those it reads.
        for step in &part.steps {
            let op = translated(step.op, part, whole, longest)?;
            let inputs = inputs(step, &columns, longest);
            let at = *known.get(&(op, inputs.as_slice()))?;
            for (result, column) in &step.outputs {
                let found = whole.steps[at].outputs.iter().find(|(known, _)| known == result)?;
                columns[*column] = found.1;
            }
            steps.push(at);
        }
        Some(Self { steps, columns })
    }
}

/// Fields are numbered by each program, distances ahead are cut like lags.
fn translated(op: Op, part: &Program, whole: &Program, longest: usize) -> Option<Op> {
    let place = |field: usize| whole.fields.iter().position(|name| *name == part.fields[field]);
    Some(match op {
        Op::Field(field) => Op::Field(place(field)?),
        Op::FieldDouble(field) => Op::FieldDouble(place(field)?),
        Op::Ahead(bars, precision) => Op::Ahead(bars.min(longest), precision),
        op => op,
    })
}

fn inputs(step: &Step, columns: &[ColumnId], longest: usize) -> Vec<Operand> {
    let translated = |input: &Operand| match *input {
        Operand::Value(Value { column, lag }) => {
            Operand::Value(Value { column: columns[column], lag: lag.min(longest) })
        }
        scalar @ Operand::Scalar(_) => scalar,
    };
    step.inputs.iter().map(translated).collect()
}
