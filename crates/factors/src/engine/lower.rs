//! From the tree of an expression to the steps of a program.

use std::collections::HashMap;

use super::kernels::{End, Order, Weighting};
use super::program::{ColumnId, Op, Operand, Precision, Program, Result, Step, Value};
use crate::expr::chain::Chain;
use crate::expr::kind::Kind;
use crate::expr::{Binary, Cross, IndicatorId, Node, Pair, Rolling, Shift, Unary};

/// Brings expressions into one program. No series is longer than `longest` bars.
pub(crate) fn program<'a>(roots: impl IntoIterator<Item = &'a Node>, longest: usize) -> Program {
    let mut lowering = Lowering { longest, ..Lowering::default() };
    for root in roots {
        let part = lowering.part(root);
        let value = lowering.value(part);
        lowering.program.outputs.push(value);
    }
    lowering.program.finish(longest)
}

/// A part of an expression that is already among the steps.
#[derive(Debug, Clone, Copy)]
struct Lowered {
    operand: Operand,
    kind: Kind,
}

#[derive(Default)]
struct Lowering {
    program: Program,
    known: HashMap<(Op, Vec<Operand>), usize>,
    longest: usize,
}

impl Lowering {
    fn part(&mut self, node: &Node) -> Lowered {
        if let Some(value) = node.constant() {
            return Lowered { operand: Operand::Scalar(value.into()), kind: Kind::Constant };
        }
        match node {
            Node::Field(name) => self.field(name),
            Node::PointInTime(inner, period) => self.point_in_time(inner, *period),
            // Only within the former.
            Node::PeriodField(_) => {
                Lowered { operand: Operand::Scalar(f64::NAN.into()), kind: Kind::Constant }
            }
            // A number is a constant, and so was answered above.
            Node::Number(value) => {
                Lowered { operand: Operand::Scalar((*value).into()), kind: Kind::Constant }
            }
            Node::Unary(op, a) => {
                let a = self.part(a);
                self.unary(*op, a)
            }
            Node::Binary(..) => self.chain(node),
            Node::If(condition, a, b) => {
                let condition = self.part(condition);
                let [a, b] = self.operands(a, b);
                let (condition, kind) = (self.truth(condition), known(a.kind.meet(b.kind)));
                let precision = precision(kind);
                let inputs =
                    [condition, self.as_precision(a, precision), self.as_precision(b, precision)];
                let operand = self.one(Op::Choose(precision), &inputs, precision);
                Lowered { operand, kind }
            }
            Node::Shift(op, a, distance) => {
                let a = self.part(a);
                let moved = self.shifted(a, *distance);
                match op {
                    Shift::Ref => moved,
                    Shift::Delta => self.binary(Binary::Sub, a, moved),
                }
            }
            Node::Rolling(op, a, window) => {
                let a = self.part(a);
                double(self.rolling(*op, a, *window))
            }
            Node::Quantile(a, window, q) => {
                let a = self.part(a);
                double(self.sorted(a, *window, Order::Quantile(q.to_bits())))
            }
            Node::Ema(a, span) => {
                let a = self.part(a);
                let input = self.as_double(a);
                double(self.one(Op::Ema((*span).into()), &[input], Precision::Double))
            }
            Node::Pair(op, a, b, window) => {
                let (a, b) = (self.part(a), self.part(b));
                let [a, b] = [a, b].map(|part| self.as_double(part));
                double(match op {
                    Pair::Cov => self.one(Op::Covariance(*window), &[a, b], Precision::Double),
                    Pair::Corr => {
                        let deviations =
                            [a, b].map(|input| self.spread(input, *window, Result::Std));
                        let inputs = [a, b, deviations[0], deviations[1]];
                        self.one(Op::Correlation(*window), &inputs, Precision::Double)
                    }
                })
            }
            Node::Cross(op, a, group) => self.cross(*op, a, group.as_deref()),
            Node::Indicator(id, args, numbers) => self.indicator(*id, args, numbers),
        }
    }

    fn value(&mut self, part: Lowered) -> Value {
        match part.operand {
            Operand::Value(value) => value,
            // The parser refuses an expression without a field.
            Operand::Scalar(_) => match self.one(Op::Widen, &[part.operand], Precision::Double) {
                Operand::Value(value) => value,
                Operand::Scalar(_) => Value { column: 0, lag: 0 },
            },
        }
    }

    fn field_place(&mut self, name: &str) -> usize {
        let fields = &mut self.program.fields;
        fields.iter().position(|known| known == name).unwrap_or_else(|| {
            fields.push(name.to_owned());
            fields.len() - 1
        })
    }

    fn field(&mut self, name: &str) -> Lowered {
        let at = self.field_place(name);
        Lowered { operand: self.one(Op::Field(at), &[], Precision::Single), kind: Kind::F32 }
    }

    fn point_in_time(&mut self, inner: &Node, period: Option<u32>) -> Lowered {
        let known = &mut self.program.points_in_time;
        let place = known.iter().position(|(node, of)| node == inner && *of == period);
        let place = place.unwrap_or_else(|| {
            known.push((inner.clone(), period));
            known.len() - 1
        });
        let operand = self.one(Op::PointInTime(place), &[], Precision::Single);
        Lowered { operand, kind: Kind::F32 }
    }

    fn unary(&mut self, op: Unary, a: Lowered) -> Lowered {
        match (op, a.kind) {
            (Unary::Not, _) => {
                let condition = self.truth(a);
                let operand = self.one(Op::Not, &[condition], Precision::Single);
                Lowered { operand, kind: Kind::Bool }
            }
            (Unary::Abs, Kind::Bool | Kind::Holed) => a,
            // Qlib turns the argument of Sign into single precision first.
            (Unary::Sign, _) => {
                let input = self.as_single(a);
                let op = Op::Unary(op, Precision::Single);
                Lowered { operand: self.one(op, &[input], Precision::Single), kind: Kind::F32 }
            }
            (_, kind) => {
                let (precision, kind) = (precision(kind), known(kind));
                let input = self.as_precision(a, precision);
                let operand = self.one(Op::Unary(op, precision), &[input], precision);
                let kind = if kind == Kind::F64 { kind } else { Kind::F32 };
                Lowered { operand, kind }
            }
        }
    }

    fn binary(&mut self, op: Binary, a: Lowered, b: Lowered) -> Lowered {
        let met = a.kind.meet(b.kind);
        if met == Kind::Bool
            && let Some(op) = of_conditions(op)
        {
            let inputs = [a.operand, b.operand];
            let operand = self.one(Op::Binary(op, Precision::Single), &inputs, Precision::Single);
            return Lowered { operand, kind: Kind::Bool };
        }
        let holed = a.kind == Kind::Holed || b.kind == Kind::Holed;
        match op {
            Binary::And | Binary::Or => return self.both_or_either(op, a, b),
            Binary::Greater | Binary::Less if holed => return self.selected(op, a, b),
            _ => {}
        }
        let within = precision(known(a.kind.meet_in(op, b.kind)));
        let inputs = [self.as_precision(a, within), self.as_precision(b, within)];
        let (result, kind) = match (op.compares(), within) {
            (true, _) => (Precision::Single, Kind::Bool),
            (false, Precision::Single) => (within, Kind::F32),
            (false, Precision::Double) => (within, Kind::F64),
        };
        Lowered { operand: self.one(Op::Binary(op, within), &inputs, result), kind }
    }

    /// Conditions joined of which one has holes. To pandas what is missing does not hold, and an
    /// `Or` whose left side is missing does not look at its right one.
    fn both_or_either(&mut self, op: Binary, a: Lowered, b: Lowered) -> Lowered {
        let zero = Operand::Scalar(0.0.into());
        let mut single =
            |op, a, b| self.one(Op::Binary(op, Precision::Single), &[a, b], Precision::Single);
        let met = if op == Binary::And {
            single(Binary::Mul, a.operand, b.operand)
        } else {
            let holds = single(Binary::Gt, b.operand, zero);
            single(Binary::Add, a.operand, holds)
        };
        Lowered { operand: single(Binary::Gt, met, zero), kind: Kind::Bool }
    }

    /// The larger or smaller of objects, as numpy finds it by comparing: where either is missing,
    /// the comparison fails and the second is taken.
    fn selected(&mut self, op: Binary, a: Lowered, b: Lowered) -> Lowered {
        let kind = a.kind.meet(b.kind);
        let precision = precision(kind);
        let [a, b] = [a, b].map(|part| self.as_precision(part, precision));
        let compares = if op == Binary::Greater { Binary::Ge } else { Binary::Le };
        let first = self.one(Op::Binary(compares, precision), &[a, b], Precision::Single);
        Lowered { operand: self.one(Op::Choose(precision), &[first, a, b], precision), kind }
    }

    /// Binary operators that follow one another on the left, the first ones first.
    fn chain(&mut self, node: &Node) -> Lowered {
        let Chain { first, rest } = Chain::of_series(node);
        let mut rest = rest.into_iter();
        let Some((op, second)) = rest.next() else { return self.part(first) };
        let [a, b] = self.operands(first, second);
        let mut met = self.binary(op, a, b);
        let mut has_indicator = first.has_indicator() || second.has_indicator();
        for (op, right) in rest {
            let b = if has_indicator { self.beside(right, met) } else { self.part(right) };
            met = self.binary(op, met, b);
            has_indicator |= right.has_indicator();
        }
        met
    }

    /// The operands of an element-wise operator. Beside an indicator, which is in double precision
    /// and read its fields so, a field is read in double precision too: a price would else differ
    /// from the average of its own equals.
    fn operands(&mut self, a: &Node, b: &Node) -> [Lowered; 2] {
        if is_field(a) && b.has_indicator() {
            let b = self.part(b);
            return [self.beside(a, b), b];
        }
        let first = self.part(a);
        let second = if a.has_indicator() { self.beside(b, first) } else { self.part(b) };
        [first, second]
    }

    /// A part beside one with an indicator.
    fn beside(&mut self, node: &Node, other: Lowered) -> Lowered {
        let double = if other.kind == Kind::F64 { self.field_double(node) } else { None };
        double.unwrap_or_else(|| self.part(node))
    }

    /// A field of bars in double precision, moved or not; `None` of any other part.
    fn field_double(&mut self, node: &Node) -> Option<Lowered> {
        match node {
            Node::Field(name) => {
                let at = self.field_place(name);
                Some(double(self.one(Op::FieldDouble(at), &[], Precision::Double)))
            }
            Node::Shift(Shift::Ref, inner, distance) => {
                let inner = self.field_double(inner)?;
                Some(self.shifted(inner, *distance))
            }
            _ => None,
        }
    }

    /// The series `distance` bars ago (ahead where negative); 0: its first bar.
    fn shifted(&mut self, a: Lowered, distance: i64) -> Lowered {
        let Operand::Value(value) = a.operand else { return a };
        // Beyond the longest series everything is equally missing.
        let bars = usize::try_from(distance.unsigned_abs()).unwrap_or(usize::MAX).min(self.longest);
        let precision = precision(a.kind);
        let kind = if a.kind == Kind::Bool && distance != 0 { Kind::Holed } else { a.kind };
        let operand = if distance > 0 {
            Operand::Value(Value { lag: (value.lag + bars).min(self.longest), ..value })
        } else if distance == 0 {
            self.one(Op::First(precision), &[a.operand], precision)
        } else {
            self.one(Op::Ahead(bars, precision), &[a.operand], precision)
        };
        Lowered { operand, kind }
    }

    fn rolling(&mut self, op: Rolling, a: Lowered, window: usize) -> Operand {
        let x = match op {
            Rolling::Med => return self.sorted(a, window, Order::Median),
            Rolling::Rank => return self.sorted(a, window, Order::Rank),
            _ => self.as_double(a),
        };
        let only = |lowering: &mut Self, op: Op| lowering.one(op, &[x], Precision::Double);
        match op {
            Rolling::Mean | Rolling::Sum => {
                // Sums of equal singles are exact, so only doubles need the repetition.
                let repetition = (a.kind == Kind::F64).then(|| self.repetition(x));
                let inputs: Vec<Operand> = [x].into_iter().chain(repetition).collect();
                let result = if op == Rolling::Mean { Result::Mean } else { Result::Sum };
                self.step(Op::Sums(window), &inputs, result, Precision::Double)
            }
            Rolling::Count => {
                // Only what is missing differs from itself; an infinity counts.
                let counts = Op::Binary(Binary::Eq, Precision::Double);
                let known = self.one(counts, &[x, x], Precision::Single);
                let known = self.lagged(Op::Widen, known, Precision::Double);
                self.step(Op::Sums(window), &[known], Result::Sum, Precision::Double)
            }
            Rolling::Std => self.spread(x, window, Result::Std),
            Rolling::Var => self.spread(x, window, Result::Var),
            Rolling::Skew | Rolling::Kurt => {
                let inputs = [x, self.repetition(x)];
                let result = if op == Rolling::Skew { Result::Skew } else { Result::Kurt };
                self.step(Op::Shape(window), &inputs, result, Precision::Double)
            }
            Rolling::Slope | Rolling::Resi | Rolling::Rsquare => {
                // Qlib masks flat windows of a rolling, not of an expanding regression.
                let deviation = (window > 0).then(|| self.spread(x, window, Result::Std));
                let inputs: Vec<Operand> = [x].into_iter().chain(deviation).collect();
                let result = match op {
                    Rolling::Slope => Result::Slope,
                    Rolling::Resi => Result::Residual,
                    _ => Result::Rsquare,
                };
                self.step(Op::Trend(window), &inputs, result, Precision::Double)
            }
            Rolling::Max => only(self, Op::Extreme(End::Largest, window)),
            Rolling::Min => only(self, Op::Extreme(End::Smallest, window)),
            Rolling::IdxMax => only(self, Op::Position(End::Largest, window)),
            Rolling::IdxMin => only(self, Op::Position(End::Smallest, window)),
            Rolling::Mad => only(self, Op::MeanDeviation(window)),
            Rolling::Product => only(self, Op::Product(window)),
            Rolling::Wma => only(self, Op::Weighted(Weighting::QlibMean, window)),
            Rolling::DecayLinear => only(self, Op::Weighted(Weighting::Complete, window)),
            Rolling::Med | Rolling::Rank => x,
        }
    }

    fn spread(&mut self, x: Operand, window: usize, result: Result) -> Operand {
        let inputs = [x, self.repetition(x)];
        self.step(Op::Spread(window), &inputs, result, Precision::Double)
    }

    fn repetition(&mut self, x: Operand) -> Operand {
        self.lagged(Op::Repetition, x, Precision::Double)
    }

    fn sorted(&mut self, a: Lowered, window: usize, order: Order) -> Operand {
        let swept = (1..=super::kernels::SWEPT).contains(&window);
        let precision = if swept { precision(a.kind) } else { Precision::Double };
        let input = self.as_precision(a, precision);
        let op = Op::Sorted(window, precision);
        self.step(op, &[input], Result::Order(order), Precision::Double)
    }

    fn cross(&mut self, op: Cross, a: &Node, group: Option<&Node>) -> Lowered {
        let parts: Vec<Lowered> =
            std::iter::once(a).chain(group).map(|node| self.part(node)).collect();
        let present = self.one(Op::Present, &[], Precision::Single);
        let mut inputs: Vec<Operand> = parts.iter().map(|part| self.as_double(*part)).collect();
        inputs.push(present);
        double(self.one(Op::Cross(op.into()), &inputs, Precision::Double))
    }

    fn indicator(&mut self, id: IndicatorId, args: &[Node], numbers: &[f64]) -> Lowered {
        let mut inputs: Vec<Operand> = Vec::with_capacity(args.len() + numbers.len());
        for arg in args {
            let part = self.field_double(arg).unwrap_or_else(|| self.part(arg));
            inputs.push(self.as_double(part));
        }
        inputs.extend(numbers.iter().map(|number| Operand::Scalar((*number).into())));
        let (op, result) = (Op::Indicator(id.of_family()), Result::Output(id.spec().output));
        double(self.step(op, &inputs, result, Precision::Double))
    }

    /// 0 and 1 for a condition; numpy's truth of a number.
    fn truth(&mut self, part: Lowered) -> Operand {
        match part.kind {
            Kind::Bool => part.operand,
            kind => {
                let input = self.as_precision(part, precision(kind));
                self.one(Op::Truth, &[input], Precision::Single)
            }
        }
    }

    fn as_precision(&mut self, part: Lowered, precision: Precision) -> Operand {
        match precision {
            Precision::Single => self.as_single(part),
            Precision::Double => self.as_double(part),
        }
    }

    fn as_double(&mut self, part: Lowered) -> Operand {
        match part.kind {
            Kind::Constant | Kind::F64 => part.operand,
            Kind::Bool | Kind::Holed | Kind::F32 => {
                self.lagged(Op::Widen, part.operand, Precision::Double)
            }
        }
    }

    fn as_single(&mut self, part: Lowered) -> Operand {
        match part.kind {
            Kind::F64 => self.lagged(Op::Narrow, part.operand, Precision::Single),
            Kind::Constant | Kind::Bool | Kind::Holed | Kind::F32 => part.operand,
        }
    }

    /// An operator that commutes with shifting: done once, then shifted.
    fn lagged(&mut self, op: Op, input: Operand, precision: Precision) -> Operand {
        let Operand::Value(Value { column, lag }) = input else { return input };
        match self.one(op, &[Operand::Value(Value { column, lag: 0 })], precision) {
            Operand::Value(value) => Operand::Value(Value { lag, ..value }),
            scalar @ Operand::Scalar(_) => scalar,
        }
    }

    fn one(&mut self, op: Op, inputs: &[Operand], precision: Precision) -> Operand {
        self.step(op, inputs, Result::Only, precision)
    }

    /// The column of a step's result; the step is made unless it is there already.
    fn step(
        &mut self,
        op: Op,
        inputs: &[Operand],
        result: Result,
        precision: Precision,
    ) -> Operand {
        let program = &mut self.program;
        let at = *self.known.entry((op, inputs.to_vec())).or_insert_with(|| {
            let ahead = if let Op::Ahead(bars, _) = op { bars } else { 0 };
            let delay = match inputs {
                [Operand::Value(value)] if ahead > 0 => {
                    (program.columns[value.column].delay + ahead).saturating_sub(value.lag)
                }
                inputs => program.delay_of(inputs),
            };
            let (stage, unlisted) = (program.stage_of(inputs), program.is_unlisted(op, inputs));
            let (inputs, outputs, emits) = (inputs.to_vec(), vec![], vec![]);
            program.steps.push(Step { op, inputs, outputs, delay, stage, unlisted, emits });
            program.steps.len() - 1
        });
        let step = &program.steps[at];
        let found = step.outputs.iter().find(|(known, _)| *known == result);
        let column: ColumnId = match found {
            Some((_, column)) => *column,
            None => {
                let column = program.new_column(precision, at);
                program.steps[at].outputs.push((result, column));
                column
            }
        };
        Operand::Value(Value { column, lag: 0 })
    }
}

fn double(operand: Operand) -> Lowered {
    Lowered { operand, kind: Kind::F64 }
}

/// A field of bars, moved or not.
fn is_field(node: &Node) -> bool {
    match node {
        Node::Field(_) => true,
        Node::Shift(Shift::Ref, inner, _) => is_field(inner),
        _ => false,
    }
}

/// A choice between two plain numbers gives doubles.
fn known(kind: Kind) -> Kind {
    if kind == Kind::Constant { Kind::F64 } else { kind }
}

fn precision(kind: Kind) -> Precision {
    match kind {
        Kind::Bool | Kind::Holed | Kind::F32 => Precision::Single,
        Kind::F64 | Kind::Constant => Precision::Double,
    }
}

/// numpy's arithmetic of two conditions, which are 0 and 1.
fn of_conditions(op: Binary) -> Option<Binary> {
    match op {
        Binary::Add | Binary::Or | Binary::Greater => Some(Binary::Greater),
        Binary::Mul | Binary::And | Binary::Less => Some(Binary::Less),
        _ => None,
    }
}
