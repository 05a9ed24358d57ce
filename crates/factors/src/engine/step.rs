use pulp::Arch;

use super::block::{Bars, Listed, Span};
use super::buffer::Buffer;
use super::elementwise::{self, Input};
use super::kernels::{
    self, Order, ShapeOutputs, SpreadOutputs, SumOutputs, TrendOutputs,
};
use super::lanes::{LANES, Lane, Rows};
use super::program::{ColumnId, Op, Operand, Precision, Program, Result, Step};
use super::state::State;

/// What a step reads.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub(super) program: &'a Program,
    pub(super) step: &'a Step,
    pub(super) span: Span,
    pub(super) buffers: &'a [Buffer],
}

impl<'a> Inputs<'a> {
    /// The buffer of an input and the row of it that the step's first bar reads.
    fn at(&self, input: usize) -> std::result::Result<(&'a Buffer, usize), f64> {
        match self.step.inputs[input] {
            Operand::Scalar(value) => Err(value.value()),
            Operand::Value(value) => {
                let column = &self.program.columns[value.column];
                let back = self.program.rows_back(self.step, value);
                Ok((&self.buffers[column.slot], column.history + self.span.row - back))
            }
        }
    }

    fn single(&self, input: usize) -> Input<'a, f32> {
        match self.at(input) {
            Err(value) => Input::Scalar(value as f32),
            Ok((buffer, at)) => Input::Cells(self.cells(buffer.singles(), at)),
        }
    }

    fn double(&self, input: usize) -> Input<'a, f64> {
        match self.at(input) {
            Err(value) => Input::Scalar(value),
            Ok((buffer, at)) => Input::Cells(self.cells(buffer.doubles(), at)),
        }
    }

    fn cells<T>(&self, values: &'a [T], at: usize) -> &'a [T] {
        &values[at * LANES..(at + self.span.bars) * LANES]
    }

    /// A series with what came before it.
    fn rows(&self, input: usize) -> Rows<'a, f64> {
        self.at(input).map_or(Rows::new(&[], 0), |(buffer, at)| Rows::new(buffer.doubles(), at))
    }

    fn single_rows(&self, input: usize) -> Rows<'a, f32> {
        self.at(input).map_or(Rows::new(&[], 0), |(buffer, at)| Rows::new(buffer.singles(), at))
    }

    fn optional_rows(&self, input: usize) -> Option<Rows<'a, f64>> {
        (input < self.step.inputs.len()).then(|| self.rows(input))
    }
}

/// What a step writes.
pub(super) struct Outputs<'a> {
    pub(super) program: &'a Program,
    pub(super) span: Span,
    pub(super) columns: &'a mut [(Result, ColumnId, Buffer)],
}

impl<'a> Outputs<'a> {
    fn range(program: &Program, column: ColumnId, span: Span) -> std::ops::Range<usize> {
        let at = (program.columns[column].history + span.row) * LANES;
        at..at + span.bars * LANES
    }

    fn singles(&mut self) -> &mut [f32] {
        let (_, column, buffer) = &mut self.columns[0];
        let range = Self::range(self.program, *column, self.span);
        &mut buffer.singles_mut()[range]
    }

    fn doubles(&mut self) -> &mut [f64] {
        let (_, column, buffer) = &mut self.columns[0];
        let range = Self::range(self.program, *column, self.span);
        &mut buffer.doubles_mut()[range]
    }

    fn lanes(&mut self) -> &mut [Lane] {
        self.doubles().as_chunks_mut().0
    }

    /// All results with their rows.
    fn each(&mut self) -> impl Iterator<Item = (Result, &mut [Lane])> {
        let (program, span) = (self.program, self.span);
        self.columns.iter_mut().map(move |(result, column, buffer)| {
            let range = Self::range(program, *column, span);
            (*result, buffer.doubles_mut()[range].as_chunks_mut().0)
        })
    }

    pub(super) fn field(
        &mut self,
        bars: Bars<'_>,
        values: &[f64],
        instruments: &[usize],
        listed: &Listed,
    ) {
        let span = self.span;
        let out = self.singles();
        for (l, &instrument) in instruments.iter().enumerate() {
            for row in 0..span.bars {
                let bar = span.bar + row;
                let value = bars.get(values, instrument, bar);
                out[row * LANES + l] =
                    if bar < listed.ends[l] { value as f32 } else { f32::NAN };
            }
        }
    }

    pub(super) fn present(&mut self, bars: Bars<'_>, instruments: &[usize]) {
        let span = self.span;
        let out = self.singles();
        out.fill(0.0);
        for (l, &instrument) in instruments.iter().enumerate() {
            for row in 0..span.bars {
                let has = |field: &&[f64]| !bars.get(field, instrument, span.bar + row).is_nan();
                out[row * LANES + l] = if bars.all.iter().any(has) { 1.0 } else { 0.0 };
            }
        }
    }
}

/// Computes a step over the rows of a block.
pub(super) fn compute(
    inputs: Inputs<'_>,
    mut outputs: Outputs<'_>,
    state: &mut State,
    listed: &Listed,
    arch: Arch,
) {
    match inputs.step.op {
        Op::Field(_) | Op::Present | Op::Cross(_) => {}
        Op::Widen => {
            let (a, out) = (inputs.single(0), outputs.doubles());
            arch.dispatch(|| elementwise::widen(a, out));
        }
        Op::Narrow => {
            let (a, out) = (inputs.double(0), outputs.singles());
            arch.dispatch(|| elementwise::narrow(a, out));
        }
        Op::Unary(..) | Op::Not | Op::Truth => unary(inputs, outputs, arch),
        Op::Binary(..) | Op::Choose(_) => binary(inputs, outputs, arch),
        Op::First(_) | Op::Ahead(..) => shift(inputs, outputs, state, listed),
        _ => window(inputs, outputs, state, listed, arch),
    }
}

fn unary(inputs: Inputs<'_>, mut outputs: Outputs<'_>, arch: Arch) {
    let double = matches!(inputs.at(0), Ok((Buffer::Double(_), _)));
    match inputs.step.op {
        Op::Unary(op, Precision::Single) => {
            let (a, out) = (inputs.single(0), outputs.singles());
            arch.dispatch(|| elementwise::unary(op, a, out));
        }
        Op::Unary(op, Precision::Double) => {
            let (a, out) = (inputs.double(0), outputs.doubles());
            arch.dispatch(|| elementwise::unary(op, a, out));
        }
        Op::Not => {
            let (a, out) = (inputs.single(0), outputs.singles());
            arch.dispatch(|| elementwise::unary(crate::expr::Unary::Not, a, out));
        }
        Op::Truth if double => elementwise::truth(inputs.double(0), outputs.singles()),
        _ => elementwise::truth(inputs.single(0), outputs.singles()),
    }
}

fn binary(inputs: Inputs<'_>, mut outputs: Outputs<'_>, arch: Arch) {
    match inputs.step.op {
        Op::Binary(op, Precision::Single) => {
            let (a, b, out) = (inputs.single(0), inputs.single(1), outputs.singles());
            arch.dispatch(|| match elementwise::compares(op) {
                true => elementwise::comparison(op, a, b, out),
                false => elementwise::arithmetic(op, a, b, out),
            });
        }
        Op::Binary(op, Precision::Double) if elementwise::compares(op) => {
            let (a, b, out) = (inputs.double(0), inputs.double(1), outputs.singles());
            arch.dispatch(|| elementwise::comparison(op, a, b, out));
        }
        Op::Binary(op, Precision::Double) => {
            let (a, b, out) = (inputs.double(0), inputs.double(1), outputs.doubles());
            arch.dispatch(|| elementwise::arithmetic(op, a, b, out));
        }
        op => {
            let Input::Cells(condition) = inputs.single(0) else { return };
            if op == Op::Choose(Precision::Single) {
                let (a, b, out) = (inputs.single(1), inputs.single(2), outputs.singles());
                arch.dispatch(|| elementwise::choose(condition, a, b, out));
            } else {
                let (a, b, out) = (inputs.double(1), inputs.double(2), outputs.doubles());
                arch.dispatch(|| elementwise::choose(condition, a, b, out));
            }
        }
    }
}

fn shift(inputs: Inputs<'_>, mut outputs: Outputs<'_>, state: &mut State, listed: &Listed) {
    let span = inputs.span;
    let beyond = |ahead: usize, cell: usize| span.bar + cell / LANES + ahead >= listed.ends[cell % LANES];
    match (inputs.step.op, state) {
        (Op::First(_), State::FirstSingle(kept)) => {
            let Input::Cells(values) = inputs.single(0) else { return };
            elementwise::first(kept, values, span.bar, &listed.starts, outputs.singles());
        }
        (Op::First(_), State::FirstDouble(kept)) => {
            let Input::Cells(values) = inputs.double(0) else { return };
            elementwise::first(kept, values, span.bar, &listed.starts, outputs.doubles());
        }
        (Op::Ahead(bars, Precision::Single), _) => {
            let Input::Cells(values) = inputs.single(0) else { return };
            for (cell, (out, &value)) in outputs.singles().iter_mut().zip(values).enumerate() {
                *out = if beyond(bars, cell) { f32::NAN } else { value };
            }
        }
        (Op::Ahead(bars, _), _) => {
            let Input::Cells(values) = inputs.double(0) else { return };
            for (cell, (out, &value)) in outputs.doubles().iter_mut().zip(values).enumerate() {
                *out = if beyond(bars, cell) { f64::NAN } else { value };
            }
        }
        _ => {}
    }
}

fn window(
    inputs: Inputs<'_>,
    mut outputs: Outputs<'_>,
    state: &mut State,
    listed: &Listed,
    arch: Arch,
) {
    let span = (inputs.span.bar, inputs.span.bars);
    let x = inputs.rows(0);
    match (inputs.step.op, state) {
        (Op::Sums(_), State::Sliding(state)) => {
            let mut wanted = SumOutputs::default();
            for (result, rows) in outputs.each() {
                let place = if result == Result::Sum { &mut wanted.sum } else { &mut wanted.mean };
                *place = Some(rows);
            }
            let runs = inputs.optional_rows(1);
            arch.dispatch(|| kernels::sums(state, x, runs, span, wanted));
        }
        (Op::Spread(_), State::Sliding(state)) => {
            let mut wanted = SpreadOutputs::default();
            for (result, rows) in outputs.each() {
                let place = if result == Result::Var { &mut wanted.var } else { &mut wanted.std };
                *place = Some(rows);
            }
            let runs = inputs.rows(1);
            arch.dispatch(|| kernels::spread(state, x, runs, span, wanted));
        }
        (Op::Shape(_), State::Sliding(state)) => {
            let mut wanted = ShapeOutputs::default();
            for (result, rows) in outputs.each() {
                let place =
                    if result == Result::Skew { &mut wanted.skew } else { &mut wanted.kurt };
                *place = Some(rows);
            }
            let runs = inputs.rows(1);
            arch.dispatch(|| kernels::shape(state, x, runs, span, wanted));
        }
        (Op::Trend(_), State::Trend(state, infinite)) => {
            let mut wanted = TrendOutputs::default();
            for (result, rows) in outputs.each() {
                let place = match result {
                    Result::Slope => &mut wanted.slope,
                    Result::Rsquare => &mut wanted.rsquare,
                    _ => &mut wanted.residual,
                };
                *place = Some(rows);
            }
            let deviations = inputs.optional_rows(1);
            arch.dispatch(|| kernels::trend(state, infinite, x, deviations, span, wanted));
        }
        (Op::Extreme(end, _), State::Sliding(state)) => {
            let out = outputs.lanes();
            arch.dispatch(|| kernels::extreme(state, x, span, end, out));
        }
        (Op::Position(end, window), State::Sliding(state)) => {
            let (starts, out) = (&listed.starts, outputs.lanes());
            arch.dispatch(|| kernels::position(state, x, span, starts, (window, end), out));
        }
        (Op::Product(_), State::Sliding(state)) => {
            let out = outputs.lanes();
            arch.dispatch(|| kernels::product(state, x, span, out));
        }
        (Op::Weighted(weighting, window), State::Sliding(state)) => {
            let (starts, out) = (&listed.starts, outputs.lanes());
            let how = (window, weighting);
            arch.dispatch(|| kernels::weighted(state, x, span, starts, how, out));
        }
        (Op::Covariance(_), State::Sliding(state)) => {
            let (y, out) = (inputs.rows(1), outputs.lanes());
            arch.dispatch(|| kernels::covariance(state, [x, y], span, out));
        }
        (Op::Correlation(_), State::Sliding(state)) => {
            let (y, out) = (inputs.rows(1), outputs.lanes());
            let deviations = [inputs.rows(2), inputs.rows(3)];
            arch.dispatch(|| kernels::correlation(state, [x, y], deviations, span, out));
        }
        (Op::MeanDeviation(window), State::History(history)) => {
            let out = outputs.lanes();
            arch.dispatch(|| kernels::mean_deviation(history, x, span, window, out));
        }
        (Op::Ema(_), State::History(history)) => {
            let (starts, out) = (&listed.starts, outputs.lanes());
            arch.dispatch(|| kernels::growing(history, x, span, starts, out));
        }
        (Op::Ema(span_or_factor), State::Ema(state)) => {
            let value = span_or_factor.value();
            let keep = 1.0 - if value < 1.0 { value } else { 2.0 / (value + 1.0) };
            let out = outputs.lanes();
            arch.dispatch(|| state.run(x, span.1, keep, out));
        }
        (Op::Repetition, State::Repetition(state)) => {
            let out = outputs.lanes();
            arch.dispatch(|| state.run(x, span.1, out));
        }
        (Op::Sorted(..), state) => sorted(inputs, outputs, state, arch),
        // A step's state is made for its operator.
        _ => {}
    }
}

fn sorted(inputs: Inputs<'_>, mut outputs: Outputs<'_>, state: &mut State, arch: Arch) {
    let span = (inputs.span.bar, inputs.span.bars);
    let order = |result: Result| match result {
        Result::Order(order) => order,
        _ => Order::Rank,
    };
    let mut wanted: Vec<(Order, &mut [Lane])> =
        outputs.each().map(|(result, rows)| (order(result), rows)).collect();
    match state {
        State::SweptSingle(state) => {
            let x = inputs.single_rows(0);
            arch.dispatch(|| state.run(x, span, &mut wanted));
        }
        State::SweptDouble(state) => {
            let x = inputs.rows(0);
            arch.dispatch(|| state.run(x, span, &mut wanted));
        }
        State::Ranked(state) => state.run(inputs.rows(0), span, &mut wanted),
        _ => {}
    }
}
