use super::block::{Bars, Block, Listed, Span};
use super::buffer::Buffer;
use super::lanes::LANES;
use super::part::Places;
use super::program::{Op, Operand, Program, Result, Step, Value};
use super::sink::{Cell, Sink};
use super::state::State;
use super::step::{Inputs, Outputs, compute};

/// Up to eight instruments that go through a program together.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// Their places in the panel.
    pub(crate) instruments: Vec<usize>,
    pub(crate) listed: Listed,
    pub(super) buffers: Vec<Buffer>,
    pub(super) states: Vec<State>,
}

impl Group {
    pub(crate) fn new(
        program: &Program,
        instruments: Vec<usize>,
        listed: Listed,
        block: usize,
    ) -> Self {
        let buffer = |&(precision, history): &_| Buffer::new(precision, history + block);
        Self {
            instruments,
            listed,
            buffers: program.slots.iter().map(buffer).collect(),
            states: program.steps.iter().map(State::new).collect(),
        }
    }

    /// Runs the steps of a stage over a block, cross-sectional ones aside, and hands on what is
    /// complete.
    pub(crate) fn run<T: Cell>(
        &mut self,
        program: &Program,
        stage: usize,
        block: Block,
        bars: Bars<'_>,
        sink: &mut Sink<'_, T>,
    ) {
        let steps = program.steps.iter().enumerate();
        for (at, step) in steps.filter(|(_, step)| step.stage == stage) {
            if matches!(step.op, Op::Cross(_)) {
                continue;
            }
            if let Some(span) = block.span(step.delay) {
                self.step(program, at, span, bars);
            }
            self.emit(program, step, block, sink);
        }
    }

    /// Runs the chosen steps over a block; their values stay here.
    pub(super) fn run_steps(
        &mut self,
        program: &Program,
        chosen: &[bool],
        block: Block,
        bars: Bars<'_>,
    ) {
        let steps = program.steps.iter().enumerate();
        for (at, step) in steps.filter(|&(at, _)| chosen[at]) {
            if let Some(span) = block.span(step.delay) {
                self.step(program, at, span, bars);
            }
        }
    }

    /// The group for a program that does the same with longer lags. `places` are its steps and
    /// columns in the present program.
    pub(crate) fn moved(self, present: &Program, next: &Program, places: &Places) -> Self {
        let mut moved = Self::new(next, self.instruments, self.listed, super::BLOCK);
        for (column, &there) in next.columns.iter().zip(&places.columns) {
            let there = &present.columns[there];
            let rows = column.history.min(there.history);
            if rows > 0 {
                let rows = self.buffers[there.slot].slice(there.history - rows..there.history);
                moved.buffers[column.slot].put_before(column.history, &rows);
            }
        }
        for (state, &there) in moved.states.iter_mut().zip(&places.steps) {
            *state = self.states[there].clone();
        }
        moved
    }

    /// Hands on the expressions that a step completed. One that moves a delayed step back begins
    /// earlier than the step does, with bars before the first one: they are missing.
    pub(crate) fn emit<T: Cell>(
        &self,
        program: &Program,
        step: &Step,
        block: Block,
        sink: &mut Sink<'_, T>,
    ) {
        for &output in &step.emits {
            let value = program.outputs[output];
            let column = &program.columns[value.column];
            if let Some(span) = block.span(program.output_delay(output)) {
                let at = column.history + span.row - program.output_rows_back(output);
                sink.take(output, &self.buffers[column.slot], at, span, self.instruments.len());
            }
        }
    }

    /// Keeps what later blocks look back at.
    pub(crate) fn keep(&mut self, program: &Program, rows: usize) {
        for (buffer, &(_, history)) in self.buffers.iter_mut().zip(&program.slots) {
            if history > 0 {
                buffer.keep(history, rows);
            }
        }
    }

    /// An input of a cross-sectional step: its value of an instrument at a row.
    pub(crate) fn read(&self, program: &Program, step: &Step, input: usize, span: Span) -> &[f64] {
        match step.inputs[input] {
            Operand::Value(value) => {
                let at = self.at(program, step, value, span);
                &self.buffers[program.columns[value.column].slot].doubles()[at * LANES..]
            }
            Operand::Scalar(_) => &[],
        }
    }

    /// Which instruments have a bar, for a cross-sectional step: its last input.
    pub(crate) fn presence(&self, program: &Program, step: &Step, span: Span) -> &[f32] {
        match step.inputs.last() {
            Some(Operand::Value(value)) => {
                let at = self.at(program, step, *value, span);
                &self.buffers[program.columns[value.column].slot].singles()[at * LANES..]
            }
            _ => &[],
        }
    }

    /// The rows a cross-sectional step writes.
    pub(crate) fn written(&mut self, program: &Program, step: &Step, span: Span) -> &mut [f64] {
        let column = &program.columns[step.outputs[0].1];
        let at = (column.history + span.row) * LANES;
        &mut self.buffers[column.slot].doubles_mut()[at..at + span.bars * LANES]
    }

    /// The row of an input's buffer that a step's first bar reads.
    fn at(&self, program: &Program, step: &Step, value: Value, span: Span) -> usize {
        program.columns[value.column].history + span.row - program.rows_back(step, value)
    }

    fn step(&mut self, program: &Program, at: usize, span: Span, bars: Bars<'_>) {
        let step = &program.steps[at];
        let unlisted = step.unlisted.then(|| self.listed.unlisted());
        let listed = unlisted.as_ref().unwrap_or(&self.listed);
        let mut outputs: Vec<(Result, usize, Buffer)> = Vec::with_capacity(step.outputs.len());
        for &(result, column) in &step.outputs {
            let slot = program.columns[column].slot;
            outputs.push((result, column, std::mem::take(&mut self.buffers[slot])));
        }
        let mut state = std::mem::replace(&mut self.states[at], State::Nothing);
        let inputs = Inputs { program, step, span, buffers: &self.buffers };
        let mut outputs_at = Outputs { program, span, columns: &mut outputs };
        match step.op {
            Op::Field(field) => {
                outputs_at.field(bars, bars.fields[field], &self.instruments, &self.listed);
            }
            Op::FieldDouble(field) => {
                outputs_at.field_double(bars, bars.fields[field], &self.instruments, &self.listed);
            }
            Op::PointInTime(part) => outputs_at.point_in_time(bars, part, &self.instruments),
            Op::Present => outputs_at.present(bars, &self.instruments),
            _ => compute(inputs, outputs_at, &mut state, listed),
        }
        self.states[at] = state;
        for (_, column, mut buffer) in outputs {
            let column = &program.columns[column];
            if span.bar < listed.all_begun() {
                let first = column.history + span.row;
                let starts = listed.starts;
                buffer.hide(first..first + span.bars, |row, l| span.bar + row - first < starts[l]);
            }
            self.buffers[column.slot] = buffer;
        }
    }
}
