//! TA-Lib's two ways to call a number zero.

const EPSILON: f64 = 1e-14;

/// For numbers without a unit.
#[inline(always)]
pub(super) fn is_zero(value: f64) -> bool {
    value.abs() < EPSILON
}

/// For a difference of numbers of the given magnitude.
#[inline(always)]
pub(super) fn is_zero_beside(value: f64, magnitude: f64) -> bool {
    value.abs() <= EPSILON * magnitude
}
