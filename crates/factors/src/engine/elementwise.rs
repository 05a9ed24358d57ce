//! Element-wise steps, as numpy's ufuncs compute them.

use super::lanes::LANES;
use super::log::ln_single;
use crate::expr::{Binary, Unary};

/// An input of an element-wise step: one value a cell, or the same for all.
#[derive(Clone, Copy)]
pub(super) enum Input<'a, T> {
    Cells(&'a [T]),
    Scalar(T),
}

/// A float type as the element-wise operators need it.
pub(super) trait Float: Copy + PartialOrd + std::ops::Neg<Output = Self> {
    const ZERO: Self;
    const ONE: Self;
    fn abs(self) -> Self;
    fn ln(self) -> Self;
    fn signum(self) -> Self;
    fn powf(self, power: Self) -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    fn is_nan(self) -> bool;
}

macro_rules! float {
    ($type:ty, $ln:path) => {
        impl Float for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            #[inline(always)]
            fn abs(self) -> Self {
                <$type>::abs(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                $ln(self)
            }
            #[inline(always)]
            fn signum(self) -> Self {
                if self == 0.0 { self } else { <$type>::signum(self) }
            }
            #[inline(always)]
            fn powf(self, power: Self) -> Self {
                <$type>::powf(self, power)
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self - other
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                self * other
            }
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                self / other
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                <$type>::is_nan(self)
            }
        }
    };
}

float!(f32, ln_single);
float!(f64, f64::ln);

#[inline(always)]
pub(super) fn unary<T: Float>(op: Unary, a: Input<'_, T>, out: &mut [T]) {
    match op {
        Unary::Neg => map(a, out, |v| -v),
        Unary::Abs => map(a, out, T::abs),
        Unary::Log => map(a, out, T::ln),
        Unary::Sign => map(a, out, T::signum),
        Unary::Not => map(a, out, |v| if v == T::ZERO { T::ONE } else { T::ZERO }),
    }
}

/// The operators whose result has their operands' type.
#[inline(always)]
pub(super) fn arithmetic<T: Float>(op: Binary, a: Input<'_, T>, b: Input<'_, T>, out: &mut [T]) {
    match op {
        Binary::Sub => zip(a, b, out, T::sub),
        Binary::Mul => zip(a, b, out, T::mul),
        Binary::Div => zip(a, b, out, T::div),
        Binary::Power => zip(a, b, out, T::powf),
        Binary::Greater => zip(a, b, out, |a, b| if a >= b || a.is_nan() { a } else { b }),
        Binary::Less => zip(a, b, out, |a, b| if a <= b || a.is_nan() { a } else { b }),
        _ => zip(a, b, out, T::add),
    }
}

/// Comparisons give 0 and 1.
#[inline(always)]
pub(super) fn comparison<T: Float>(op: Binary, a: Input<'_, T>, b: Input<'_, T>, out: &mut [f32]) {
    fn one(holds: bool) -> f32 {
        if holds { 1.0 } else { 0.0 }
    }
    match op {
        Binary::Gt => zip(a, b, out, |a, b| one(a > b)),
        Binary::Ge => zip(a, b, out, |a, b| one(a >= b)),
        Binary::Lt => zip(a, b, out, |a, b| one(a < b)),
        Binary::Le => zip(a, b, out, |a, b| one(a <= b)),
        Binary::Eq => zip(a, b, out, |a, b| one(a == b)),
        _ => zip(a, b, out, |a, b| one(a != b)),
    }
}

/// Whether the operator is one of [`comparison`].
pub(super) fn compares(op: Binary) -> bool {
    use Binary::{Eq, Ge, Gt, Le, Lt, Ne};
    matches!(op, Gt | Ge | Lt | Le | Eq | Ne)
}

/// `np.where(condition, a, b)`; the condition is 0 and 1.
#[inline(always)]
pub(super) fn choose<T: Float>(
    condition: &[f32],
    a: Input<'_, T>,
    b: Input<'_, T>,
    out: &mut [T],
) {
    let get = |input: Input<'_, T>, cell: usize| match input {
        Input::Cells(cells) => cells[cell],
        Input::Scalar(value) => value,
    };
    for (cell, (out, &yes)) in out.iter_mut().zip(condition).enumerate() {
        *out = if yes != 0.0 { get(a, cell) } else { get(b, cell) };
    }
}

/// numpy's truth of a number: everything but 0, so NaN too.
#[inline(always)]
pub(super) fn truth<T: Float>(a: Input<'_, T>, out: &mut [f32]) {
    map(a, out, |v| if v == T::ZERO { 0.0 } else { 1.0 });
}

#[inline(always)]
pub(super) fn widen(a: Input<'_, f32>, out: &mut [f64]) {
    map(a, out, f64::from);
}

#[inline(always)]
pub(super) fn narrow(a: Input<'_, f64>, out: &mut [f32]) {
    map(a, out, |v| v as f32);
}

#[inline(always)]
fn map<T: Copy, R: Copy>(a: Input<'_, T>, out: &mut [R], function: impl Fn(T) -> R) {
    match a {
        Input::Cells(cells) => {
            for (out, &cell) in out.iter_mut().zip(cells) {
                *out = function(cell);
            }
        }
        Input::Scalar(value) => out.fill(function(value)),
    }
}

#[inline(always)]
fn zip<T: Copy, R: Copy>(
    a: Input<'_, T>,
    b: Input<'_, T>,
    out: &mut [R],
    function: impl Fn(T, T) -> R,
) {
    match (a, b) {
        (Input::Cells(a), Input::Cells(b)) => {
            for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                *out = function(a, b);
            }
        }
        (Input::Cells(a), Input::Scalar(b)) => {
            for (out, &a) in out.iter_mut().zip(a) {
                *out = function(a, b);
            }
        }
        (Input::Scalar(a), Input::Cells(b)) => {
            for (out, &b) in out.iter_mut().zip(b) {
                *out = function(a, b);
            }
        }
        (Input::Scalar(a), Input::Scalar(b)) => out.fill(function(a, b)),
    }
}

/// Remembers each instrument's first bar and repeats it; `starts` are the first bars.
pub(super) fn first<T: Copy>(
    kept: &mut [T; LANES],
    values: &[T],
    first_bar: usize,
    starts: &[usize; LANES],
    out: &mut [T],
) {
    let rows = out.as_chunks_mut::<LANES>().0.iter_mut().zip(values.as_chunks::<LANES>().0);
    for (row, (out, values)) in rows.enumerate() {
        for l in 0..LANES {
            if first_bar + row == starts[l] {
                kept[l] = values[l];
            }
        }
        *out = *kept;
    }
}
