use super::block::{Bars, Listed, Span};
use super::buffer::Buffer;
use super::elementwise::{self, Input};
use super::kernels::{
    Correlation, Counts, Covariance, EmaRun, End, Extreme, Growing, MeanDeviation, Order, Position,
    Product, RepetitionRun, Shape, Spread, Sums, Trend, Weighted,
};
use super::lanes::{LANES, Lane, Rows};
use super::program::{ColumnId, Op, Operand, Precision, Program, Result, Step};
use super::sink::Of;
use super::state::State;
use super::transpose::to_rows;
use super::vectorise::{Kernel, vectorise};
use crate::indicators::Machine;
use crate::periods::Change;

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
        lay_out(bars, values, span, instruments, listed, self.singles().as_chunks_mut().0);
    }

    pub(super) fn field_double(
        &mut self,
        bars: Bars<'_>,
        values: &[f64],
        instruments: &[usize],
        listed: &Listed,
    ) {
        let span = self.span;
        lay_out(bars, values, span, instruments, listed, self.lanes());
    }

    /// Each instrument's last change at or before a bar.
    pub(super) fn point_in_time(&mut self, bars: Bars<'_>, part: usize, instruments: &[usize]) {
        let span = self.span;
        let out = self.singles();
        out.fill(f32::NAN);
        for (l, &instrument) in instruments.iter().enumerate() {
            let changes: &[Change] = bars.changes.get(part, bars.place(instrument));
            let mut next = changes.partition_point(|change| change.bar <= span.bar);
            for row in 0..span.bars.min((bars.base + bars.stride).saturating_sub(span.bar)) {
                while changes.get(next).is_some_and(|change| change.bar <= span.bar + row) {
                    next += 1;
                }
                if let Some(change) = next.checked_sub(1).and_then(|at| changes.get(at)) {
                    out[row * LANES + l] = change.value;
                }
            }
        }
    }

    pub(super) fn present(&mut self, bars: Bars<'_>, instruments: &[usize]) {
        let span = self.span;
        let out = self.singles();
        out.fill(0.0);
        for (l, &instrument) in instruments.iter().enumerate() {
            let place = bars.place(instrument);
            for row in 0..span.bars {
                let present = bars.is_present(place, span.bar + row);
                out[row * LANES + l] = if present { 1.0 } else { 0.0 };
            }
        }
    }
}

/// Lays the bars of a field side by side. An instrument has no value from its end on, nor where
/// the data do not reach.
fn lay_out<T: Of<f64>>(
    bars: Bars<'_>,
    values: &[f64],
    span: Span,
    instruments: &[usize],
    listed: &Listed,
    rows: &mut [[T; LANES]],
) {
    let all = |l: usize| span.bar + span.bars <= listed.ends[l];
    let whole: Vec<&[f64]> = instruments
        .iter()
        .enumerate()
        .filter_map(|(l, &instrument)| {
            bars.series(values, bars.place(instrument), span).filter(|_| all(l))
        })
        .collect();
    if whole.len() == instruments.len() {
        to_rows(&whole, rows);
        return;
    }
    for (l, &instrument) in instruments.iter().enumerate() {
        let place = bars.place(instrument);
        for (row, out) in rows.iter_mut().enumerate() {
            let bar = span.bar + row;
            let value = bars.get(values, place, bar);
            out[l] = T::of(if bar < listed.ends[l] { value } else { f64::NAN });
        }
    }
}

/// Computes a step over the rows of a block.
pub(super) fn compute(
    inputs: Inputs<'_>,
    mut outputs: Outputs<'_>,
    state: &mut State,
    listed: &Listed,
) {
    match inputs.step.op {
        Op::Field(_) | Op::FieldDouble(_) | Op::PointInTime(_) | Op::Present | Op::Cross(_) => {}
        Op::Indicator(_) => indicator(inputs, outputs, state, listed),
        Op::Widen => {
            let (a, out) = (inputs.single(0), outputs.doubles());
            vectorise(elementwise::Widen { a, out });
        }
        Op::Narrow => {
            let (a, out) = (inputs.double(0), outputs.singles());
            vectorise(elementwise::Narrow { a, out });
        }
        Op::Unary(..) | Op::Not | Op::Truth => unary(inputs, outputs),
        Op::Binary(..) | Op::Choose(_) => binary(inputs, outputs),
        Op::First(_) | Op::Ahead(..) => shift(inputs, outputs, state, listed),
        _ => window(inputs, outputs, state, listed),
    }
}

fn unary(inputs: Inputs<'_>, mut outputs: Outputs<'_>) {
    let double = matches!(inputs.at(0), Ok((Buffer::Double(_), _)));
    match inputs.step.op {
        Op::Unary(op, Precision::Single) => {
            let (a, out) = (inputs.single(0), outputs.singles());
            vectorise(elementwise::OfOne { op, a, out });
        }
        Op::Unary(op, Precision::Double) => {
            let (a, out) = (inputs.double(0), outputs.doubles());
            vectorise(elementwise::OfOne { op, a, out });
        }
        Op::Not => {
            let (a, out) = (inputs.single(0), outputs.singles());
            vectorise(elementwise::OfOne { op: crate::expr::Unary::Not, a, out });
        }
        Op::Truth if double => elementwise::truth(inputs.double(0), outputs.singles()),
        _ => elementwise::truth(inputs.single(0), outputs.singles()),
    }
}

fn binary(inputs: Inputs<'_>, mut outputs: Outputs<'_>) {
    match inputs.step.op {
        Op::Binary(op, Precision::Single) => {
            let (a, b, out) = (inputs.single(0), inputs.single(1), outputs.singles());
            if op.compares() {
                vectorise(elementwise::Comparison { op, a, b, out });
            } else {
                vectorise(elementwise::Arithmetic { op, a, b, out });
            }
        }
        Op::Binary(op, Precision::Double) if op.compares() => {
            let (a, b, out) = (inputs.double(0), inputs.double(1), outputs.singles());
            vectorise(elementwise::Comparison { op, a, b, out });
        }
        Op::Binary(op, Precision::Double) => {
            let (a, b, out) = (inputs.double(0), inputs.double(1), outputs.doubles());
            vectorise(elementwise::Arithmetic { op, a, b, out });
        }
        op => {
            let Input::Cells(condition) = inputs.single(0) else { return };
            if op == Op::Choose(Precision::Single) {
                let (a, b, out) = (inputs.single(1), inputs.single(2), outputs.singles());
                vectorise(elementwise::Choice { condition, a, b, out });
            } else {
                let (a, b, out) = (inputs.double(1), inputs.double(2), outputs.doubles());
                vectorise(elementwise::Choice { condition, a, b, out });
            }
        }
    }
}

fn shift(inputs: Inputs<'_>, mut outputs: Outputs<'_>, state: &mut State, listed: &Listed) {
    let span = inputs.span;
    let beyond =
        |ahead: usize, cell: usize| span.bar + cell / LANES + ahead >= listed.ends[cell % LANES];
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

fn window(inputs: Inputs<'_>, mut outputs: Outputs<'_>, state: &mut State, listed: &Listed) {
    let span = (inputs.span.bar, inputs.span.bars);
    let x = inputs.rows(0);
    match (inputs.step.op, state) {
        (Op::Sums(_), State::Sliding(state)) => {
            let runs = inputs.optional_rows(1);
            let mut sums = Sums { values: Some(x), runs, ..Sums::default() };
            for (result, rows) in outputs.each() {
                match result {
                    Result::Sum => sums.sum = Some(rows),
                    _ => sums.mean = Some(rows),
                }
            }
            state.run([x], span, sums);
        }
        (Op::Spread(_), State::Sliding(state)) => {
            let runs = inputs.rows(1);
            let mut spread = Spread { runs, counts: Counts::default(), var: None, std: None };
            for (result, rows) in outputs.each() {
                match result {
                    Result::Var => spread.var = Some(rows),
                    _ => spread.std = Some(rows),
                }
            }
            state.run([x], span, spread);
        }
        (Op::Shape(_), State::Sliding(state)) => {
            let mut shape = Shape { runs: inputs.rows(1), skew: None, kurt: None };
            for (result, rows) in outputs.each() {
                match result {
                    Result::Skew => shape.skew = Some(rows),
                    _ => shape.kurt = Some(rows),
                }
            }
            state.run([x], span, shape);
        }
        (Op::Trend(_), State::Trend(state, infinite)) => {
            let (values, deviations) = (x, inputs.optional_rows(1));
            let mut trend =
                Trend { values, deviations, infinite, slope: None, rsquare: None, residual: None };
            for (result, rows) in outputs.each() {
                match result {
                    Result::Slope => trend.slope = Some(rows),
                    Result::Rsquare => trend.rsquare = Some(rows),
                    _ => trend.residual = Some(rows),
                }
            }
            state.run([x], span, trend);
        }
        (Op::Extreme(End::Largest, _), State::Sliding(state)) => {
            let extreme = Extreme::<false> { out: outputs.lanes() };
            state.run([x], span, extreme);
        }
        (Op::Extreme(End::Smallest, _), State::Sliding(state)) => {
            let extreme = Extreme::<true> { out: outputs.lanes() };
            state.run([x], span, extreme);
        }
        (Op::Position(End::Largest, window), State::Sliding(state)) => {
            let (starts, out) = (&listed.starts, outputs.lanes());
            let position = Position::<false> { window, first: span.0, starts, out };
            state.run([x], span, position);
        }
        (Op::Position(End::Smallest, window), State::Sliding(state)) => {
            let (starts, out) = (&listed.starts, outputs.lanes());
            let position = Position::<true> { window, first: span.0, starts, out };
            state.run([x], span, position);
        }
        (Op::Product(window), State::Sliding(state)) => {
            let product = Product { window, out: outputs.lanes() };
            state.run([x], span, product);
        }
        (Op::Weighted(weighting, window), State::Sliding(state)) => {
            let (first, starts, out) = (span.0, &listed.starts, outputs.lanes());
            let weighted = Weighted { window, weighting, first, starts, out };
            state.run([x], span, weighted);
        }
        (Op::Covariance(_), State::Sliding(state)) => {
            let covariance = Covariance { out: outputs.lanes() };
            let y = inputs.rows(1);
            state.run([x, y], span, covariance);
        }
        (Op::Correlation(_), State::Sliding(state)) => {
            let deviations = [inputs.rows(2), inputs.rows(3)];
            let correlation = Correlation { deviations, out: outputs.lanes() };
            let y = inputs.rows(1);
            state.run([x, y], span, correlation);
        }
        (Op::MeanDeviation(window), State::History(history)) => {
            let out = outputs.lanes();
            vectorise(MeanDeviation { history, values: x, span, window, out });
        }
        (Op::Ema(_), State::History(history)) => {
            let (starts, out) = (&listed.starts, outputs.lanes());
            vectorise(Growing { history, values: x, span, starts, out });
        }
        (Op::Ema(span_or_factor), State::Ema(state)) => {
            let (factor, out) = (span_or_factor.value(), outputs.lanes());
            vectorise(EmaRun { state, values: x, bars: span.1, factor, out });
        }
        (Op::Repetition, State::Repetition(state)) => {
            let out = outputs.lanes();
            vectorise(RepetitionRun { state, values: x, bars: span.1, out });
        }
        (Op::Sorted(..), state) => sorted(inputs, outputs, state),
        // A step's state is made for its operator.
        _ => {}
    }
}

fn sorted(inputs: Inputs<'_>, mut outputs: Outputs<'_>, state: &mut State) {
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
            state.run(x, span, &mut wanted);
        }
        State::SweptDouble(state) => {
            let x = inputs.rows(0);
            state.run(x, span, &mut wanted);
        }
        State::Ranked(state) => state.run(inputs.rows(0), span, &mut wanted),
        _ => {}
    }
}

/// Technical indicators.
fn indicator(inputs: Inputs<'_>, mut outputs: Outputs<'_>, state: &mut State, listed: &Listed) {
    let State::Machines(machines) = state else { return };
    let bars = inputs.span.bars;
    let operands = &inputs.step.inputs;
    let series = operands.iter().filter(|input| matches!(input, Operand::Value(_))).count();
    let read: Vec<&[Lane]> = (0..series).map(|input| inputs.rows(input).first(bars)).collect();
    let mut into: Vec<&mut [Lane]> =
        (0..machines.first().map_or(0, Machine::outputs)).map(|_| Default::default()).collect();
    for (result, rows) in outputs.each() {
        if let Some(into) = result.output().and_then(|output| into.get_mut(output)) {
            *into = rows;
        }
    }
    vectorise(RunMachines { machines, listed: listed.bits(), read: &read, into: &mut into });
}

/// With the machine's instructions an indicator's fused steps are one each.
struct RunMachines<'a, 'b> {
    machines: &'a mut [Machine],
    listed: u8,
    read: &'a [&'b [Lane]],
    into: &'a mut [&'b mut [Lane]],
}

impl Kernel for RunMachines<'_, '_> {
    #[inline(always)]
    fn run(self) {
        // Fails only for series of unequal length: these are cut alike.
        let _ = Machine::run_abreast(self.machines, self.listed, self.read, self.into);
    }
}
