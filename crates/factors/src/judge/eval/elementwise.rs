use super::column::{Column, Operand, View};
use crate::expr::kind::Kind;
use crate::expr::{Binary, Shift, Unary};

/// The element-wise operators in one precision, as numpy's ufuncs compute them.
macro_rules! precision {
    ($module:ident, $float:ty, $log:path) => {
        mod $module {
            use crate::expr::{Binary, Unary};

            pub(super) fn unary(op: Unary) -> fn($float) -> $float {
                match op {
                    Unary::Abs => <$float>::abs,
                    Unary::Log => $log,
                    Unary::Sign => |v| if v == 0.0 { v } else { v.signum() },
                    Unary::Neg | Unary::Not => |v| -v,
                }
            }

            pub(super) fn arithmetic(op: Binary) -> Option<fn($float, $float) -> $float> {
                Some(match op {
                    Binary::Add => |a, b| a + b,
                    Binary::Sub => |a, b| a - b,
                    Binary::Mul => |a, b| a * b,
                    Binary::Div => |a, b| a / b,
                    Binary::Power => <$float>::powf,
                    Binary::Greater => |a, b| if a >= b || a.is_nan() { a } else { b },
                    Binary::Less => |a, b| if a <= b || a.is_nan() { a } else { b },
                    _ => return None,
                })
            }

            pub(super) fn comparison(op: Binary) -> fn($float, $float) -> bool {
                match op {
                    Binary::Gt => |a, b| a > b,
                    Binary::Ge => |a, b| a >= b,
                    Binary::Lt => |a, b| a < b,
                    Binary::Le => |a, b| a <= b,
                    Binary::Eq => |a, b| a == b,
                    _ => |a, b| a != b,
                }
            }
        }
    };
}

precision!(single, f32, crate::engine::ln_single);
precision!(double, f64, f64::ln);

pub(super) fn unary(op: Unary, arg: &Column) -> Column {
    match (op, arg) {
        (Unary::Not, column) => Column::Bool(column.truths().iter().map(|v| !v).collect()),
        (Unary::Abs, Column::Bool(_) | Column::Holed(_)) => arg.clone(),
        // Qlib turns the argument of Sign into single precision first.
        (Unary::Sign, column) => {
            Column::F32(column.singles().iter().copied().map(single::unary(op)).collect())
        }
        (_, Column::F64(values)) => {
            Column::F64(values.iter().copied().map(double::unary(op)).collect())
        }
        (_, column) => {
            Column::F32(column.singles().iter().copied().map(single::unary(op)).collect())
        }
    }
}

pub(super) fn binary(op: Binary, a: Operand<'_>, b: Operand<'_>, bars: usize) -> Column {
    let kind = a.meet(b);
    if kind == Kind::Bool
        && let Some(logic) = logical(op)
    {
        return Column::Bool(zip(&a.truths(), &b.truths(), bars, logic));
    }
    if [a.kind(), b.kind()].contains(&Kind::Holed)
        && let Some(objects) = of_objects(op)
    {
        let values = zip(&a.doubles(), &b.doubles(), bars, objects);
        return match (op, kind) {
            (Binary::And | Binary::Or, _) => {
                Column::Bool(values.iter().map(|&v| v == 1.0).collect())
            }
            (_, Kind::Holed) => Column::Holed(values.iter().map(|&v| v as f32).collect()),
            _ => Column::F64(values),
        };
    }
    let single = kind == Kind::F32;
    match (single, single::arithmetic(op), double::arithmetic(op)) {
        (true, Some(function), _) => Column::F32(zip(&a.singles(), &b.singles(), bars, function)),
        (false, _, Some(function)) => Column::F64(zip(&a.doubles(), &b.doubles(), bars, function)),
        (true, ..) => Column::Bool(zip(&a.singles(), &b.singles(), bars, single::comparison(op))),
        (false, ..) => Column::Bool(zip(&a.doubles(), &b.doubles(), bars, double::comparison(op))),
    }
}

/// What differs where one operand is of Python's objects: they are compared to find the larger, and
/// pandas takes a missing truth for a false one, but a missing left side of `Or` for all of it.
fn of_objects(op: Binary) -> Option<fn(f64, f64) -> f64> {
    Some(match op {
        Binary::Greater => |a, b| if a >= b { a } else { b },
        Binary::Less => |a, b| if a <= b { a } else { b },
        Binary::And => |a, b| f64::from(u8::from(a == 1.0 && b == 1.0)),
        Binary::Or => |a, b| match a {
            0.0 => f64::from(u8::from(b == 1.0)),
            a => f64::from(u8::from(a == 1.0)),
        },
        _ => return None,
    })
}

/// numpy's arithmetic of two conditions.
fn logical(op: Binary) -> Option<fn(bool, bool) -> bool> {
    match op {
        Binary::Add | Binary::Or | Binary::Greater => Some(|a, b| a | b),
        Binary::Mul | Binary::And | Binary::Less => Some(|a, b| a & b),
        _ => None,
    }
}

fn zip<T: Copy, R>(
    a: &View<'_, T>,
    b: &View<'_, T>,
    bars: usize,
    function: impl Fn(T, T) -> R,
) -> Vec<R> {
    match (a, b) {
        (View::Series(a), View::Series(b)) => {
            a.iter().zip(b.iter()).map(|(&a, &b)| function(a, b)).collect()
        }
        (View::Series(a), View::Scalar(b)) => a.iter().map(|&a| function(a, *b)).collect(),
        (View::Scalar(a), View::Series(b)) => b.iter().map(|&b| function(*a, b)).collect(),
        (View::Scalar(a), View::Scalar(b)) => (0..bars).map(|_| function(*a, *b)).collect(),
    }
}

/// `np.where(condition, a, b)`.
pub(super) fn choose(condition: &Column, a: Operand<'_>, b: Operand<'_>) -> Column {
    fn pick<T: Copy>(condition: &[bool], a: &View<'_, T>, b: &View<'_, T>) -> Vec<T> {
        let choice = |(bar, &yes): (usize, &bool)| if yes { a.get(bar) } else { b.get(bar) };
        condition.iter().enumerate().map(choice).collect()
    }
    let condition = condition.truths();
    match a.meet(b) {
        Kind::Bool => Column::Bool(pick(&condition, &a.truths(), &b.truths())),
        Kind::Holed => Column::Holed(pick(&condition, &a.singles(), &b.singles())),
        Kind::F32 => Column::F32(pick(&condition, &a.singles(), &b.singles())),
        Kind::F64 | Kind::Constant => Column::F64(pick(&condition, &a.doubles(), &b.doubles())),
    }
}

/// The series `distance` bars ago (ahead where negative), NaN beyond its ends; 0: its first bar.
pub(super) fn shift(op: Shift, arg: &Column, distance: i64) -> Column {
    let moved = match arg {
        Column::Bool(values) if distance == 0 => {
            let first = values.first().copied().unwrap_or_default();
            Column::Bool(vec![first; values.len()])
        }
        Column::F64(values) => Column::F64(moved(values, distance, f64::NAN)),
        column @ (Column::Bool(_) | Column::Holed(_)) => {
            Column::Holed(moved(&column.singles(), distance, f32::NAN))
        }
        column => Column::F32(moved(&column.singles(), distance, f32::NAN)),
    };
    match op {
        Shift::Ref => moved,
        Shift::Delta => {
            let (arg, moved) = (Operand::Series(arg), Operand::Series(&moved));
            binary(Binary::Sub, arg, moved, 0)
        }
    }
}

fn moved<T: Copy>(values: &[T], distance: i64, missing: T) -> Vec<T> {
    let steps = usize::try_from(distance.unsigned_abs()).unwrap_or(usize::MAX).min(values.len());
    let hole = std::iter::repeat_n(missing, steps);
    if distance == 0 {
        vec![values.first().copied().unwrap_or(missing); values.len()]
    } else if distance > 0 {
        hole.chain(values[..values.len() - steps].iter().copied()).collect()
    } else {
        values[steps..].iter().copied().chain(hole).collect()
    }
}
