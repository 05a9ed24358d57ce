//! Expressions made ready to run: which steps, in which order, into which buffers.

use super::kernels::{End, Order, Weighting};
use crate::expr::{Binary, Cross, IndicatorId, Node, Unary};

/// Index of a column of a [`Program`].
pub(crate) type ColumnId = usize;

/// A number by its bits, so that steps can be compared and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Scalar(u64);

impl Scalar {
    pub(crate) fn value(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl From<f64> for Scalar {
    fn from(value: f64) -> Self {
        Self(value.to_bits())
    }
}

/// A column as it was some bars before the bar in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Value {
    pub(crate) column: ColumnId,
    pub(crate) lag: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operand {
    Value(Value),
    Scalar(Scalar),
}

/// numpy's type of a column's values. Conditions are 0 and 1 in single precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Precision {
    Single,
    Double,
}

/// What a step computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    /// A field of the panel, by its place among the program's fields.
    Field(usize),
    /// The same in double precision.
    FieldDouble(usize),
    /// What announcements tell, by its place among the program's parts that read them.
    PointInTime(usize),
    /// 1 where the instrument has a bar, 0 where it has none.
    Present,
    Widen,
    Narrow,
    /// 1 where a value is not 0, as numpy has it: also where it is missing.
    Truth,
    Not,
    Unary(Unary, Precision),
    Binary(Binary, Precision),
    Choose(Precision),
    /// The first bar's value, at every bar.
    First(Precision),
    /// The value this many bars ahead.
    Ahead(usize, Precision),
    Repetition,
    Sums(usize),
    Spread(usize),
    Shape(usize),
    Trend(usize),
    Extreme(End, usize),
    Position(End, usize),
    Sorted(usize, Precision),
    Product(usize),
    Weighted(Weighting, usize),
    MeanDeviation(usize),
    Ema(Scalar),
    Covariance(usize),
    Correlation(usize),
    Cross(CrossOp),
    /// Series, then numbers, which need only be in the range of the operator that was written, not
    /// of this one: the first of its family.
    Indicator(IndicatorId),
}

impl Op {
    /// How many of its first inputs it looks back at; it reads the others at the bar itself.
    fn series(self) -> usize {
        if matches!(self, Self::Covariance(_) | Self::Correlation(_)) { 2 } else { 1 }
    }

    /// How many bars further back than its inputs' lag it looks.
    fn reach(self) -> usize {
        match self {
            Self::Spread(window)
            | Self::Shape(window)
            | Self::Trend(window)
            | Self::Covariance(window)
            | Self::Correlation(window)
            | Self::Sums(window)
            | Self::Extreme(_, window)
            | Self::Position(_, window)
            | Self::Product(window)
            | Self::Weighted(_, window)
            | Self::MeanDeviation(window) => window.saturating_sub(1),
            Self::Sorted(window, _) => window,
            _ => 0,
        }
    }
}

/// A cross-sectional operator with its number by bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CrossOp {
    Rank,
    ZScore,
    Scale(Scalar),
    Winsorize(Scalar),
    Neutralize,
}

impl From<Cross> for CrossOp {
    fn from(op: Cross) -> Self {
        match op {
            Cross::Rank => Self::Rank,
            Cross::ZScore => Self::ZScore,
            Cross::Scale(sum) => Self::Scale(sum.into()),
            Cross::Winsorize(q) => Self::Winsorize(q.into()),
            Cross::Neutralize => Self::Neutralize,
        }
    }
}

/// Which of a step's results a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Result {
    Only,
    Sum,
    Mean,
    Var,
    Std,
    Skew,
    Kurt,
    Slope,
    Rsquare,
    Residual,
    Order(Order),
    /// An indicator's output, from 0.
    Output(usize),
}

impl Result {
    /// Which of an indicator's outputs it is.
    pub(crate) fn output(self) -> Option<usize> {
        match self {
            Self::Output(output) => Some(output),
            _ => None,
        }
    }
}

/// One computation over the bars of a group; its inputs come from earlier steps.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) op: Op,
    pub(crate) inputs: Vec<Operand>,
    pub(crate) outputs: Vec<(Result, ColumnId)>,
    /// How many bars after a bar the step can be computed for it.
    pub(crate) delay: usize,
    /// How often the cross-section was looked at before.
    pub(crate) stage: usize,
    /// Whether its series begins with the calendar, not with the instrument's first bar: what was
    /// announced is known before a listing, and windows over it reach back there as in Qlib.
    pub(crate) unlisted: bool,
    /// Expressions that are complete after this step.
    pub(crate) emits: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) precision: Precision,
    pub(crate) delay: usize,
    /// Rows kept of earlier blocks.
    pub(crate) history: usize,
    pub(crate) slot: usize,
    unlisted: bool,
    stage: usize,
    /// Whether the rows of bars that no step writes are read: those before the first bar, of a
    /// series that is known only some bars later and is moved back.
    before_first: bool,
}

impl Column {
    /// Notes a reader that looks back `lag` bars and needs `rows` rows of earlier blocks.
    fn is_read(&mut self, lag: usize, rows: usize) {
        self.history = self.history.max(rows);
        self.before_first |= lag > 0 && self.delay > 0;
    }

    /// Whether no other column may use its buffer. What a new buffer holds is missing, and so are
    /// rows that nothing writes.
    fn owns_buffer(&self) -> bool {
        self.history > 0 || self.before_first
    }
}

/// Expressions as one list of steps in which equal parts appear once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    pub(crate) fields: Vec<String>,
    /// Expressions over periods, and the period where one is given.
    pub(crate) points_in_time: Vec<(Node, Option<u32>)>,
    pub(crate) columns: Vec<Column>,
    /// Ordered by stage.
    pub(crate) steps: Vec<Step>,
    pub(crate) outputs: Vec<Value>,
    /// Precision and rows of history of each buffer.
    pub(crate) slots: Vec<(Precision, usize)>,
}

impl Program {
    /// A column for a result of a step.
    pub(crate) fn new_column(&mut self, precision: Precision, step: usize) -> usize {
        let step = &self.steps[step];
        let stage = step.stage + usize::from(matches!(step.op, Op::Cross(_)));
        let (delay, unlisted) = (step.delay, step.unlisted);
        self.columns.push(Column {
            precision,
            delay,
            history: 0,
            slot: 0,
            unlisted,
            stage,
            before_first: false,
        });
        self.columns.len() - 1
    }

    /// Whether a step's series begins before its instrument's first bar.
    pub(crate) fn is_unlisted(&self, op: Op, inputs: &[Operand]) -> bool {
        let reads = self.values(inputs).any(|value| self.columns[value.column].unlisted);
        matches!(op, Op::PointInTime(_)) || reads
    }

    /// Whether any step's series does.
    pub(crate) fn has_unlisted(&self) -> bool {
        !self.points_in_time.is_empty()
    }

    pub(crate) fn stage_of(&self, inputs: &[Operand]) -> usize {
        self.values(inputs).map(|value| self.columns[value.column].stage).max().unwrap_or(0)
    }

    /// The delay of a step that reads these inputs.
    pub(crate) fn delay_of(&self, inputs: &[Operand]) -> usize {
        let delay = |value: Value| self.columns[value.column].delay.saturating_sub(value.lag);
        self.values(inputs).map(delay).max().unwrap_or(0)
    }

    fn values<'a>(&self, inputs: &'a [Operand]) -> impl Iterator<Item = Value> + use<'a> {
        inputs.iter().filter_map(|input| match input {
            Operand::Value(value) => Some(*value),
            Operand::Scalar(_) => None,
        })
    }

    /// Rows between a step's newest row and the row of an input that it needs.
    pub(crate) fn rows_back(&self, step: &Step, value: Value) -> usize {
        let ahead = if let Op::Ahead(bars, _) = step.op { bars } else { 0 };
        step.delay + value.lag - ahead - self.columns[value.column].delay
    }

    /// How long after a bar an expression's value of it is known.
    pub(crate) fn output_delay(&self, output: usize) -> usize {
        let value = self.outputs[output];
        self.columns[value.column].delay.saturating_sub(value.lag)
    }

    pub(crate) fn output_rows_back(&self, output: usize) -> usize {
        let value = self.outputs[output];
        self.output_delay(output) + value.lag - self.columns[value.column].delay
    }

    pub(crate) fn longest_delay(&self) -> usize {
        (0..self.outputs.len()).map(|output| self.output_delay(output)).max().unwrap_or(0)
    }

    /// Whether no instrument looks at another.
    pub(crate) fn is_separate(&self) -> bool {
        !self.steps.iter().any(|step| matches!(step.op, Op::Cross(_)))
    }

    /// Whether no bar to come changes a value of an earlier one. A series that is moved ahead and
    /// back again ends earlier than its data, as in pandas, and so later bars fill in its end.
    pub(crate) fn is_incremental(&self) -> bool {
        !self.steps.iter().any(|step| matches!(step.op, Op::Ahead(..)))
    }

    pub(crate) fn stages(&self) -> usize {
        self.steps.last().map_or(0, |step| step.stage + 1)
    }

    /// Orders the steps by stage, then decides what is kept and where. No window looks back further
    /// than `longest` bars.
    pub(crate) fn finish(mut self, longest: usize) -> Self {
        self.steps.sort_by_key(|step| (step.stage, matches!(step.op, Op::Cross(_))));
        let mut made_by = vec![0; self.columns.len()];
        for (at, step) in self.steps.iter().enumerate() {
            for &(_, column) in &step.outputs {
                made_by[column] = at;
            }
        }
        let mut last_use = made_by.clone();
        for (at, step) in self.steps.iter().enumerate() {
            for (place, input) in step.inputs.iter().enumerate() {
                let Operand::Value(value) = *input else { continue };
                let reach = if place < step.op.series() { step.op.reach() } else { 0 };
                let back = self.rows_back(step, value) + reach.min(longest);
                self.columns[value.column].is_read(value.lag, back);
                last_use[value.column] = at;
            }
        }
        for output in 0..self.outputs.len() {
            let (value, back) = (self.outputs[output], self.output_rows_back(output));
            self.columns[value.column].is_read(value.lag, back);
            self.steps[made_by[value.column]].emits.push(output);
        }
        self.assign_slots(&last_use);
        self
    }

    /// Columns whose earlier rows are read own their buffer; the others share what is free.
    fn assign_slots(&mut self, last_use: &[usize]) {
        let mut free: Vec<(Precision, usize)> = vec![];
        let mut spent: Vec<Vec<ColumnId>> = vec![vec![]; self.steps.len()];
        for (column, &step) in last_use.iter().enumerate() {
            if !self.columns[column].owns_buffer() {
                spent[step].push(column);
            }
        }
        for (at, step) in self.steps.iter().enumerate() {
            for &(_, id) in &step.outputs {
                let column = &mut self.columns[id];
                let shared = free.iter().rposition(|(precision, _)| *precision == column.precision);
                column.slot = match shared {
                    Some(at) if !column.owns_buffer() => free.swap_remove(at).1,
                    _ => {
                        self.slots.push((column.precision, column.history));
                        self.slots.len() - 1
                    }
                };
            }
            for &id in &spent[at] {
                free.push((self.columns[id].precision, self.columns[id].slot));
            }
        }
    }
}
