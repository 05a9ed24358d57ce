use super::known::Known;
use super::series::Series;
use crate::expr::chain::Chain;
use crate::expr::{Binary, Node, Pair, Unary};
use crate::windows;

/// The value of an expression's newest period, or of the given one, of what is known of its
/// fields; `reach` is how many periods further back its windows look.
pub(super) fn evaluate(node: &Node, period: Option<u32>, reach: usize, known: &[Known<'_>]) -> f64 {
    match (Evaluation { period, reach, known }).part(node) {
        Value::Number(value) => value,
        Value::Series(series) => series.last(),
    }
}

enum Value {
    Number(f64),
    Series(Series),
}

struct Evaluation<'a> {
    period: Option<u32>,
    reach: usize,
    known: &'a [Known<'a>],
}

impl Evaluation<'_> {
    fn part(&self, node: &Node) -> Value {
        if let Some(value) = node.constant() {
            return Value::Number(value);
        }
        Value::Series(match node {
            Node::PeriodField(name) => self.field(name),
            Node::Unary(op, a) => unary(*op, self.series(a)),
            Node::Binary(..) => self.chain(node),
            Node::If(condition, a, b) => {
                choose(self.series(condition), &self.part(a), &self.part(b))
            }
            Node::Shift(_, a, distance) => {
                let periods = usize::try_from(*distance).unwrap_or(0);
                shifted(self.series(a), periods)
            }
            Node::Rolling(op, a, window) => {
                self.over(a, |values| windows::rolling(*op, values, *window))
            }
            Node::Quantile(a, window, q) => self.over(a, |values| {
                windows::quantile(&windows::without_infinities(values), *window, *q)
            }),
            Node::Ema(a, span) => {
                self.over(a, |values| windows::ema(&windows::without_infinities(values), *span))
            }
            Node::Pair(op, a, b, window) => {
                let (a, b) = self.series(a).meet(self.series(b));
                let [x, y] = [&a, &b].map(|series| windows::without_infinities(&series.values));
                let values = match op {
                    Pair::Corr => windows::corr(&x, &y, *window),
                    Pair::Cov => windows::cov(&x, &y, *window),
                };
                Series::numbers(a.periods, values)
            }
            // The parser lets no other part in.
            Node::Number(_)
            | Node::Field(_)
            | Node::Cross(..)
            | Node::Indicator(..)
            | Node::PointInTime(..) => Series::numbers(vec![], vec![]),
        })
    }

    /// Binary operators that follow one another on the left, the first ones first.
    fn chain(&self, node: &Node) -> Series {
        let Chain { first, rest } = Chain::of_series(node);
        let join = |left, (op, right)| Value::Series(binary(op, left, self.part(right)));
        match rest.into_iter().fold(self.part(first), join) {
            Value::Series(series) => series,
            // A constant, and so answered before.
            Value::Number(_) => Series::numbers(vec![], vec![]),
        }
    }

    fn series(&self, node: &Node) -> Series {
        match self.part(node) {
            Value::Series(series) => series,
            // The parser asks for a series here.
            Value::Number(_) => Series::numbers(vec![], vec![]),
        }
    }

    fn field(&self, name: &str) -> Series {
        let known = self.known.iter().find(|known| known.field() == name);
        match (known, self.period) {
            (Some(known), Some(period)) => known.of(period),
            (Some(known), None) => known.newest(self.reach + 1),
            (None, _) => Series::numbers(vec![], vec![]),
        }
    }

    fn over(&self, node: &Node, windows: impl Fn(&[f64]) -> Vec<f64>) -> Series {
        let series = self.series(node);
        let values = windows(&series.values);
        series.with(values)
    }
}

fn unary(op: Unary, a: Series) -> Series {
    let is_condition = op == Unary::Not || (op == Unary::Abs && a.is_condition);
    let value = |&value: &f64| match op {
        Unary::Neg => -value,
        Unary::Abs => value.abs(),
        Unary::Log => value.ln(),
        Unary::Not => truth(value == 0.0),
        // Qlib turns the argument of Sign into single precision first.
        Unary::Sign => match value as f32 {
            zero if zero == 0.0 => zero.into(),
            single if single.is_nan() => f64::NAN,
            single => single.signum().into(),
        },
    };
    let values = a.values.iter().map(value).collect();
    let is_holed = op == Unary::Abs && a.is_holed;
    Series { is_condition, is_holed, ..a.with(values) }
}

fn binary(op: Binary, a: Value, b: Value) -> Series {
    match (a, b) {
        (Value::Series(a), Value::Series(b)) => {
            let (a, b) = a.meet(b);
            let truths = a.holds_truths() && b.holds_truths();
            let conditions = a.is_condition && b.is_condition
                || truths && matches!(op, Binary::And | Binary::Or)
                || selects_objects(op, &[&a, &b]);
            let values = a.values.iter().zip(&b.values);
            let values = values.map(|(&a, &b)| of_two(op, a, b, conditions)).collect();
            let logical = truths && conditions && of_conditions(op, 1.0, 1.0).is_some();
            let is_holed = logical && selects_objects(op, &[&a, &b]);
            let is_condition = logical && !is_holed || op.compares();
            Series { is_condition, is_holed, ..a.with(values) }
        }
        (Value::Series(a), Value::Number(b)) => {
            let objects = selects_objects(op, &[&a]);
            let values = a.values.iter().map(|&a| of_two(op, a, b, objects)).collect();
            Series { is_condition: op.compares(), ..a.with(values) }
        }
        (Value::Number(a), Value::Series(b)) => {
            let objects = selects_objects(op, &[&b]);
            let values = b.values.iter().map(|&b| of_two(op, a, b, objects)).collect();
            Series { is_condition: op.compares(), ..b.with(values) }
        }
        // A constant, and so answered before.
        (Value::Number(_), Value::Number(_)) => Series::numbers(vec![], vec![]),
    }
}

/// Whether an operator takes the larger or smaller of values of which some are Python's objects.
fn selects_objects(op: Binary, operands: &[&Series]) -> bool {
    matches!(op, Binary::Greater | Binary::Less) && operands.iter().any(|series| series.is_holed)
}

/// numpy's arithmetic of two conditions. Where one of them is not known, which series of different
/// periods make happen, pandas computes with Python objects: what is missing does not hold, an
/// `Or` looks at its left side first, and comparing with it is false.
fn of_conditions(op: Binary, a: f64, b: f64) -> Option<f64> {
    let known = !a.is_nan() && !b.is_nan();
    Some(match op {
        Binary::And => truth(a == 1.0 && b == 1.0),
        Binary::Or => truth(a == 1.0 || (!a.is_nan() && b == 1.0)),
        Binary::Greater => {
            if a >= b {
                a
            } else {
                b
            }
        }
        Binary::Less => {
            if a <= b {
                a
            } else {
                b
            }
        }
        Binary::Add if known => truth(a == 1.0 || b == 1.0),
        Binary::Mul if known => truth(a == 1.0 && b == 1.0),
        Binary::Add | Binary::Mul => f64::NAN,
        _ => return None,
    })
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

fn of_two(op: Binary, a: f64, b: f64, conditions: bool) -> f64 {
    if conditions && let Some(value) = of_conditions(op, a, b) {
        return value;
    }
    match op {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Power => a.powf(b),
        Binary::Greater => {
            if a >= b || a.is_nan() {
                a
            } else {
                b
            }
        }
        Binary::Less => {
            if a <= b || a.is_nan() {
                a
            } else {
                b
            }
        }
        Binary::Gt => truth(a > b),
        Binary::Ge => truth(a >= b),
        Binary::Lt => truth(a < b),
        Binary::Le => truth(a <= b),
        Binary::Eq => truth(a == b),
        Binary::Ne => truth(a != b),
        // The parser lets these join conditions only.
        Binary::And | Binary::Or => f64::NAN,
    }
}

/// `np.where`: place by place, whatever the periods are. Where a branch is shorter, which numpy
/// refuses, places are counted from the newest.
fn choose(condition: Series, a: &Value, b: &Value) -> Series {
    let of = |value: &Value, places: usize| match value {
        Value::Number(value) => *value,
        Value::Series(series) => series.before_last(places),
    };
    let length = condition.values.len();
    let choice = |(at, &holds): (usize, &f64)| {
        // Missing is not 0, and so true to numpy.
        of(if holds == 0.0 { b } else { a }, length - 1 - at)
    };
    let values = condition.values.iter().enumerate().map(choice).collect();
    let all = |is: fn(&Series) -> bool| {
        [a, b].iter().all(|value| matches!(value, Value::Series(series) if is(series)))
    };
    let is_condition = all(|series| series.is_condition);
    let is_holed = !is_condition && all(Series::holds_truths);
    Series { is_condition, is_holed, ..condition.with(values) }
}

fn shifted(series: Series, periods: usize) -> Series {
    let moved = periods.min(series.values.len());
    let kept = &series.values[..series.values.len() - moved];
    let values = std::iter::repeat_n(f64::NAN, moved).chain(kept.iter().copied()).collect();
    let is_holed = series.holds_truths();
    Series { is_holed, ..series.with(values) }
}
