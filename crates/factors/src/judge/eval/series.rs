use super::column::{Column, Operand};
use super::elementwise;
use super::plan::{Input, Plan, Step, StepId};
use crate::expr::{Pair, Rolling};
use crate::judge::kernels;

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
        Step::Rolling(op, a, window) => Column::F64(rolling(*op, series(a), *window)),
        Step::Quantile(a, window, q) => {
            Column::F64(kernels::quantile(&series(a).window_values(), *window, q.value()))
        }
        Step::Ema(a, span) => Column::F64(kernels::ema(&series(a).window_values(), span.value())),
        Step::Pair(op, a, b, window) => {
            let (a, b) = (series(a).window_values(), series(b).window_values());
            Column::F64(match op {
                Pair::Corr => kernels::corr(&a, &b, *window),
                Pair::Cov => kernels::cov(&a, &b, *window),
            })
        }
    }
}

fn rolling(op: Rolling, arg: &Column, window: usize) -> Vec<f64> {
    let kernel: fn(&[f64], usize) -> Vec<f64> = match op {
        Rolling::Mean => kernels::mean,
        Rolling::Sum => kernels::sum,
        Rolling::Std => kernels::std,
        Rolling::Var => kernels::var,
        Rolling::Skew => kernels::skewness,
        Rolling::Kurt => kernels::kurtosis,
        Rolling::Max => kernels::max,
        Rolling::Min => kernels::min,
        Rolling::IdxMax => kernels::arg_max,
        Rolling::IdxMin => kernels::arg_min,
        Rolling::Med => kernels::median,
        Rolling::Mad => kernels::mean_deviation,
        Rolling::Rank => kernels::rank,
        Rolling::Wma => kernels::wma,
        Rolling::Product => kernels::product,
        Rolling::DecayLinear => kernels::decay_linear,
        // These see infinities as they are.
        Rolling::Count => return kernels::count(&arg.doubles(), window),
        Rolling::Slope => return kernels::slope(&arg.doubles(), window),
        Rolling::Resi => return kernels::residual(&arg.doubles(), window),
        Rolling::Rsquare => {
            let flat = kernels::flat_bars(&arg.window_values(), window);
            return kernels::rsquare(&arg.doubles(), window, &flat);
        }
    };
    kernel(&arg.window_values(), window)
}
