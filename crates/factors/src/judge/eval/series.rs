use super::column::{Column, Operand};
use super::elementwise;
use super::plan::{Input, Plan, Step, StepId};
use crate::expr::Pair;
use crate::windows;

/// Runs a plan over one instrument. `field` loads a field's bars in single precision; `emit` takes
/// each expression's values with its position in the plan's outputs.
pub(super) fn run(
    plan: &Plan,
    last_uses: &[StepId],
    bars: usize,
    field: impl Fn(&str) -> Vec<f32>,
    mut emit: impl FnMut(usize, &Column),
) {
    let mut columns: Vec<Option<Column>> = vec![None; plan.steps().len()];
    let mut wanted: Vec<Vec<usize>> = vec![vec![]; plan.steps().len()];
    for (output, &step) in plan.outputs().iter().enumerate() {
        wanted[step].push(output);
    }
    let mut spent: Vec<Vec<StepId>> = vec![vec![]; plan.steps().len()];
    for (step, &last) in last_uses.iter().enumerate() {
        spent[last].push(step);
    }
    for (id, step) in plan.steps().iter().enumerate() {
        let column = match step {
            Step::Field(name) => Column::F32(field(name)),
            step => compute(step, &columns, bars),
        };
        for &output in &wanted[id] {
            emit(output, &column);
        }
        columns[id] = Some(column);
        for &done in &spent[id] {
            columns[done] = None;
        }
    }
}

static MISSING: Column = Column::F32(Vec::new());

fn compute(step: &Step, columns: &[Option<Column>], bars: usize) -> Column {
    // Steps come in order, so an input is always there.
    let series = |id: &StepId| columns[*id].as_ref().unwrap_or(&MISSING);
    let operand = |input: &Input| match input {
        Input::Step(id) => Operand::Series(series(id)),
        Input::Scalar(value) => Operand::Scalar(value.value()),
    };
    match step {
        Step::Field(_) => MISSING.clone(),
        Step::Constant(value) => Column::F64(vec![value.value(); bars]),
        Step::Unary(op, a) => elementwise::unary(*op, series(a)),
        Step::Binary(op, a, b) => elementwise::binary(*op, operand(a), operand(b), bars),
        Step::If(a, b, c) => elementwise::choose(series(a), operand(b), operand(c)),
        Step::Shift(op, a, distance) => elementwise::shift(*op, series(a), *distance),
        Step::Rolling(op, a, window) => {
            Column::F64(windows::rolling(*op, &series(a).doubles(), *window))
        }
        Step::Quantile(a, window, q) => {
            Column::F64(windows::quantile(&series(a).window_values(), *window, q.value()))
        }
        Step::Ema(a, span) => Column::F64(windows::ema(&series(a).window_values(), span.value())),
        Step::Pair(op, a, b, window) => {
            let (a, b) = (series(a).window_values(), series(b).window_values());
            Column::F64(match op {
                Pair::Corr => windows::corr(&a, &b, *window),
                Pair::Cov => windows::cov(&a, &b, *window),
            })
        }
    }
}
