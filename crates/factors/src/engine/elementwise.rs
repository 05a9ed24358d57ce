//! Element-wise steps, as numpy's ufuncs compute them.

use super::lanes::LANES;
use super::log::ln_single;
use super::vectorise::Kernel;
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
    const HALF: Self;
    fn abs(self) -> Self;
    fn ln(self) -> Self;
    fn signum(self) -> Self;
    fn sqrt(self) -> Self;
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
            const HALF: Self = 0.5;
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
            fn sqrt(self) -> Self {
                <$type>::sqrt(self)
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

/// An operator of one series.
pub(super) struct OfOne<'a, T> {
    pub(super) op: Unary,
    pub(super) a: Input<'a, T>,
    pub(super) out: &'a mut [T],
}

impl<T: Float> Kernel for OfOne<'_, T> {
    #[inline(always)]
    fn run(self) {
        let Self { op, a, out } = self;
        match op {
            Unary::Neg => map(a, out, |v| -v),
            Unary::Abs => map(a, out, |v| v.abs()),
            Unary::Log => logarithm(a, out),
            Unary::Sign => map(a, out, |v| v.signum()),
            Unary::Not => map(a, out, |v| if v == T::ZERO { T::ONE } else { T::ZERO }),
        }
    }
}

/// Not by `map`: the logarithm is too long for a closure to be inlined.
#[inline(always)]
fn logarithm<T: Float>(a: Input<'_, T>, out: &mut [T]) {
    if let Input::Cells(cells) = a {
        for (out, &cell) in out.iter_mut().zip(cells) {
            *out = cell.ln();
        }
    }
}

/// The operators whose result has their operands' type.
pub(super) struct Arithmetic<'a, T> {
    pub(super) op: Binary,
    pub(super) a: Input<'a, T>,
    pub(super) b: Input<'a, T>,
    pub(super) out: &'a mut [T],
}

impl<T: Float> Kernel for Arithmetic<'_, T> {
    #[inline(always)]
    fn run(self) {
        let Self { op, a, b, out } = self;
        match op {
            Binary::Sub => zip(a, b, out, |a, b| a.sub(b)),
            Binary::Mul => zip(a, b, out, |a, b| a.mul(b)),
            Binary::Div => zip(a, b, out, |a, b| a.div(b)),
            // numpy takes the root where the exponent is the number 0.5: that of -inf is missing.
            Binary::Power if matches!(b, Input::Scalar(half) if half == T::HALF) => {
                map(a, out, |v| v.sqrt());
            }
            Binary::Power => zip(a, b, out, |a, b| a.powf(b)),
            Binary::Greater => zip(a, b, out, |a, b| if a >= b || a.is_nan() { a } else { b }),
            Binary::Less => zip(a, b, out, |a, b| if a <= b || a.is_nan() { a } else { b }),
            _ => zip(a, b, out, |a, b| a.add(b)),
        }
    }
}

/// The operators whose result is a condition: 0 or 1.
pub(super) struct Comparison<'a, T> {
    pub(super) op: Binary,
    pub(super) a: Input<'a, T>,
    pub(super) b: Input<'a, T>,
    pub(super) out: &'a mut [f32],
}

impl<T: Float> Kernel for Comparison<'_, T> {
    #[inline(always)]
    fn run(self) {
        let Self { op, a, b, out } = self;
        match op {
            Binary::Gt => zip(a, b, out, |a, b| if a > b { 1.0 } else { 0.0 }),
            Binary::Ge => zip(a, b, out, |a, b| if a >= b { 1.0 } else { 0.0 }),
            Binary::Lt => zip(a, b, out, |a, b| if a < b { 1.0 } else { 0.0 }),
            Binary::Le => zip(a, b, out, |a, b| if a <= b { 1.0 } else { 0.0 }),
            Binary::Eq => zip(a, b, out, |a, b| if a == b { 1.0 } else { 0.0 }),
            _ => zip(a, b, out, |a, b| if a != b { 1.0 } else { 0.0 }),
        }
    }
}

/// `np.where(condition, a, b)`; the condition is 0 or 1.
pub(super) struct Choice<'a, T> {
    pub(super) condition: &'a [f32],
    pub(super) a: Input<'a, T>,
    pub(super) b: Input<'a, T>,
    pub(super) out: &'a mut [T],
}

impl<T: Float> Kernel for Choice<'_, T> {
    #[inline(always)]
    fn run(self) {
        let Self { condition, a, b, out } = self;
        for (cell, (out, &yes)) in out.iter_mut().zip(condition).enumerate() {
            *out = if yes != 0.0 { a.get(cell) } else { b.get(cell) };
        }
    }
}

impl<T: Copy> Input<'_, T> {
    #[inline(always)]
    fn get(&self, cell: usize) -> T {
        match self {
            Self::Cells(cells) => cells[cell],
            Self::Scalar(value) => *value,
        }
    }
}

/// numpy's truth of a number: everything but 0, so NaN too.
#[inline(always)]
pub(super) fn truth<T: Float>(a: Input<'_, T>, out: &mut [f32]) {
    map(a, out, |v| if v == T::ZERO { 0.0 } else { 1.0 });
}

/// Singles as doubles.
pub(super) struct Widen<'a> {
    pub(super) a: Input<'a, f32>,
    pub(super) out: &'a mut [f64],
}

impl Kernel for Widen<'_> {
    #[inline(always)]
    fn run(self) {
        map(self.a, self.out, f64::from);
    }
}

/// Doubles as singles, rounded to the nearest.
pub(super) struct Narrow<'a> {
    pub(super) a: Input<'a, f64>,
    pub(super) out: &'a mut [f32],
}

impl Kernel for Narrow<'_> {
    #[inline(always)]
    fn run(self) {
        map(self.a, self.out, |v| v as f32);
    }
}

#[inline(always)]
fn map<T: Copy, R: Copy>(a: Input<'_, T>, out: &mut [R], function: impl Fn(T) -> R) {
    // The parser has folded what is done to a plain number.
    if let Input::Cells(cells) = a {
        for (out, &cell) in out.iter_mut().zip(cells) {
            *out = function(cell);
        }
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
        (Input::Scalar(_), Input::Scalar(_)) => {}
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
